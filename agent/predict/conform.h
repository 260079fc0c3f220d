/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps what is said in agreement with what happened. Pure; all zero at the start changes nothing.
 *
 * Quantiles are tracked (Angelopoulos, Candes, Tibshirani 2023): each is moved a step up when the outcome was above it and so
 * much less down when it was not that the share below it tends to its level, whatever the series does. Steps are in units of
 * how far outcomes lay from what was said of late, so the same code fits bytes and shares, and a series that stands still.
 *
 * Risks are mapped by what became of earlier ones like them: aged means in bins, made monotone, and drawn towards what was
 * said while there are few.
 */
#ifndef FORESTALL_CONFORM_H
#define FORESTALL_CONFORM_H

#include <stdbool.h>
#include "forecast.h"

/* Of one output at one horizon. */
struct conform {
	float scale;	/* aged mean distance of outcomes from the .1 and .9 quantiles */
	float offset[FORECAST_QUANTILES];	/* the median is not moved */
};

/* Moves the quantiles around the median and puts them in order. */
void conform_apply(const struct conform *conform, float quantile[FORECAST_QUANTILES]);

/* said: quantiles as they were after conform_apply() then. */
void conform_learn(struct conform *conform, const float said[FORECAST_QUANTILES], float outcome);

#define CONFORM_BINS 10

/* Of one horizon. */
struct conform_risk {
	struct conform_bin {
		float count, said, happened;	/* aged sums */
	} bin[CONFORM_BINS];
};

/* What a raw risk of 0..1 has come to mean; never falls as the raw risk rises. */
float conform_risk_apply(const struct conform_risk *risk, float raw);
void conform_risk_learn(struct conform_risk *risk, float raw, bool has_happened);

#endif
