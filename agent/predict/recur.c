/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recur.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define CORR_DECAY 0.99f	/* remembers about 100 s */
#define MEAN_DECAY 0.98f
/* r_l / r_0 from which a period is believed: lower when twice the lag says the same, which noise seldom does. */
#define CORR_TRUSTED 0.65f
#define CORR_TRUSTED_TWICE 0.4f
#define ENERGY_MIN 0.02f	/* a flat series has no period */
_Static_assert(RECUR_DEMAND_MIN * RECUR_DEMAND_MIN / (1 - CORR_DECAY) < ENERGY_MIN, "the energy that such demand can have");

void recur_reset(struct recur *recur)
{
	memset(recur, 0, sizeof(*recur));
}

static float value_ago(const struct recur *recur, uint32_t ago)
{
	return recur->value[(recur->count - 1 - ago) % RECUR_SECONDS];
}

static float corr_smooth(const struct recur *recur, uint32_t lag)
{
	return recur->corr[lag] + 0.5f * (recur->corr[lag - 1] + recur->corr[lag + 1]);
}

static bool has_twice(const struct recur *recur, uint32_t lag)
{
	return 2 * lag + 2 < RECUR_LAGS && 3 * lag <= recur->count;
}

/* How much of a period this lag is, 0..1; 0 when it is no local maximum or not to be believed. */
static float lag_score(const struct recur *recur, uint32_t lag, float energy)
{
	float score = corr_smooth(recur, lag) / energy, trusted = CORR_TRUSTED;

	if (recur->corr[lag] < recur->corr[lag - 1] || recur->corr[lag] < recur->corr[lag + 1])
		return 0;
	if (has_twice(recur, lag)) {
		/* A period that is no whole second has its double one second later or earlier. */
		float twice = fmaxf(corr_smooth(recur, 2 * lag - 1),
				    fmaxf(corr_smooth(recur, 2 * lag), corr_smooth(recur, 2 * lag + 1))) / energy;

		score = 0.5f * (score + twice);
		trusted = CORR_TRUSTED_TWICE;
	}
	return score < trusted ? 0 : fminf(score, 1);
}

/* A lag needs two whole periods of history before it may speak. */
static void period_find(struct recur *recur)
{
	float energy = recur->corr[0] + recur->corr[1];

	recur->period_s = 0;
	recur->confidence = 0;
	if (recur->corr[0] < ENERGY_MIN)
		return;
	for (uint32_t lag = RECUR_LAG_MIN; lag < RECUR_LAGS - 1 && 2 * lag <= recur->count; lag++) {
		float score = lag_score(recur, lag, energy);

		if (score <= recur->confidence)
			continue;
		recur->confidence = score;
		recur->period_s = lag;
	}
}

void recur_push(struct recur *recur, float demand)
{
	float deviation;

	recur->value[recur->count % RECUR_SECONDS] = demand;
	recur->count++;
	recur->mean = recur->count == 1 ? demand : MEAN_DECAY * recur->mean + (1 - MEAN_DECAY) * demand;
	deviation = demand - recur->mean;
	for (uint32_t lag = 0; lag < RECUR_LAGS && lag < recur->count; lag++)
		recur->corr[lag] = CORR_DECAY * recur->corr[lag] +
				   deviation * (value_ago(recur, lag) - recur->mean);
	period_find(recur);
}

/* Highest value one period before now + ahead, with a second of slack. */
static float value_in_phase(const struct recur *recur, uint32_t ahead, uint32_t periods)
{
	uint32_t ago = periods * recur->period_s - ahead, from = ago ? ago - 1 : 0;
	float best = 0;

	for (uint32_t a = from; a <= ago + 1 && a < recur->count && a < RECUR_SECONDS; a++)
		best = fmaxf(best, value_ago(recur, a));
	return best;
}

float recur_expect(const struct recur *recur, uint32_t from, uint32_t to)
{
	float best = 0;

	if (!recur->period_s)
		return 0;
	for (uint32_t ahead = from; ahead <= to; ahead++) {
		uint32_t phase = (ahead - 1) % recur->period_s + 1;

		best = fmaxf(best, 0.5f * (value_in_phase(recur, phase, 1) + value_in_phase(recur, phase, 2)));
	}
	return best;
}
