/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One chunk of training: right gradients, against an independent forward pass in double, and right rounding. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "predict/train.h"
#include "predict/train_internal.h"

#define STEPS 60
#define TINY_STEPS 9
#define ALL_KNOWN (TRAIN_KNOWS_VIOLATED(OUTPUT_RISKS) - 1)

static float input[STEPS][FEATURE_COUNT];
static struct train_truth truth[STEPS];
static struct train_random random_source;

static float draw_between(float low, float high)
{
	return low + (high - low) * (train_random_signed(&random_source) + 1) / 2;
}

/* Unknown labels are NaN, or a set bit: what reads them shows. */
static struct train_label draw_label(void)
{
	struct train_label ret;

	ret.known = train_random_next(&random_source) & ALL_KNOWN;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		ret.demand[r] = ret.known & TRAIN_KNOWS_DEMAND(r) ? draw_between(0, 1) : NAN;
	ret.sli = ret.known & TRAIN_KNOWS_SLI ? draw_between(-1, 1) : NAN;
	ret.violated = train_random_next(&random_source) & ((1u << OUTPUT_RISKS) - 1);
	for (int s = 0; s < OUTPUT_RISKS; s++)
		if (!(ret.known & TRAIN_KNOWS_VIOLATED(s)))
			ret.violated |= 1u << s;
	return ret;
}

/* Noise in everything, some labels unknown, some inputs missing or out of range. */
static struct train_sequence draw_sequence(uint32_t steps)
{
	for (uint32_t t = 0; t < steps; t++) {
		for (int i = 0; i < FEATURE_COUNT; i++)
			input[t][i] = draw_between(-1, 1) < -0.9f ? NAN : draw_between(-2, 2);
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			truth[t].then[h] = draw_label();
	}
	return (struct train_sequence) { .steps = steps, .weight = 1.7f, .input = input, .truth = truth };
}

/* The parameters again in double, in the layout of lstm_float. */
struct oracle {
	struct lstm_config config;
	double gate[LSTM_ROWS_MAX * LSTM_COLUMNS_MAX], gate_bias[LSTM_ROWS_MAX];
	double head[LSTM_OUTPUT_MAX * LSTM_HIDDEN_MAX], head_bias[LSTM_OUTPUT_MAX];
	double direct[LSTM_DIRECT_MAX * LSTM_INPUT_MAX];
	float keep[LSTM_HIDDEN_MAX];
};

static double oracle_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static double oracle_quantile_loss(const double *raw, double label)
{
	static const double levels[] = { .1, .5, .9, .99 };
	const double quantile[] = { raw[1] - log(1 + exp(raw[0])), raw[1], raw[1] + log(1 + exp(raw[2])),
				    raw[1] + log(1 + exp(raw[2])) + log(1 + exp(raw[3])) };
	double sum = 0;

	for (int q = 0; q < 4; q++)
		sum += fmax(levels[q] * (label - quantile[q]), (levels[q] - 1) * (label - quantile[q]));
	return sum / 4;
}

/* The layout by numbers: per horizon 8 of risk, then per horizon 4 times 4 of demand and 4 of the SLI; known has demand, SLI, risk. Of memory, the second, a unit is .1. */
static double oracle_loss(const struct train_options *options, const struct train_sequence *s, uint32_t t,
			  const double *y)
{
	double loss = 0;

	for (int h = 0; h < 6; h++) {
		const struct train_label *label = &s->truth[t].then[h];
		const double *risk = y + h * 8, *at = y + 48 + h * 20;

		for (int r = 0; r < 4; r++)
			if (label->known >> r & 1)
				loss += options->demand_weight / 4 * oracle_quantile_loss(at + r * 4,
					(label->demand[r] - (double)s->truth[t].now.demand[r]) * (r == 1 ? 10 : 1));
		if (label->known >> 4 & 1)
			loss += options->sli_weight * oracle_quantile_loss(at + 16, label->sli);
		for (int i = 0; i < 8; i++)
			if (label->known >> (5 + i) & 1)
				loss -= options->risk_weight *
					log(label->violated >> i & 1 ? oracle_sigmoid(risk[i]) : 1 - oracle_sigmoid(risk[i]));
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
			y[r] += o->head[r * hidden + j] * h[j] * (double)o->keep[j];
		for (uint32_t i = 0; r < o->config.direct && i < inputs; i++)
			y[r] += o->direct[r * inputs + i] * x[i];
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
	double *tensors[] = { o->gate, o->gate_bias, o->head, o->head_bias, o->direct };

	return tensors[tensor];
}

static void draw_tiny(uint32_t hidden, float spread, struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config) { FEATURE_COUNT, hidden, OUTPUT_COUNT, OUTPUT_DIRECT };
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

/* Norm of the difference over the norm of the finite differences; no single element may be far off either. */
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
		/* Every output was asked for. */
		assert_true(tensor != LSTM_TENSOR_HEAD_BIAS || finite != 0);
		assert_true(fabs(finite - gradient[i]) < 1e-3 * fabs(finite) + 1e-4);
		difference += pow(finite - gradient[i], 2);
		norm += pow(finite, 2);
	}
	assert_true(norm > 0);
	return sqrt(difference / norm);
}

/* Every third unit is hidden from the outputs. */
static void keep_some(uint32_t hidden, float *ret)
{
	for (uint32_t j = 0; j < hidden; j++)
		ret[j] = j % 3 == 1 ? 0 : 1.5f;
}

static void keep_all(float *ret)
{
	for (uint32_t j = 0; j < LSTM_HIDDEN_MAX; j++)
		ret[j] = 1;
}

static void check_gradients(uint32_t hidden, float spread, uint32_t chunk)
{
	static const char *const names[] = { "gate", "gate_bias", "head", "head_bias", "direct" };
	static struct lstm_float weights, analytic;
	static struct train_layout layout;
	static struct train_tape tape;
	static struct train_gradient sums;
	static struct oracle oracle;
	struct lstm_float_state state = { 0 };
	struct train_sequence sequence;
	struct train_options options;

	train_options_init(&options);
	sequence = draw_sequence(TINY_STEPS);
	draw_tiny(hidden, spread, &weights);
	copy_to_oracle(&weights, &oracle);
	keep_some(hidden, tape.keep);
	keep_some(hidden, oracle.keep);
	train_layout_fill(&weights, false, &layout);
	memset(&sums, 0, sizeof(sums));
	train_chunk(&options, &layout, &sequence, 0, chunk, &state, &tape, &sums);
	analytic.config = weights.config;
	train_gradient_gather(&sums, 1, &analytic);
	assert_true(fabs(oracle_run(&oracle, &options, &sequence) - sums.loss) < 1e-5 * fabs(sums.loss));
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		double error = compare_tensor(&oracle, tensor, &analytic, &options, &sequence);

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
	struct train_sequence sequence;
	struct train_options options;

	(void)state;
	train_options_init(&options);
	train_random_seed(&random_source, 8);
	sequence = draw_sequence(40);
	draw_tiny(16, 0.4f, &weights);
	keep_all(tape.keep);
	for (int quantized = 0; quantized < 2; quantized++) {
		memset(&whole, 0, sizeof(whole));
		memset(&parts, 0, sizeof(parts));
		memset(&one, 0, sizeof(one));
		memset(&two, 0, sizeof(two));
		train_layout_fill(&weights, quantized, &layout);
		train_chunk(&options, &layout, &sequence, 0, 40, &one, &tape, &whole);
		train_chunk(&options, &layout, &sequence, 0, 13, &two, &tape, &parts);
		train_chunk(&options, &layout, &sequence, 13, 27, &two, &tape, &parts);
		assert_memory_equal(&one, &two, sizeof(one));
		assert_true(fabs(whole.loss - parts.loss) < 1e-9 * whole.loss);
		assert_int_equal(whole.steps, parts.steps);
	}
}

/* Mean distance of a chunk's outputs from those of the int8 model. */
static double distance_from_int8(const struct lstm_float *real, const struct lstm_weights *quantized, bool rounded)
{
	static struct train_layout layout;
	static struct train_tape tape;
	static struct train_gradient sums;
	struct lstm_float_state float_state = { 0 };
	struct lstm_state int8_state = { 0 }, *states[] = { &int8_state };
	struct train_options options;
	struct train_sequence sequence;
	double sum = 0;

	train_options_init(&options);
	train_random_seed(&random_source, 14);
	sequence = draw_sequence(STEPS);
	keep_all(tape.keep);
	train_layout_fill(real, rounded, &layout);
	train_chunk(&options, &layout, &sequence, 0, STEPS, &float_state, &tape, &sums);
	for (int t = 0; t < STEPS; t++) {
		float output[OUTPUT_COUNT];

		lstm_step(quantized, lstm_isa_best(), states, input[t], output, 1);
		for (int i = 0; i < OUTPUT_COUNT; i++)
			sum += fabs((double)output[i] - tape.output[t][i]);
	}
	return sum / (STEPS * OUTPUT_COUNT);
}

/* The rounded float pass is what the int8 model computes, but for ties and the 12 and 15 bit steps in between. */
static void rounded_training_sees_the_int8_model(void **state)
{
	static struct lstm_float weights, rounded;
	static struct lstm_weights first, second;
	double plain_distance, rounded_distance;

	(void)state;
	train_random_seed(&random_source, 13);
	draw_tiny(32, 0.4f, &weights);
	rounded = weights;
	train_round_weights(&rounded);
	assert_int_equal(train_quantize(&weights, &first), 0);
	assert_int_equal(train_quantize(&rounded, &second), 0);
	assert_memory_equal(first.gate, second.gate, sizeof(first.gate));
	assert_memory_equal(first.head, second.head, sizeof(first.head));
	assert_memory_equal(first.direct, second.direct, sizeof(first.direct));

	plain_distance = distance_from_int8(&weights, &first, false);
	rounded_distance = distance_from_int8(&weights, &first, true);
	print_message("mean distance from int8: %.5f, rounded %.5f\n", plain_distance, rounded_distance);
	assert_true(rounded_distance < plain_distance / 4);
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

static void joined_networks_say_their_mean(void **state)
{
	static struct lstm_float members[3], joined;
	const struct lstm_float *const all[] = { &members[0], &members[1], &members[2] };
	struct lstm_float_state memory[3] = { 0 }, memory_joined = { 0 };

	(void)state;
	train_random_seed(&random_source, 21);
	draw_sequence(STEPS);
	for (int m = 0; m < 3; m++)
		draw_tiny(m == 1 ? 32 : 16, 0.5f, &members[m]);
	assert_int_equal(train_join(all, 3, &joined), 0);
	assert_int_equal(joined.config.hidden, 64);
	for (int t = 0; t < STEPS; t++) {
		float said[OUTPUT_COUNT], output[OUTPUT_COUNT], mean[OUTPUT_COUNT] = { 0 };

		lstm_float_step(&joined, &memory_joined, input[t], said);
		for (int m = 0; m < 3; m++) {
			lstm_float_step(&members[m], &memory[m], input[t], output);
			for (int i = 0; i < OUTPUT_COUNT; i++)
				mean[i] += output[i] / 3;
		}
		for (int i = 0; i < OUTPUT_COUNT; i++)
			assert_true(fabsf(said[i] - mean[i]) < 1e-5f);
	}
	draw_tiny(48, 0.5f, &members[1]);
	assert_int_equal(train_join(all, 3, &joined), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients_match_finite_differences),
		cmocka_unit_test(state_carries_over_chunks),
		cmocka_unit_test(rounded_training_sees_the_int8_model),
		cmocka_unit_test(weights_that_cannot_be_int8_are_refused),
		cmocka_unit_test(joined_networks_say_their_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
