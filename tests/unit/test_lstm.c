/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The int8 LSTM: every path gives the portable one's bytes, and they stay close to the float model. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "predict/lstm.h"
#include "predict/lstm_float.h"
#include "predict/lstm_kernel.h"
#include "predict/train.h"

#define INSTANCES 5
#define SHIPPED { FEATURE_COUNT, 32, OUTPUT_COUNT, OUTPUT_DIRECT }

static uint64_t random_state = 1;

static uint32_t draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

static float draw_between(float low, float high)
{
	return low + (high - low) * (float)draw() / 2147483648.0f;
}

static void draw_weights(struct lstm_config config, float spread, struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = config;
	for (uint32_t i = 0; i < config.input; i++) {
		ret->input_low[i] = i % 3 == 0 ? 0 : -1;
		ret->input_high[i] = 4;
	}
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		float *values = lstm_float_tensor(ret, tensor, &count);

		for (size_t i = 0; i < count; i++)
			values[i] = draw_between(-spread, spread);
	}
}

/* Mostly ordinary inputs, now and then what a broken sensor would say. */
static float draw_input(void)
{
	static const float odd[] = { NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-40f, -0.0f };

	return draw() % 50 == 0 ? odd[draw() % 7] : draw_between(-1.5f, 4.5f);
}

struct run {
	struct lstm_state states[INSTANCES];
	float outputs[INSTANCES * LSTM_OUTPUT_MAX];
};

static void step_all(const struct lstm_weights *weights, enum lstm_isa isa, struct run *run, const float *inputs)
{
	struct lstm_state *states[INSTANCES];

	for (int i = 0; i < INSTANCES; i++)
		states[i] = &run->states[i];
	lstm_step(weights, isa, states, inputs, run->outputs, INSTANCES);
}

static void compare_paths(const struct lstm_weights *weights, int steps)
{
	static struct run runs[LSTM_ISA_COUNT];
	float inputs[INSTANCES * LSTM_INPUT_MAX];

	memset(runs, 0, sizeof(runs));
	for (int step = 0; step < steps; step++) {
		for (size_t i = 0; i < INSTANCES * weights->config.input; i++)
			inputs[i] = draw_input();
		for (enum lstm_isa isa = LSTM_PORTABLE; isa < LSTM_ISA_COUNT; isa++) {
			if (!lstm_isa_usable(isa))
				continue;
			step_all(weights, isa, &runs[isa], inputs);
			assert_memory_equal(&runs[isa], &runs[LSTM_PORTABLE], sizeof(runs[isa]));
		}
	}
}

static void all_paths_give_the_same_bytes(void **state)
{
	static const struct lstm_config configs[] = {
		SHIPPED, { LSTM_INPUT_MAX, LSTM_HIDDEN_MAX, LSTM_OUTPUT_MAX, LSTM_DIRECT_MAX },
		{ 1, 16, 1, 0 }, { 13, 48, 17, 16 }, { 37, 16, 70, 32 },
	};
	static struct lstm_float real;
	static struct lstm_weights weights;

	(void)state;
	for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++) {
		for (float spread = 0.05f; spread < 30; spread *= 5) {
			draw_weights(configs[c], spread, &real);
			assert_int_equal(train_quantize(&real, &weights), 0);
			compare_paths(&weights, 1000);
		}
	}
}

/* Every weight at its limit, of one sign: what would make maddubs saturate if it could. */
static void all_paths_agree_at_the_limits(void **state)
{
	static struct lstm_weights weights;

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		memset(&weights, 0, sizeof(weights));
		weights.config = (struct lstm_config) { LSTM_INPUT_MAX, LSTM_HIDDEN_MAX, LSTM_OUTPUT_MAX, LSTM_DIRECT_MAX };
		memset(weights.direct, sign * LSTM_WEIGHT_MAX, sizeof(weights.direct));
		memset(weights.gate, sign * LSTM_WEIGHT_MAX, sizeof(weights.gate));
		memset(weights.head, sign * LSTM_WEIGHT_MAX, sizeof(weights.head));
		for (int i = 0; i < LSTM_ROWS_MAX; i++) {
			weights.gate_scale[i] = LSTM_SCALE_MAX;
			weights.gate_bias[i] = (float)sign * LSTM_BIAS_MAX;
		}
		for (int i = 0; i < LSTM_INPUT_MAX; i++) {
			weights.input_scale[i] = 0.01f;
			weights.input_zero[i] = i % 2 ? 255 : 0;
		}
		for (int i = 0; i < LSTM_OUTPUT_MAX; i++) {
			weights.head_scale[i] = LSTM_SCALE_MAX;
			weights.head_bias[i] = (float)sign * LSTM_BIAS_MAX;
		}
		for (int i = 0; i < LSTM_DIRECT_MAX; i++)
			weights.direct_scale[i] = LSTM_SCALE_MAX;
		assert_int_equal(lstm_weights_derive(&weights), 0);
		compare_paths(&weights, 200);
	}
}

static void batches_do_not_mix(void **state)
{
	static struct lstm_float real;
	static struct lstm_weights weights;
	static struct run together, alone;
	float inputs[INSTANCES * FEATURE_COUNT];

	(void)state;
	draw_weights((struct lstm_config) SHIPPED, 0.5f, &real);
	assert_int_equal(train_quantize(&real, &weights), 0);
	for (int step = 0; step < 50; step++) {
		for (int i = 0; i < INSTANCES * FEATURE_COUNT; i++)
			inputs[i] = draw_input();
		step_all(&weights, lstm_isa_best(), &together, inputs);
		for (int i = INSTANCES - 1; i >= 0; i--) {
			struct lstm_state *one[] = { &alone.states[i] };

			lstm_step(&weights, lstm_isa_best(), one, inputs + (size_t)i * FEATURE_COUNT,
				  alone.outputs + (size_t)i * OUTPUT_COUNT, 1);
		}
		assert_memory_equal(&alone, &together, sizeof(alone));
	}
}

/* Pins the arithmetic itself: a change of any bit of it, on any machine, needs a new model version. */
static void outputs_are_those_of_every_machine(void **state)
{
	static struct lstm_float real;
	static struct lstm_weights weights;
	static struct run run;
	float inputs[INSTANCES * FEATURE_COUNT];
	uint32_t hash = 2166136261u;

	(void)state;
	memset(&real, 0, sizeof(real));
	real.config = (struct lstm_config) SHIPPED;
	for (int i = 0; i < FEATURE_COUNT; i++)
		real.input_high[i] = 255.0f / 64;
	/* Powers of two only, so that no rounding of the test itself is pinned. */
	for (uint32_t i = 0; i < 128 * (FEATURE_COUNT + 32); i++)
		real.gate[i] = (float)((int)(i * 2654435761u >> 26) - 31) / 64;
	for (uint32_t i = 0; i < OUTPUT_COUNT * 32; i++)
		real.head[i] = (float)((int)(i * 2246822519u >> 26) - 31) / 64;
	for (uint32_t i = 0; i < OUTPUT_DIRECT * FEATURE_COUNT; i++)
		real.direct[i] = (float)((int)(i * 3266489917u >> 26) - 31) / 64;
	assert_int_equal(train_quantize(&real, &weights), 0);
	for (uint32_t step = 0; step < 100; step++) {
		for (uint32_t i = 0; i < INSTANCES * FEATURE_COUNT; i++)
			inputs[i] = (float)((i + step * 977) * 2654435761u >> 24) / 64;
		step_all(&weights, LSTM_PORTABLE, &run, inputs);
	}
	for (size_t i = 0; i < sizeof(run); i++)
		hash = (hash ^ ((const uint8_t *)&run)[i]) * 16777619u;
	print_message("hash of 100 steps: %08x\n", hash);
	assert_int_equal(hash, 0xdb38c2fc);
}

static double error_against_float(const struct lstm_float *real, double *ret_mean)
{
	static struct lstm_weights weights;
	struct lstm_float_state real_state = { 0 };
	struct lstm_state quantized_state = { 0 }, *states[] = { &quantized_state };
	double worst = 0, sum = 0;

	assert_int_equal(train_quantize(real, &weights), 0);
	for (int step = 0; step < 1000; step++) {
		float input[FEATURE_COUNT], expected[OUTPUT_COUNT], got[OUTPUT_COUNT];

		for (int i = 0; i < FEATURE_COUNT; i++)
			input[i] = draw_between(-0.5f, 1.5f);
		lstm_float_step(real, &real_state, input, expected);
		lstm_step(&weights, lstm_isa_best(), states, input, got, 1);
		for (int i = 0; i < OUTPUT_COUNT; i++) {
			worst = fmax(worst, fabs((double)got[i] - expected[i]));
			sum += fabs((double)got[i] - expected[i]);
		}
	}
	*ret_mean = sum / (1000 * OUTPUT_COUNT);
	return worst;
}

/* Outputs of these weights spread over about +-1. */
static void int8_stays_close_to_float(void **state)
{
	static struct lstm_float real;
	double mean, worst;

	(void)state;
	draw_weights((struct lstm_config) SHIPPED, 0.3f, &real);
	worst = error_against_float(&real, &mean);
	print_message("int8 against float, 1000 steps: mean %.5f, max %.5f\n", mean, worst);
	assert_true(mean < 0.01);
	assert_true(worst < 0.08);
}

static void missing_input_counts_as_zero(void **state)
{
	static struct lstm_float real;
	static struct lstm_weights weights;
	struct lstm_state with_nan = { 0 }, with_zero = { 0 };
	float nan_input[FEATURE_COUNT], zero_input[FEATURE_COUNT] = { 0 }, a[OUTPUT_COUNT], b[OUTPUT_COUNT];

	(void)state;
	draw_weights((struct lstm_config) SHIPPED, 0.5f, &real);
	assert_int_equal(train_quantize(&real, &weights), 0);
	for (int i = 0; i < FEATURE_COUNT; i++)
		nan_input[i] = NAN;
	for (enum lstm_isa isa = LSTM_PORTABLE; isa < LSTM_ISA_COUNT; isa++) {
		if (!lstm_isa_usable(isa))
			continue;
		lstm_step(&weights, isa, (struct lstm_state *[]) { &with_nan }, nan_input, a, 1);
		lstm_step(&weights, isa, (struct lstm_state *[]) { &with_zero }, zero_input, b, 1);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static void sigmoid_table_stays_within_its_bound(void **state)
{
	double worst = 0;

	(void)state;
	for (int x = 0; x < 8 << LSTM_GATE_BITS; x++) {
		int segment = x >> LSTM_GATE_BITS, t = (x & 4095) << 3;
		int p = lstm_sigmoid_table[3][segment];

		for (int k = 2; k >= 0; k--)
			p = ((p * t + (1 << 14)) >> 15) + lstm_sigmoid_table[k][segment];
		worst = fmax(worst, fabs(p / 32768.0 - (1 / (1 + exp(-x / 4096.0)) - 0.5)));
	}
	assert_true(worst < 1e-4);
}

static void indices_are_distinct_and_in_bounds(void **state)
{
	static const struct lstm_config config = { 13, 48, 17, 16 };
	static uint8_t seen[sizeof(((struct lstm_weights *)0)->gate)];

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t row = 0; row < 4 * 48; row++) {
		for (uint32_t column = 0; column < 13 + 48; column++) {
			size_t at = lstm_gate_index(&config, row, column);

			assert_true(at < sizeof(seen));
			assert_int_equal(seen[at]++, 0);
		}
	}
	memset(seen, 0, sizeof(seen));
	for (uint32_t row = 0; row < 16; row++)
		for (uint32_t column = 0; column < 13; column++) {
			size_t at = lstm_direct_index(&config, row, column);

			assert_true(at < sizeof(((struct lstm_weights *)0)->direct));
			assert_int_equal(seen[at]++, 0);
		}
}

static void bad_weights_are_refused(void **state)
{
	static struct lstm_float real;
	static struct lstm_weights good, bad;

	(void)state;
	draw_weights((struct lstm_config) SHIPPED, 0.5f, &real);
	assert_int_equal(train_quantize(&real, &good), 0);
#define REFUSES(change, error) do { bad = good; change; assert_int_equal(lstm_weights_derive(&bad), error); } while (0)
	REFUSES(bad.config.hidden = 24, -EINVAL);
	REFUSES(bad.config.hidden = 80, -EINVAL);
	REFUSES(bad.config.input = 0, -EINVAL);
	REFUSES(bad.config.input = LSTM_INPUT_MAX + 1, -EINVAL);
	REFUSES(bad.config.output = LSTM_OUTPUT_MAX + 1, -EINVAL);
	REFUSES(bad.config.direct = 8, -EINVAL);
	REFUSES(bad.config.direct = LSTM_DIRECT_MAX + LSTM_BLOCK, -EINVAL);
	REFUSES(bad.config.output = LSTM_BLOCK, -EINVAL);
	REFUSES(bad.gate_scale[7] = NAN, -ERANGE);
	REFUSES(bad.gate_scale[7] = 0, -ERANGE);
	REFUSES(bad.gate_scale[127] = 1, -ERANGE);
	REFUSES(bad.head_scale[OUTPUT_COUNT - 1] = -0.01f, -ERANGE);
	REFUSES(bad.head_bias[0] = INFINITY, -ERANGE);
	REFUSES(bad.direct_scale[OUTPUT_DIRECT - 1] = NAN, -ERANGE);
	REFUSES(bad.gate_bias[0] = NAN, -ERANGE);
	REFUSES(bad.input_scale[FEATURE_COUNT - 1] = 0, -ERANGE);
	REFUSES(bad.gate[100] = 64, -ERANGE);
	REFUSES(bad.head[100] = -64, -ERANGE);
	REFUSES(bad.direct[100] = 64, -ERANGE);
#undef REFUSES
}

static void portable_is_always_there(void **state)
{
	(void)state;
	assert_true(lstm_isa_usable(LSTM_PORTABLE));
	assert_true(lstm_isa_usable(lstm_isa_best()));
	assert_false(lstm_isa_usable(LSTM_ISA_COUNT));
	assert_string_equal(lstm_isa_name(LSTM_PORTABLE), "portable");
	assert_string_equal(lstm_isa_name(LSTM_ISA_COUNT), "unknown");
	for (enum lstm_isa isa = LSTM_PORTABLE; isa < LSTM_ISA_COUNT; isa++)
		print_message("%s: %s\n", lstm_isa_name(isa), lstm_isa_usable(isa) ? "tested" : "NOT TESTED here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_is_always_there),
		cmocka_unit_test(all_paths_give_the_same_bytes),
		cmocka_unit_test(all_paths_agree_at_the_limits),
		cmocka_unit_test(batches_do_not_mix),
		cmocka_unit_test(outputs_are_those_of_every_machine),
		cmocka_unit_test(int8_stays_close_to_float),
		cmocka_unit_test(missing_input_counts_as_zero),
		cmocka_unit_test(sigmoid_table_stays_within_its_bound),
		cmocka_unit_test(indices_are_distinct_and_in_bounds),
		cmocka_unit_test(bad_weights_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
