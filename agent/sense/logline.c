/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "logline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void logline_push(struct logline *logline, const char *bytes, size_t count, logline_fn fn, void *context)
{
	while (count) {
		const char *end = memchr(bytes, '\n', count);
		size_t part = end ? (size_t)(end - bytes) : count, room = sizeof(logline->text) - logline->bytes;

		logline->is_cut = logline->is_cut || part > room;
		memcpy(logline->text + logline->bytes, bytes, part < room ? part : room);
		logline->bytes += part < room ? part : room;
		bytes += part + (end != NULL);
		count -= part + (end != NULL);
		if (!end)
			return;
		if (logline->bytes)
			fn(context, logline->text, logline->bytes);
		logline->bytes = 0;
		logline->is_cut = false;
	}
}

/* Digits up to `end`; moves *at behind it. */
static bool number_take(const char *text, size_t bytes, size_t *at, char end, uint64_t *ret)
{
	size_t from = *at;

	*ret = 0;
	while (*at < bytes && text[*at] >= '0' && text[*at] <= '9' && *at - from < 19)
		*ret = *ret * 10 + (uint64_t)(text[(*at)++] - '0');
	return *at > from && *at < bytes && text[(*at)++] == end;
}

/* "oom-kill:constraint=...,oom_memcg=/a,task_memcg=/a/b,task=..." names where the victim lived. */
static void path_find(struct logline_kmsg *kmsg)
{
	static const char key[] = ",task_memcg=";
	const char *at = memmem(kmsg->text, kmsg->bytes, key, sizeof(key) - 1), *end;
	size_t bytes;

	if (!at)
		return;
	at += sizeof(key) - 1;
	end = memchr(at, ',', kmsg->bytes - (size_t)(at - kmsg->text));
	bytes = (end ? (size_t)(end - at) : kmsg->bytes - (size_t)(at - kmsg->text));
	if (!bytes || at[0] != '/' || bytes >= sizeof(kmsg->path))
		return;
	memcpy(kmsg->path, at, bytes);
}

int logline_kmsg_parse(const char *record, size_t bytes, struct logline_kmsg *ret)
{
	const char *text = memchr(record, ';', bytes), *end;
	uint64_t priority;
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	if (!text || !number_take(record, bytes, &at, ',', &priority) || !number_take(record, bytes, &at, ',', &ret->sequence))
		return -EINVAL;
	ret->severity = (enum severity)(priority % SEVERITY_COUNT);
	ret->text = text + 1;
	ret->bytes = bytes - (size_t)(ret->text - record);
	end = memchr(ret->text, '\n', ret->bytes);
	if (end)
		ret->bytes = (size_t)(end - ret->text);
	path_find(ret);
	return 0;
}

/* "s=ID of the sequence;i=number in it, in hexadecimal;..." */
static bool cursor_parse(const char *cursor, char ret_id[33], uint64_t *ret_number)
{
	char number[17];

	if (sscanf(cursor, "s=%32[0-9a-f];i=%16[0-9a-f];", ret_id, number) != 2)
		return false;
	*ret_number = strtoull(number, NULL, 16);
	return true;
}

uint64_t logline_cursor_distance(const char *from, const char *to)
{
	char from_id[33], to_id[33];
	uint64_t from_number, to_number;

	if (!cursor_parse(from, from_id, &from_number) || !cursor_parse(to, to_id, &to_number) || strcmp(from_id, to_id))
		return 0;
	return to_number > from_number ? to_number - from_number : 0;
}
