/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "phase.h"

#include <math.h>

#define QUARTER_NS 900000000000ull
#define USE_WEIGHT (1.0f / 30)	/* per second */
#define OFF_RISES (1.0f / 30)
#define OFF_FALLS (1.0f / 300)
#define OFF_MAX 1.4f		/* four times more or less than predicted */
#define LET_GO 0.8f		/* of what is held: less than this is wanted before it shrinks */
#define SHRINKS 0.01f		/* of it, per second */

/* The mean of a quarter is where its middle is, and between two middles it goes straight. < 0: nothing is said of this time. */
static float value_at(const struct observe_profile *profile, const float mean[OBSERVE_QUARTERS], uint64_t at_ns)
{
	/* Quarters since the middle of the first. */
	float since = 0.5f + (float)(int64_t)(at_ns - profile->turns_ns) / (float)QUARTER_NS;
	int quarter = since > 0 ? (int)since : 0;

	if (at_ns + QUARTER_NS < profile->turns_ns || since > OBSERVE_QUARTERS - 1)
		return -1;
	if (since <= 0 || quarter == OBSERVE_QUARTERS - 1)
		return mean[quarter];
	return mean[quarter] + (mean[quarter + 1] - mean[quarter]) * (since - (float)quarter);
}

/* The most within the time ahead that is provided for. */
static float most_ahead(const struct observe_profile *profile, const float mean[OBSERVE_QUARTERS], uint64_t now_ns)
{
	float most = value_at(profile, mean, now_ns);

	for (int part = 1; part <= 4 && most >= 0; part++) {
		float ahead = value_at(profile, mean, now_ns + PHASE_AHEAD_NS / 4 * (uint64_t)part);

		most = ahead < 0 ? ahead : fmaxf(most, ahead);
	}
	return most;
}

/* Between the median and the quantile that is provided for nothing is off. */
static void off_move(struct phase *phase, float usual, float high)
{
	float off = 0;

	if (phase->use > high && high > 0)
		off = fminf(logf(phase->use / high), OFF_MAX);
	else if (phase->use < usual)
		off = fmaxf(logf(fmaxf(phase->use, usual * 1e-3f) / usual), -OFF_MAX);
	phase->off += (off - phase->off) * (off > phase->off ? OFF_RISES : OFF_FALLS);
}

void phase_second(struct phase *phase, const struct observe_profile *profile, const struct slo_range *range, float unit, uint32_t tier,
		  float use, uint64_t now_ns)
{
	const float *quantile[TIER_COUNT] = { profile->usual, profile->high, profile->highest };
	float wanted = profile->high[0] > 0 ? most_ahead(profile, quantile[tier], now_ns) : -1;

	if (!range->min || !range->max || wanted < 0)
		*phase = (struct phase){ 0 };
	if (!range->min || !range->max || wanted < 0 || use < 0)
		return;
	phase->use = phase->use > 0 ? phase->use + (use - phase->use) * USE_WEIGHT : use;
	off_move(phase, value_at(profile, profile->usual, now_ns), value_at(profile, quantile[tier], now_ns));
	wanted = fminf(fmaxf(wanted * expf(phase->off), (float)range->min * unit), (float)range->max * unit);
	phase->is_shrinking = wanted < phase->amount && (phase->is_shrinking || wanted < phase->amount * LET_GO);
	if (wanted > phase->amount)
		phase->amount = wanted;
	else if (phase->is_shrinking)
		phase->amount = fmaxf(phase->amount * (1 - SHRINKS), wanted);
}
