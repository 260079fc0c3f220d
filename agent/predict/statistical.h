/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The robust forecaster that is always computed: the fallback when the model or the data is bad. Pure.
 *
 * Demand: mean and spread of the last 30 s. Risk, per SLO: how often it was violated in earlier seconds in which the
 * host was as loaded as it is expected to be, a Beta posterior per bin of load, made monotone in the load. Load is the
 * total demand of the resource that the SLO is blamed on, as share of capacity; of memory the last quarter counts, four times stretched.
 */
#ifndef FORESTALL_STATISTICAL_H
#define FORESTALL_STATISTICAL_H

#include <stdbool.h>
#include "extract.h"
#include "forecast.h"

#define STATISTICAL_BINS 16	/* of load, each 1/8; the last takes all above */

struct statistical {
	float seen[STATISTICAL_BINS];
	float violated[STATISTICAL_BINS];
	float guarded;		/* seconds that taught nothing: the host was overcommitted, and something was held against it */
};

/* What the forecaster has learned of one instance, by SLI, and what it is asked about. */
struct statistical_view {
	const struct statistical *learned;	/* [SLI_COUNT] of an instance that is bound; else not looked at */
	const struct extract *in;		/* as for feature_extract */
	const float *total;			/* [RESOURCE_COUNT] demand of the host in the second closed last, share */
	uint32_t violated;			/* in that second, bit per SLI */
};

/* The resource with the highest load, as statistical_load() has it. */
enum resource statistical_scarcest(const float total[RESOURCE_COUNT]);

/* Load that an SLI depends on, from the host's demand as shares of capacity; resp_p99 looks at the highest. */
float statistical_load(enum sli sli, const float total[RESOURCE_COUNT]);

/* One closed second: the load, and whether the SLO was violated in it. */
void statistical_push(struct statistical *stat, float load, bool is_violated);

/* The same of a second that was well under our own action, which may be why. */
void statistical_guard(struct statistical *stat, float load);

/* What it says: demand, leading SLI, and risk of every SLI that is bound. */
void statistical_forecast(const struct statistical_view *view, struct forecast *ret);

#endif
