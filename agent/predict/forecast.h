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
#include "resource.h"
#include "slo.h"

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
	/* Unthrottled demand, in the units of enum resource. */
	float demand[RESOURCE_COUNT][FORECAST_HORIZONS][FORECAST_QUANTILES];
	float sli[FORECAST_HORIZONS][FORECAST_QUANTILES];	/* of the leading SLI: ms, or share of 1 */
	/* P(this SLO's bound is violated in some second within the horizon), 0..1; 0 where nothing is bound. */
	float risk[SLI_COUNT][FORECAST_HORIZONS];
	float failure[FORECAST_HORIZONS];	/* P(the instance fails within the horizon), failures as in observe.h */
	uint32_t sli_id;	/* enum sli: which one leads */
	uint32_t source;	/* enum forecast_source */
	float quality;		/* of the frame, 0..1 */
	uint32_t scarcest;	/* enum resource: the host's in 2 s, if what is expected comes; late answers are blamed on it */
	uint32_t pad;
	uint32_t impairment;	/* enum resource that the gravest risk is blamed on; RESOURCE_COUNT: no risk to speak of; IMPAIRMENT_FAILURE */
};

/* Failing is graver than any violation within 5 s. */
#define IMPAIRMENT_FAILURE (RESOURCE_COUNT + 1)

/*
 * The model's output vector, before decoding. First, per horizon, a risk logit for each SLI that it learns and one for failure:
 * they see the inputs directly (lstm.h). Then, per horizon, 4 quantiles of the change of demand from now for each resource (share
 * of the host's capacity; of memory, which moves little, a tenth of it) and 4 of the leading SLI (log2(value / bound) / 4, as in
 * FEATURE_OWN_SLI). Of quantiles raw 1 is the median; the .1
 * quantile lies softplus(raw 0) below it, the .9 quantile softplus(raw 2) above it and the .99 quantile softplus(raw 3)
 * above that, so they never cross, and a model that says nothing says that demand stays as it is.
 */
#define OUTPUT_RISKS (SLI_LEARNED_COUNT + 1)
#define OUTPUT_RISK_FAILURE SLI_LEARNED_COUNT
#define OUTPUT_MEDIAN 1
#define OUTPUT_RISK(h, s) ((h) * OUTPUT_RISKS + (s))
#define OUTPUT_DIRECT OUTPUT_RISK(FORECAST_HORIZONS, 0)
#define OUTPUT_DEMAND(h, r, q) (OUTPUT_DIRECT + ((h) * (RESOURCE_COUNT + 1) + (r)) * FORECAST_QUANTILES + (q))
#define OUTPUT_SLI(h, q) OUTPUT_DEMAND(h, RESOURCE_COUNT, q)
#define OUTPUT_COUNT OUTPUT_DEMAND(FORECAST_HORIZONS, 0, 0)

/* The gravest risk at this horizon, and whose; 0 and SLI_COUNT without any. */
float forecast_risk(const struct forecast *forecast, uint32_t horizon, enum sli *ret_sli);

const char *forecast_source_name(enum forecast_source source);

/* That of the resource, or "failure". */
const char *forecast_impairment_name(uint32_t impairment);

#endif
