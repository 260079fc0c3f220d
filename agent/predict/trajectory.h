/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joint paths: what happens together, over horizons and resources. A forecast says how much each may be; whether a high CPU
 * in 5 s goes with a high one in 30 s, and with much IO, it does not. Pure.
 *
 * A Gaussian copula over the marginals (Sklar; see Nelsen, "An Introduction to Copulas", 2006): each outcome of an earlier forecast becomes a
 * normal score by that forecast's own quantiles, and the correlation of the scores is learned, forgetting (half in twenty minutes). It is
 * taken to be separable: one matrix over resources and the leading SLI, one over horizons, their Kronecker product over both; so it is
 * positive definite and known after minutes. Before, paths wander (correlation sqrt(h1 / h2)) and resources are strangers.
 *
 * A marginal is linear between its quantiles on the scale of normal scores and goes on beyond them as between the last two;
 * nothing is below 0.
 */
#ifndef FORESTALL_TRAJECTORY_H
#define FORESTALL_TRAJECTORY_H

#include <stdbool.h>
#include "forecast.h"

#define TRAJECTORY_ROWS (RESOURCE_COUNT + 1)	/* the leading SLI is last */
#define TRAJECTORY_SECONDS 64			/* more than the farthest horizon */

/* About 38 KB; all zero is the start. */
struct trajectory {
	float quantile[TRAJECTORY_SECONDS][TRAJECTORY_ROWS][FORECAST_HORIZONS][FORECAST_QUANTILES];	/* by second of origin */
	float score[TRAJECTORY_SECONDS][TRAJECTORY_ROWS][FORECAST_HORIZONS];	/* what came of it; NaN: not known */
	float mean[TRAJECTORY_ROWS][FORECAST_HORIZONS];	/* of scores: a forecast may be biased */
	float across[TRAJECTORY_ROWS][TRAJECTORY_ROWS];	/* sums of products */
	float across_seen[TRAJECTORY_ROWS][TRAJECTORY_ROWS];
	float along[FORECAST_HORIZONS][FORECAST_HORIZONS];
	float along_seen[FORECAST_HORIZONS][FORECAST_HORIZONS];
	uint64_t time_ns;	/* of the last forecast */
	uint32_t seconds;	/* in a row */
	uint32_t sli_id;	/* which SLI leads */
};

/*
 * What came in the second that has just closed, in the units of struct forecast (negative: not measured), and the forecast made from it. A
 * second that is missing or another leading SLI begins a new row of seconds; what was learned stays.
 */
void trajectory_push(struct trajectory *trajectory, const struct forecast *forecast, const float came[TRAJECTORY_ROWS]);

/* Draws of one forecast. The same seed gives the same paths. */
struct trajectory_draw {
	float across[TRAJECTORY_ROWS][TRAJECTORY_ROWS], along[FORECAST_HORIZONS][FORECAST_HORIZONS];	/* correlation */
	float across_root[TRAJECTORY_ROWS][TRAJECTORY_ROWS], along_root[FORECAST_HORIZONS][FORECAST_HORIZONS];	/* Cholesky */
	const struct forecast *forecast;	/* kept by the caller */
	uint64_t random;
};

void trajectory_begin(const struct trajectory *trajectory, const struct forecast *forecast, uint64_t seed, struct trajectory_draw *ret);
void trajectory_next(struct trajectory_draw *draw, float ret[TRAJECTORY_ROWS][FORECAST_HORIZONS]);

#endif
