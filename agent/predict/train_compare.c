/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "train_compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train_internal.h"

#define BINS 10
#define LOW_SHARE 0.05

struct block {
	double loss[TRAIN_RIVAL_COUNT], weight;
};

/* Of one rival, over all risks whose label is known. */
struct calibration {
	double said[BINS], came[BINS];
	double entropy, weight;
};

struct comparing {
	const struct train_options *options;
	const struct lstm_weights *rival;
	enum train_rival who;
	struct block *blocks;			/* of the part in hand */
	struct calibration *calibration;
	double base[FORECAST_HORIZONS][SLI_LEARNED_COUNT][2];	/* labels 0 and 1, weighted */
	uint64_t labels, violated;
};

static void risk_take(struct comparing *c, int h, int sli, float logit, bool is_violated, double weight)
{
	double risk = (double)lstm_float_sigmoid(logit);
	int bin = (int)fmin(risk * BINS, BINS - 1);

	c->calibration->said[bin] += weight * risk;
	c->calibration->came[bin] += weight * is_violated;
	c->calibration->entropy += weight * (double)train_cross_entropy(logit, is_violated);
	c->calibration->weight += weight;
	if (c->who != TRAIN_CHAMPION)
		return;
	c->base[h][sli][is_violated] += weight;
	c->labels++;
	c->violated += is_violated;
}

static void step_take(struct comparing *c, const struct train_sequence *sequence, uint32_t t, const float *output)
{
	const struct train_truth *truth = &sequence->truth[t];
	struct block *block = &c->blocks[t / TRAIN_BLOCK_STEPS];
	double weight = (double)sequence->weight;

	block->loss[c->who] += weight * (double)train_loss(c->options, truth, output, NULL);
	if (c->who == TRAIN_CHAMPION)
		block->weight += weight;
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		for (int s = 0; s < SLI_LEARNED_COUNT; s++)
			if (truth->then[h].known & TRAIN_KNOWS_VIOLATED(s))
				risk_take(c, h, s, output[OUTPUT_RISK(h, s)], truth->then[h].violated >> s & 1, weight);
}

static void set_run(struct comparing *c, const struct train_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct lstm_state state = { 0 }, *states[] = { &state };
		float output[OUTPUT_COUNT];

		for (uint32_t t = 0; t < set->sequences[i].steps; t++) {
			lstm_step(c->rival, lstm_isa_best(), states, set->sequences[i].input[t], output, 1);
			step_take(c, &set->sequences[i], t, output);
		}
	}
}

static uint32_t blocks_of(const struct train_set *set)
{
	uint32_t steps = 0;

	for (size_t i = 0; i < set->count; i++)
		steps = set->sequences[i].steps > steps ? set->sequences[i].steps : steps;
	return (steps + TRAIN_BLOCK_STEPS - 1) / TRAIN_BLOCK_STEPS;
}

static double calibration_error(const struct calibration *calibration)
{
	double sum = 0;

	for (int bin = 0; bin < BINS; bin++)
		sum += fabs(calibration->said[bin] - calibration->came[bin]);
	return sum / calibration->weight;
}

static double base_entropy(const struct comparing *c)
{
	double sum = 0, weight = 0;

	for (int h = 0; h < FORECAST_HORIZONS; h++)
		for (int s = 0; s < SLI_LEARNED_COUNT; s++) {
			double total = c->base[h][s][0] + c->base[h][s][1];

			for (int label = 0; label < 2; label++)
				if (c->base[h][s][label] > 0)
					sum -= c->base[h][s][label] * log(c->base[h][s][label] / total);
			weight += total;
		}
	return sum / weight;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double bootstrap_low(const struct block *blocks, uint32_t count, uint64_t seed)
{
	double means[TRAIN_DRAWS];
	struct train_random random;

	train_random_seed(&random, seed);
	for (int draw = 0; draw < TRAIN_DRAWS; draw++) {
		double sum = 0, weight = 0;

		for (uint32_t i = 0; i < count; i++) {
			const struct block *block = &blocks[train_random_next(&random) % count];

			sum += block->loss[TRAIN_CHAMPION] - block->loss[TRAIN_CHALLENGER];
			weight += block->weight;
		}
		means[draw] = sum / weight;
	}
	qsort(means, TRAIN_DRAWS, sizeof(means[0]), compare_double);
	return means[(int)(TRAIN_DRAWS * LOW_SHARE)];
}

static void comparison_fill(const struct comparing *c, const struct block *blocks, uint32_t count,
			    const struct calibration calibration[TRAIN_RIVAL_COUNT], struct train_comparison *ret)
{
	double weight = 0;

	memset(ret, 0, sizeof(*ret));
	ret->blocks = count;
	ret->labels = c->labels;
	ret->violated = c->violated;
	for (uint32_t i = 0; i < count; i++) {
		weight += blocks[i].weight;
		for (int who = 0; who < TRAIN_RIVAL_COUNT; who++)
			ret->loss[who] += blocks[i].loss[who];
	}
	for (int who = 0; who < TRAIN_RIVAL_COUNT; who++) {
		ret->loss[who] /= weight;
		ret->ece[who] = calibration_error(&calibration[who]);
		ret->entropy[who] = calibration[who].entropy / calibration[who].weight;
	}
	ret->entropy_base = base_entropy(c);
	ret->low = bootstrap_low(blocks, count, c->options->seed);
}

int train_compare(const struct train_options *options, const struct lstm_weights *const rivals[TRAIN_RIVAL_COUNT],
		  const struct train_set *parts, size_t part_count, struct train_comparison *ret)
{
	struct calibration calibration[TRAIN_RIVAL_COUNT] = { 0 };
	struct comparing c = { .options = options };
	struct block *blocks;
	uint32_t count = 0;

	for (size_t i = 0; i < part_count; i++)
		count += blocks_of(&parts[i]);
	if (!count)
		return -ENODATA;
	blocks = calloc(count, sizeof(*blocks));
	if (!blocks)
		return -ENOMEM;
	for (int who = 0; who < TRAIN_RIVAL_COUNT; who++) {
		c.rival = rivals[who];
		c.who = (enum train_rival)who;
		c.calibration = &calibration[who];
		c.blocks = blocks;
		for (size_t i = 0; i < part_count; c.blocks += blocks_of(&parts[i]), i++)
			set_run(&c, &parts[i]);
	}
	comparison_fill(&c, blocks, count, calibration, ret);
	free(blocks);
	return 0;
}
