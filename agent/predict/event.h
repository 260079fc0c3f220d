/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What somebody announced: from a time on, for so long, the instances of a scope will need so many times their usual of one
 * resource. Pure; who matches a scope is the caller's to say.
 */
#ifndef FORESTALL_EVENT_H
#define FORESTALL_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "resource.h"

#define EVENT_ID_MAX 16
#define EVENT_NAME_MAX 64
#define EVENT_SCOPE_MAX 192
#define EVENT_FACTOR_MAX 1000.0f

struct event {
	char id[EVENT_ID_MAX];		/* several may have one: occurrences of what recurs */
	char name[EVENT_NAME_MAX];	/* for people; may be "" */
	char scope[EVENT_SCOPE_MAX];	/* fnmatch(3) over the path below the cgroup root; '*' does not match '/' */
	uint32_t resource;		/* enum resource */
	float factor;			/* 0..EVENT_FACTOR_MAX */
	int64_t start_s, end_s;		/* unix time; start < end */
};

/*
 * What the mean demand from..to is multiplied by: each event counts by the share of that time that it covers, and events
 * that overlap multiply. All of `events` are of this instance and resource.
 */
float event_factor(const struct event *const *events, uint32_t count, int64_t from_s, int64_t to_s);

#endif
