/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scores of a model, float or int8, beside persistence. Definitions: train.h. */
#include <math.h>
#include <string.h>

#include "decode.h"
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

/* unit: of the output, in that of the score. */
static void score_quantiles(const float *raw, float label, float now, double unit, double weight,
			    struct train_quantile_score *score)
{
	float quantiles[FORECAST_QUANTILES], same[FORECAST_QUANTILES];

	train_decode_quantiles(raw, quantiles);
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		same[q] = now;
		score->cover[q] += label <= quantiles[q] ? weight : 0;
	}
	score->pinball += weight * unit * train_pinball(quantiles, label);
	score->persistence += weight * unit * train_pinball(same, label);
	score->total += weight;
}

static double squared(double x)
{
	return x * x;
}

static void score_risk(float logit, bool violated, bool violated_now, double weight, struct train_meter_risk *meter,
		       struct train_risk_score *score)
{
	float persistence = violated_now ? PERSISTENCE_LOGIT : -PERSISTENCE_LOGIT;

	score->bce += weight * train_cross_entropy(logit, violated);
	score->bce_persistence += weight * train_cross_entropy(persistence, violated);
	score->brier += weight * squared(lstm_float_sigmoid(logit) - violated);
	score->brier_persistence += weight * squared(lstm_float_sigmoid(persistence) - violated);
	score->total += weight;
	meter->all[bin_of(logit)][violated] += weight;
	meter->now[violated_now][violated] += weight;
	if (!violated_now)
		meter->onset[bin_of(logit)][violated] += weight;
}

static void score_horizon(const struct train_truth *truth, uint32_t h, const float *output, double weight,
			  struct train_meter *meter, struct train_horizon_score *score)
{
	const struct train_label *now = &truth->now, *then = &truth->then[h];

	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (then->known & TRAIN_KNOWS_DEMAND(r))
			score_quantiles(output + OUTPUT_DEMAND(h, r, 0), train_demand_label(truth, (int)h, r), 0,
					decode_demand_unit((enum resource)r), weight, &score->demand[r]);
	if (then->known & TRAIN_KNOWS_SLI)
		score_quantiles(output + OUTPUT_SLI(h, 0), then->sli, now->sli, 1, weight, &score->sli);
	for (int s = 0; s < OUTPUT_RISKS; s++)
		if (then->known & TRAIN_KNOWS_VIOLATED(s))
			score_risk(output[OUTPUT_RISK(h, s)], then->violated >> s & 1, now->violated >> s & 1, weight,
				   &meter->risk[h][s], &score->risk[s]);
}

/* Sums to means; 0 / 0 is the NaN that train.h promises. */
static void finish_quantiles(struct train_quantile_score *s)
{
	s->pinball /= s->total;
	s->persistence /= s->total;
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		s->cover[q] /= s->total;
}

static void finish_risk(const struct train_meter_risk *meter, struct train_risk_score *s)
{
	s->bce /= s->total;
	s->bce_persistence /= s->total;
	s->brier /= s->total;
	s->brier_persistence /= s->total;
	s->auprc = average_precision(meter->all, TRAIN_METER_BINS);
	s->auprc_persistence = average_precision(meter->now, 2);
	s->base_rate = share_of_positives(meter->all, TRAIN_METER_BINS);
	s->onset_auprc = average_precision(meter->onset, TRAIN_METER_BINS);
	s->onset_base_rate = share_of_positives(meter->onset, TRAIN_METER_BINS);
}

static void finish_horizon(const struct train_meter *meter, uint32_t h, struct train_horizon_score *score)
{
	for (int r = 0; r < RESOURCE_COUNT; r++)
		finish_quantiles(&score->demand[r]);
	finish_quantiles(&score->sli);
	for (int s = 0; s < OUTPUT_RISKS; s++)
		finish_risk(&meter->risk[h][s], &score->risk[s]);
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

/* Mean loss of subject on set; meter and score, both or neither, take the rest. */
static double run_subject(const struct train_options *options, const struct train_subject *subject,
			  const struct train_set *set, struct train_meter *meter, struct train_score *score)
{
	double loss = 0, weight = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct train_sequence *sequence = &set->sequences[i];
		struct subject_state state = { 0 };

		for (uint32_t t = 0; t < sequence->steps; t++) {
			const struct train_truth *truth = &sequence->truth[t];
			float output[OUTPUT_COUNT];

			step_subject(subject, &state, sequence->input[t], output);
			loss += sequence->weight * train_loss(options, truth, output, NULL);
			for (uint32_t h = 0; score && h < FORECAST_HORIZONS; h++)
				score_horizon(truth, h, output, sequence->weight, meter, &score->horizon[h]);
		}
		weight += (double)sequence->weight * sequence->steps;
		if (score)
			score->steps += sequence->steps;
	}
	return loss / weight;
}

double train_mean_loss(const struct train_options *options, const struct train_subject *subject,
		       const struct train_set *set)
{
	return run_subject(options, subject, set, NULL, NULL);
}

void train_evaluate(const struct train_options *options, const struct train_subject *subject,
		    const struct train_set *set, struct train_meter *scratch, struct train_score *ret_score)
{
	memset(scratch, 0, sizeof(*scratch));
	memset(ret_score, 0, sizeof(*ret_score));
	ret_score->loss = run_subject(options, subject, set, scratch, ret_score);
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		finish_horizon(scratch, h, &ret_score->horizon[h]);
}
