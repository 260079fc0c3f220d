/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recurrence: a load that came at a steady period is expected at its next phase. Pure.
 *
 * The autocorrelation of the per-second demand is kept up to date for all lags at once, exponentially weighted
 * (r_l <- a r_l + d_t d_{t-l} with d the deviation from an exponentially weighted mean), so a second costs
 * RECUR_LAGS multiply-adds. The period is the lag with the highest local maximum of r_l / r_0, believed
 * sooner when twice the lag agrees.
 * See Box & Jenkins, Time Series Analysis, ch. 2 for the estimate.
 */
#ifndef FORESTALL_RECUR_H
#define FORESTALL_RECUR_H

#include <stdint.h>

#define RECUR_LAG_MIN 3
#define RECUR_LAGS 64
#define RECUR_DEMAND_MIN 0.014f	/* what never was more than this has no period that is believed */
#define RECUR_SECONDS 128	/* history, at least twice the longest lag */

struct recur {
	float value[RECUR_SECONDS];	/* ring of per-second demand */
	float corr[RECUR_LAGS];		/* corr[l] for lag l; corr[0] is the energy */
	float mean;
	uint32_t count;			/* seconds seen, grows without bound */
	uint32_t period_s;		/* 0: none found */
	float confidence;		/* 0..1: r_l / r_0 at the period, 0 when too low to be believed */
};

void recur_reset(struct recur *recur);

/* One second's demand, >= 0. */
void recur_push(struct recur *recur, float demand);

/*
 * Peak demand expected `from`..`to` seconds ahead (1 <= from <= to), seen one and two periods before, one second of
 * slack either way. 0 without a period.
 */
float recur_expect(const struct recur *recur, uint32_t from, uint32_t to);

#endif
