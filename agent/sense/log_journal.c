/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#include "host.h"
#include "log_source.h"
#include "logline.h"

#define LINES_MAX 256		/* per tick */
#define BEHIND_TICKS_MAX 30	/* after so many full ticks in a row what has piled up is skipped */
#define SKIP_STEP 512
#define TICK_NS_MAX 10000000ull	/* a journal that the disk has to bring may be slow: then fewer lines are taken */
#define RETRY_NS 10000000000ull

struct log_journal {
	struct log *log;
	struct watch *watch;
	sd_journal *journal;	/* NULL: not opened */
	char *cursor;		/* of a line that was read; NULL: of none yet */
	uint64_t taken;		/* lines since that one */
	uint64_t retry_ns;
	uint32_t behind_ticks;
	bool is_behind;		/* lines are left from the last tick */
	bool is_fresh;		/* nothing was read since it was opened */
	bool is_stuck;		/* what comes after the cursor cannot be read */
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
	journal->is_stuck = journal->is_fresh;
}

void log_journal_free(struct log_journal *journal)
{
	if (!journal)
		return;
	journal_drop(journal);
	free(journal->cursor);
	free(journal);
}

/*
 * Remembers the line we are at. What the journal has numbered since the one before and never gave is lost: journald threw it away to
 * make room before it was read, or its file is damaged.
 */
static void cursor_keep(struct log_journal *journal)
{
	char *cursor;
	uint64_t numbered;

	if (sd_journal_get_cursor(journal->journal, &cursor) < 0)
		return;
	numbered = journal->cursor ? logline_cursor_distance(journal->cursor, cursor) : 0;
	if (numbered > journal->taken)
		log_dropped(journal->log, LOG_JOURNAL, numbered - journal->taken);
	free(journal->cursor);
	journal->cursor = cursor;
	journal->taken = 0;
}

/*
 * Goes to the last line that was read; without one, or when nothing can be read there, to the last there is, which then counts as read.
 * A journal that was empty begins at its head: what comes after the tail of nothing is nothing.
 */
static int journal_seek(struct log_journal *journal)
{
	bool is_known = journal->cursor && !journal->is_stuck;
	int r = is_known ? sd_journal_seek_cursor(journal->journal, journal->cursor) : sd_journal_seek_tail(journal->journal);

	if (r >= 0)
		r = sd_journal_previous(journal->journal);
	if (r >= 0 && is_known)
		return journal->taken ? sd_journal_next_skip(journal->journal, journal->taken) : r;
	if (r > 0)
		cursor_keep(journal);
	return r ?: sd_journal_seek_head(journal->journal);
}

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
		r = journal_seek(journal);
	journal->is_fresh = true;
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

/*
 * Whose line it is; 0: of nobody. Of a process that had ended before journald looked, there is no cgroup, but the unit whose output it
 * wrote to. What has neither comes from the kernel, which is read elsewhere, or from journald itself. Copies: a field is valid only until
 * the next is read.
 */
static uint32_t owner_read(struct log_journal *journal)
{
	char name[OBSERVE_PATH_MAX];
	const char *field;
	size_t bytes;
	bool has_path = field_read(journal, "_SYSTEMD_CGROUP", &field, &bytes);

	if ((!has_path && !field_read(journal, "_SYSTEMD_UNIT", &field, &bytes)) || bytes >= sizeof(name))
		return 0;
	memcpy(name, field, bytes);
	name[bytes] = '\0';
	if (!has_path)
		return watch_unit_owner(journal->watch, name);
	return name[0] == '/' ? watch_owner(journal->watch, name) : 0;
}

static void line_take(struct log_journal *journal, uint64_t now_ns)
{
	enum severity severity = SEVERITY_INFO;
	uint32_t slot = owner_read(journal);
	const char *field = "";
	size_t bytes = 0;

	if (slot && field_read(journal, "PRIORITY", &field, &bytes) && bytes == 1 && field[0] >= '0' && field[0] <= '7')
		severity = (enum severity)(field[0] - '0');
	if (slot && !field_read(journal, "MESSAGE", &field, &bytes))
		slot = 0;
	log_line(journal->log, LOG_JOURNAL, slot, severity, field, bytes, now_ns);
}

/* Goes on with the next tick when it takes long. */
static int behind_skip(struct log_journal *journal, uint64_t until_ns)
{
	int skipped = SKIP_STEP;

	while (skipped == SKIP_STEP && host_now_ns() < until_ns) {
		skipped = sd_journal_next_skip(journal->journal, SKIP_STEP);
		if (skipped <= 0)
			break;
		log_dropped(journal->log, LOG_JOURNAL, (uint64_t)skipped);
		journal->taken += (uint64_t)skipped;
		journal->is_fresh = false;
	}
	if (skipped < SKIP_STEP)
		journal->behind_ticks = 0;
	return skipped;
}

/* Returns 0 at the end of the journal, 1 before it, or -errno. */
static int lines_take(struct log_journal *journal, uint64_t until_ns, uint64_t now_ns)
{
	int r = 1;

	for (int lines = 0; lines < LINES_MAX && host_now_ns() < until_ns; lines++) {
		r = sd_journal_next(journal->journal);
		if (r <= 0)
			return r;
		line_take(journal, now_ns);
		journal->taken++;
		journal->is_fresh = false;
	}
	return r;
}

bool log_journal_tick(struct log_journal *journal, uint64_t now_ns)
{
	uint64_t until_ns = host_now_ns() + TICK_NS_MAX;
	int r;

	if (!journal->journal)
		journal_open(journal, now_ns);
	if (!journal->journal)
		return false;
	r = sd_journal_process(journal->journal);
	if (r == SD_JOURNAL_NOP && !journal->is_behind)
		return false;
	if (journal->behind_ticks >= BEHIND_TICKS_MAX)
		r = behind_skip(journal, until_ns);
	if (r >= 0)
		r = lines_take(journal, until_ns, now_ns);
	if (r < 0)
		journal_drop(journal);
	else
		cursor_keep(journal);
	journal->is_behind = r != 0;
	journal->behind_ticks = journal->is_behind ? journal->behind_ticks + 1 : 0;
	return journal->is_behind;
}
