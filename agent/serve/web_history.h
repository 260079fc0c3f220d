/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was, in SQLite: a row per second (or round: web_poll.h) of each instance that web_pick names, and a row per change of an action.
 *
 * Rows are written in one transaction per HISTORY_BATCH_S, so a kill loses at most that much. Bounded by age and by
 * size, the oldest go first. Whatever the disk does costs history and nothing else: one line on stderr, all closed,
 * and tried again after HISTORY_RETRY_S.
 */
#ifndef FORESTALL_WEB_HISTORY_H
#define FORESTALL_WEB_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "web_poll.h"

#define HISTORY_BATCH_S 10
#define HISTORY_RETRY_S 60
#define HISTORY_POINTS_MAX 3600		/* of one answer; a longer time is shown in longer steps */
#define HISTORY_SECONDS_MAX (30 * 86400)

struct web_history_limits {
	uint32_t age_s;
	uint64_t bytes;		/* of the tables; the write-ahead log comes on top */
	uint32_t actions;	/* rows of them */
};

struct web_history;

/*
 * `file` is the database, made when it is not there; its text is copied. NULL only when out of memory: that the file
 * cannot be opened is said at the first push. Zero limits mean 24 h, 200 MB and 100000 actions.
 */
struct web_history *web_history_new(const char *file, const struct web_history_limits *limits);

/* Writes what is not yet written. NULL is fine. */
void web_history_free(struct web_history *history);

/* Adds one second. `now_s` is the wall clock, since history outlives boots. */
void web_history_push(struct web_history *history, const struct web_view *view, int64_t now_s);

/* The file is open and took the last rows. */
bool web_history_is_up(const struct web_history *history);

/*
 * {"ok":true,"path","step_s","seconds":[{"t","cpu","wait","memory","io","net","risk","violated","slis":{NAME:
 * {"value","risk","violated"}}}...],"actions":[...],"failures":[...]}: the last `seconds` (at least 1) of a path before now_s,
 * oldest first, with the SLIs that are bound; averages of rates and the worst of the others when step_s is more than 1. NULL when there
 * is no history now.
 */
json_t *web_history_query(struct web_history *history, const char *path, uint32_t seconds, int64_t now_s);

#endif
