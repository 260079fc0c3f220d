/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where one reply ends and the next begins: redis (RESP2) and HTTP/1.1 with Content-Length, as nginx sends files. Pure. */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_LINE_MAX 64 /* of a longer line the rest is passed over */

enum reply_protocol { REPLY_REDIS, REPLY_HTTP };

/* Zeroed at the start of a connection. */
struct reply {
	char line[REPLY_LINE_MAX];
	unsigned int line_length, line_count;
	uint64_t body_bytes;
	bool in_body, is_error; /* is_error: redis said "-", or HTTP no 2xx */
};

/*
 * Takes bytes of the stream. Returns true when a reply ended, with is_error set for it; *ret_used is how many bytes were
 * taken, all of them when no reply ended. The next call begins the next reply.
 */
bool reply_push(struct reply *reply, enum reply_protocol protocol, const char *data, size_t size, size_t *ret_used);

#endif
