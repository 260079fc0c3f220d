/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop: minibatches of chunks from several sequences at once ("lanes"), one Adam step each, best epoch kept. A
 * lane carries its sequence's state from chunk to chunk and takes the next sequence of the shuffled order at its end.
 */
#include "train.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adam.h"
#include "train_internal.h"

#define RATE_END_SHARE 0.05f

struct lane {
	const struct train_sequence *sequence;	/* NULL: nothing left for it */
	uint32_t step;
	struct lstm_float_state state;
};

struct train {
	struct train_options options;
	struct train_set train, validation;
	struct train_random random;
	struct lstm_float weights, average, best, gradient, first, second;
	struct lstm_weights quantized;
	struct train_layout layout;
	struct train_tape tape;
	struct train_gradient sums;
	struct lane lanes[TRAIN_LANES_MAX];
	double best_loss;
	uint32_t epoch;
	uint32_t updates;
	size_t order_next;
	size_t order[];	/* of train.sequences */
};

void train_options_init(struct train_options *ret)
{
	*ret = (struct train_options) {
		.seed = 1,
		.hidden = LSTM_HIDDEN_DEFAULT,
		.epochs = 80,
		.lanes = 8,
		.chunk_steps = TRAIN_CHUNK_MAX,
		.learning_rate = 3e-3f,
		.weight_decay = 1e-4f,
		.direct_rate = 1,
		.direct_decay = 1e-4f,
		.dropout = 0,
		.averaging = 0,
		.clip_norm = 1,
		.quantize_share = 1.0f / 3,
		.demand_weight = 4,
		.sli_weight = 2,
		.risk_weight = 8,
	};
}

/* Written so that NaN fails. */
static bool is_within(float value, float low, float high)
{
	return value >= low && value <= high;
}

static bool options_are_sane(const struct train_options *options)
{
	return options->hidden > 0 && options->hidden <= LSTM_HIDDEN_MAX && options->hidden % LSTM_BLOCK == 0 &&
	       options->epochs > 0 && options->lanes > 0 && options->lanes <= TRAIN_LANES_MAX &&
	       options->chunk_steps > 0 && options->chunk_steps <= TRAIN_CHUNK_MAX &&
	       options->learning_rate > 0 && is_within(options->learning_rate, 0, 1) &&
	       is_within(options->weight_decay, 0, 1) && options->clip_norm > 0 &&
	       is_within(options->clip_norm, 0, 1e9f) && is_within(options->quantize_share, 0, 1) &&
	       is_within(options->demand_weight, 0, 1e6f) && is_within(options->sli_weight, 0, 1e6f) &&
	       is_within(options->risk_weight, 0, 1e6f) && is_within(options->direct_rate, 0, 1e3f) &&
	       is_within(options->direct_decay, 0, 1) && options->dropout < 1 && is_within(options->dropout, 0, 1) &&
	       options->averaging < 1 && is_within(options->averaging, 0, 1);
}

static bool set_is_sane(const struct train_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct train_sequence *s = &set->sequences[i];

		if (s->steps == 0 || !is_within(s->weight, 0, 1e6f) || !s->input || !s->truth)
			return false;
	}
	return true;
}

static bool start_fits(const struct lstm_float *start, const struct train_options *options)
{
	return start->config.input == FEATURE_COUNT && start->config.hidden == options->hidden &&
	       start->config.output == OUTPUT_COUNT && start->config.direct == OUTPUT_DIRECT;
}

int train_new(const struct train_options *options, const struct train_set *train, const struct train_set *validation,
	      const struct lstm_float *start, struct train **ret_train)
{
	struct train *t;

	if (!options_are_sane(options) || train->count == 0 || !set_is_sane(train) || !set_is_sane(validation) ||
	    (start && !start_fits(start, options)))
		return -EINVAL;
	t = calloc(1, sizeof(*t) + train->count * sizeof(t->order[0]));
	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->train = *train;
	t->validation = validation->count > 0 ? *validation : *train;
	t->best_loss = INFINITY;
	for (size_t i = 0; i < train->count; i++)
		t->order[i] = i;
	train_random_seed(&t->random, options->seed);
	if (start)
		t->weights = *start;
	t->weights.config = (struct lstm_config) { FEATURE_COUNT, options->hidden, OUTPUT_COUNT, OUTPUT_DIRECT };
	train_init_ranges(train, &t->weights);
	if (!start)
		train_init_weights(train, &t->random, &t->weights);
	t->gradient.config = t->weights.config;
	t->first.config = t->weights.config;
	t->second.config = t->weights.config;
	t->average = t->best = t->weights;
	*ret_train = t;
	return 0;
}

void train_free(struct train *train)
{
	free(train);
}

const struct lstm_float *train_best(const struct train *train)
{
	return &train->best;
}

static void shuffle_order(struct train *train)
{
	for (size_t i = train->train.count - 1; i > 0; i--) {
		size_t j = train_random_next(&train->random) % (i + 1), swap = train->order[i];

		train->order[i] = train->order[j];
		train->order[j] = swap;
	}
	train->order_next = 0;
}

static void refill_lane(struct train *train, struct lane *lane)
{
	memset(lane, 0, sizeof(*lane));
	if (train->order_next < train->train.count)
		lane->sequence = &train->train.sequences[train->order[train->order_next++]];
}

/* Which units the outputs of the next chunk see. */
static void draw_kept(struct train *train)
{
	float dropout = train->options.dropout;

	for (uint32_t j = 0; j < train->options.hidden; j++)
		train->tape.keep[j] = dropout > 0 && (train_random_signed(&train->random) + 1) / 2 < dropout ? 0 : 1 / (1 - dropout);
}

/* One minibatch into train->sums. */
static void run_lanes(struct train *train)
{
	memset(&train->sums, 0, sizeof(train->sums));
	for (uint32_t i = 0; i < train->options.lanes; i++) {
		struct lane *lane = &train->lanes[i];
		uint32_t steps;

		if (!lane->sequence)
			continue;
		steps = lane->sequence->steps - lane->step;
		steps = steps < train->options.chunk_steps ? steps : train->options.chunk_steps;
		draw_kept(train);
		train_chunk(&train->options, &train->layout, lane->sequence, lane->step, steps, &lane->state,
			    &train->tape, &train->sums);
		lane->step += steps;
		if (lane->step == lane->sequence->steps)
			refill_lane(train, lane);
	}
}

static double gradient_norm(struct lstm_float *gradient)
{
	double sum = 0;

	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		const float *values = lstm_float_tensor(gradient, tensor, &count);

		for (size_t i = 0; i < count; i++)
			sum += (double)values[i] * values[i];
	}
	return sqrt(sum);
}

/* Along a cosine from 1 to RATE_END_SHARE of the learning rate. */
static float rate_of_epoch(const struct train_options *options, uint32_t epoch)
{
	float phase = (float)epoch / (float)options->epochs * 3.14159265f;

	return options->learning_rate * (RATE_END_SHARE + (1 - RATE_END_SHARE) * 0.5f * (1 + cosf(phase)));
}

static float decay_of(const struct train_options *options, enum lstm_tensor tensor)
{
	if (tensor == LSTM_TENSOR_DIRECT)
		return options->direct_decay;
	return tensor == LSTM_TENSOR_GATE || tensor == LSTM_TENSOR_HEAD ? options->weight_decay : 0;
}

static void average_move(float *average, const float *weights, float share, size_t count)
{
	for (size_t i = 0; i < count; i++)
		average[i] += share * (weights[i] - average[i]);
}

static int apply_gradient(struct train *train, float rate)
{
	struct adam_rate adam = adam_rate_at(rate, ++train->updates);
	struct adam_rate direct = adam_rate_at(rate * train->options.direct_rate, train->updates);
	double norm;
	float clip;

	train_gradient_gather(&train->sums, (float)(1 / train->sums.weight), &train->gradient);
	norm = gradient_norm(&train->gradient);
	if (!isfinite(norm) || !isfinite(train->sums.loss))
		return -ERANGE;
	clip = norm > train->options.clip_norm ? (float)(train->options.clip_norm / norm) : 1;
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		float *weights = lstm_float_tensor(&train->weights, tensor, &count);
		float *gradient = lstm_float_tensor(&train->gradient, tensor, &count);

		for (size_t i = 0; i < count; i++)
			gradient[i] *= clip;
		adam_update(tensor == LSTM_TENSOR_DIRECT ? &direct : &adam, decay_of(&train->options, tensor), weights, gradient,
			    lstm_float_tensor(&train->first, tensor, &count),
			    lstm_float_tensor(&train->second, tensor, &count), count);
		average_move(lstm_float_tensor(&train->average, tensor, &count), weights, 1 - train->options.averaging, count);
	}
	return 0;
}

static int run_epoch(struct train *train, struct train_report *report)
{
	double loss = 0, weight = 0;
	float rate = rate_of_epoch(&train->options, train->epoch);

	shuffle_order(train);
	for (uint32_t i = 0; i < train->options.lanes; i++)
		refill_lane(train, &train->lanes[i]);
	for (;;) {
		train_layout_fill(&train->weights, report->quantized, &train->layout);
		run_lanes(train);
		if (train->sums.steps == 0)
			break;
		report->steps += train->sums.steps;
		loss += train->sums.loss;
		weight += train->sums.weight;
		if (train->sums.weight > 0 && apply_gradient(train, rate) < 0)
			return -ERANGE;
	}
	report->train_loss = loss / weight;
	return 0;
}

static void validate(struct train *train, struct train_report *report)
{
	report->validation_loss_float = train_mean_loss(
		&train->options, &(struct train_subject) { .real = &train->average }, &train->validation);
	report->validation_loss_int8 = INFINITY;
	if (train_quantize(&train->average, &train->quantized) == 0) {
		struct train_subject subject = { .quantized = &train->quantized, .isa = lstm_isa_best() };

		report->validation_loss_int8 = train_mean_loss(&train->options, &subject, &train->validation);
	}
	report->best = report->validation_loss_int8 < train->best_loss;
	if (report->best) {
		train->best = train->average;
		train->best_loss = report->validation_loss_int8;
	}
}

int train_epoch(struct train *train, struct train_report *ret_report)
{
	float quantized_from = (float)train->options.epochs * (1 - train->options.quantize_share);
	struct train_report report = { 0 };
	int r;

	if (train->epoch >= train->options.epochs)
		return -ENODATA;
	report.quantized = (float)train->epoch >= quantized_from;
	r = run_epoch(train, &report);
	if (r < 0)
		return r;
	report.epoch = ++train->epoch;
	validate(train, &report);
	*ret_report = report;
	return 0;
}
