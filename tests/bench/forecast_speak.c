/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the model, and what stands beside it, say of each second. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast.h"
#include "predict/lstm_float.h"

#define EWMA_RATE 0.3f
#define LOGISTIC_ROUNDS 12
#define LOGISTIC_PENALTY 1.0

const uint32_t shown_horizon[SHOWN_HORIZONS] = { 1, 2, 3 };
const char *const speaks_name[SPEAKS_COUNT] = {
#define SPEAKS_NAME(id, name) name,
	SPEAKER_TABLE(SPEAKS_NAME)
#undef SPEAKS_NAME
};

bool life_is_healthy(const struct life *life, uint32_t t)
{
	return !(life->truth[t].now.violated & life->bound);
}

int life_onset(const struct life *life, uint32_t t, uint32_t horizon)
{
	const struct train_label *then = &life->truth[t].then[horizon];

	if (!life_is_healthy(life, t))
		return -1;
	if (then->violated & life->bound)
		return 1;
	for (int s = 0; s < SLI_LEARNED_COUNT; s++)
		if ((life->bound >> s & 1) && !(then->known & TRAIN_KNOWS_VIOLATED(s)))
			return -1;
	return 0;
}

/* Of what is bound, each risk within the main horizon and, at those shown, the gravest: which is the score. */
static void risks_take(struct life *life, uint32_t t, enum speaks who, float risk[SLI_LEARNED_COUNT][FORECAST_HORIZONS])
{
	for (int s = 0; s < SLI_LEARNED_COUNT; s++) {
		life->said[t][who][s] = risk[s][shown_horizon[MAIN_HORIZON]];
		for (int i = 0; i < SHOWN_HORIZONS && life->bound >> s & 1; i++)
			life->score[t][who][i] = fmaxf(life->score[t][who][i], risk[s][shown_horizon[i]]);
	}
}

/* Never less than that of a shorter horizon, as forecast_decode() has it. */
static void outputs_take(struct life *life, uint32_t t, enum speaks who, const float output[OUTPUT_COUNT])
{
	float risk[SLI_LEARNED_COUNT][FORECAST_HORIZONS];

	for (int s = 0; s < SLI_LEARNED_COUNT; s++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			risk[s][h] = fmaxf(lstm_float_sigmoid(output[OUTPUT_RISK(h, s)]), h ? risk[s][h - 1] : 0);
	risks_take(life, t, who, risk);
}

static void model_speak(struct life *life, const struct model *model)
{
	struct lstm_float_state real = { 0 };
	struct lstm_state quantized = { 0 }, *states[] = { &quantized };
	float output[OUTPUT_COUNT];

	for (uint32_t t = 0; t < life->steps; t++) {
		risks_take(life, t, SPEAKS_SPOKEN, life->spoken[t].risk);
		lstm_step(&model->weights, lstm_isa_best(), states, life->input[t], output, 1);
		outputs_take(life, t, SPEAKS_INT8, output);
		lstm_float_step(&model->reference, &real, life->input[t], output);
		outputs_take(life, t, SPEAKS_FLOAT, output);
	}
}

static float finite_or(float value, float otherwise)
{
	return isfinite(value) ? value : otherwise;
}

/* How nearly something that it needs is used up: the host's CPU, its memory, its disk and wire, its own limits. */
static float used_up(const float *input)
{
	float used = 1 - finite_or(input[FEATURE_HOST_IDLE], 1);

	used = fmaxf(used, 1 - finite_or(input[FEATURE_HOST_MEMORY_FREE], 1));
	used = fmaxf(used, finite_or(input[FEATURE_OWN_IO], 0) + finite_or(input[FEATURE_OTHERS_IO], 0));
	used = fmaxf(used, finite_or(input[FEATURE_OWN_TX], 0) + finite_or(input[FEATURE_OTHERS_TX], 0));
	used = fmaxf(used, finite_or(input[FEATURE_OWN_CPU], 0) / fmaxf(finite_or(input[FEATURE_OWN_LIMIT], 1), 0.01f));
	return fmaxf(used, finite_or(input[FEATURE_OWN_MEMORY_LIMIT], 0));
}

static void simple_speak(struct life *life)
{
	float mean = 0;

	for (uint32_t t = 0; t < life->steps; t++) {
		const float *input = life->input[t];
		float sli = finite_or(input[FEATURE_OWN_SLI], t ? mean : 0);

		mean = t ? mean + EWMA_RATE * (sli - mean) : sli;
		for (int i = 0; i < SHOWN_HORIZONS; i++) {
			life->score[t][SPEAKS_NOW][i] = sli;
			life->score[t][SPEAKS_EWMA][i] = mean;
			life->score[t][SPEAKS_HEADROOM][i] = used_up(input);
		}
	}
}

/* What a forecaster of load could say at best: the loads that come, of which TOLD also hears the highest and the mean within the horizon. */
static const enum feature load_feature[] = {
	FEATURE_OTHERS_CPU, FEATURE_OTHERS_IO, FEATURE_OTHERS_TX, FEATURE_OTHERS_RECLAIM, FEATURE_HOST_MEMORY_FREE,
	FEATURE_OWN_CPU, FEATURE_OWN_MEMORY, FEATURE_OWN_TX, FEATURE_OWN_RX,
};
#define LOADS (sizeof(load_feature) / sizeof(load_feature[0]))
_Static_assert(FEATURE_COUNT + 1 + 2 * LOADS <= RIDGE_MAX, "what TOLD hears");

static float clamped(float value)
{
	return fminf(fmaxf(finite_or(value, 0), -4), 4);
}

static void logistic_inputs(const struct life *life, uint32_t t, uint32_t horizon, enum speaks who, float ret[RIDGE_MAX])
{
	uint32_t last = t + forecast_horizon_s[horizon] < life->steps ? t + forecast_horizon_s[horizon] : life->steps - 1;

	for (int i = 0; i < FEATURE_COUNT; i++)
		ret[i] = clamped(life->input[t][i]);
	ret[FEATURE_COUNT] = 1;
	for (size_t i = 0; who == SPEAKS_TOLD && i < LOADS; i++) {
		float most = -4, sum = 0;

		for (uint32_t at = t + 1; at <= last; at++) {
			most = fmaxf(most, clamped(life->input[at][load_feature[i]]));
			sum += clamped(life->input[at][load_feature[i]]);
		}
		ret[FEATURE_COUNT + 1 + 2 * i] = last > t ? most : ret[load_feature[i]];
		ret[FEATURE_COUNT + 2 + 2 * i] = last > t ? sum / (float)(last - t) : ret[load_feature[i]];
	}
}

/* One round of reweighted least squares on what is shown. */
static void logistic_round(const struct corpus *corpus, uint32_t horizon, enum speaks who, struct ridge *ridge)
{
	struct ridge *next = must_alloc(1, sizeof(*next));
	float x[RIDGE_MAX];

	next->size = ridge->size;
	for (size_t i = 0; i < corpus->count; i++) {
		const struct life *life = &corpus->life[i];

		for (uint32_t t = 0; life->is_shown && t < life->steps; t++) {
			int onset = life_onset(life, t, horizon);
			float logit, p, root;

			if (onset < 0)
				continue;
			logistic_inputs(life, t, horizon, who, x);
			logit = fminf(fmaxf(ridge_say(ridge, x), -8), 8);
			p = lstm_float_sigmoid(logit);
			root = sqrtf(p * (1 - p));
			for (uint32_t j = 0; j < ridge->size; j++)
				x[j] *= root;
			ridge_add(next, x, root * (logit + ((float)onset - p) / (p * (1 - p))));
		}
	}
	ridge_solve(next, LOGISTIC_PENALTY);
	*ridge = *next;
	free(next);
}

static void logistic_speak(struct corpus *corpus, enum speaks who, uint32_t shown)
{
	struct ridge *ridge = must_alloc(1, sizeof(*ridge));
	float x[RIDGE_MAX];

	ridge->size = FEATURE_COUNT + 1 + (who == SPEAKS_TOLD ? 2 * LOADS : 0);
	for (int i = 0; i < LOGISTIC_ROUNDS; i++)
		logistic_round(corpus, shown_horizon[shown], who, ridge);
	for (size_t i = 0; i < corpus->count; i++)
		for (uint32_t t = 0; t < corpus->life[i].steps; t++) {
			logistic_inputs(&corpus->life[i], t, shown_horizon[shown], who, x);
			corpus->life[i].score[t][who][shown] = lstm_float_sigmoid(ridge_say(ridge, x));
		}
	free(ridge);
}

void corpus_speak(struct corpus *corpus, const struct model *model)
{
	for (size_t i = 0; i < corpus->count; i++) {
		model_speak(&corpus->life[i], model);
		simple_speak(&corpus->life[i]);
	}
	for (uint32_t shown = 0; shown < SHOWN_HORIZONS; shown++)
		for (enum speaks who = SPEAKS_LOGISTIC; who <= SPEAKS_TOLD; who++)
			logistic_speak(corpus, who, shown);
}
