/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The float network and three updates of the trainer, against torch: train_torch.py made the numbers, and says of what. */
#include "unit.h"

#include <math.h>

#include "predict/train.h"
#include "train_torch.h"

#define HIDDEN 16
#define STEPS 7
#define UPDATES 3
#define EVERY 37	/* of a tensor so many elements apart were kept */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum noise_kind { GATES, GATE_BIAS, HEAD, HEAD_BIAS, DIRECTS, INPUT, NOW, THEN, LABEL };

static float input[STEPS][FEATURE_COUNT];
static struct train_truth truth[STEPS];

/* -.5 .. .5 in steps of 1/256. */
static float noise(enum noise_kind kind, uint32_t i)
{
	return (float)((i * 2654435761u + (uint32_t)kind * 2246822519u) * 3266489917u >> 24) / 256 - 0.5f;
}

static void network_fill(struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config){ FEATURE_COUNT, HIDDEN, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (int i = 0; i < FEATURE_COUNT; i++) {
		ret->input_low[i] = -1;
		ret->input_high[i] = 1;
	}
	/* The kinds of noise are in the order of the tensors. */
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		float *values = lstm_float_tensor(ret, tensor, &count);

		for (size_t i = 0; i < count; i++)
			values[i] = noise((enum noise_kind)tensor, (uint32_t)i);
	}
}

static void label_fill(uint32_t at, struct train_label *ret)
{
	ret->known = TRAIN_KNOWS_VIOLATED(OUTPUT_RISKS) - 1;
	for (uint32_t r = 0; r < RESOURCE_COUNT; r++)
		ret->demand[r] = noise(THEN, at * 5 + r);
	ret->sli = noise(THEN, at * 5 + 4);
	for (uint32_t s = 0; s < OUTPUT_RISKS; s++)
		ret->violated |= (uint16_t)((noise(LABEL, at * OUTPUT_RISKS + s) > 0) << s);
}

static int lesson_fill(void **state)
{
	(void)state;
	for (uint32_t t = 0; t < STEPS; t++) {
		for (uint32_t i = 0; i < FEATURE_COUNT; i++)
			input[t][i] = noise(INPUT, t * FEATURE_COUNT + i);
		for (uint32_t r = 0; r < RESOURCE_COUNT; r++)
			truth[t].now.demand[r] = noise(NOW, t * 5 + r);
		for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
			label_fill(t * FORECAST_HORIZONS + h, &truth[t].then[h]);
	}
	return 0;
}

static void assert_close(const float *values, uint32_t apart, const double *expected, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(fabs((double)values[i * apart] - expected[i]) < 2e-5))
			fail_msg("element %zu is %.7f, of torch %.7f", i * apart, (double)values[i * apart], expected[i]);
}

static void the_network_says_what_torch_says(void **state)
{
	static struct lstm_float network;
	struct lstm_float_state memory = { 0 };
	float output[OUTPUT_COUNT];

	(void)state;
	network_fill(&network);
	for (uint32_t t = 0; t < STEPS; t++)
		lstm_float_step(&network, &memory, input[t], output);
	assert_int_equal(LENGTH(torch_output), OUTPUT_COUNT);
	assert_close(output, 1, torch_output, OUTPUT_COUNT);
}

/* Both are of one sequence, shorter than a chunk: an epoch is an update. */
static void updates_are_those_of_torch(void **state)
{
	const struct train_sequence sequence = { .steps = STEPS, .weight = 1, .input = input, .truth = truth };
	const struct train_set set = { &sequence, 1 }, none = { NULL, 0 };
	const struct { const double *values; size_t count; } expected[LSTM_TENSOR_COUNT] = {
		{ torch_gate, LENGTH(torch_gate) }, { torch_gate_bias, LENGTH(torch_gate_bias) }, { torch_head, LENGTH(torch_head) },
		{ torch_head_bias, LENGTH(torch_head_bias) }, { torch_direct, LENGTH(torch_direct) },
	};
	static struct lstm_float network;
	struct train_options options;
	struct train_report report;
	struct train *train;

	(void)state;
	train_options_init(&options);
	options.hidden = HIDDEN;
	options.epochs = UPDATES;
	options.quantize_share = options.dropout = options.averaging = 0;
	options.learning_rate = 0.01f;
	options.weight_decay = 0.05f;
	options.direct_decay = 0.2f;
	options.clip_norm = 1;
	options.demand_weight = 4;
	options.sli_weight = 2;
	options.risk_weight = 8;
	network_fill(&network);
	assert_int_equal(train_new(&options, &set, &none, &network, &train), 0);
	for (int update = 0; update < UPDATES; update++) {
		assert_int_equal(train_epoch(train, &report), 0);
		assert_true(fabs(report.train_loss / torch_loss[update] - 1) < 1e-5);
		/* What is compared below are the weights after the last. */
		assert_true(report.best);
	}
	network = *train_best(train);
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		const float *values = lstm_float_tensor(&network, tensor, &count);

		assert_int_equal(expected[tensor].count, (count + EVERY - 1) / EVERY);
		assert_close(values, EVERY, expected[tensor].values, expected[tensor].count);
	}
	train_free(train);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_network_says_what_torch_says),
		cmocka_unit_test(updates_are_those_of_torch),
	};

	return cmocka_run_group_tests_name("train_torch", tests, lesson_fill, NULL);
}
