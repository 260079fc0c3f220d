/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DIR/events: what was announced, one event a line, for people and for `forestall event`:
 *
 *   ID START DURATION SCOPE RESOURCE FACTOR [NAME...]
 *   e1 2026-11-27T08:00:00Z 2h30m /shop.slice/web* cpu 2 black friday
 *
 * Empty lines and what follows a '#' at the beginning of a line are comments, which a rewrite drops. What is not right is an error
 * that names line, column and reason, and the whole file is refused.
 */
#ifndef FORESTALL_EVENT_FILE_H
#define FORESTALL_EVENT_FILE_H

#include <stddef.h>

#include "predict/event.h"

#define EVENTS_MAX 4096
#define EVENT_PROBLEM_MAX 320

struct events {
	struct event *event;	/* by start */
	uint32_t count;
};

/* What is wrong with a word, and where in it, from 1. */
struct event_error {
	uint32_t column;
	char reason[160];
};

/*
 * A point in time: "2026-11-27T08:00[:00]" or with a blank instead of the T, by the clock on the wall or with "Z", "+01:00"; "08:00": the
 * next one; "+90m": from now. 0 or -EINVAL.
 */
int event_time_parse(const char *text, int64_t now_s, int64_t *ret_s, struct event_error *error);

/* "1d2h30m5s", at least a second and at most 366 days. 0 or -EINVAL. */
int event_duration_parse(const char *text, int64_t *ret_s, struct event_error *error);
int event_scope_parse(const char *text, char ret[EVENT_SCOPE_MAX], struct event_error *error);
int event_resource_parse(const char *text, uint32_t *ret, struct event_error *error);
/* "2", "x2", "0.5". */
int event_factor_parse(const char *text, float *ret, struct event_error *error);
/* Without the blanks before it, and no control character in it. */
int event_name_parse(const char *text, char ret[EVENT_NAME_MAX], struct event_error *error);

/* Text of both, as above, in a buffer of at least 32 bytes. */
void event_time_format(int64_t unix_s, char ret[32]);
void event_duration_format(int64_t seconds, char ret[32]);

/* A file's text. 0; -EINVAL or -ENOMEM with one line in problem and nothing in *ret. events_done() takes both. */
int events_parse(const char *name, const char *text, struct events *ret, char problem[EVENT_PROBLEM_MAX]);

/* The file; none there: no event. As above, or another -errno. */
int events_load(const char *dir, struct events *ret, char problem[EVENT_PROBLEM_MAX]);

/* Writes it anew, at once or not at all. 0 or -errno with one line in problem. */
int events_save(const char *dir, const struct events *events, char problem[EVENT_PROBLEM_MAX]);
void events_done(struct events *events);

/* Puts it in its place. 0, -ENOSPC when there are EVENTS_MAX, -ENOMEM. */
int events_add(struct events *events, const struct event *event);

/* How many had that id. */
uint32_t events_remove(struct events *events, const char *id);

/* Whether an event is of the instance with this path. */
bool event_matches(const struct event *event, const char *path);

#endif
