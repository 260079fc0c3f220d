/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

/* Both return true when the line ended the reply. */
static bool redis_line(struct reply *reply)
{
	long long length = strtoll(reply->line + 1, NULL, 10);

	reply->is_error = reply->line[0] == '-';
	if (reply->line[0] != '$' || length < 0)
		return true;
	reply->body_bytes = (uint64_t)length + 2; /* the CR LF after the body */
	reply->in_body = true;
	return false;
}

static bool http_line(struct reply *reply)
{
	static const char status[] = "HTTP/1.1 ", length[] = "Content-Length: ";

	if (!reply->line_count)
		reply->is_error = strncmp(reply->line, status, strlen(status)) || reply->line[strlen(status)] != '2';
	if (!strncmp(reply->line, length, strlen(length)))
		reply->body_bytes = strtoull(reply->line + strlen(length), NULL, 10);
	if (reply->line[0] != '\r')
		return false;
	reply->in_body = true;
	return !reply->body_bytes;
}

static bool line_byte(struct reply *reply, enum reply_protocol protocol, char byte)
{
	bool ended;

	if (byte != '\n') {
		if (reply->line_length < REPLY_LINE_MAX - 1)
			reply->line[reply->line_length++] = byte;
		return false;
	}
	reply->line[reply->line_length] = '\0';
	ended = protocol == REPLY_HTTP ? http_line(reply) : redis_line(reply);
	reply->line_length = 0;
	reply->line_count++;
	return ended;
}

static void reply_begin(struct reply *reply)
{
	reply->line_length = reply->line_count = 0;
	reply->body_bytes = 0;
	reply->in_body = reply->is_error = false;
}

bool reply_push(struct reply *reply, enum reply_protocol protocol, const char *data, size_t size, size_t *ret_used)
{
	size_t used = 0;
	bool ended = false;

	if (!reply->in_body && !reply->line_length && !reply->line_count)
		reply_begin(reply);
	while (used < size && !ended) {
		uint64_t rest = size - used;

		if (!reply->in_body) {
			ended = line_byte(reply, protocol, data[used++]);
			continue;
		}
		if (rest > reply->body_bytes)
			rest = reply->body_bytes;
		reply->body_bytes -= rest;
		used += rest;
		ended = !reply->body_bytes;
	}
	if (ended) {
		reply->in_body = false;
		reply->line_count = 0;
	}
	*ret_used = used;
	return ended;
}
