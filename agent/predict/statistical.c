/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistical.h"

#include <math.h>
#include <string.h>

#define SEEN_DECAY 0.998f	/* remembers about eight minutes of a bin */
#define PRIOR_SECONDS 2.0f
#define HISTORY_SECONDS 30

static const float normal_quantile[FORECAST_QUANTILES] = { -1.2816f, 0.0f, 1.2816f, 2.3263f };

void statistical_reset(struct statistical *stat)
{
	memset(stat, 0, sizeof(*stat));
}

static uint32_t bin_of(float demand)
{
	float bin = fmaxf(demand, 0) * 8;

	return bin >= STATISTICAL_BINS - 1 ? STATISTICAL_BINS - 1 : (uint32_t)bin;
}

void statistical_push(struct statistical *stat, float demand, bool is_violated)
{
	uint32_t bin = bin_of(demand);

	stat->seen[bin] = SEEN_DECAY * stat->seen[bin] + 1;
	stat->violated[bin] = SEEN_DECAY * stat->violated[bin] + (is_violated ? 1 : 0);
}

/*
 * Without experience an overcommitted host is a coin toss and an idle one is safe. More demand is never less risky, so
 * what was learned at a lower demand holds at a higher one that was seldom seen.
 */
static float bin_risk(const struct statistical *stat, float demand)
{
	float risk = 0, prior = 0.5f / (1.0f + expf(-8.0f * (demand - 1.0f)));

	for (uint32_t bin = 0; bin <= bin_of(demand); bin++) {
		float middle = ((float)bin + 0.5f) / 8, at = 0.5f / (1.0f + expf(-8.0f * (middle - 1.0f)));

		risk = fmaxf(risk, (stat->violated[bin] + PRIOR_SECONDS * at) / (stat->seen[bin] + PRIOR_SECONDS));
	}
	return fmaxf(risk, stat->seen[bin_of(demand)] > 0 ? 0 : prior);
}

static void own_spread(const struct extract *in, float *ret_mean, float *ret_deviation)
{
	float sum = 0, squares = 0;
	uint32_t n = 0;

	for (; n < HISTORY_SECONDS; n++) {
		const struct window_second *second = window_at(in->window, n);
		float demand;

		if (!second)
			break;
		demand = feature_demand(second, in->host_cpus);
		sum += demand;
		squares += demand * demand;
	}
	*ret_mean = n ? sum / (float)n : 0;
	*ret_deviation = n ? sqrtf(fmaxf(squares / (float)n - *ret_mean * *ret_mean, 0)) : 0;
}

/* Which span of feature_expect a horizon reaches to. */
static uint32_t span_of(uint32_t horizon)
{
	return horizon < EXPECT_SPANS - 1 ? horizon : EXPECT_SPANS - 1;
}

/*
 * Risk within a span: what is coming comes with its confidence, and else things stay as they are. Own demand is taken
 * as its mean: its spread is what the bins have learned from.
 */
static float span_risk(const struct statistical *stat, const struct extract *in, uint32_t span, float mean, float stay)
{
	const struct expectation *likeliest = &in->others->likeliest;
	float confidence = likeliest->confidence[span];

	return confidence * bin_risk(stat, mean + likeliest->demand[span]) + (1 - confidence) * stay;
}

void statistical_forecast(const struct statistical *stat, const struct extract *in, float demand, bool is_violated,
			  struct forecast *ret)
{
	const struct window_second *now = window_at(in->window, 0);
	float mean, deviation, sli_ms, stay, risk;

	own_spread(in, &mean, &deviation);
	stay = risk = fmaxf(bin_risk(stat, demand), is_violated ? 0.8f : 0);
	sli_ms = now && now->sli_ns >= 0 ? now->sli_ns / 1e6f : 0;
	ret->source = FORECAST_STATISTICAL;
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
		float expected = in->own->demand[span_of(h)] * in->own->confidence[span_of(h)];

		risk = fmaxf(risk, span_risk(stat, in, span_of(h), mean, stay));
		ret->risk[h] = fminf(risk, 1);
		for (int q = 0; q < FORECAST_QUANTILES; q++) {
			float value = fmaxf(mean + normal_quantile[q] * deviation, 0);

			if (forecast_quantile[q] >= 0.5f)
				value = fmaxf(value, expected);
			ret->demand[h][q] = fminf(value, 1) * in->host_cpus;
			ret->sli[h][q] = sli_ms * exp2f(normal_quantile[q] * 0.5f * sqrtf((float)(h + 1)));
		}
	}
}
