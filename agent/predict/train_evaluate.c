/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scores of a model, float or int8, beside persistence. Definitions: train.h. */
#include <math.h>
#include <string.h>

#include "train_internal.h"

#define BIN_WIDTH (1.0f / 64)	/* of a logit; the bins span -16..16 */
#define PERSISTENCE_LOGIT 4.59512f	/* of .99 */

static uint32_t bin_of(float logit)
{
	float bin = logit / BIN_WIDTH + TRAIN_METER_BINS / 2;

	return (uint32_t)fminf(fmaxf(bin, 0), TRAIN_METER_BINS - 1);
}

/* Sum over thresholds, highest first, of precision times the recall gained. */
static double average_precision(const double (*bins)[2], size_t count)
{
	double positives = 0, hits = 0, alarms = 0, sum = 0;

	for (size_t b = 0; b < count; b++)
		positives += bins[b][1];
	for (size_t b = count; b-- > 0;) {
		hits += bins[b][1];
		alarms += bins[b][0] + bins[b][1];
		if (bins[b][1] > 0)
			sum += bins[b][1] / positives * (hits / alarms);
	}
	return positives > 0 ? sum : NAN;
}

static double share_of_positives(const double (*bins)[2], size_t count)
{
	double by_label[2] = { 0 };

	for (size_t b = 0; b < count; b++) {
		by_label[0] += bins[b][0];
		by_label[1] += bins[b][1];
	}
	return by_label[1] / (by_label[0] + by_label[1]);
}

struct quantile_score {
	double *pinball, *persistence, *cover, *total;
};

static void score_quantiles(const float *raw, float label, float now, double weight, const struct quantile_score *score)
{
	float quantiles[FORECAST_QUANTILES], same[FORECAST_QUANTILES];

	train_decode_quantiles(raw, quantiles);
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		same[q] = isnan(now) ? 0 : now;
		score->cover[q] += label <= quantiles[q] ? weight : 0;
	}
	*score->pinball += weight * train_pinball(quantiles, label);
	*score->persistence += weight * train_pinball(same, label);
	*score->total += weight;
}

static double squared(double x)
{
	return x * x;
}

static void score_risk(float logit, float label, bool violated_now, double weight, uint32_t h,
		       struct train_meter *meter, struct train_horizon_score *score)
{
	float persistence = violated_now ? PERSISTENCE_LOGIT : -PERSISTENCE_LOGIT;
	bool violated = label > 0.5f;

	score->bce += weight * train_cross_entropy(logit, label);
	score->bce_persistence += weight * train_cross_entropy(persistence, label);
	score->brier += weight * squared(lstm_float_sigmoid(logit) - label);
	score->brier_persistence += weight * squared(lstm_float_sigmoid(persistence) - label);
	score->risk_total += weight;
	meter->all[h][bin_of(logit)][violated] += weight;
	meter->now[h][violated_now][violated] += weight;
	if (!violated_now) {
		meter->onset[h][bin_of(logit)][violated] += weight;
		score->onset_total += weight;
	}
}

static void score_step(const struct train_sequence *sequence, uint32_t t, const float *output,
		       struct train_meter *meter, struct train_score *score)
{
	float cpu_now = sequence->input[t][FEATURE_OWN_CPU], sli_now = sequence->input[t][FEATURE_OWN_SLI];
	double weight = sequence->weight;

	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
		struct train_horizon_score *s = &score->horizon[h];
		struct quantile_score demand = { &s->demand_pinball, &s->demand_pinball_persistence, s->demand_cover,
						 &s->demand_total };
		struct quantile_score sli = { &s->sli_pinball, &s->sli_pinball_persistence, s->sli_cover,
					      &s->sli_total };
		uint8_t known = sequence->mask[t][h];

		if (known & TRAIN_KNOWS_DEMAND)
			score_quantiles(output + OUTPUT_DEMAND(h, 0), sequence->demand[t][h], cpu_now, weight,
					&demand);
		if (known & TRAIN_KNOWS_SLI)
			score_quantiles(output + OUTPUT_SLI(h, 0), sequence->sli[t][h], sli_now, weight, &sli);
		if (known & TRAIN_KNOWS_VIOLATED)
			score_risk(output[OUTPUT_RISK(h)], sequence->violated[t][h], sli_now > 0, weight, h, meter,
				   s);
	}
}

/* Sums to means; 0 / 0 is the NaN that train.h promises. */
static void finish_horizon(const struct train_meter *meter, uint32_t h, struct train_horizon_score *s)
{
	s->demand_pinball /= s->demand_total;
	s->demand_pinball_persistence /= s->demand_total;
	s->sli_pinball /= s->sli_total;
	s->sli_pinball_persistence /= s->sli_total;
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		s->demand_cover[q] /= s->demand_total;
		s->sli_cover[q] /= s->sli_total;
	}
	s->bce /= s->risk_total;
	s->bce_persistence /= s->risk_total;
	s->brier /= s->risk_total;
	s->brier_persistence /= s->risk_total;
	s->auprc = average_precision(meter->all[h], TRAIN_METER_BINS);
	s->auprc_persistence = average_precision(meter->now[h], 2);
	s->base_rate = share_of_positives(meter->all[h], TRAIN_METER_BINS);
	s->onset_auprc = average_precision(meter->onset[h], TRAIN_METER_BINS);
	s->onset_base_rate = share_of_positives(meter->onset[h], TRAIN_METER_BINS);
}

/* Both kinds of state; the one that the subject does not use stays zero. */
struct subject_state {
	struct lstm_float_state real;
	struct lstm_state quantized;
};

static void step_subject(const struct train_subject *subject, struct subject_state *state, const float *input,
			 float *output)
{
	struct lstm_state *states[] = { &state->quantized };

	if (subject->real)
		lstm_float_step(subject->real, &state->real, input, output);
	else
		lstm_step(subject->quantized, subject->isa, states, input, output, 1);
}

void train_evaluate(const struct train_options *options, const struct train_subject *subject,
		    const struct train_set *set, struct train_meter *scratch, struct train_score *ret_score)
{
	double loss = 0, weight = 0;

	memset(scratch, 0, sizeof(*scratch));
	memset(ret_score, 0, sizeof(*ret_score));
	for (size_t s = 0; s < set->count; s++) {
		const struct train_sequence *sequence = &set->sequences[s];
		struct subject_state state = { 0 };

		for (uint32_t t = 0; t < sequence->steps; t++) {
			float output[OUTPUT_COUNT];

			step_subject(subject, &state, sequence->input[t], output);
			loss += sequence->weight * train_loss(options, sequence, t, output, NULL);
			score_step(sequence, t, output, scratch, ret_score);
		}
		weight += (double)sequence->weight * sequence->steps;
		ret_score->steps += sequence->steps;
	}
	ret_score->loss = loss / weight;
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		finish_horizon(scratch, h, &ret_score->horizon[h]);
}
