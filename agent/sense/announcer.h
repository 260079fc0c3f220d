/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's announced events as they are now: read again when their file changes. */
#ifndef FORESTALL_ANNOUNCER_H
#define FORESTALL_ANNOUNCER_H

#include "predict/event.h"

#define ANNOUNCER_AT_ONCE 32	/* events of one instance and resource that are looked at together */

struct announcer;

/* The directory is kept by the caller. NULL when out of memory. */
struct announcer *announcer_new(const char *config_dir);
void announcer_free(struct announcer *announcer);

/* Once a second. A file with a mistake in it is named on stderr, once, and what was announced before stays. */
void announcer_second(struct announcer *announcer);

/* Whether anything at all is announced for this time: quickly. */
bool announcer_has(const struct announcer *announcer, int64_t from_s, int64_t to_s);

/* Events of the instance with this path and of this resource that lie in from..to; how many. */
uint32_t announcer_find(const struct announcer *announcer, const char *path, enum resource resource, int64_t from_s, int64_t to_s,
			const struct event *ret[ANNOUNCER_AT_ONCE]);

#endif
