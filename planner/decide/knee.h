/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of a disk or a wire can be used before somebody is hurt. Pure.
 *
 * The highest rate ever seen says little: large requests move more than small ones, queues grow long before it, and who was limited
 * in time was never seen to do what would have done no harm. So the rate of whole seconds in which a protected instance was over
 * its bound is remembered, of one in which a limit came late the part before that: it is what there is to share. Where limits that are
 * used up were not enough it falls, a step per second; where they were enough it rises, fast before it was ever found and slowly then,
 * so that nobody gives more than is needed (slow start and congestion avoidance; Jacobson, 1988). But no farther than was proven: a second in
 * which little was done of what may be done says nothing of more (congestion window validation; RFC 7661). And a moment of harm under a limit
 * takes a step back and makes it rise slowly for a while, where what may be done was done. A second of a disk that broke a bound by a few
 * late answers under a limit that is used up takes a step back too: io.max lets what it held go in bunches, a tenth of a second's at a time, and who does little meets few of them.
 * Where that is one total for all (first.h) its end is sharp, and who is beyond it is hurt at once; but shortly before, packets begin to wait on their
 * way. That takes a step back as well, once (who waits for other reasons says no more), and from there on the end is neared slowly.
 *
 * A limit that comes in time leaves no such second, and nobody would ever know. So it counts as well that some tenths of harm, for which no limit
 * was there, ended under one that was used up (one late request is seen in two ticks, and is less): once is chance, twice is a reason to keep what hurts away (knee_stands). Until four times as
 * much hurts nobody: then it was something else.
 */
#ifndef FORESTALL_KNEE_H
#define FORESTALL_KNEE_H

#include <stdbool.h>
#include <stdint.h>

struct knee {
	float rate;		/* in the units of enum resource; 0: not known */
	float rate_ended;	/* the same when a limit ended harm first */
	uint32_t ended;		/* how often one did */
	float near_rate;	/* what it was when a total that was used up was too much last, or nearly; 0: never */
	float outside;		/* highest of knee_use.outside, fading */
	bool is_found;		/* somebody was hurt there */
	uint32_t slow_s;	/* so many seconds under limits it rises slowly: somebody was hurt under one for a moment */
	uint32_t met_ticks;	/* of harm that came where no limit was, and of which it is not known yet what ends it */
	uint32_t hurt_ticks;	/* of the open second: somebody was over the bound */
	uint32_t ticks;		/* of the open second, */
	uint32_t free_ticks, free_hurt_ticks;	/* until a limit came or became tighter, and in how many of these somebody was over the bound */
	bool is_judged;		/* of the open second: it was known whether somebody was */
	bool is_calm;		/* of the open second: so it ends */
	bool is_tightened;	/* of the open second: a limit came or became tighter */
};

/* One tick: the worst share over the bound, < 0 where it is not known, and the share that counts as hurt. */
void knee_tick(struct knee *knee, float bad, float bad_act);

/* One tick in which a total was used up, and how long packets of who is first waited meanwhile: from 1 on it is about to be too much. */
void knee_wait(struct knee *knee, float capacity, float queued);

/* What all together did in a second. */
struct knee_use {
	float rate;
	float capacity;		/* what the resource has shown */
	float proven;		/* what there would be to share if it were all used up by this: the headroom counts, and what is kept for the protected */
	bool is_held;		/* some giver used up what a limit left to it */
	bool is_total;		/* what limits leave is one total, and the kernel sees who is first: the end of what hurts nobody is sharp */
	float outside;		/* of rate: of those who have no part in a total */
	float queued;		/* see knee_wait() */
	bool is_violated;	/* the second as a whole broke a bound: a few late ones of few do, which no tick calls hurt */
};

/* Closes a second. */
void knee_second(struct knee *knee, const struct knee_use *use);

/* Whether it is known that somebody is hurt beyond it: limits may stand. */
bool knee_stands(const struct knee *knee);

/* What there is to share of a resource that has shown `capacity`. */
float knee_capacity(const struct knee *knee, float capacity);

#endif
