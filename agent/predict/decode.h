/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a forecaster's raw output to struct forecast. Pure. */
#ifndef FORESTALL_DECODE_H
#define FORESTALL_DECODE_H

#include "forecast.h"

/* Layout of `output`: forecast.h. Sets demand, sli, risk and source; risk is made monotone in the horizon. */
void forecast_decode(const float output[OUTPUT_COUNT], float host_cpus, float bound_ns, struct forecast *ret);

/* "The future is like now": every quantile is today's value. demand in cores, sli in ms. */
void forecast_persist(float demand, float sli_ms, int is_violated, struct forecast *ret);

#endif
