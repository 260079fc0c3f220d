/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The robust forecaster that is always computed: the fallback when the model or the data is bad. Pure.
 *
 * Demand: mean and spread of the last 30 s. Risk: how often the SLO was violated in earlier seconds in which the
 * host's demand stood where it is expected to stand, a Beta posterior per demand bin.
 */
#ifndef FORESTALL_STATISTICAL_H
#define FORESTALL_STATISTICAL_H

#include <stdbool.h>
#include "extract.h"
#include "forecast.h"

#define STATISTICAL_BINS 16	/* of total demand, each 1/8 of the host; the last takes all above */

struct statistical {
	float seen[STATISTICAL_BINS];
	float violated[STATISTICAL_BINS];
};

void statistical_reset(struct statistical *stat);

/* One closed second: total demand as share of the host, and whether the SLO was violated in it. */
void statistical_push(struct statistical *stat, float demand, bool is_violated);

/* What it says. `is_violated` and `demand` describe the second closed last; `in` is as for feature_extract. */
void statistical_forecast(const struct statistical *stat, const struct extract *in, float demand, bool is_violated,
			  struct forecast *ret);

#endif
