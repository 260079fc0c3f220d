/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "journal.h"
#include "step.h"

static void path_escape(const char *path, char *ret)
{
	static const char HEX[] = "0123456789abcdef";

	for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
		if (*c > ' ' && *c != '%' && *c != 0x7f) {
			*ret++ = (char)*c;
			continue;
		}
		*ret++ = '%';
		*ret++ = HEX[*c >> 4];
		*ret++ = HEX[*c & 15];
	}
	*ret = '\0';
}

#ifdef FORESTALL_STEPS
static void line_tear(int fd, const char *line, size_t length)
{
	if (step_is_due(STEP_JOURNAL_HALF) && write(fd, line, length / 2) > 0)
		step_strike();
}
#endif

/* Appends a whole line or, as far as the file system lets us, nothing. */
static int line_append(struct journal *journal, const char *line, int length)
{
	ssize_t written;

	if (length < 0 || length >= JOURNAL_LINE_MAX)
		return -EMSGSIZE;
#ifdef FORESTALL_STEPS
	line_tear(journal->fd, line, (size_t)length);
#endif
	written = write(journal->fd, line, (size_t)length);
	if (written == length) {
		journal->bytes += (uint64_t)length;
		return 0;
	}
	if (written < 0)
		return -errno;
	if (ftruncate(journal->fd, (off_t)journal->bytes) < 0)
		return -errno;
	return -ENOSPC;
}

/* The words that most lines do not have. */
static void way_format(const struct hold *hold, char *buf, size_t size)
{
	int used = 0;

	buf[0] = '\0';
	if (hold->via != VIA_FILE)
		used = snprintf(buf, size, " via=%s", via_name(hold->via));
	if (hold->knob == KNOB_NET_SHARE)
		snprintf(buf + used, size - (size_t)used, " ports=%u:%u", SHARE_FRONT(hold->device), SHARE_PORT(hold->device));
	else if (hold->device)
		snprintf(buf + used, size - (size_t)used, " dev=%u:%u", DEVICE_MAJOR(hold->device),
			 DEVICE_MINOR(hold->device));
}

/* What verb was done to the hold, without a newline. The length or -errno. */
static int deed_format(const char *verb, const struct hold *hold, const struct knob_value *old,
		       const struct knob_value *new, uint64_t real_ns, char ret[JOURNAL_LINE_MAX])
{
	char path[3 * ACT_PATH_MAX], from[KNOB_TEXT_MAX], to[KNOB_TEXT_MAX], way[64];
	int r;

	path_escape(hold->path, path);
	r = knob_word_format(hold->knob, old, from, sizeof(from));
	if (r >= 0)
		r = knob_word_format(hold->knob, new, to, sizeof(to));
	if (r < 0)
		return r;
	way_format(hold, way, sizeof(way));
	return snprintf(ret, JOURNAL_LINE_MAX, "%s %llu %llu %s %llu %s %s -> %s reason=%u%s", verb,
			(unsigned long long)hold->seq, (unsigned long long)real_ns, path,
			(unsigned long long)hold->cgroup_id, knob_name(hold->knob), from, to, hold->reason, way);
}

/* Ends the line, which may have become too long for it. */
static int line_end(char line[JOURNAL_LINE_MAX], int length)
{
	if (length < 0 || length >= JOURNAL_LINE_MAX - 1)
		return length < 0 ? length : -EMSGSIZE;
	line[length] = '\n';
	return length + 1;
}

static int intent_append(struct journal *journal, const struct hold *hold, const struct knob_value *old,
			 const struct knob_value *new, uint64_t real_ns)
{
	char line[JOURNAL_LINE_MAX];
	int length = deed_format("intent", hold, old, new, real_ns, line);

	length = line_end(line, length);
	return length < 0 ? length : line_append(journal, line, length);
}

int journal_intent(struct journal *journal, struct hold *hold, const struct knob_value *old, uint64_t real_ns)
{
	uint64_t seq = hold->seq;
	int r;

	hold->seq = journal->seq + 1;
	r = intent_append(journal, hold, old, &hold->wanted, real_ns);
	if (r < 0)
		hold->seq = seq;
	else
		journal->seq++;
	return r;
}

static int word_append(struct journal *journal, const char *verb, const struct hold *hold, const char *word)
{
	char line[JOURNAL_LINE_MAX];

	return line_append(journal, line,
			   snprintf(line, sizeof(line), "%s %llu%s%s\n", verb, (unsigned long long)hold->seq,
				    *word ? " " : "", word));
}

int journal_done(struct journal *journal, const struct hold *hold)
{
	char word[KNOB_TEXT_MAX];
	int r = knob_word_format(hold->knob, &hold->ours, word, sizeof(word));

	return r < 0 ? r : word_append(journal, "done", hold, word);
}

int journal_undo(struct journal *journal, const struct hold *hold)
{
	return word_append(journal, "undo", hold, "");
}

int journal_undone(struct journal *journal, const struct hold *hold, const char *result)
{
	return word_append(journal, "undone", hold, result);
}

int journal_contended(const struct journal *journal, const struct hold *hold, const struct knob_value *found,
		      uint64_t real_ns)
{
	_cleanup_close_ int fd = openat(journal->run_fd, "contended", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	char line[JOURNAL_LINE_MAX], word[KNOB_TEXT_MAX];
	struct stat stat;
	int length;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	length = knob_word_format(hold->knob, found, word, sizeof(word));
	if (length >= 0)
		length = deed_format("contended", hold, &hold->original, &hold->wanted, real_ns, line);
	if (length >= 0 && length < JOURNAL_LINE_MAX)
		length += snprintf(line + length, (size_t)(JOURNAL_LINE_MAX - length), " found=%s", word);
	length = line_end(line, length);
	if (length < 0)
		return length;
	/* Whoever wants to know looks before that many more. */
	if (stat.st_size + length > CONTENDED_BYTES_MAX && ftruncate(fd, 0) < 0)
		return -errno;
	return write(fd, line, (size_t)length) == length ? 0 : -EIO;
}

int journal_empty(struct journal *journal)
{
	if (ftruncate(journal->fd, 0) < 0)
		return -errno;
	journal->bytes = 0;
	STEP(JOURNAL_EMPTIED);
	return 0;
}

static int compact_write(struct journal *journal, struct lease_table *table, uint64_t real_ns)
{
	struct hold *hold;
	int r = 0;

	for (hold = lease_after(table, 0); r == 0 && hold; hold = lease_after(table, hold->seq)) {
		struct hold copy = *hold;

		copy.seq = ++journal->seq;
		r = intent_append(journal, &copy, &copy.original, &copy.ours, real_ns);
		if (r == 0)
			r = journal_done(journal, &copy);
		if (r == 0 && copy.undo_begun)
			r = journal_undo(journal, &copy);
	}
	return r;
}

/* Gives the holds the numbers that compact_write() wrote: they are above all old ones, in the same order. */
static void seq_renew(struct lease_table *table, uint64_t last)
{
	uint64_t seq = last;
	struct hold *hold;

	for (hold = lease_after(table, 0); hold && hold->seq <= last; hold = lease_after(table, 0))
		hold->seq = ++seq;
}

static bool is_compactable(const struct journal *journal, const struct lease_table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->hold[i].in_flight)
			return false;
	return journal->bytes >= JOURNAL_COMPACT_BYTES;
}

int journal_compact(struct journal *journal, struct lease_table *table, uint64_t real_ns)
{
	struct journal compact = { .run_fd = journal->run_fd, .seq = journal->seq };
	int r;

	if (!is_compactable(journal, table))
		return 0;
	compact.fd = openat(journal->run_fd, "journal.new", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC |
			    O_NOFOLLOW, 0600);
	if (compact.fd < 0)
		return -errno;
	r = compact_write(&compact, table, real_ns);
	STEP(COMPACT_WRITTEN);
	if (r == 0 && renameat(journal->run_fd, "journal.new", journal->run_fd, "journal") < 0)
		r = -errno;
	STEP(COMPACT_RENAMED);
	if (r < 0) {
		close(compact.fd);
		return r;
	}
	seq_renew(table, journal->seq);
	close(journal->fd);
	*journal = compact;
	return 0;
}

static int file_check(int fd, size_t *ret_size)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid() || (stat.st_mode & 022))
		return -EPERM;
	if (stat.st_size > (off_t)JOURNAL_BYTES_MAX)
		return -EFBIG;
	*ret_size = (size_t)stat.st_size;
	return 0;
}

static int file_read(int fd, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = pread(fd, buf + used, size - used, (off_t)used);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		used += (size_t)n;
	}
	return 0;
}

int journal_open(struct journal *journal, int run_fd, struct lease_table *table, uint32_t *ret_line)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t bytes = 0, seq = 0;
	size_t size = 0;
	int r;

	fd = openat(run_fd, "journal", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = file_check(fd, &size);
	if (r < 0)
		return r;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	r = file_read(fd, text, size);
	if (r == 0)
		r = journal_replay(text, size, table, &bytes, &seq, ret_line);
	if (r == 0 && bytes < size && ftruncate(fd, (off_t)bytes) < 0)
		r = -errno;
	if (r < 0)
		return r;
	*journal = (struct journal){ .run_fd = run_fd, .fd = TAKE_FD(fd), .seq = seq, .bytes = bytes };
	return 0;
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}
