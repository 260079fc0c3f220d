/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trainer: right gradients (against an independent double-precision forward pass), and it learns. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "train.h"
#include "train_internal.h"

#define STEPS 200
#define SEQUENCES 24
#define ALL_KNOWN (TRAIN_KNOWS_DEMAND | TRAIN_KNOWS_SLI | TRAIN_KNOWS_VIOLATED)

/* Rows of one set of sequences, kept together. */
struct world {
	struct train_sequence sequences[SEQUENCES];
	float input[SEQUENCES][STEPS][FEATURE_COUNT];
	float demand[SEQUENCES][STEPS][FORECAST_HORIZONS];
	float sli[SEQUENCES][STEPS][FORECAST_HORIZONS];
	float violated[SEQUENCES][STEPS][FORECAST_HORIZONS];
	uint8_t mask[SEQUENCES][STEPS][FORECAST_HORIZONS];
};

static struct world world, other_world;
static struct train_meter meter;
static struct train_random random_source;

static float draw_between(float low, float high)
{
	return low + (high - low) * (train_random_signed(&random_source) + 1) / 2;
}

static void init_world(struct world *w, uint32_t steps)
{
	memset(w, 0, sizeof(*w));
	for (int s = 0; s < SEQUENCES; s++)
		w->sequences[s] = (struct train_sequence) {
			.steps = steps, .weight = 1, .input = w->input[s], .demand = w->demand[s],
			.sli = w->sli[s], .violated = w->violated[s], .mask = w->mask[s],
		};
}

/* Whole numbers of noise in everything, some labels unknown and then NaN, some inputs missing or out of range. */
static void fill_noise(struct world *w)
{
	for (int s = 0; s < SEQUENCES; s++) {
		w->sequences[s].weight = draw_between(0.5f, 2);
		for (uint32_t t = 0; t < w->sequences[s].steps; t++) {
			for (int i = 0; i < FEATURE_COUNT; i++)
				w->input[s][t][i] = draw_between(-1, 1) < -0.9f ? NAN : draw_between(-2, 2);
			for (int h = 0; h < FORECAST_HORIZONS; h++) {
				uint8_t mask = train_random_next(&random_source) & ALL_KNOWN;

				w->mask[s][t][h] = mask;
				w->demand[s][t][h] = mask & TRAIN_KNOWS_DEMAND ? draw_between(0, 1) : NAN;
				w->sli[s][t][h] = mask & TRAIN_KNOWS_SLI ? draw_between(-1, 1) : NAN;
				w->violated[s][t][h] = mask & TRAIN_KNOWS_VIOLATED ? draw_between(-1, 1) > 0 : NAN;
			}
		}
	}
}

/* --- gradients ------------------------------------------------------------------------------------------------- */

#define TINY_STEPS 9

/* The parameters again in double, in the layout of lstm_float. */
struct oracle {
	struct lstm_config config;
	double gate[LSTM_ROWS_MAX * LSTM_COLUMNS_MAX], gate_bias[LSTM_ROWS_MAX];
	double head[LSTM_OUTPUT_MAX * LSTM_HIDDEN_MAX], head_bias[LSTM_OUTPUT_MAX];
};

static double oracle_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double oracle_quantile_loss(const double *raw, double label)
{
	static const double levels[] = { .1, .5, .9, .99 };
	double quantile = raw[0], sum = 0;

	for (int q = 0; q < 4; q++) {
		if (q > 0)
			quantile += log(1 + exp(raw[q]));
		sum += fmax(levels[q] * (label - quantile), (levels[q] - 1) * (label - quantile));
	}
	return sum / 4;
}

static double oracle_loss(const struct train_options *options, const struct train_sequence *s, uint32_t t,
			  const double *y)
{
	double loss = 0;

	for (int h = 0; h < 6; h++) {
		const double *at = y + h * 9;

		if (s->mask[t][h] & TRAIN_KNOWS_DEMAND)
			loss += options->demand_weight * oracle_quantile_loss(at, s->demand[t][h]);
		if (s->mask[t][h] & TRAIN_KNOWS_SLI)
			loss += options->sli_weight * oracle_quantile_loss(at + 4, s->sli[t][h]);
		if (s->mask[t][h] & TRAIN_KNOWS_VIOLATED)
			loss -= options->risk_weight * log(s->violated[t][h] > 0 ? oracle_sigmoid(at[8])
									      : 1 - oracle_sigmoid(at[8]));
	}
	return s->weight * loss / 6;
}

static void oracle_step(const struct oracle *o, const double *x, double *h, double *c, double *y)
{
	uint32_t inputs = o->config.input, hidden = o->config.hidden, columns = inputs + hidden;
	double z[LSTM_ROWS_MAX];

	for (uint32_t r = 0; r < 4 * hidden; r++) {
		z[r] = o->gate_bias[r];
		for (uint32_t k = 0; k < columns; k++)
			z[r] += o->gate[r * columns + k] * (k < inputs ? x[k] : h[k - inputs]);
	}
	for (uint32_t j = 0; j < hidden; j++) {
		c[j] = oracle_sigmoid(z[hidden + j]) * c[j] + oracle_sigmoid(z[j]) * tanh(z[2 * hidden + j]);
		c[j] = fmin(fmax(c[j], -8), 8);
		h[j] = oracle_sigmoid(z[3 * hidden + j]) * tanh(c[j]);
	}
	for (uint32_t r = 0; r < o->config.output; r++) {
		y[r] = o->head_bias[r];
		for (uint32_t j = 0; j < hidden; j++)
			y[r] += o->head[r * hidden + j] * h[j];
	}
}

static double oracle_run(const struct oracle *o, const struct train_options *options, const struct train_sequence *s)
{
	double h[LSTM_HIDDEN_MAX] = { 0 }, c[LSTM_HIDDEN_MAX] = { 0 }, loss = 0;

	for (uint32_t t = 0; t < s->steps; t++) {
		double x[FEATURE_COUNT], y[OUTPUT_COUNT];

		for (int i = 0; i < FEATURE_COUNT; i++)
			x[i] = isnan(s->input[t][i]) ? 0 : fmin(fmax(s->input[t][i], -1), 1.5);
		oracle_step(o, x, h, c, y);
		loss += oracle_loss(options, s, t, y);
	}
	return loss;
}

static double *oracle_tensor(struct oracle *o, enum lstm_tensor tensor)
{
	double *tensors[] = { o->gate, o->gate_bias, o->head, o->head_bias };

	return tensors[tensor];
}

static void draw_tiny(uint32_t hidden, float spread, struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config) { FEATURE_COUNT, hidden, OUTPUT_COUNT };
	for (int i = 0; i < FEATURE_COUNT; i++) {
		ret->input_low[i] = -1;
		ret->input_high[i] = 1.5f;
	}
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		float *values = lstm_float_tensor(ret, tensor, &count);

		for (size_t i = 0; i < count; i++)
			values[i] = draw_between(-spread, spread);
	}
}

static void copy_to_oracle(struct lstm_float *real, struct oracle *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = real->config;
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		const float *values = lstm_float_tensor(real, tensor, &count);

		for (size_t i = 0; i < count; i++)
			oracle_tensor(ret, tensor)[i] = values[i];
	}
}

/* Norm of the difference over norm of the finite differences, and the worst single element of the same kind. */
static double compare_tensor(struct oracle *o, enum lstm_tensor tensor, struct lstm_float *analytic,
			     const struct train_options *options, const struct train_sequence *s)
{
	size_t count;
	const float *gradient = lstm_float_tensor(analytic, tensor, &count);
	double *values = oracle_tensor(o, tensor), difference = 0, norm = 0;

	for (size_t i = 0; i < count; i++) {
		double kept = values[i], up, finite;

		values[i] = kept + 1e-6;
		up = oracle_run(o, options, s);
		values[i] = kept - 1e-6;
		finite = (up - oracle_run(o, options, s)) / 2e-6;
		values[i] = kept;
		assert_true(fabs(finite - gradient[i]) < 1e-3 * fabs(finite) + 1e-4);
		difference += pow(finite - gradient[i], 2);
		norm += pow(finite, 2);
	}
	assert_true(norm > 0);
	return sqrt(difference / norm);
}

static void check_gradients(uint32_t hidden, float spread, uint32_t chunk)
{
	static const char *const names[] = { "gate", "gate_bias", "head", "head_bias" };
	static struct lstm_float weights, analytic;
	static struct train_layout layout;
	static struct train_tape tape;
	static struct train_gradient sums;
	static struct oracle oracle;
	struct lstm_float_state state = { 0 };
	struct train_options options;

	train_options_init(&options);
	init_world(&world, TINY_STEPS);
	fill_noise(&world);
	draw_tiny(hidden, spread, &weights);
	copy_to_oracle(&weights, &oracle);
	train_layout_fill(&weights, false, &layout);
	memset(&sums, 0, sizeof(sums));
	train_chunk(&options, &layout, &world.sequences[0], 0, chunk, &state, &tape, &sums);
	analytic.config = weights.config;
	train_gradient_gather(&sums, 1, &analytic);
	assert_true(fabs(oracle_run(&oracle, &options, &world.sequences[0]) - sums.loss) < 1e-5 * fabs(sums.loss));
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		double error = compare_tensor(&oracle, tensor, &analytic, &options, &world.sequences[0]);

		print_message("%s: relative error %.1e\n", names[tensor], error);
		assert_true(error < 1e-3);
	}
}

static void gradients_match_finite_differences(void **state)
{
	(void)state;
	train_random_seed(&random_source, 7);
	check_gradients(3, 0.5f, TINY_STEPS);
	check_gradients(16, 0.4f, TINY_STEPS);
}

/* Two chunks with the state carried over lose only what crosses the border backwards. */
static void state_carries_over_chunks(void **state)
{
	static struct lstm_float weights;
	static struct train_layout layout;
	static struct train_tape tape;
	static struct train_gradient whole, parts;
	struct lstm_float_state one = { 0 }, two = { 0 };
	struct train_options options;

	(void)state;
	train_options_init(&options);
	train_random_seed(&random_source, 8);
	init_world(&world, 40);
	fill_noise(&world);
	draw_tiny(16, 0.4f, &weights);
	for (int quantized = 0; quantized < 2; quantized++) {
		memset(&whole, 0, sizeof(whole));
		memset(&parts, 0, sizeof(parts));
		memset(&one, 0, sizeof(one));
		memset(&two, 0, sizeof(two));
		train_layout_fill(&weights, quantized, &layout);
		train_chunk(&options, &layout, &world.sequences[1], 0, 40, &one, &tape, &whole);
		train_chunk(&options, &layout, &world.sequences[1], 0, 13, &two, &tape, &parts);
		train_chunk(&options, &layout, &world.sequences[1], 13, 27, &two, &tape, &parts);
		assert_memory_equal(&one, &two, sizeof(one));
		assert_true(fabs(whole.loss - parts.loss) < 1e-9 * whole.loss);
		assert_int_equal(whole.steps, parts.steps);
	}
}

/* --- learning -------------------------------------------------------------------------------------------------- */

/* Violated in the next second when OWN_EXECS spiked 3 steps ago; demand follows a spike 5 steps ago. */
static void fill_impulses(struct world *w)
{
	for (int s = 0; s < SEQUENCES; s++) {
		for (int t = 0; t < STEPS; t++) {
			bool spike = draw_between(0, 1) < 0.12f;
			bool late = t >= 3 && w->input[s][t - 3][FEATURE_OWN_EXECS] > 0.5f;
			bool later = t >= 5 && w->input[s][t - 5][FEATURE_OWN_EXECS] > 0.5f;

			w->input[s][t][FEATURE_OWN_EXECS] = spike;
			w->input[s][t][FEATURE_OTHERS_CPU] = draw_between(0, 1);
			w->input[s][t][FEATURE_OWN_SLI] = t > 0 && w->violated[s][t - 1][0] > 0 ? 0.5f : -0.5f;
			w->violated[s][t][0] = late;
			w->demand[s][t][0] = later ? 0.8f : 0.2f;
			w->mask[s][t][0] = TRAIN_KNOWS_VIOLATED | TRAIN_KNOWS_DEMAND;
		}
	}
}

static void make_impulses(uint64_t seed)
{
	train_random_seed(&random_source, seed);
	init_world(&world, STEPS);
	fill_impulses(&world);
	init_world(&other_world, STEPS);
	fill_impulses(&other_world);
}

static struct train *open_trainer(const struct train_options *options)
{
	const struct train_set train = { world.sequences, SEQUENCES }, validation = { other_world.sequences, SEQUENCES };
	struct train *ret;

	assert_int_equal(train_new(options, &train, &validation, NULL, &ret), 0);
	return ret;
}

static void training_learns_a_delayed_impulse(void **state)
{
	const struct train_set validation = { other_world.sequences, SEQUENCES };
	struct train_options options;
	struct train_report report;
	struct train_score before, real, quantized;
	static struct lstm_weights weights;
	struct train *train;

	(void)state;
	make_impulses(11);
	train_options_init(&options);
	options.hidden = 16;
	options.epochs = 30;
	options.learning_rate = 1e-2f;
	train = open_trainer(&options);
	train_evaluate(&options, &(struct train_subject) { .real = train_best(train) }, &validation, &meter, &before);
	while (train_epoch(train, &report) == 0)
		;
	train_evaluate(&options, &(struct train_subject) { .real = train_best(train) }, &validation, &meter, &real);
	assert_int_equal(train_quantize(train_best(train), &weights), 0);
	train_evaluate(&options, &(struct train_subject) { .quantized = &weights, .isa = lstm_isa_best() },
		       &validation, &meter, &quantized);
	print_message("loss %.4f -> %.4f float, %.4f int8; AUPRC %.3f int8, %.3f persistence\n", before.loss,
		      real.loss, quantized.loss, quantized.horizon[0].auprc, quantized.horizon[0].auprc_persistence);
	assert_true(report.quantized);
	assert_true(real.loss < 0.3 * before.loss);
	assert_true(quantized.loss < 0.3 * before.loss);
	assert_true(quantized.horizon[0].auprc > 0.95);
	assert_true(quantized.horizon[0].auprc > quantized.horizon[0].auprc_persistence + 0.3);
	assert_true(quantized.horizon[0].bce < 0.3 * quantized.horizon[0].bce_persistence);
	assert_true(quantized.horizon[0].onset_auprc > 0.95);
	assert_true(quantized.horizon[0].demand_pinball < 0.3 * quantized.horizon[0].demand_pinball_persistence);
	train_free(train);
}

static void same_seed_gives_the_same_bytes(void **state)
{
	struct train_options options;
	struct train_report first_report, second_report;
	struct train *first, *second, *third;

	(void)state;
	make_impulses(12);
	train_options_init(&options);
	options.hidden = 16;
	options.epochs = 3;
	first = open_trainer(&options);
	second = open_trainer(&options);
	options.seed = 2;
	third = open_trainer(&options);
	while (train_epoch(first, &first_report) == 0)
		assert_int_equal(train_epoch(second, &second_report), 0);
	assert_int_equal(train_epoch(second, &second_report), -ENODATA);
	assert_memory_equal(train_best(first), train_best(second), sizeof(*train_best(first)));
	assert_int_equal(train_epoch(third, &second_report), 0);
	assert_memory_not_equal(train_best(first), train_best(third), sizeof(*train_best(first)));
	train_free(first);
	train_free(second);
	train_free(third);
}

/* The rounded float pass is what the int8 model computes, but for the 12 and 15 bit steps in between. */
static void rounded_training_sees_the_int8_model(void **state)
{
	static struct lstm_float weights, rounded;
	static struct lstm_weights first, second;

	(void)state;
	train_random_seed(&random_source, 13);
	draw_tiny(32, 0.4f, &weights);
	rounded = weights;
	train_round_weights(&rounded);
	assert_int_equal(train_quantize(&weights, &first), 0);
	assert_int_equal(train_quantize(&rounded, &second), 0);
	assert_memory_equal(first.gate, second.gate, sizeof(first.gate));
	assert_memory_equal(first.head, second.head, sizeof(first.head));
}

static void retraining_starts_from_given_weights(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	static struct lstm_float start;
	struct train_options options;
	struct train *train;

	(void)state;
	make_impulses(14);
	train_options_init(&options);
	draw_tiny(32, 0.3f, &start);
	assert_int_equal(train_new(&options, &train_set, &none, &start, &train), 0);
	assert_memory_equal(train_best(train)->gate, start.gate, sizeof(start.gate));
	assert_true(train_best(train)->input_high[0] >= start.input_high[0]);
	train_free(train);
	start.config.hidden = 16;
	assert_int_equal(train_new(&options, &train_set, &none, &start, &train), -EINVAL);
}

static void senseless_options_are_refused(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	struct train_options options;
	struct train *train = NULL;

	(void)state;
	make_impulses(15);
#define REFUSES(change) do { train_options_init(&options); change; \
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), -EINVAL); } while (0)
	REFUSES(options.hidden = 20);
	REFUSES(options.epochs = 0);
	REFUSES(options.lanes = TRAIN_LANES_MAX + 1);
	REFUSES(options.chunk_steps = TRAIN_CHUNK_MAX + 1);
	REFUSES(options.learning_rate = NAN);
	REFUSES(options.clip_norm = 0);
	REFUSES(options.quantize_share = 1.5f);
	REFUSES(world.sequences[3].weight = NAN);
	REFUSES(world.sequences[3].steps = 0);
#undef REFUSES
	train_options_init(&options);
	assert_int_equal(train_new(&options, &none, &none, NULL, &train), -EINVAL);
	assert_null(train);
	train_free(NULL);
}

static void weights_that_cannot_be_int8_are_refused(void **state)
{
	static struct lstm_float weights;
	static struct lstm_weights quantized;

	(void)state;
	train_random_seed(&random_source, 16);
	draw_tiny(32, 0.4f, &weights);
	weights.gate[5] = NAN;
	assert_int_equal(train_quantize(&weights, &quantized), -ERANGE);
	weights.gate[5] = 1e6f;
	assert_int_equal(train_quantize(&weights, &quantized), -ERANGE);
	weights.gate[5] = 0;
	weights.input_low[3] = 0.5f;
	assert_int_equal(train_quantize(&weights, &quantized), -ERANGE);
	weights.input_low[3] = 0;
	weights.config.hidden = 3;
	assert_int_equal(train_quantize(&weights, &quantized), -EINVAL);
}

/* --- scores ---------------------------------------------------------------------------------------------------- */

/* A model that says what an input says: the first unit follows OWN_CPU, the first risk follows the unit. */
static void make_follower(struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config) { FEATURE_COUNT, 16, OUTPUT_COUNT };
	for (int i = 0; i < FEATURE_COUNT; i++)
		ret->input_high[i] = 1;
	ret->gate_bias[0] = 20;
	ret->gate_bias[16] = -20;
	ret->gate_bias[48] = 20;
	ret->gate[(size_t)32 * 48 + FEATURE_OWN_CPU] = 1;
	ret->head[OUTPUT_RISK(0) * 16] = 4;
}

/* Average precision the slow way: scores of a few levels, so that ties matter and no bin splits or joins them. */
static double slow_average_precision(const int *levels, const bool *labels, int count)
{
	double positives = 0, sum = 0;

	for (int i = 0; i < count; i++)
		positives += labels[i];
	for (int level = 10; level >= 0; level--) {
		double hits = 0, alarms = 0, here = 0;

		for (int i = 0; i < count; i++) {
			hits += levels[i] >= level && labels[i];
			alarms += levels[i] >= level;
			here += levels[i] == level && labels[i];
		}
		if (here > 0)
			sum += here / positives * hits / alarms;
	}
	return sum;
}

static void scores_match_the_slow_way(void **state)
{
	const struct train_set set = { world.sequences, 1 };
	static struct lstm_float follower;
	struct train_options options;
	struct train_score score;
	int levels[STEPS];
	bool labels[STEPS];
	double positives = 0;

	(void)state;
	train_random_seed(&random_source, 17);
	train_options_init(&options);
	init_world(&world, STEPS);
	make_follower(&follower);
	for (int t = 0; t < STEPS; t++) {
		levels[t] = (int)(train_random_next(&random_source) % 11);
		labels[t] = draw_between(0, 10) < (float)levels[t];
		world.input[0][t][FEATURE_OWN_CPU] = (float)levels[t] / 10;
		world.input[0][t][FEATURE_OWN_SLI] = -1;
		world.violated[0][t][0] = labels[t];
		world.mask[0][t][0] = TRAIN_KNOWS_VIOLATED;
		positives += labels[t];
	}
	train_evaluate(&options, &(struct train_subject) { .real = &follower }, &set, &meter, &score);
	assert_true(fabs(score.horizon[0].auprc - slow_average_precision(levels, labels, STEPS)) < 1e-9);
	assert_true(fabs(score.horizon[0].base_rate - positives / STEPS) < 1e-9);
	assert_true(fabs(score.horizon[0].auprc_persistence - positives / STEPS) < 1e-9);
	assert_true(score.horizon[0].onset_auprc == score.horizon[0].auprc);
	assert_true(isnan(score.horizon[1].auprc));
	assert_true(isnan(score.horizon[0].demand_pinball));
	assert_int_equal(score.steps, STEPS);
}

static void training_is_quick_enough(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	struct train_options options;
	struct train_report report;
	struct train *train;
	clock_t start;
	double seconds;

	(void)state;
	train_random_seed(&random_source, 18);
	train_options_init(&options);
	init_world(&world, STEPS);
	fill_noise(&world);
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), 0);
	start = clock();
	for (int i = 0; i < 4; i++)
		assert_int_equal(train_epoch(train, &report), 0);
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%.0f steps/s at H = 32, two validations included\n", 4.0 * (double)report.steps / seconds);
	train_free(train);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_match_finite_differences),
		cmocka_unit_test(state_carries_over_chunks),
		cmocka_unit_test(training_learns_a_delayed_impulse),
		cmocka_unit_test(same_seed_gives_the_same_bytes),
		cmocka_unit_test(rounded_training_sees_the_int8_model),
		cmocka_unit_test(retraining_starts_from_given_weights),
		cmocka_unit_test(senseless_options_are_refused),
		cmocka_unit_test(weights_that_cannot_be_int8_are_refused),
		cmocka_unit_test(scores_match_the_slow_way),
		cmocka_unit_test(training_is_quick_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
