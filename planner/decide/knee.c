/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "knee.h"

#include <math.h>

#define HURT_TICKS 6	/* of ten: a burst's first and last second are only partly its own */
#define FALL 0.7f	/* at most per second */
#define STEP 0.9f	/* at least, where a limit was not enough */
#define RISE 1.02f
#define START 1.1f	/* the same before it was found */

void knee_tick(struct knee *knee, float bad, float bad_act)
{
	knee->is_judged |= bad >= 0;
	knee->hurt_ticks += bad >= bad_act;
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

static float knee_calm(const struct knee *knee, float rate, float capacity, bool is_held)
{
	if (is_held && !knee->is_found)
		return knee_capacity(knee, capacity) * START;
	return knee->rate > 0 ? fmaxf(rate, is_held ? knee->rate * RISE : knee->rate) : 0;
}

void knee_second(struct knee *knee, float rate, float capacity, bool is_held)
{
	bool is_mixed = is_held && knee->is_tightened;
	bool is_hurt = (is_mixed ? knee->free_hurt_ticks : knee->hurt_ticks) >= HURT_TICKS;
	float moved = knee->rate;

	/* Where a limit came in between, most of what was done was done before. */
	if (is_hurt && is_mixed)
		rate = fminf(rate * (float)knee->ticks / (float)knee->free_ticks, fmaxf(rate, capacity));
	if (is_hurt)
		moved = knee_hurt(knee, rate, is_held);
	else if (!knee->hurt_ticks && knee->is_judged)
		moved = knee_calm(knee, rate, capacity, is_held);
	*knee = (struct knee){ .rate = moved, .is_found = knee->is_found || is_hurt };
}

float knee_capacity(const struct knee *knee, float capacity)
{
	return knee->rate > 0 ? knee->rate : capacity;
}
