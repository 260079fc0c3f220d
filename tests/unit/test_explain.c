/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explanations of the default model: that they say what they claim, and that what they name did drive the risk. */
#include "unit.h"

#include <math.h>

#include "predict/explain.h"
#include "predict/lstm_float.h"
#include "sense/modelfile.h"

#define CALM 60
#define BUSY 12
#define TRIALS 150
#define TOP 3

static struct model model;
static struct explain_past past;
static struct lstm_state state_now;
static float shown[CALM + BUSY][FEATURE_COUNT];
static uint32_t seed = 3;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)seed * below) >> 32);
}

static int model_open(void **unused)
{
	char message[MODEL_MESSAGE_MAX];

	(void)unused;
	return model_load("model/default.model", &model, message, sizeof(message));
}

/* A calm minute, then seconds in which a few inputs leave their usual: frames as free as the input's range. */
static void live(void)
{
	float calm[FEATURE_COUNT], busy[FEATURE_COUNT];

	memset(&past, 0, sizeof(past));
	lstm_state_reset(&state_now);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		calm[i] = (float)draw(1000) / 4000;
		busy[i] = draw(4) ? calm[i] : (float)draw(1000) / 1000;
	}
	for (uint32_t t = 0; t < CALM + BUSY; t++) {
		struct lstm_state *state = &state_now;
		static struct frame frame;
		float output[OUTPUT_COUNT];

		memcpy(frame.value, t < CALM ? calm : busy, sizeof(frame.value));
		memcpy(shown[t], frame.value, sizeof(frame.value));
		lstm_step(&model.weights, LSTM_PORTABLE, &state, frame.value, output, 1);
		explain_push(&past, &frame, &state_now, (t + 1) * NS_PER_SECOND);
	}
}

/* The float reference's risk with these features at their usual in the frames that were explained. */
static float reference_risk(const uint32_t *held, uint32_t count, enum sli sli, uint32_t horizon)
{
	static struct lstm_float_state state;
	float output[OUTPUT_COUNT], input[FEATURE_COUNT], logit = -INFINITY;

	memset(&state, 0, sizeof(state));
	for (uint32_t t = 0; t < CALM + BUSY; t++) {
		memcpy(input, shown[t], sizeof(input));
		for (uint32_t i = 0; t >= CALM + BUSY - EXPLAIN_FRAMES && i < count; i++)
			input[held[i]] = past.usual[held[i]];
		lstm_float_step(&model.reference, &state, input, output);
	}
	for (uint32_t h = 0; h <= horizon; h++)
		logit = fmaxf(logit, output[OUTPUT_RISK(h, sli)]);
	return 1 / (1 + expf(-logit));
}

static void it_explains_the_risk_that_was_said(void **unused)
{
	struct lstm_state *state = &state_now;
	struct explanation explanation;
	float output[OUTPUT_COUNT];
	static struct frame frame;

	(void)unused;
	live();
	memcpy(frame.value, shown[CALM], sizeof(frame.value));
	lstm_step(&model.weights, LSTM_PORTABLE, &state, frame.value, output, 1);
	explain_push(&past, &frame, &state_now, (CALM + BUSY + 1) * NS_PER_SECOND);
	assert_true(explain_risk(&past, &model.weights, LSTM_PORTABLE, SLI_RESP_P99, 0, &explanation));
	assert_float_equal(explanation.risk, 1 / (1 + expf(-output[OUTPUT_RISK(0, SLI_RESP_P99)])), 0);
	assert_int_equal(explanation.frames, EXPLAIN_FRAMES);
}

static void what_is_as_usual_drove_nothing(void **unused)
{
	struct explanation explanation;
	uint32_t order[FEATURE_COUNT];

	(void)unused;
	live();
	explain_risk(&past, &model.weights, LSTM_PORTABLE, SLI_RESP_P99, 1, &explanation);
	explain_order(&explanation, order);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		if (shown[CALM][i] == shown[0][i])
			assert_true(fabsf(explanation.without[i] - explanation.risk) < 0.02f);
		if (i)
			assert_true(explanation.without[order[i]] >= explanation.without[order[i - 1]]);
	}
}

static void taking_away_what_it_names_lowers_the_risk_more_than_others(void **unused)
{
	static const enum sli slis[] = { SLI_RUNQ_P99, SLI_RESP_P99, SLI_IO_P99, SLI_MEM_SOME };
	float named = 0, random = 0, one = 0, other = 0;
	uint32_t counted = 0;

	(void)unused;
	for (uint32_t trial = 0; trial < TRIALS; trial++) {
		enum sli sli = slis[trial % 4];
		uint32_t order[FEATURE_COUNT], any[TOP];
		struct explanation explanation;
		float risk;

		live();
		explain_risk(&past, &model.weights, LSTM_PORTABLE, sli, 1, &explanation);
		explain_order(&explanation, order);
		risk = reference_risk(NULL, 0, sli, 1);
		/* Of those that were moved: it is no art to be better than a feature that is as usual. */
		for (uint32_t i = 0; i < TOP; i++)
			do
				any[i] = draw(FEATURE_COUNT);
			while (shown[CALM][any[i]] == shown[0][any[i]]);
		if (risk < 0.05f)
			continue;
		counted++;
		named += risk - reference_risk(order, TOP, sli, 1);
		random += risk - reference_risk(any, TOP, sli, 1);
		one += risk - reference_risk(order, 1, sli, 1);
		other += risk - reference_risk(any, 1, sli, 1);
	}
	print_message("# of %u risks the named feature drove %.3f, another %.3f; the three named %.3f, three others %.3f\n", counted,
		      (double)(one / (float)counted), (double)(other / (float)counted), (double)(named / (float)counted),
		      (double)(random / (float)counted));
	assert_true(counted > TRIALS / 3);
	assert_true(one > 2 * fmaxf(other, 0) && one > 0);
	assert_true(named > 2 * fmaxf(random, 0) && named > one);
}

static void a_gap_begins_anew(void **unused)
{
	struct explanation explanation;
	static struct frame frame;

	(void)unused;
	live();
	lstm_state_reset(&state_now);
	explain_push(&past, &frame, &state_now, 1000 * NS_PER_SECOND);
	assert_true(explain_risk(&past, &model.weights, LSTM_PORTABLE, SLI_RESP_P99, 1, &explanation));
	assert_int_equal(explanation.frames, 1);
	memset(&past, 0, sizeof(past));
	assert_false(explain_risk(&past, &model.weights, LSTM_PORTABLE, SLI_RESP_P99, 1, &explanation));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_explains_the_risk_that_was_said),
		cmocka_unit_test(what_is_as_usual_drove_nothing),
		cmocka_unit_test(taking_away_what_it_names_lowers_the_risk_more_than_others),
		cmocka_unit_test(a_gap_begins_anew),
	};

	return cmocka_run_group_tests(tests, model_open, NULL);
}
