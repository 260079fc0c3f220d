/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reading half of the journal: pure, so that it can be fuzzed. */
#include <errno.h>
#include <string.h>

#include "journal.h"

#define WORDS_MAX 12

struct line {
	uint32_t count;
	char *word[WORDS_MAX];
};

struct replay {
	struct lease_table *table;
	uint64_t seq;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int path_unescape(const char *text, char *ret, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		char c = *text;

		if (c == '%') {
			int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);

			if (low < 0)
				return -EBADMSG;
			c = (char)(high << 4 | low);
			text += 2;
		}
		if (used + 1 >= size || c == '\0')
			return -EBADMSG;
		ret[used++] = c;
	}
	ret[used] = '\0';
	return used > 1 && ret[0] == '/' ? 0 : -EBADMSG;
}

static int device_parse(const char *text, uint32_t *ret)
{
	const char *colon = strchr(text, ':');
	uint64_t major, minor;

	if (!colon || number_parse(text, ':', &major) < 0 || number_parse(colon + 1, '\0', &minor) < 0 ||
	    major > UINT32_MAX >> 20 || minor > DEVICE_MINOR(UINT32_MAX))
		return -EBADMSG;
	*ret = (uint32_t)(major << 20 | minor);
	return 0;
}

static int ports_parse(const char *text, uint32_t *ret)
{
	const char *colon = strchr(text, ':');
	uint64_t front, port;

	if (!colon || number_parse(text, ':', &front) < 0 || number_parse(colon + 1, '\0', &port) < 0 || front > UINT16_MAX ||
	    port > UINT16_MAX)
		return -EBADMSG;
	*ret = (uint32_t)(front << 16 | port);
	return 0;
}

/* Reads the words after the reason, each as it is written and only where it belongs. */
static int way_parse(const struct line *line, struct hold *ret)
{
	uint32_t i = 10;

	if (i < line->count && strncmp(line->word[i], "via=", 4) == 0) {
		ret->via = via_parse(line->word[i++] + 4);
		if (ret->via == VIA_FILE || ret->via == VIA_COUNT)
			return -EBADMSG;
	}
	if (i < line->count && strncmp(line->word[i], "dev=", 4) == 0)
		if (ret->knob == KNOB_NET_SHARE || device_parse(line->word[i++] + 4, &ret->device) < 0)
			return -EBADMSG;
	if (i < line->count && strncmp(line->word[i], "ports=", 6) == 0)
		if (ret->knob != KNOB_NET_SHARE || ports_parse(line->word[i++] + 6, &ret->device) < 0)
			return -EBADMSG;
	if (i != line->count || (ret->device != 0) != knob_has_device(ret->knob) ||
	    (ret->via == VIA_TC) != knob_is_class(ret->knob) ||
	    (ret->via == VIA_BPF) != (ret->knob == KNOB_NET_INGRESS) || (ret->via == VIA_DISK) != (ret->knob == KNOB_IO_COST) || (ret->via == VIA_NFT) != knob_is_rule(ret->knob))
		return -EBADMSG;
	return 0;
}

/* Reads the words of an intent; `old` apart, since a hold keeps only the first one. */
static int intent_parse(const struct line *line, struct hold *ret, struct knob_value *ret_old)
{
	uint64_t time_ns, reason;

	if (line->count < 10 || strcmp(line->word[7], "->") != 0 || strncmp(line->word[9], "reason=", 7) != 0)
		return -EBADMSG;
	if (number_parse(line->word[1], '\0', &ret->seq) < 0 || number_parse(line->word[2], '\0', &time_ns) < 0 ||
	    path_unescape(line->word[3], ret->path, sizeof(ret->path)) < 0 ||
	    number_parse(line->word[4], '\0', &ret->cgroup_id) < 0 || (ret->knob = knob_find(line->word[5])) == KNOB_COUNT ||
	    knob_word_parse(ret->knob, line->word[6], ret_old) < 0 ||
	    knob_word_parse(ret->knob, line->word[8], &ret->wanted) < 0 ||
	    number_parse(line->word[9] + 7, '\0', &reason) < 0)
		return -EBADMSG;
	ret->reason = (uint32_t)reason;
	return way_parse(line, ret);
}

static int intent_replay(struct replay *replay, const struct line *line)
{
	struct hold intent = { .watch = -1, .child.pid_fd = -1, .in_flight = true }, *hold;
	int r = intent_parse(line, &intent, &intent.original);

	if (r < 0 || intent.seq <= replay->seq)
		return -EBADMSG;
	intent.ours = intent.original;
	hold = lease_find(replay->table, intent.cgroup_id, intent.knob, intent.device);
	if (hold)
		intent.original = hold->original;
	else
		hold = lease_add(replay->table);
	if (!hold)
		return -E2BIG;
	*hold = intent;
	replay->seq = intent.seq;
	return 0;
}

static int word_replay(struct replay *replay, const struct line *line)
{
	struct hold *hold;
	uint64_t seq;

	if (line->count < 2 || number_parse(line->word[1], '\0', &seq) < 0)
		return -EBADMSG;
	hold = lease_find_seq(replay->table, seq);
	if (!hold)
		return -EBADMSG;
	if (strcmp(line->word[0], "undo") == 0 && line->count == 2) {
		hold->undo_begun = true;
		return 0;
	}
	if (line->count != 3)
		return -EBADMSG;
	if (strcmp(line->word[0], "done") == 0) {
		hold->in_flight = false;
		return knob_word_parse(hold->knob, line->word[2], &hold->ours) < 0 ? -EBADMSG : 0;
	}
	if (strcmp(line->word[0], "undone") != 0)
		return -EBADMSG;
	if (strcmp(line->word[2], "failed") != 0 && strcmp(line->word[2], "lifted") != 0)
		lease_remove(replay->table, hold);
	return 0;
}

/* Cuts at single blanks; a line with more words than any line has counts as too long. */
static void line_split(char *text, struct line *ret)
{
	ret->count = 0;
	while (text && ret->count < WORDS_MAX) {
		ret->word[ret->count++] = text;
		text = strchr(text, ' ');
		if (text)
			*text++ = '\0';
	}
	if (text)
		ret->count = WORDS_MAX + 1;
}

static int line_replay(struct replay *replay, const char *text, size_t length)
{
	char copy[JOURNAL_LINE_MAX];
	struct line line;

	if (length >= sizeof(copy) || memchr(text, '\0', length))
		return -EBADMSG;
	memcpy(copy, text, length);
	copy[length] = '\0';
	line_split(copy, &line);
	if (strcmp(line.word[0], "intent") == 0)
		return intent_replay(replay, &line);
	return word_replay(replay, &line);
}

int journal_replay(const char *text, size_t size, struct lease_table *table, uint64_t *ret_bytes, uint64_t *ret_seq,
		   uint32_t *ret_line)
{
	struct replay replay = { .table = table };
	const char *end = text + size, *newline;
	const char *line = text;

	for (*ret_line = 1; line < end; (*ret_line)++, line = newline + 1) {
		int r;

		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline)
			break;
		r = line_replay(&replay, line, (size_t)(newline - line));
		if (r < 0)
			return r;
	}
	*ret_bytes = (uint64_t)(line - text);
	*ret_seq = replay.seq;
	return 0;
}
