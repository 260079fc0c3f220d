/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as they come out of files and the kernel, made lines. Pure. */
#ifndef FORESTALL_LOGLINE_H
#define FORESTALL_LOGLINE_H

#include "log.h"

typedef void (*logline_fn)(void *context, const char *line, size_t bytes);

/* A line whose end has not come. All zero at the start. */
struct logline {
	char text[LOG_LINE_MAX];
	size_t bytes;
	bool is_cut;	/* more of it came than there is room for, which is left out */
};

/* Hands on each line that is whole now, without its end; an empty one is none. */
void logline_push(struct logline *logline, const char *bytes, size_t count, logline_fn fn, void *context);

/* One record of /dev/kmsg. */
struct logline_kmsg {
	enum severity severity;
	uint64_t sequence;
	const char *text;	/* inside of what was parsed */
	size_t bytes;
	char path[OBSERVE_PATH_MAX];	/* cgroup that it names, as the OOM killer does; "": none */
};

/* 0, or -EINVAL when it is none. Never reads record[bytes]. */
int logline_kmsg_parse(const char *record, size_t bytes, struct logline_kmsg *ret);

/*
 * How many lines a journal numbered after the one at cursor `from`, up to the one at `to`, as journald writes cursors; 0 when it numbers
 * them anew, or they are none.
 */
uint64_t logline_cursor_distance(const char *from, const char *to);

#endif
