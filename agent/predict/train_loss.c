/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loss of one step and its gradient by the outputs. Formulas: train.h. */
#include <math.h>
#include <string.h>

#include "decode.h"
#include "train_internal.h"

static const float quantile_level[FORECAST_QUANTILES] = { .1f, .5f, .9f, .99f };

/* log(1 + e^x) without overflow. */
static float softplus(float x)
{
	return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

void train_decode_quantiles(const float raw[FORECAST_QUANTILES], float ret[FORECAST_QUANTILES])
{
	ret[OUTPUT_MEDIAN] = raw[OUTPUT_MEDIAN];
	ret[0] = ret[OUTPUT_MEDIAN] - softplus(raw[0]);
	for (int q = OUTPUT_MEDIAN + 1; q < FORECAST_QUANTILES; q++)
		ret[q] = ret[q - 1] + softplus(raw[q]);
}

float train_demand_label(const struct train_truth *truth, int h, int r)
{
	return (truth->then[h].demand[r] - truth->now.demand[r]) / decode_demand_unit((enum resource)r);
}

float train_pinball(const float quantiles[FORECAST_QUANTILES], float label)
{
	float sum = 0;

	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		float u = label - quantiles[q];

		sum += fmaxf(quantile_level[q] * u, (quantile_level[q] - 1) * u);
	}
	return sum / FORECAST_QUANTILES;
}

float train_cross_entropy(float logit, float label)
{
	return softplus(logit) - label * logit;
}

/* By each quantile. */
static float pinball_gradient(const float quantiles[FORECAST_QUANTILES], float label, int q)
{
	return (label > quantiles[q] ? 0.0f : 1.0f) - quantile_level[q];
}

/*
 * Pinball of four raw outputs; adds factor times its gradient. The median moves all quantiles, a raw output above it those from its
 * own upwards, the one below it the .1 quantile alone.
 */
static float quantile_loss(const float *raw, float label, float factor, float *gradient)
{
	float quantiles[FORECAST_QUANTILES], sum = 0, lowest, each = factor / FORECAST_QUANTILES;

	train_decode_quantiles(raw, quantiles);
	for (int q = FORECAST_QUANTILES - 1; gradient && q > OUTPUT_MEDIAN; q--) {
		sum += pinball_gradient(quantiles, label, q);
		gradient[q] += each * sum * lstm_float_sigmoid(raw[q]);
	}
	if (gradient) {
		lowest = pinball_gradient(quantiles, label, 0);
		gradient[0] -= each * lowest * lstm_float_sigmoid(raw[0]);
		gradient[OUTPUT_MEDIAN] += each * (sum + lowest + pinball_gradient(quantiles, label, OUTPUT_MEDIAN));
	}
	return factor * train_pinball(quantiles, label);
}

static float risk_loss(float logit, float label, float factor, float *gradient)
{
	if (gradient)
		*gradient += factor * (lstm_float_sigmoid(logit) - label);
	return factor * train_cross_entropy(logit, label);
}

/* output and gradient are the whole vectors; gradient may be NULL. */
static float horizon_loss(const struct train_options *options, const struct train_truth *truth, int h,
			  const float *output, float *gradient)
{
	const struct train_label *label = &truth->then[h];
	float demand = options->demand_weight / (FORECAST_HORIZONS * RESOURCE_COUNT), loss = 0;
	float sli = options->sli_weight / FORECAST_HORIZONS, risk = options->risk_weight / FORECAST_HORIZONS;

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		int at = OUTPUT_DEMAND(h, r, 0);

		if (label->known & TRAIN_KNOWS_DEMAND(r))
			loss += quantile_loss(output + at, train_demand_label(truth, h, r), demand,
					      gradient ? gradient + at : NULL);
	}
	if (label->known & TRAIN_KNOWS_SLI)
		loss += quantile_loss(output + OUTPUT_SLI(h, 0), label->sli, sli,
				      gradient ? gradient + OUTPUT_SLI(h, 0) : NULL);
	for (int s = 0; s < OUTPUT_RISKS; s++) {
		int at = OUTPUT_RISK(h, s);

		if (label->known & TRAIN_KNOWS_VIOLATED(s))
			loss += risk_loss(output[at], (float)(label->violated >> s & 1), risk,
					  gradient ? gradient + at : NULL);
	}
	return loss;
}

float train_loss(const struct train_options *options, const struct train_truth *truth, const float output[OUTPUT_COUNT],
		 float *ret_gradient)
{
	float loss = 0;

	if (ret_gradient)
		memset(ret_gradient, 0, OUTPUT_COUNT * sizeof(*ret_gradient));
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		loss += horizon_loss(options, truth, h, output, ret_gradient);
	return loss;
}
