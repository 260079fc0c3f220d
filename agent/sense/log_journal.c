/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "host.h"
#include "log_source.h"

#define LINES_MAX 256		/* per tick */
#define BEHIND_TICKS_MAX 30	/* after so many full ticks in a row what has piled up is skipped */
#define SKIP_STEP 512
#define TICK_NS_MAX 10000000ull	/* a journal that the disk has to bring may be slow: then fewer lines are taken */
#define RETRY_NS 10000000000ull

struct log_journal {
	struct log *log;
	struct watch *watch;
	sd_journal *journal;	/* NULL: not opened */
	uint64_t retry_ns;
	uint32_t behind_ticks;
	bool is_behind;		/* lines are left from the last tick */
};

struct log_journal *log_journal_new(struct log *log, struct watch *watch)
{
	struct log_journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->log = log;
	journal->watch = watch;
	return journal;
}

static void journal_drop(struct log_journal *journal)
{
	if (journal->journal)
		sd_journal_close(journal->journal);
	journal->journal = NULL;
}

void log_journal_free(struct log_journal *journal)
{
	if (!journal)
		return;
	journal_drop(journal);
	free(journal);
}

/* The last line there is counts as read. */
static void journal_open(struct log_journal *journal, uint64_t now_ns)
{
	int r;

	if (now_ns < journal->retry_ns)
		return;
	journal->retry_ns = now_ns + RETRY_NS;
	if (sd_journal_open(&journal->journal, SD_JOURNAL_LOCAL_ONLY) < 0) {
		journal->journal = NULL;
		return;
	}
	sd_journal_set_data_threshold(journal->journal, LOG_LINE_MAX);
	r = sd_journal_get_fd(journal->journal);
	if (r >= 0)
		r = sd_journal_seek_tail(journal->journal);
	if (r >= 0)
		r = sd_journal_previous(journal->journal);
	if (r < 0)
		journal_drop(journal);
}

/* A field without its name; false when this line has none. */
static bool field_read(struct log_journal *journal, const char *name, const char **ret, size_t *ret_bytes)
{
	size_t skip = strlen(name) + 1;
	const void *data;

	if (sd_journal_get_data(journal->journal, name, &data, ret_bytes) < 0 || *ret_bytes < skip)
		return false;
	*ret = (const char *)data + skip;
	*ret_bytes -= skip;
	return true;
}

/* Copies: a field is valid only until the next is read. */
static void line_take(struct log_journal *journal, uint64_t now_ns)
{
	char path[OBSERVE_PATH_MAX] = "";
	enum severity severity = SEVERITY_INFO;
	const char *field;
	size_t bytes;

	/* What has no cgroup comes from the kernel, which is read elsewhere, or from journald itself. */
	if (!field_read(journal, "_SYSTEMD_CGROUP", &field, &bytes) || bytes >= sizeof(path) || field[0] != '/')
		return;
	memcpy(path, field, bytes);
	path[bytes] = '\0';
	if (field_read(journal, "PRIORITY", &field, &bytes) && bytes == 1 && field[0] >= '0' && field[0] <= '7')
		severity = (enum severity)(field[0] - '0');
	if (field_read(journal, "MESSAGE", &field, &bytes))
		log_line(journal->log, LOG_JOURNAL, watch_owner(journal->watch, path), severity, field, bytes, now_ns);
}

/* Goes on with the next tick when it takes long. */
static int behind_skip(struct log_journal *journal, uint64_t until_ns)
{
	int skipped = SKIP_STEP;

	while (skipped == SKIP_STEP && host_now_ns() < until_ns) {
		skipped = sd_journal_next_skip(journal->journal, SKIP_STEP);
		if (skipped > 0)
			log_dropped(journal->log, LOG_JOURNAL, (uint64_t)skipped);
	}
	if (skipped < SKIP_STEP)
		journal->behind_ticks = 0;
	return skipped;
}

bool log_journal_tick(struct log_journal *journal, uint64_t now_ns)
{
	uint64_t until_ns = host_now_ns() + TICK_NS_MAX;
	bool is_end = false;
	int lines = 0, r;

	if (!journal->journal)
		journal_open(journal, now_ns);
	if (!journal->journal)
		return false;
	r = sd_journal_process(journal->journal);
	if (r == SD_JOURNAL_NOP && !journal->is_behind)
		return false;
	if (journal->behind_ticks >= BEHIND_TICKS_MAX)
		r = behind_skip(journal, until_ns);
	while (r >= 0 && !is_end && lines < LINES_MAX && host_now_ns() < until_ns) {
		r = sd_journal_next(journal->journal);
		is_end = r == 0;
		if (r > 0)
			line_take(journal, now_ns);
		lines++;
	}
	if (r < 0)
		journal_drop(journal);
	journal->is_behind = !is_end;
	journal->behind_ticks = journal->is_behind ? journal->behind_ticks + 1 : 0;
	return journal->is_behind;
}
