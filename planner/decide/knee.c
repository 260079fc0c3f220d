/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "knee.h"

#include <math.h>

#define HURT_TICKS 6	/* of ten: a burst's first and last second are only partly its own */
#define FALL 0.7f	/* at most per second */
#define STEP 0.9f	/* at least, where a limit was not enough */
#define RISE 1.02f

void knee_tick(struct knee *knee, float bad, float bad_act)
{
	knee->is_judged |= bad >= 0;
	knee->hurt_ticks += bad >= bad_act;
}

static float knee_hurt(const struct knee *knee, float rate, bool is_held)
{
	/* The rate is a mixture of what was before the limit and after it. */
	if (is_held && knee->is_tightened)
		return knee->rate;
	if (knee->rate <= 0)
		return rate;
	if (is_held)
		return fmaxf(fminf(rate, knee->rate * STEP), knee->rate * FALL);
	return fmaxf(fminf(rate, knee->rate), knee->rate * FALL);
}

static float knee_calm(const struct knee *knee, float rate, bool is_held)
{
	if (knee->rate <= 0)
		return 0;
	return fmaxf(rate, is_held ? knee->rate * RISE : knee->rate);
}

void knee_second(struct knee *knee, float rate, bool is_held)
{
	float moved = knee->rate;

	if (knee->hurt_ticks >= HURT_TICKS)
		moved = knee_hurt(knee, rate, is_held);
	else if (!knee->hurt_ticks && knee->is_judged)
		moved = knee_calm(knee, rate, is_held);
	*knee = (struct knee){ .rate = moved };
}

float knee_capacity(const struct knee *knee, float capacity)
{
	return knee->rate > 0 ? fminf(knee->rate, capacity) : capacity;
}
