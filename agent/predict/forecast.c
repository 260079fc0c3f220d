/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "forecast.h"
#include "decode.h"
#include "extract.h"

#include <math.h>

#define BLAME_HORIZON 2		/* 5 s */
#define BLAME_RISK 0.1f

const uint32_t forecast_horizon_s[FORECAST_HORIZONS] = { 1, 2, 5, 15, 30, 60 };
const float forecast_quantile[FORECAST_QUANTILES] = { 0.1f, 0.5f, 0.9f, 0.99f };

static const char *const source_names[] = { "none", "lstm", "statistical", "persistence" };
_Static_assert(sizeof(source_names) / sizeof(source_names[0]) == FORECAST_SOURCE_COUNT, "a name per source");

const char *forecast_source_name(enum forecast_source source) { return source_names[source]; }

const char *forecast_impairment_name(uint32_t impairment)
{
	return impairment == IMPAIRMENT_FAILURE ? "failure" : resource_name((enum resource)impairment);
}

static float softplus(float x)
{
	return x > 15 ? x : log1pf(expf(x));
}

static void quantiles_decode(const float raw[FORECAST_QUANTILES], float ret[FORECAST_QUANTILES])
{
	ret[OUTPUT_MEDIAN] = raw[OUTPUT_MEDIAN];
	ret[0] = ret[OUTPUT_MEDIAN] - softplus(raw[0]);
	for (int q = OUTPUT_MEDIAN + 1; q < FORECAST_QUANTILES; q++)
		ret[q] = ret[q - 1] + softplus(raw[q]);
}

float forecast_risk(const struct forecast *forecast, uint32_t horizon, enum sli *ret_sli)
{
	float risk = 0;

	*ret_sli = SLI_COUNT;
	for (int sli = 0; sli < SLI_COUNT; sli++) {
		if (forecast->risk[sli][horizon] <= risk)
			continue;
		risk = forecast->risk[sli][horizon];
		*ret_sli = (enum sli)sli;
	}
	return risk;
}

void forecast_blame(struct forecast *forecast)
{
	enum sli sli;
	float failure = forecast->failure[BLAME_HORIZON], risk = forecast_risk(forecast, BLAME_HORIZON, &sli);

	forecast->impairment = RESOURCE_COUNT;
	if (risk >= BLAME_RISK)
		forecast->impairment = sli_resource(sli) == RESOURCE_COUNT ? forecast->scarcest : sli_resource(sli);
	if (failure >= BLAME_RISK && failure >= risk)
		forecast->impairment = IMPAIRMENT_FAILURE;
}

static float sigmoid(float logit)
{
	return 1.0f / (1.0f + expf(-logit));
}

static void demand_decode(const float raw[FORECAST_QUANTILES], enum resource r, float now, float capacity,
			  float ret[FORECAST_QUANTILES])
{
	quantiles_decode(raw, ret);
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		ret[q] = fmaxf(fmaxf(now, 0) + ret[q] * decode_demand_unit(r), 0) * capacity;
}

/* "Within 5 s" cannot be less likely than "within 2 s". */
static float risk_decode(float logit, const float *earlier)
{
	return fmaxf(sigmoid(logit), earlier ? *earlier : 0);
}

void forecast_decode(const float output[OUTPUT_COUNT], const float now[RESOURCE_COUNT], const float capacity[RESOURCE_COUNT],
		     const struct slo *slo, struct forecast *ret)
{
	enum sli leading = slo_leading_learned(slo);
	bool is_leading = leading == slo_leading(slo);
	float unit = feature_bound(slo, leading) * (sli_unit(leading) == SLI_UNIT_NS ? 1e-6f : 1);

	ret->source = FORECAST_LSTM;
	ret->sli_id = slo_leading(slo);
	/* Where an SLI of the application leads, what the statistical forecaster said of it stays. */
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		for (int r = 0; r < RESOURCE_COUNT; r++)
			demand_decode(output + OUTPUT_DEMAND(h, r, 0), (enum resource)r, now[r], capacity[r], ret->demand[r][h]);
		if (is_leading)
			quantiles_decode(output + OUTPUT_SLI(h, 0), ret->sli[h]);
		for (int q = 0; is_leading && q < FORECAST_QUANTILES; q++)
			ret->sli[h][q] = exp2f(4 * fminf(ret->sli[h][q], 4)) * unit;
		for (int s = 0; s < SLI_LEARNED_COUNT; s++)
			ret->risk[s][h] = !slo->bound[s] ? 0 :
					  risk_decode(output[OUTPUT_RISK(h, s)], h ? &ret->risk[s][h - 1] : NULL);
		ret->failure[h] = risk_decode(output[OUTPUT_RISK(h, OUTPUT_RISK_FAILURE)], h ? &ret->failure[h - 1] : NULL);
	}
	forecast_blame(ret);
}

void forecast_persist(const float demand[RESOURCE_COUNT], float sli, uint32_t violated, struct forecast *ret)
{
	ret->source = FORECAST_PERSISTENCE;
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		for (int s = 0; s < SLI_COUNT; s++)
			ret->risk[s][h] = violated >> s & 1;
		for (int q = 0; q < FORECAST_QUANTILES; q++) {
			for (int r = 0; r < RESOURCE_COUNT; r++)
				ret->demand[r][h][q] = demand[r];
			ret->sli[h][q] = sli;
		}
	}
	forecast_blame(ret);
}
