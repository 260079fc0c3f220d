/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_instance.h"

#include <string.h>

#include "answer_failure.h"
#include "answer_report.h"
#include "answer_signals.h"
#include "predict/respond.h"
#include "value.h"

#define RISK_HORIZON 1	/* 2 s: the horizon that the plan acts on */
#define EXPECTED_QUANTILE 2	/* .9 */

static const struct predictor_instance *instance_find(const struct predictor *predictor, const char *path)
{
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		const struct predictor_instance *instance = &predictor->instance[predictor->live[i]];

		if (!strcmp(instance->info.path, path))
			return instance;
	}
	return NULL;
}

const struct predictor_instance *answer_instance_asked(const struct answer_world *world, const json_t *question, json_t **ret_error)
{
	const char *path = json_string_value(json_object_get(question, "path"));
	const struct predictor_instance *instance;

	if (!path) {
		*ret_error = value_error("the question needs a path; give the cgroup's path below the cgroup root");
		return NULL;
	}
	instance = instance_find(world->mind->predictor, path);
	if (!instance)
		*ret_error = value_error("no instance '%s'; 'forestall instance list' shows those observed", path);
	return instance;
}

bool answer_instance_is_violated(const struct predictor_instance *instance)
{
	return instance->violated != 0;
}

static bool forecast_is_made(const struct predictor_instance *instance)
{
	return instance->foresight->has_frame && instance->foresight->forecast.source != FORECAST_NONE;
}

/* A limit that is not there is null. */
static json_t *limit_json(uint64_t limit)
{
	return limit == LIMIT_NONE ? json_null() : json_integer((json_int_t)limit);
}

static json_t *limits_json(const struct observe_limits *limits)
{
	bool is_limited = limits->quota_us != LIMIT_NONE && limits->period_us;
	json_t *out = json_object();

	json_object_set_new(out, "weight", limits->weight ? json_integer(limits->weight) : json_null());
	json_object_set_new(out, "quota_us", limit_json(limits->quota_us));
	json_object_set_new(out, "period_us", json_integer((json_int_t)limits->period_us));
	json_object_set_new(out, "cpus", is_limited ? value_number((double)limits->quota_us / (double)limits->period_us) :
						      json_null());
	json_object_set_new(out, "memory_low", json_integer((json_int_t)limits->memory_low));
	json_object_set_new(out, "memory_high", limit_json(limits->memory_high));
	json_object_set_new(out, "memory_max", limit_json(limits->memory_max));
	json_object_set_new(out, "io_bps", limit_json(limits->io_bps));
	json_object_set_new(out, "io_iops", limit_json(limits->io_iops));
	json_object_set_new(out, "device", value_device(limits->device));
	return out;
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

static const char *unit_name(enum sli sli)
{
	return sli_unit(sli) == SLI_UNIT_NS ? "ms" : sli_unit(sli) == SLI_UNIT_SHARE ? "share" : "number";
}

/* In the unit that people read: ms, or share of 1, or what the application counts in. */
static double sli_readable(enum sli sli, float value)
{
	return sli_unit(sli) == SLI_UNIT_NS && value >= 0 ? (double)value / 1e6 : (double)value;
}

/* Each SLI that was measured or is bound: value, bound, how much of it was bad where that is still known. */
static json_t *slis_json(const struct slo *slo, const struct window_second *second, const struct window_judged *judged)
{
	json_t *slis = json_object();

	for (int i = 0; i < SLI_COUNT; i++) {
		enum sli sli = (enum sli)i;

		if (!slo->bound[i] && (!second || second->sli[i] < 0))
			continue;
		json_object_set_new(slis, slo_sli_name(slo, sli), json_pack(
			"{s:o, s:o, s:s, s:o, s:o}",
			"value", second ? value_measured(sli_readable(sli, second->sli[i])) : json_null(),
			"bound", slo->bound[i] ? value_number(sli_readable(sli, feature_bound(slo, sli))) : json_null(),
			"unit", unit_name(sli),
			"bad_share", judged ? value_measured(judged->bad[i]) : json_null(),
			"worst_bad_share", judged ? value_measured(judged->worst_bad[i]) : json_null()));
	}
	return slis;
}

/* To each SLI that is bound what only the last second has: whether it was violated, and its risk. */
static void slis_judge(json_t *slis, const struct predictor_instance *instance, bool is_made)
{
	for (int i = 0; i < SLI_COUNT; i++) {
		json_t *sli = json_object_get(slis, slo_sli_name(&instance->info.slo, (enum sli)i));

		if (!instance->info.slo.bound[i])
			continue;
		json_object_set_new(sli, "violated", json_boolean(instance->violated >> i & 1));
		json_object_set_new(sli, "risk", is_made ? value_number(instance->foresight->forecast.risk[i][RISK_HORIZON]) :
							   json_null());
	}
}

static json_t *psi_json(const struct window_second *second)
{
	static const char *const names[] = { "cpu_some", "memory_some", "memory_full", "io_some", "io_full" };
	json_t *psi = json_object();

	_Static_assert(sizeof(names) / sizeof(names[0]) == PSI_COUNT, "a name per pressure total");
	for (int i = 0; i < PSI_COUNT; i++)
		json_object_set_new(psi, names[i], second ? value_measured(second->psi[i]) : json_null());
	return psi;
}

/* What a closed second says; every value null before there is one, and of what this kernel has no hook for. Only the last is still judged. */
static void second_merge(json_t *to, const struct answer_world *world, const struct slo *slo, const struct window_second *second,
			 const struct window_judged *judged)
{
	static const struct {
		const char *name;
		uint32_t signal;
		size_t offset;
		double scale;
	} values[] = {
#define VALUE(name, signal, field, scale) { name, NERVE_##signal, offsetof(struct window_second, field), scale }
		VALUE("cpu", ALWAYS, cpu, 1), VALUE("wait", ALWAYS, wait, 1), VALUE("switches", ALWAYS, switches, 1),
		VALUE("execs", ALWAYS, execs, 1), VALUE("runq_p50_ms", ALWAYS, p50_ns, 1e-6), VALUE("memory_bytes", ALWAYS, memory, 1),
		VALUE("major_faults", ALWAYS, major_faults, 1), VALUE("refaults", ALWAYS, refaults, 1),
		VALUE("reclaim", RECLAIM, reclaim, 1), VALUE("io_bytes", IO, io_bytes, 1), VALUE("io_done", IO, io_done, 1),
		VALUE("tx_bytes", PACKETS, tx_bytes, 1), VALUE("rx_bytes", PACKETS, rx_bytes, 1), VALUE("rtt_ms", RTT, rtt_ns, 1e-6),
#undef VALUE
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const float *value = second && answer_is_measured(world, values[i].signal) ?
			(const float *)((const char *)second + values[i].offset) : NULL;

		json_object_set_new(to, values[i].name, value ? value_measured(*value < 0 ? -1 : *value * values[i].scale) :
								json_null());
	}
	json_object_set_new(to, "psi", psi_json(second));
	json_object_set_new(to, "slis", slis_json(slo, second, judged));
}

/* One value per resource, in its own unit. */
static json_t *resources_json(const float value[RESOURCE_COUNT], const float capacity[RESOURCE_COUNT])
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r), value_measured(value[r] < 0 ? -1 :
										      value[r] * capacity[r]));
	return out;
}

/* What the plan reckons with: an upper quantile of demand, by resource. */
static json_t *expected_json(const struct forecast *forecast)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r),
				    value_number(forecast->demand[r][RISK_HORIZON][EXPECTED_QUANTILE]));
	return out;
}

static json_t *risk_json(const struct slo *slo, const struct forecast *forecast, uint32_t horizon)
{
	json_t *out = json_object();

	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (slo->bound[sli])
			json_object_set_new(out, slo_sli_name(slo, (enum sli)sli), value_number(forecast->risk[sli][horizon]));
	return out;
}

static json_t *name_json(const struct answer_world *world, const char *path)
{
	char name[NAME_BYTES_MAX];

	if (world->name)
		world->name(world->context, path, name);
	else
		name_of_path(path, name);
	return name[0] ? value_text(name) : json_null();
}

/* What the plan gives it of the connections to the port that it shares; null where it shares none. */
static json_t *share_json(const struct mind *mind, const struct observe_instance *info)
{
	const struct plan_view *view = &mind->view[info->slot];

	return info->slo.share && view->cgroup_id == info->cgroup_id ? json_integer(view->balance.weight) : json_null();
}

json_t *answer_instance_brief(const struct answer_world *world, const struct predictor_instance *instance)
{
	const struct observe_instance *info = &instance->info;
	const struct window_second *now = window_at(&instance->window, 0);
	const struct forecast *forecast = &instance->foresight->forecast;
	bool is_made = forecast_is_made(instance);
	json_t *brief = json_object();
	enum sli sli;

	json_object_set_new(brief, "path", value_text(info->path));
	json_object_set_new(brief, "name", name_json(world, info->path));
	json_object_set_new(brief, "slot", json_integer(info->slot));
	json_object_set_new(brief, "tier", json_string(tier_name(info->slo.tier)));
	json_object_set_new(brief, "slo", slo_json(world, instance));
	second_merge(brief, world, &info->slo, now, now ? &instance->window.judged : NULL);
	slis_judge(json_object_get(brief, "slis"), instance, is_made);
	json_object_set_new(brief, "demand", now ?
			    resources_json(instance->demand, world->mind->predictor->host.capacity) : json_null());
	json_object_set_new(brief, "expected", is_made ? expected_json(forecast) : json_null());
	json_object_set_new(brief, "leading", json_string(slo_sli_name(&info->slo, slo_leading(&info->slo))));
	json_object_set_new(brief, "risk", is_made ? value_number(forecast_risk(forecast, RISK_HORIZON, &sli)) : json_null());
	json_object_set_new(brief, "failure_risk", is_made ? value_number(forecast->failure[RISK_HORIZON]) : json_null());
	json_object_set_new(brief, "share_weight", share_json(world->mind, info));
	json_object_set_new(brief, "impairment", is_made ? json_string(forecast_impairment_name(forecast->impairment)) : json_null());
	json_object_set_new(brief, "forecast", json_string(forecast_source_name(is_made ? instance->foresight->forecast.source :
											  FORECAST_NONE)));
	json_object_set_new(brief, "limits", limits_json(&instance->limits));
	json_object_set_new(brief, "violated", json_boolean(answer_instance_is_violated(instance)));
	return brief;
}

json_t *answer_instance_few(const struct answer_world *world, const struct predictor_instance *instance)
{
	const struct observe_instance *info = &instance->info;
	const struct window_second *now = window_at(&instance->window, 0);
	const struct forecast *forecast = &instance->foresight->forecast;
	const float none = -1;
	bool has_io = now && answer_is_measured(world, NERVE_IO), has_packets = now && answer_is_measured(world, NERVE_PACKETS);
	bool is_made = forecast_is_made(instance);
	json_t *slis = slis_json(&info->slo, now, NULL);
	enum sli sli;

	slis_judge(slis, instance, is_made);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "path", value_text(info->path), "cpu",
			 value_measured(now ? now->cpu : none), "wait", value_measured(now ? now->wait : none), "memory_bytes",
			 value_measured(now ? now->memory : none), "io_bytes", value_measured(has_io ? now->io_bytes : none), "tx_bytes",
			 value_measured(has_packets ? now->tx_bytes : none), "slis", slis, "risk",
			 is_made ? value_number(forecast_risk(forecast, RISK_HORIZON, &sli)) : json_null(), "violated",
			 (int)answer_instance_is_violated(instance));
}

json_t *answer_quantiles(const float value[FORECAST_QUANTILES])
{
	return json_pack("{s:o, s:o, s:o, s:o}", "p10", value_number(value[0]), "p50", value_number(value[1]),
			 "p90", value_number(value[2]), "p99", value_number(value[3]));
}

static json_t *verdict_json(struct skill_verdict verdict)
{
	return json_pack("{s:s, s:o}", "by", skill_by_name(verdict.by), "skill", value_number(verdict.skill));
}

/* Who spoke of each output at a horizon, and how much less that one lost of late than persistence; null without annotation. */
static json_t *by_json(const struct predictor *predictor, const struct predictor_instance *instance, uint32_t horizon)
{
	const struct skill *skill = &predictor->memory.skill[instance->info.slot];
	const struct slo *slo = &instance->info.slo;
	json_t *demand, *risk;

	if (!predictor_uses(instance, MEMORY_SKILL))
		return json_null();
	demand = json_object();
	risk = json_object();
	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(demand, resource_name((enum resource)r), verdict_json(skill_of_output(skill, horizon, (uint32_t)r)));
	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (slo->bound[sli])
			json_object_set_new(risk, slo_sli_name(slo, (enum sli)sli), verdict_json(skill_of_risk(skill, horizon, (enum sli)sli)));
	return json_pack("{s:o, s:o, s:o}", "demand", demand, "sli", verdict_json(skill_of_output(skill, horizon, RESOURCE_COUNT)),
			 "risk", risk);
}

json_t *answer_instance_forecast(const struct predictor *predictor, const struct predictor_instance *instance)
{
	const struct forecast *forecast = &instance->foresight->forecast;
	json_t *horizons;

	if (!forecast_is_made(instance))
		return json_null();
	horizons = json_array();
	for (int i = 0; i < FORECAST_HORIZONS; i++) {
		json_t *demand = json_object();

		for (int r = 0; r < RESOURCE_COUNT; r++)
			json_object_set_new(demand, resource_name((enum resource)r), answer_quantiles(forecast->demand[r][i]));
		json_array_append_new(horizons, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "seconds", (int)forecast_horizon_s[i],
							  "by", by_json(predictor, instance, (uint32_t)i),
							  "risk", risk_json(&instance->info.slo, forecast, (uint32_t)i),
							  "failure", value_number(forecast->failure[i]),
							  "demand", demand, "sli", answer_quantiles(forecast->sli[i])));
	}
	return json_pack("{s:s, s:I, s:o, s:s, s:s, s:s, s:o}", "source", forecast_source_name(forecast->source),
			 "time_ns", (json_int_t)forecast->time_ns, "quality", value_number(forecast->quality),
			 "leading", slo_sli_name(&instance->info.slo, (enum sli)forecast->sli_id), "unit",
			 unit_name((enum sli)forecast->sli_id),
			 "impairment", forecast_impairment_name(forecast->impairment), "horizons", horizons);
}

/* Seconds of the window, the youngest first. */
static json_t *window_json(const struct answer_world *world, const struct slo *slo, const struct window *window)
{
	const struct window_second *second;
	json_t *seconds = json_array();

	for (uint32_t age = 0; age < WINDOW_SECONDS && (second = window_at(window, age)); age++) {
		json_t *value = json_object();

		second_merge(value, world, slo, second, age ? NULL : &window->judged);
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
static json_t *spans_json(const struct expectation *expect, float capacity)
{
	static const char *const spans[] = { "1 s", "2 s", "3..5 s", "6..15 s" };
	json_t *out = json_array();

	_Static_assert(sizeof(spans) / sizeof(spans[0]) == EXPECT_SPANS, "a name per span");
	for (int i = 0; i < EXPECT_SPANS; i++)
		json_array_append_new(out, json_pack("{s:s, s:o, s:o}", "ahead", spans[i],
						     "demand", value_number(expect->demand[i] * capacity),
						     "confidence", value_number(expect->confidence[i])));
	return out;
}

static json_t *expectation_json(const struct predictor *predictor, const struct predictor_instance *instance)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r),
				    spans_json(&instance->expect[r], predictor->host.capacity[r]));
	return out;
}

static json_t *response_curve_json(const struct response *response)
{
	struct response_curve curve = response_fit(response);
	json_t *corners = json_array();

	for (uint32_t i = 0; i < curve.count; i++)
		json_array_append_new(corners, json_pack("[o, o]", value_number(curve.at[i].pressure), value_number(curve.at[i].bad)));
	return json_pack("{s:o, s:o, s:i, s:b, s:o}", "error", value_number(response->error), "trust",
			 value_number(response_trust(response)), "seconds", (int)response->seconds, "identified",
			 (int)response_is_identified(response), "curve", corners);
}

/* By SLI that is bound and resource it may be blamed on, once something was learned. */
static json_t *response_json(const struct predictor *predictor, const struct predictor_instance *instance)
{
	json_t *out = json_object();

	for (int sli = 0; sli < SLI_COUNT; sli++)
		for (int r = 0; instance->info.slo.bound[sli] && r < RESOURCE_COUNT; r++) {
			const struct response *response = respond_model(predictor, instance, (enum sli)sli, (enum resource)r);
			const char *name = slo_sli_name(&instance->info.slo, (enum sli)sli);
			json_t *curve;

			if (!response || !response->seconds)
				continue;
			if (!json_object_get(out, name))
				json_object_set_new(out, name, json_object());
			curve = response_curve_json(response);
			json_object_set_new(json_object_get(out, name), resource_name((enum resource)r), curve);
			json_object_set_new(curve, "pressure", instance->demand[r] < 0 ? json_null() :
					    value_number(instance->demand[r] * predictor->host.capacity[r] /
							 respond_offered(predictor, instance, (enum resource)r)));
		}
	return out;
}

/* By resource of which forecasts have been tried. */
static json_t *credit_json(const struct mind *mind, uint32_t slot)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const struct credit *credit = &mind->view[slot].hold[r].credit;
		float came, failed, share = credit_of(credit, mind->view[slot].need[r].risk);

		credit_sum(credit, &came, &failed);
		if (came + failed > 0)
			json_object_set_new(out, resource_name((enum resource)r),
					    json_pack("{s:o, s:o, s:o, s:o}", "came", value_number(came), "failed", value_number(failed),
						      "share", value_number(share), "needed", value_number(mind->policy.risk_act)));
	}
	return out;
}

json_t *answer_instance_full(const struct answer_world *world, const struct predictor_instance *instance)
{
	json_t *full = answer_instance_brief(world, instance);

	json_object_set_new(full, "cgroup_id", json_integer((json_int_t)instance->info.cgroup_id));
	json_object_set_new(full, "signals", answer_signals(world, instance));
	json_object_set_new(full, "runners", answer_runners(world, instance));
	json_object_set_new(full, "seconds", window_json(world, &instance->info.slo, &instance->window));
	json_object_set_new(full, "frame", instance->foresight->has_frame ? frame_json(&instance->foresight->frame) : json_null());
	json_object_set_new(full, "expectation", expectation_json(world->mind->predictor, instance));
	json_object_set_new(full, "response", response_json(world->mind->predictor, instance));
	json_object_set_new(full, "credit", credit_json(world->mind, instance->info.slot));
	json_object_set_new(full, "app", answer_app_metrics(world, instance->info.slot));
	json_object_set_new(full, "log", answer_log(world, instance->info.slot));
	json_object_set_new(full, "failures", answer_failures(world, instance->info.path));
	json_object_set_new(full, "forecast_full", answer_instance_forecast(world->mind->predictor, instance));
	return full;
}
