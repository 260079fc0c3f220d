/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A regression that all SLIs share, in one network with what was trained of each. */
#include <math.h>
#include <string.h>

#include "ridge.h"
#include "train_internal.h"

#define ROUNDS 10
#define PENALTY 1.0
#define LOGIT_MAX 8.0f
#define SHARED_LABELS 600.0f	/* who was violated in as many seconds counts as much as what all share */

_Static_assert(FEATURE_COUNT + 1 <= RIDGE_MAX, "the inputs and a constant");

/* As the network sees them, and a constant. */
static void inputs_take(const struct lstm_float *weights, const float *input, float ret[FEATURE_COUNT + 1])
{
	for (uint32_t i = 0; i < FEATURE_COUNT; i++)
		ret[i] = lstm_float_clamp(weights, i, input[i]);
	ret[FEATURE_COUNT] = 1;
}

/*
 * One second in a round of reweighted least squares. Its SLIs have the same inputs, so what they say is summed: a row of as much weight as all
 * of theirs.
 */
static void second_add(const struct train_label *then, const float x[FEATURE_COUNT + 1], const struct ridge *now, struct ridge *next)
{
	float logit = fminf(fmaxf(ridge_say(now, x), -LOGIT_MAX), LOGIT_MAX), row[FEATURE_COUNT + 1];
	float p = lstm_float_sigmoid(logit), missed = 0, root;
	int known = 0;

	for (int s = 0; s < SLI_LEARNED_COUNT; s++)
		if (then->known & TRAIN_KNOWS_VIOLATED(s)) {
			missed += (float)(then->violated >> s & 1) - p;
			known++;
		}
	if (!known)
		return;
	root = sqrtf((float)known * p * (1 - p));
	for (uint32_t i = 0; i <= FEATURE_COUNT; i++)
		row[i] = root * x[i];
	ridge_add(next, row, root * logit + missed / root);
}

static void round_run(const struct train_set *set, const struct lstm_float *weights, int h, const struct ridge *now, struct ridge *next)
{
	float x[FEATURE_COUNT + 1];

	for (size_t i = 0; i < set->count; i++) {
		const struct train_sequence *sequence = &set->sequences[i];

		/* Of who has no bound nothing is known, and that what is violated stays so the networks know. */
		for (uint32_t t = 0; sequence->weight >= 1 && t < sequence->steps; t++) {
			if (sequence->truth[t].now.violated & ((1u << SLI_LEARNED_COUNT) - 1))
				continue;
			inputs_take(weights, sequence->input[t], x);
			second_add(&sequence->truth[t].then[h], x, now, next);
		}
	}
}

static bool is_silent(const struct lstm_float *weights, uint32_t row)
{
	uint32_t hidden = weights->config.hidden;

	for (uint32_t j = 0; j < hidden; j++)
		if (weights->head[row * hidden + j] != 0)
			return false;
	return true;
}

static void row_mix(struct lstm_float *weights, uint32_t row, float share, const struct ridge *ridge)
{
	uint32_t hidden = weights->config.hidden;

	for (uint32_t j = 0; j < hidden; j++)
		weights->head[row * hidden + j] *= 1 - share;
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		float *direct = &weights->direct[row * FEATURE_COUNT + i];

		*direct += share * ((float)ridge->weight[i] - *direct);
	}
	weights->head_bias[row] += share * ((float)ridge->weight[FEATURE_COUNT] - weights->head_bias[row]);
}

/* Of the regression in what is said of an SLI: the less is known of its violations, the more. */
static float share_of(const struct train_set sets[], uint32_t count, int h, int s)
{
	uint32_t violated = 0;

	for (uint32_t i = 0; i < count; i++)
		for (size_t k = 0; k < sets[i].count; k++)
			for (uint32_t t = 0; t < sets[i].sequences[k].steps; t++)
				violated += sets[i].sequences[k].truth[t].then[h].violated >> s & 1;
	return SHARED_LABELS / (SHARED_LABELS + (float)violated);
}

void train_regress(const struct train_set sets[], uint32_t count, struct lstm_float *weights)
{
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		struct ridge ridge = { .size = FEATURE_COUNT + 1 };

		for (int round = 0; round < ROUNDS; round++) {
			struct ridge next = { .size = FEATURE_COUNT + 1 };

			for (uint32_t i = 0; i < count; i++)
				round_run(&sets[i], weights, h, &ridge, &next);
			ridge_solve(&next, PENALTY);
			ridge = next;
		}
		for (int s = 0; s < SLI_LEARNED_COUNT; s++)
			if (!is_silent(weights, (uint32_t)OUTPUT_RISK(h, s)))
				row_mix(weights, (uint32_t)OUTPUT_RISK(h, s), share_of(sets, count, h, s), &ridge);
	}
}
