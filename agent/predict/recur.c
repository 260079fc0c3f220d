/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recur.h"

#include <math.h>
#include <string.h>

#define CORR_DECAY 0.99f	/* remembers about 100 s */
#define MEAN_DECAY 0.98f
#define CORR_TRUSTED 0.35f	/* r_l / r_0 from which a period is believed at all */
#define ENERGY_MIN 0.02f	/* a flat series has no period */

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

/* The best local maximum; a lag needs two whole periods of history before it may speak. */
static void period_find(struct recur *recur)
{
	float best = 0, energy = recur->corr[0] + recur->corr[1];

	recur->period_s = 0;
	recur->confidence = 0;
	if (recur->corr[0] < ENERGY_MIN)
		return;
	for (uint32_t lag = RECUR_LAG_MIN; lag < RECUR_LAGS - 1 && 2 * lag <= recur->count; lag++) {
		float c = corr_smooth(recur, lag);

		if (c <= best || recur->corr[lag] < recur->corr[lag - 1] || recur->corr[lag] < recur->corr[lag + 1])
			continue;
		best = c;
		recur->period_s = lag;
	}
	if (!recur->period_s)
		return;
	recur->confidence = (best / energy - CORR_TRUSTED) / (1.0f - CORR_TRUSTED);
	recur->confidence = fminf(fmaxf(recur->confidence, 0), 1);
	if (recur->confidence <= 0)
		recur->period_s = 0;
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
