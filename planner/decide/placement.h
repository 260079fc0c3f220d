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
 * by seat and on the host, no more than a half is filled before that. Work of which it is said how long it takes (duration=) counts until
 * then, less what the demand has grown by since; so does what it holds in memory (data=), which has to fit, and its number, which stays
 * within what the instance works on at once (concurrency=).
 */
#ifndef FORESTALL_PLACEMENT_H
#define FORESTALL_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define PLACEMENT_SEATS_MAX 64
#define PLACEMENT_SHOWS_NS 3000000000ull	/* by then what was placed is part of the demand, and of a forecast of it */

#define PLACEMENT_BATCHES 8

struct placement_work {
	float cpus, bytes;
	float pieces;
};

/* Work that was placed on an instance and may still go on: to be kept per slot. */
struct placement_memory {
	uint64_t cgroup_id;
	float cpus, bytes;	/* of the instance before the first of these */
	uint32_t count;
	uint32_t pad;
	struct placement_batch {
		uint64_t from_ns, until_ns;
		struct placement_work work;
		bool is_lasting;	/* its end was told; else it counts less and less */
	} batch[PLACEMENT_BATCHES];
};

enum placement_why {
	PLACEMENT_TAKES,	/* it could take more */
	PLACEMENT_VIOLATED,	/* its SLO is violated now */
	PLACEMENT_AT_RISK,	/* or will be, too probably */
	PLACEMENT_FULL,		/* what is free is used up by what is there */
	PLACEMENT_TOO_FAST,	/* or by what was placed and has yet to show */
	PLACEMENT_BUSY,		/* it works on as much at once as it does */
	PLACEMENT_NO_MEMORY,	/* what a piece holds in memory does not fit */
	PLACEMENT_WHY_COUNT
};

/* Static storage. */
const char *placement_why_name(enum placement_why why);

struct placement_seat {
	float risk;		/* P(violated within 2 s), 0 where nothing is known or bound */
	float free;		/* CPUs that it may have and is not expected to use */
	float recent;		/* CPUs of work placed lately: placement_recent() */
	float memory_free;	/* bytes that it may have and are not taken by what was placed lately */
	float piece_bytes;	/* that one piece holds; 0: not known */
	float pieces, pieces_max;	/* placed lately, and that it works on at once; max 0: not known */
	bool is_violated;
	uint32_t count;		/* out: pieces for it */
	enum placement_why why;	/* out: why not more */
};

struct placement {
	uint32_t seat_count;
	float host_free;	/* CPUs free on the host, which all seats share */
	float host_memory_free;	/* bytes; INFINITY: not known. Less afterwards */
	float piece;		/* CPUs that one piece of work takes, > 0 */
	float risk_max;		/* no work where the risk is higher */
	struct placement_seat seat[PLACEMENT_SEATS_MAX];
};

/* Places up to `pieces`; returns how many found a seat. */
uint32_t placement_choose(struct placement *placement, uint32_t pieces);

/* What still counts of it beside what the instance uses now (of which the pieces are not told); nothing when it is another cgroup's. */
struct placement_work placement_recent(const struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns,
				       struct placement_work used);

/* Adds work that takes duration_ns (0: not known) to what still counts. */
void placement_note(struct placement_memory *memory, uint64_t cgroup_id, uint64_t now_ns, struct placement_work used,
		    struct placement_work work, uint64_t duration_ns);

#endif
