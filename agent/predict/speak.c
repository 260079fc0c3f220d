/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "speak.h"

#include <math.h>
#include <string.h>

#include "decode.h"

#define WARM_S 8	/* a state that missed seconds is behind; so long the more worried of the two forecasters is heard */

uint32_t speak_untrained(const struct lstm_weights *weights)
{
	uint32_t untrained = 0;

	for (int sli = 0; weights && sli < SLI_COUNT; sli++)
		if (sli >= SLI_APP || lstm_output_is_constant(weights, OUTPUT_RISK(0, sli)))
			untrained |= 1u << sli;
	if (weights && lstm_output_is_constant(weights, OUTPUT_RISK(0, OUTPUT_RISK_FAILURE)))
		untrained |= SPEAK_FAILURE;
	return untrained;
}

/*
 * Everyone foreseen steps, so that its state keeps up with time, but for one: what an instance with a bound sees while
 * our own action protects it would teach its state that the load around it is harmless. Such a second is not shown to the
 * model, and the statistical forecaster, which learns from no such second either, speaks instead.
 */
static bool lstm_shows(struct predictor_instance *instance, bool is_censored)
{
	if (is_censored && !instance->violated && slo_is_bound(&instance->info.slo)) {
		instance->foresight->warm_s = 0;
		return false;
	}
	instance->foresight->warm_s++;
	return true;
}

/* From the live one at *at on, as many as one batch holds. */
static uint32_t lstm_gather(struct predictor *p, uint32_t *at, bool is_censored)
{
	uint32_t count = 0;

	for (; *at < p->live_count && count < PREDICTOR_BATCH; (*at)++) {
		struct predictor_instance *instance = &p->instance[p->live[*at]];

		if (!predictor_foresees(p, instance) || !lstm_shows(instance, is_censored))
			continue;
		memcpy(p->inputs + (size_t)count * FEATURE_COUNT, instance->foresight->frame.value, sizeof(instance->foresight->frame.value));
		p->states[count] = &instance->foresight->lstm;
		p->stepped[count++] = instance;
	}
	return count;
}

/*
 * Experience speaks where the model was taught nothing, and a model that has just woken up is not believed where it is
 * calmer than experience.
 */
static void risk_keep(bool is_untrained, uint32_t warm_s, const float learned[FORECAST_HORIZONS], float risk[FORECAST_HORIZONS])
{
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		if (is_untrained)
			risk[h] = learned[h];
		else if (warm_s < WARM_S)
			risk[h] = fmaxf(risk[h], learned[h]);
}

static void instance_speak(struct predictor *p, struct predictor_instance *instance, const float *output)
{
	struct foresight *foresight = instance->foresight;
	const struct forecast learned = foresight->forecast;
	struct forecast *forecast = &foresight->forecast;

	forecast_decode(output, instance->demand, p->host.capacity, &instance->info.slo, forecast);
	for (int sli = 0; sli < SLI_COUNT; sli++)
		risk_keep(p->untrained >> sli & 1, foresight->warm_s, learned.risk[sli], forecast->risk[sli]);
	risk_keep(p->untrained & SPEAK_FAILURE, foresight->warm_s, learned.failure, forecast->failure);
	forecast_blame(forecast);
}

static void batch_speak(struct predictor *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (p->stepped[i]->foresight->frame.quality >= 0.5f)
			instance_speak(p, p->stepped[i], p->outputs + (size_t)i * OUTPUT_COUNT);
}

void speak_all(struct predictor *p, uint64_t now_ns)
{
	const struct predictor_config *config = &p->config;
	bool is_censored = predictor_is_censored(p, now_ns);

	if (!config->weights || config->forecaster != FORECAST_LSTM)
		return;
	for (uint32_t at = 0; at < p->live_count;) {
		uint32_t count = lstm_gather(p, &at, is_censored);

		lstm_step(config->weights, config->isa, p->states, p->inputs, p->outputs, count);
		batch_speak(p, count);
	}
}
