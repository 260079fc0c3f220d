/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_instance.h"

#include <string.h>

#include "value.h"

#define RISK_HORIZON 1	/* 2 s: the horizon that the plan acts on */

const struct predictor_instance *answer_instance_find(const struct predictor *predictor, const char *path)
{
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		const struct predictor_instance *instance = &predictor->instance[predictor->live[i]];

		if (!strcmp(instance->info.path, path))
			return instance;
	}
	return NULL;
}

bool answer_instance_is_violated(const struct predictor_instance *instance)
{
	return instance->is_violated && slo_is_bound(&instance->info.slo);
}

static bool forecast_is_made(const struct predictor_instance *instance)
{
	return instance->has_frame && instance->forecast.source != FORECAST_NONE;
}

static json_t *limits_json(const struct observe_limits *limits)
{
	bool is_limited = limits->quota_us != QUOTA_NONE && limits->period_us;

	return json_pack("{s:o, s:o, s:I, s:o}",
			 "weight", limits->weight ? json_integer(limits->weight) : json_null(),
			 "quota_us", is_limited ? json_integer((json_int_t)limits->quota_us) : json_null(),
			 "period_us", (json_int_t)limits->period_us,
			 "cpus", is_limited ? value_number((double)limits->quota_us / (double)limits->period_us) :
					      json_null());
}

static json_t *slo_json(const struct answer_world *world, const struct predictor_instance *instance)
{
	const struct slo *slo = &instance->info.slo;
	const char *problem = world->slo_problem ? world->slo_problem(world->context, instance->info.slot) : "";
	char text[SLO_TEXT_MAX] = "";

	if (slo->source != SLO_FROM_DEFAULT)
		slo_format(slo, text);
	return json_pack("{s:o, s:s, s:b, s:o}", "text", value_text(text), "source", slo_source_name(slo->source),
			 "bound", slo_is_bound(slo), "problem",
			 problem && problem[0] ? value_text(problem) : json_null());
}

/* What the last closed second says; every value null before there is one. */
static void second_merge(json_t *to, const struct window_second *second)
{
	static const struct window_second none = { -1, -1, -1, -1, -1, -1, -1, -1, -1 };

	if (!second)
		second = &none;
	json_object_set_new(to, "cpu", value_measured(second->cpu));
	json_object_set_new(to, "wait", value_measured(second->wait));
	json_object_set_new(to, "runq_p50_ms", value_measured(second->p50_ns / 1e6));
	json_object_set_new(to, "runq_p99_ms", value_measured(second->sli_ns / 1e6));
	json_object_set_new(to, "bad_share", value_measured(second->bad_share));
	json_object_set_new(to, "worst_bad_share", value_measured(second->worst_bad));
	json_object_set_new(to, "psi_some", value_measured(second->psi_some));
	json_object_set_new(to, "switches", value_measured(second->switches));
	json_object_set_new(to, "execs", value_measured(second->execs));
}

json_t *answer_instance_brief(const struct answer_world *world, const struct predictor_instance *instance)
{
	const struct observe_instance *info = &instance->info;
	float host_cpus = world->mind->predictor->config.host_cpus;
	bool is_made = forecast_is_made(instance);
	json_t *brief = json_object();

	json_object_set_new(brief, "path", value_text(info->path));
	json_object_set_new(brief, "slot", json_integer(info->slot));
	json_object_set_new(brief, "tier", json_string(tier_name(info->slo.tier)));
	json_object_set_new(brief, "slo", slo_json(world, instance));
	second_merge(brief, window_at(&instance->window, 0));
	json_object_set_new(brief, "demand", instance->has_frame ? value_number(instance->demand * host_cpus) :
								   json_null());
	json_object_set_new(brief, "risk", is_made ? value_number(instance->forecast.risk[RISK_HORIZON]) : json_null());
	json_object_set_new(brief, "forecast", json_string(forecast_source_name(is_made ? instance->forecast.source :
											  FORECAST_NONE)));
	json_object_set_new(brief, "limits", limits_json(&instance->limits));
	json_object_set_new(brief, "violated", json_boolean(answer_instance_is_violated(instance)));
	return brief;
}

static json_t *quantiles_json(const float value[FORECAST_QUANTILES])
{
	return json_pack("{s:o, s:o, s:o, s:o}", "p10", value_number(value[0]), "p50", value_number(value[1]),
			 "p90", value_number(value[2]), "p99", value_number(value[3]));
}

json_t *answer_instance_forecast(const struct predictor_instance *instance)
{
	const struct forecast *forecast = &instance->forecast;
	json_t *horizons;

	if (!forecast_is_made(instance))
		return json_null();
	horizons = json_array();
	for (int i = 0; i < FORECAST_HORIZONS; i++)
		json_array_append_new(horizons, json_pack("{s:i, s:o, s:o, s:o}", "seconds", (int)forecast_horizon_s[i],
							  "risk", value_number(forecast->risk[i]),
							  "demand", quantiles_json(forecast->demand[i]),
							  "runq_p99_ms", quantiles_json(forecast->sli[i])));
	return json_pack("{s:s, s:I, s:o, s:o}", "source", forecast_source_name(forecast->source),
			 "time_ns", (json_int_t)forecast->time_ns, "quality", value_number(forecast->quality),
			 "horizons", horizons);
}

/* Seconds of the window, the youngest first. */
static json_t *window_json(const struct window *window)
{
	const struct window_second *second;
	json_t *seconds = json_array();

	for (uint32_t age = 0; age < WINDOW_SECONDS && (second = window_at(window, age)); age++) {
		json_t *value = json_object();

		second_merge(value, second);
		json_array_append_new(seconds, value);
	}
	return seconds;
}

static json_t *frame_json(const struct frame *frame)
{
	json_t *features = json_object();

	for (int i = 0; i < FEATURE_COUNT; i++) {
		bool is_missing = frame->missing >> i & 1;

		json_object_set_new(features, feature_name(i),
				    json_pack("{s:o, s:b, s:s, s:s}", "value",
					      is_missing ? json_null() : value_number(frame->value[i]), "missing",
					      is_missing, "unit", feature_unit(i), "source", feature_source(i)));
	}
	return json_pack("{s:o, s:o}", "quality", value_number(frame->quality), "features", features);
}

/* Spans as in predict/extract.h. */
static json_t *expectation_json(const struct expectation *expect, float host_cpus)
{
	static const char *const spans[] = { "1 s", "2 s", "3..5 s", "6..15 s" };
	json_t *out = json_array();

	_Static_assert(sizeof(spans) / sizeof(spans[0]) == EXPECT_SPANS, "a name per span");
	for (int i = 0; i < EXPECT_SPANS; i++)
		json_array_append_new(out, json_pack("{s:s, s:o, s:o}", "ahead", spans[i],
						     "demand", value_number(expect->demand[i] * host_cpus),
						     "confidence", value_number(expect->confidence[i])));
	return out;
}

json_t *answer_instance_full(const struct answer_world *world, const struct predictor_instance *instance)
{
	json_t *full = answer_instance_brief(world, instance);

	json_object_set_new(full, "cgroup_id", json_integer((json_int_t)instance->info.cgroup_id));
	json_object_set_new(full, "seconds", window_json(&instance->window));
	json_object_set_new(full, "frame", instance->has_frame ? frame_json(&instance->frame) : json_null());
	json_object_set_new(full, "expectation",
			    expectation_json(&instance->expect, world->mind->predictor->config.host_cpus));
	json_object_set_new(full, "forecast_full", answer_instance_forecast(instance));
	return full;
}
