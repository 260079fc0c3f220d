/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said about an instance's future at one frame. Pure.
 *
 * Three forecasters stand behind one struct: the LSTM, a statistical one (always computed, the fallback), and
 * persistence ("the future is like now", the reactive baseline). `source` says which one spoke.
 */
#ifndef FORESTALL_FORECAST_H
#define FORESTALL_FORECAST_H

#include <stdint.h>

#define FORECAST_HORIZONS 6
#define FORECAST_QUANTILES 4

/* Seconds ahead; "within" for risk, "at" for quantiles. */
extern const uint32_t forecast_horizon_s[FORECAST_HORIZONS];	 /* 1 2 5 15 30 60 */
extern const float forecast_quantile[FORECAST_QUANTILES];	 /* .1 .5 .9 .99 */

enum forecast_source {
	FORECAST_NONE,
	FORECAST_LSTM,
	FORECAST_STATISTICAL,
	FORECAST_PERSISTENCE,
	FORECAST_SOURCE_COUNT
};

struct forecast {
	uint64_t time_ns;	/* of the frame it was made from */
	float demand[FORECAST_HORIZONS][FORECAST_QUANTILES];	/* unthrottled CPU demand, cores */
	float sli[FORECAST_HORIZONS][FORECAST_QUANTILES];	/* runq p99, ms */
	float risk[FORECAST_HORIZONS];	/* P(an SLO bound is violated in some second within the horizon), 0..1 */
	uint32_t source;	/* enum forecast_source */
	float quality;		/* of the frame, 0..1 */
};

/*
 * The model's output vector, before decoding: per horizon 4 demand values (cores / host cpus), 4 SLI values
 * (log2(p99 / bound) / 4, as in FEATURE_OWN_SLI) and one risk logit. Quantile heads are cumulative: the first is
 * the .1 quantile, each next adds softplus(raw) to the one before, so quantiles never cross.
 */
#define OUTPUT_PER_HORIZON (2 * FORECAST_QUANTILES + 1)
#define OUTPUT_COUNT (FORECAST_HORIZONS * OUTPUT_PER_HORIZON)
#define OUTPUT_DEMAND(h, q) ((h) * OUTPUT_PER_HORIZON + (q))
#define OUTPUT_SLI(h, q) ((h) * OUTPUT_PER_HORIZON + FORECAST_QUANTILES + (q))
#define OUTPUT_RISK(h) ((h) * OUTPUT_PER_HORIZON + 2 * FORECAST_QUANTILES)

const char *forecast_source_name(enum forecast_source source);

#endif
