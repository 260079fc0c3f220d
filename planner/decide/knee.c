/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "knee.h"

#include <math.h>

#define HURT_TICKS 6	/* of ten: a burst's first and last second are only partly its own */
#define FALL 0.7f	/* at most per second */
#define STEP 0.9f	/* at least, where a limit was not enough */
#define RISE 1.02f
#define START 1.1f	/* the same before it was found */
#define PROVEN 1.25f	/* times what was proven, at most */
#define ENDED 2		/* once is chance */
#define MET_TICKS 3	/* one late request is seen in two */
#define SLOW_S 10
#define TOTAL_START 1.03f	/* in place of START: nothing is left free beside a total, */
#define TOTAL_QUEUED 0.4f	/* and less where packets begin to wait */
#define TOTAL_RISE 1.01f
#define TOTAL_STEP 0.93f	/* where packets wait: what waits has to go, too; once, until it is back at this share of where they did */
#define TOTAL_AGAIN 0.97f
#define OUTSIDE_FADE 0.95f
#define NEAR 1.05f		/* times what was too much: then it was something else */
#define RISE_NEAR 1.0005f
#define ELSE 4.0f	/* times what was there to share: so much more that hurts nobody, and it was something else */

bool knee_stands(const struct knee *knee) { return knee->is_found || (knee->ended >= ENDED && knee->rate > 0); }

void knee_tick(struct knee *knee, float bad, float bad_act)
{
	knee->is_judged |= bad >= 0;
	knee->hurt_ticks += bad >= bad_act;
	knee->is_calm = bad < 0 ? knee->is_calm : bad < bad_act;
	knee->ticks++;
	if (knee->is_tightened)
		return;
	knee->free_ticks++;
	knee->free_hurt_ticks += bad >= bad_act;
}

static float knee_hurt(const struct knee *knee, float rate, bool is_held)
{
	if (!knee->is_found)
		return rate;
	if (is_held)
		return fmaxf(fminf(rate, knee->rate * STEP), knee->rate * FALL);
	return fmaxf(fminf(rate, knee->rate), knee->rate * FALL);
}

static float knee_calm(const struct knee *knee, const struct knee_use *use)
{
	float now = knee_capacity(knee, use->capacity), step = knee->is_found || knee->slow_s ? RISE : START;

	if (use->is_total)
		step = knee->near_rate > 0 && now < knee->near_rate * NEAR ? RISE_NEAR : use->queued < TOTAL_QUEUED ? TOTAL_START : TOTAL_RISE;
	if (use->is_held)
		return fmaxf(now, fminf(now * step, use->proven * PROVEN));
	return knee->rate > 0 ? fmaxf(use->rate, knee->rate) : 0;
}

/* Whether a limit that is used up has just ended what came where none was. */
static bool is_ended(struct knee *knee, bool is_held)
{
	bool is_known = knee->is_tightened ? knee->is_calm : !knee->hurt_ticks && knee->is_judged;
	bool is_enough;

	if (!is_held || knee->is_tightened)
		knee->met_ticks += knee->hurt_ticks;
	is_enough = knee->met_ticks >= MET_TICKS;
	if (!is_known || (knee->hurt_ticks && !is_held))
		return false;
	knee->met_ticks = 0;
	return is_held && is_enough;
}

void knee_wait(struct knee *knee, float capacity, float queued)
{
	float now = knee_capacity(knee, capacity);

	if (queued < 1 || now < knee->near_rate * TOTAL_AGAIN)
		return;
	knee->near_rate = now;
	knee->rate = now * TOTAL_STEP;
}

static void ended_note(struct knee *knee, float now)
{
	if (!knee->ended)
		knee->rate_ended = now;
	knee->ended++;
}

void knee_second(struct knee *knee, const struct knee_use *use)
{
	float now = knee_capacity(knee, use->capacity);
	/* While limits stand and are searched for, one that becomes tighter was there before. */
	bool is_mixed = use->is_held && knee->is_tightened && (knee->is_found || !knee_stands(knee));
	bool is_hurt = (is_mixed ? knee->free_hurt_ticks : knee->hurt_ticks) >= HURT_TICKS;
	bool is_moment = use->is_held && !is_mixed && !knee->is_found && !is_hurt && knee->hurt_ticks >= MET_TICKS &&
			 use->proven * PROVEN >= now;
	bool is_broken = use->is_held && use->is_violated && !knee->is_tightened;
	uint32_t slow_s = is_moment ? SLOW_S : knee->slow_s - (knee->slow_s && use->is_held);
	float moved = knee->rate, rate = use->rate;

	if (is_ended(knee, use->is_held))
		ended_note(knee, now);
	/* Where a limit came in between, most of what was done was done before. */
	if (is_hurt && is_mixed)
		rate = fminf(rate * (float)knee->ticks / (float)knee->free_ticks, fmaxf(rate, use->capacity));
	if (is_hurt)
		moved = knee_hurt(knee, rate, use->is_held);
	else if (is_moment || is_broken)
		moved = now * STEP;
	else if (!knee->hurt_ticks && knee->is_judged)
		moved = knee_calm(knee, use);
	*knee = (struct knee){ .rate = moved, .rate_ended = knee->rate_ended, .ended = moved > knee->rate_ended * ELSE ? 0 : knee->ended,
			       .is_found = knee->is_found || is_hurt, .met_ticks = knee->met_ticks, .slow_s = slow_s, .outside = fmaxf(use->outside, knee->outside * OUTSIDE_FADE),
			       .near_rate = use->is_total && use->is_held && moved < now ? now : knee->near_rate };
}

float knee_capacity(const struct knee *knee, float capacity)
{
	return knee->rate > 0 ? knee->rate : capacity;
}
