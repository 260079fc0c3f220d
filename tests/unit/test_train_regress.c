/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the SLIs share goes into the risk of each that was trained, and nowhere else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "predict/train_internal.h"

#define STEPS 3000
#define UNITS 16
#define SLOPE 6.0f
#define MIDDLE 0.4f

static float input[STEPS][FEATURE_COUNT];
static struct train_truth truth[STEPS];
static const struct train_sequence sequence = { .steps = STEPS, .weight = 1, .input = input, .truth = truth };
static const struct train_set set = { &sequence, 1 };

/*
 * Queue waits follow load at every horizon, and so does memory pressure, of which little is known. In every third second something is violated
 * already, and then the opposite holds.
 */
static void seconds_draw(void)
{
	struct train_random random;

	memset(input, 0, sizeof(input));
	memset(truth, 0, sizeof(truth));
	train_random_seed(&random, 3);
	for (int t = 0; t < STEPS; t++) {
		float load = (train_random_signed(&random) + 1) / 2;
		bool is_now = t % 3 == 0, comes;

		input[t][FEATURE_OTHERS_CPU] = load;
		truth[t].now.violated = (uint16_t)(is_now << SLI_RUNQ_P99);
		comes = (train_random_signed(&random) + 1) / 2 < lstm_float_sigmoid(SLOPE * (load - MIDDLE) * (is_now ? -1 : 1));
		for (int h = 0; h < FORECAST_HORIZONS; h++) {
			truth[t].then[h].known = (uint16_t)(TRAIN_KNOWS_VIOLATED(SLI_RUNQ_P99) |
							    (t % 50 ? 0 : TRAIN_KNOWS_VIOLATED(SLI_MEM_FULL)));
			truth[t].then[h].violated = (uint16_t)(comes << SLI_RUNQ_P99 | (comes && t % 50 == 0) << SLI_MEM_FULL);
		}
	}
}

/* Of all that have no labels the rows are zeros, as train_init_weights() leaves them. */
static void network_fill(struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config){ FEATURE_COUNT, UNITS, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (int i = 0; i < FEATURE_COUNT; i++)
		ret->input_high[i] = 1;
	for (int h = 0; h < FORECAST_HORIZONS; h++) {
		ret->head[OUTPUT_RISK(h, SLI_RUNQ_P99) * UNITS + 1] = 0.8f;
		ret->head[OUTPUT_RISK(h, SLI_MEM_FULL) * UNITS + 1] = 0.8f;
		ret->head[OUTPUT_RISK(h, OUTPUT_RISK_FAILURE) * UNITS + 1] = 0.8f;
	}
}

static float load_weight(const struct lstm_float *weights, int h, int risk)
{
	return weights->direct[OUTPUT_RISK(h, risk) * FEATURE_COUNT + FEATURE_OTHERS_CPU];
}

/* Of the regression, given how often an SLI was violated. */
static float share(int violated) { return 600.0f / (600 + (float)violated); }

static void what_slis_share_is_mixed_into_each(void **state)
{
	static struct lstm_float weights, before;
	int violated[SLI_LEARNED_COUNT] = { 0 };
	float runq, memory, slope;

	(void)state;
	seconds_draw();
	for (int t = 0; t < STEPS; t++)
		for (int s = 0; s < SLI_LEARNED_COUNT; s++)
			violated[s] += truth[t].then[1].violated >> s & 1;
	network_fill(&before);
	weights = before;
	train_regress(&set, 1, &weights);
	runq = share(violated[SLI_RUNQ_P99]);
	memory = share(violated[SLI_MEM_FULL]);
	slope = load_weight(&weights, 1, SLI_RUNQ_P99) / runq;
	assert_float_equal(slope, SLOPE, 1);
	assert_float_equal(load_weight(&weights, 1, SLI_MEM_FULL), memory * slope, 1e-4);
	assert_float_equal(weights.head_bias[OUTPUT_RISK(1, SLI_RUNQ_P99)], -SLOPE * MIDDLE * runq, 0.3);
	assert_float_equal(weights.head[OUTPUT_RISK(1, SLI_RUNQ_P99) * UNITS + 1], 0.8 * (1 - runq), 1e-4);
	assert_float_equal(weights.head[OUTPUT_RISK(1, SLI_MEM_FULL) * UNITS + 1], 0.8 * (1 - memory), 1e-4);
	for (int i = 0; i < LSTM_INPUT_MAX; i++)
		assert_true(weights.direct[OUTPUT_RISK(1, SLI_IO_P99) * FEATURE_COUNT + i] == 0 &&
			    weights.direct[OUTPUT_RISK(1, OUTPUT_RISK_FAILURE) * FEATURE_COUNT + i] == 0);
	assert_true(weights.head_bias[OUTPUT_RISK(1, SLI_IO_P99)] == 0);
	assert_true(weights.head[OUTPUT_RISK(1, OUTPUT_RISK_FAILURE) * UNITS + 1] == 0.8f);
	assert_memory_equal(weights.gate, before.gate, sizeof(weights.gate));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_slis_share_is_mixed_into_each) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
