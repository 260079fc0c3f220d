/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "foresee.h"

#include <math.h>
#include <string.h>

#include "decode.h"
#include "others.h"

/*
 * What happened under our own action teaches only when it was bad in spite of it: the load is demand, of which the action
 * kept some away. Of memory the load is what is in use, whoever keeps it so.
 */
static void instance_learn(struct predictor *p, struct predictor_instance *instance, uint64_t now_ns)
{
	bool is_censored = predictor_is_censored(p, now_ns);

	if (slo_is_bound(&instance->info.slo))
		instance->parts |= 1u << MEMORY_STATISTICAL;
	for (int sli = 0; sli < SLI_COUNT; sli++) {
		struct statistical *stat = &p->memory.statistical[instance->info.slot][sli];
		float load = statistical_load((enum sli)sli, p->host.total);
		bool is_violated = instance->violated >> sli & 1;
		enum resource cause = sli_resource((enum sli)sli);

		if (!instance->info.slo.bound[sli])
			continue;
		if (cause == RESOURCE_COUNT)
			cause = statistical_scarcest(p->host.total);
		if (is_violated || !is_censored || cause == RESOURCE_MEMORY)
			statistical_push(stat, load, is_violated);
		else
			statistical_guard(stat, load);
	}
}

/* The fallback and the baseline; what the LSTM says comes after, batched. */
static void instance_fallback(struct predictor *p, struct predictor_instance *instance, const struct extract *in,
			      uint64_t now_ns)
{
	struct statistical_view view = { p->memory.statistical[instance->info.slot], in, p->host.total, instance->violated };
	struct foresight *foresight = instance->foresight;
	struct forecast *forecast = &foresight->forecast;
	float demand[RESOURCE_COUNT];
	enum sli sli;

	instance_learn(p, instance, now_ns);
	statistical_forecast(&view, forecast);
	foresight->learned_risk[0] = forecast_risk(forecast, 1, &sli);
	foresight->learned_risk[1] = forecast_risk(forecast, 2, &sli);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		demand[r] = fmaxf(instance->demand[r], 0) * p->host.capacity[r];
	if (p->config.forecaster == FORECAST_PERSISTENCE)
		forecast_persist(demand, forecast->sli[0][1], instance->violated, forecast);
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		forecast->failure[h] = happening_failure_risk(&instance->happenings.failing, forecast_horizon_s[h]);
	forecast_blame(forecast);
	forecast->time_ns = now_ns;
	if (predictor_is_annotated(instance))
		memory_skill(p, instance)->statistical = *forecast;
}

void foresee(struct predictor *p, struct predictor_instance *instance, uint64_t now_ns)
{
	struct foresight *foresight = instance->foresight;
	struct extract_others others;
	struct extract in;

	instance->parts |= 1u << MEMORY_FORESIGHT;
	others_extract(p, instance, &others, &in);
	instance_fallback(p, instance, &in, now_ns);
	memcpy(in.learned_risk, foresight->learned_risk, sizeof(in.learned_risk));
	foresight->has_frame = feature_extract(&in, &foresight->frame);
	foresight->forecast.quality = foresight->frame.quality;
}
