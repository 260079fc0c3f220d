/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where new work goes: of several instances that could do it, each piece to the one where it is expected to do least harm, and no
 * faster than its effect can be seen. Pure.
 *
 * The value of a seat for the next piece is what is expected to stay free there, times the probability that no SLO of it is violated
 * meanwhile. It falls with every piece, so that giving each to the best seat gives the best sum of all
 * (tests/unit/test_placement.c tries every other way).
 *
 * Velocity: work placed lately does not show in demand yet. It counts beside the demand until it should, and of what is free,
 * by seat and on the host, no more than a half is filled before that.
 */
#ifndef FORESTALL_PLACEMENT_H
#define FORESTALL_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define PLACEMENT_SEATS_MAX 64
#define PLACEMENT_SHOWS_NS 3000000000ull	/* by then what was placed is part of the demand, and of a forecast of it */

/* Work that was placed on an instance and does not show yet: to be kept per slot. */
struct placement_memory {
	uint64_t cgroup_id;
	uint64_t time_ns;
	float cpus;
};

enum placement_why {
	PLACEMENT_TAKES,	/* it could take more */
	PLACEMENT_VIOLATED,	/* its SLO is violated now */
	PLACEMENT_AT_RISK,	/* or will be, too probably */
	PLACEMENT_FULL,		/* what is free is used up by what is there */
	PLACEMENT_TOO_FAST,	/* or by what was placed and has yet to show */
	PLACEMENT_WHY_COUNT
};

/* Static storage. */
const char *placement_why_name(enum placement_why why);

struct placement_seat {
	float risk;		/* P(violated within 2 s), 0 where nothing is known or bound */
	float free;		/* CPUs that it may have and is not expected to use */
	float recent;		/* CPUs of work placed lately: placement_recent() */
	bool is_violated;
	uint32_t count;		/* out: pieces for it */
	enum placement_why why;	/* out: why not more */
};

struct placement {
	uint32_t seat_count;
	float host_free;	/* CPUs free on the host, which all seats share */
	float piece;		/* CPUs that one piece of work takes, > 0 */
	float risk_max;		/* no work where the risk is higher */
	struct placement_seat seat[PLACEMENT_SEATS_MAX];
};

/* Places up to `pieces`; returns how many found a seat. */
uint32_t placement_choose(struct placement *placement, uint32_t pieces);

/* What still counts of it; 0 when it is another cgroup's. */
float placement_recent(const struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns);

/* Adds work to what still counts. */
void placement_note(struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns, float cpus);

#endif
