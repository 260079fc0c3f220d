/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a forecaster's raw output to struct forecast. Pure. */
#ifndef FORESTALL_DECODE_H
#define FORESTALL_DECODE_H

#include "forecast.h"

/* What a unit of raw demand output stands for, share of capacity: memory moves little. */
static inline float decode_demand_unit(enum resource resource)
{
	return resource == RESOURCE_MEMORY ? 0.1f : 1.0f;
}

/*
 * Layout of `output`: forecast.h. Sets demand, sli, risk, failure, impairment and source; risk is made monotone in the
 * horizon, and 0 for what is not bound. now: demand as share of capacity, negative where not measured.
 */
void forecast_decode(const float output[OUTPUT_COUNT], const float now[RESOURCE_COUNT], const float capacity[RESOURCE_COUNT],
		     const struct slo *slo, struct forecast *ret);

/* "The future is like now": every quantile is today's value, in the units of struct forecast. violated: bit per SLI. */
void forecast_persist(const float demand[RESOURCE_COUNT], float sli, uint32_t violated, struct forecast *ret);

/* Says what the gravest risk within 5 s is blamed on. */
void forecast_blame(struct forecast *forecast);

#endif
