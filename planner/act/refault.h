/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the next step of memory.reclaim may be taken. Pure. Memory that is read back soon after it was taken was in use:
 * the kernel counts such pages as workingset_refault_* in memory.stat, and the pages taken as pgsteal
 * (Documentation/admin-guide/cgroup-v2.rst). Kept apart from the leases, since a released claim forgets nothing.
 */
#ifndef FORESTALL_ACT_REFAULT_H
#define FORESTALL_ACT_REFAULT_H

#include <stdint.h>

#include "bounds.h"

/* Counters of one cgroup, in pages, growing only. */
struct refault_count {
	uint64_t refaults;
	uint64_t steals;
};

struct refault_table {
	struct {
		uint64_t cgroup_id;
		uint64_t step_ns;		/* CLOCK_MONOTONIC of the last step's end, 0 in a free entry */
		struct refault_count count;	/* when it began */
	} entry[RECLAIM_GROUPS_MAX];
};

enum refault_verdict {
	REFAULT_GO,
	REFAULT_EARLY,		/* the last step is too young */
	REFAULT_BACK,		/* too much of what was taken since was read back: wait until RECLAIM_REST_NS after it */
};

/* *ret_back: pages read back since the last step, set with REFAULT_BACK. */
enum refault_verdict refault_judge(const struct refault_table *table, uint64_t cgroup_id, struct refault_count now,
				   uint64_t now_ns, uint64_t *ret_back);

/* A step ended. When the table is full the oldest step is forgotten. */
void refault_note(struct refault_table *table, uint64_t cgroup_id, struct refault_count begun, uint64_t now_ns);

#endif
