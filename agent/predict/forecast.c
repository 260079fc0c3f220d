/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "forecast.h"
#include "decode.h"

#include <math.h>

const uint32_t forecast_horizon_s[FORECAST_HORIZONS] = { 1, 2, 5, 15, 30, 60 };
const float forecast_quantile[FORECAST_QUANTILES] = { 0.1f, 0.5f, 0.9f, 0.99f };

static const char *const source_names[] = { "none", "lstm", "statistical", "persistence" };
_Static_assert(sizeof(source_names) / sizeof(source_names[0]) == FORECAST_SOURCE_COUNT, "a name per source");

const char *forecast_source_name(enum forecast_source source) { return source_names[source]; }

static float softplus(float x)
{
	return x > 15 ? x : log1pf(expf(x));
}

static void quantiles_decode(const float raw[FORECAST_QUANTILES], float ret[FORECAST_QUANTILES])
{
	ret[0] = raw[0];
	for (int q = 1; q < FORECAST_QUANTILES; q++)
		ret[q] = ret[q - 1] + softplus(raw[q]);
}

void forecast_decode(const float output[OUTPUT_COUNT], float host_cpus, float bound_ns, struct forecast *ret)
{
	float risk = 0;

	ret->source = FORECAST_LSTM;
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		quantiles_decode(output + OUTPUT_DEMAND(h, 0), ret->demand[h]);
		quantiles_decode(output + OUTPUT_SLI(h, 0), ret->sli[h]);
		for (int q = 0; q < FORECAST_QUANTILES; q++) {
			ret->demand[h][q] = fmaxf(ret->demand[h][q], 0) * host_cpus;
			ret->sli[h][q] = exp2f(4 * fminf(ret->sli[h][q], 4)) * bound_ns / 1e6f;
		}
		/* "Within 5 s" cannot be less likely than "within 2 s". */
		risk = fmaxf(risk, 1.0f / (1.0f + expf(-output[OUTPUT_RISK(h)])));
		ret->risk[h] = risk;
	}
}

void forecast_persist(float demand, float sli_ms, int is_violated, struct forecast *ret)
{
	ret->source = FORECAST_PERSISTENCE;
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		ret->risk[h] = is_violated ? 1 : 0;
		for (int q = 0; q < FORECAST_QUANTILES; q++) {
			ret->demand[h][q] = demand;
			ret->sli[h][q] = sli_ms;
		}
	}
}
