/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol in which the figures of published detectors are given: realdata_nab.h. */
#include <math.h>
#include <stdlib.h>

#include "realdata_nab.h"

#define PROBATION_SHARE 0.15
#define PROBATION_MOST 750

uint32_t nab_probation(uint32_t steps)
{
	uint32_t share = (uint32_t)(steps * PROBATION_SHARE);

	return share < PROBATION_MOST ? share : PROBATION_MOST;
}

/* Marks the highest scores above least as alarms (positive), 3 h apart; returns how many. */
uint32_t nab_alarms(struct scored *scores, uint32_t steps, uint32_t from, uint32_t budget, float least)
{
	uint32_t taken = 0;

	for (; taken < budget; taken++) {
		uint32_t best = steps;

		for (uint32_t t = from; t < steps; t++) {
			bool is_near = false;

			if (scores[t].score <= least || (best < steps && scores[t].score <= scores[best].score))
				continue;
			for (uint32_t i = t < NAB_APART - 1 ? 0 : t - (NAB_APART - 1); !is_near && i < t + NAB_APART && i < steps; i++)
				is_near = scores[i].positive;
			best = is_near ? best : t;
		}
		if (best == steps)
			break;
		scores[best].positive = true;
	}
	return taken;
}

uint32_t nab_budget(double days)
{
	return days / 2 < 1 ? 1 : (uint32_t)lround(days / 2);
}

static float median_of(const struct scored *scores, uint32_t from, uint32_t steps)
{
	float *values = must_alloc(steps, sizeof(*values)), median;

	for (uint32_t t = from; t < steps; t++)
		values[t - from] = scores[t].score;
	median = quantile_of(values, steps - from, 0.5);
	free(values);
	return median;
}

struct nab_outcome nab_judge(const struct series *series, struct scored *scores, float level)
{
	uint32_t from = nab_probation(series->steps), last = series->steps - 1;
	bool hit[UINT8_MAX + 1] = { false }, there[UINT8_MAX + 1] = { false };
	struct nab_outcome outcome = { 0 };

	nab_alarms(scores, series->steps, from, nab_budget((series->time[last] - series->time[0]) / 86400),
		    fmaxf(level, median_of(scores, from, series->steps)));
	for (uint32_t t = 0; t < series->steps; t++) {
		uint8_t window = (uint8_t)series->label[t];

		there[window] = true;
		hit[window] |= scores[t].positive;
		outcome.false_alarms += scores[t].positive && !window;
	}
	for (uint32_t w = 1; w <= UINT8_MAX; w++) {
		outcome.windows += there[w];
		outcome.hit += hit[w];
	}
	return outcome;
}
