/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "act/knob.h"
#include "answer_advice.h"
#include "answer_cohort.h"
#include "answer_decision.h"
#include "answer_failure.h"
#include "answer_instance.h"
#include "answer_learn.h"
#include "answer_outlook.h"
#include "answer_pick.h"
#include "answer_place.h"
#include "answer_policy.h"
#include "answer_report.h"
#include "decide/policy.h"
#include "value.h"

typedef json_t *(*answer_fn)(const struct answer_world *world, const json_t *question);

static json_t *answer_instance_list(const struct answer_world *world, const json_t *question)
{
	const struct predictor *predictor = world->mind->predictor;
	json_int_t offset = json_integer_value(json_object_get(question, "offset"));
	json_int_t limit = json_integer_value(json_object_get(question, "limit"));
	json_t *instances;

	if (offset < 0 || limit < 0)
		return value_error("offset and limit must not be negative");
	if (limit == 0 || limit > ANSWER_PAGE_MAX)
		limit = ANSWER_PAGE_MAX;
	instances = json_array();
	for (json_int_t i = offset; i < predictor->live_count && i - offset < limit; i++)
		json_array_append_new(instances,
				      answer_instance_brief(world, &predictor->instance[predictor->live[i]]));
	return json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "total", (json_int_t)predictor->live_count,
			 "offset", offset, "instances", instances);
}

static void asked_tell(const struct answer_world *world, const struct predictor_instance *instance)
{
	if (world->asked && !predictor_is_annotated(instance))
		world->asked(world->context, instance->info.slot);
}

static json_t *answer_instance_show(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL;
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);

	if (!instance)
		return error;
	asked_tell(world, instance);
	return json_pack("{s:b, s:o}", "ok", 1, "instance", answer_instance_full(world, instance));
}

static json_t *answer_forecast_show(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL;
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);

	if (!instance)
		return error;
	asked_tell(world, instance);
	return json_pack("{s:b, s:o, s:o}", "ok", 1, "path", value_text(instance->info.path),
			 "forecast", answer_instance_forecast(world->mind->predictor, instance));
}

/* The path of a slot, null when the instance is gone. */
static json_t *slot_path(const struct answer_world *world, uint32_t slot)
{
	const struct predictor *predictor = world->mind->predictor;

	if (slot >= predictor->config.slots_max || !predictor->instance[slot].is_live)
		return json_null();
	return value_text(predictor->instance[slot].info.path);
}

static json_t *action_value(const struct plan_action *action)
{
	return action->value == UINT64_MAX ? json_string("max") : json_integer((json_int_t)action->value);
}

/* item is NULL while the hands have said nothing of it. */
static json_t *action_json(const struct answer_world *world, const struct plan_action *action,
			   const struct result_item *item)
{
	json_t *out = json_object();

	json_object_set_new(out, "path", slot_path(world, action->slot));
	json_object_set_new(out, "for", slot_path(world, action->for_slot));
	json_object_set_new(out, "knob", json_string(knob_name(action->knob)));
	json_object_set_new(out, "value", action_value(action));
	json_object_set_new(out, "period_us", json_integer((json_int_t)action->period_us));
	json_object_set_new(out, "device", value_place(action->knob, action->device));
	json_object_set_new(out, "reason", json_string(plan_reason_name(action->reason)));
	json_object_set_new(out, "risk", value_number(action->risk));
	json_object_set_new(out, "resource", json_string(resource_name((enum resource)action->resource)));
	json_object_set_new(out, "expected", value_number(action->expected));
	json_object_set_new(out, "outcome", item ? json_string(outcome_name(item->outcome)) : json_null());
	json_object_set_new(out, "text", item ? value_text(item->text) : json_null());
	return out;
}

/*
 * The mind sends the hands only what a plan changes, so a result is seldom the plan's list; without the world's
 * callback an item is only believed when nothing was left out.
 */
static const struct result_item *outcome_find(const struct answer_world *world, uint32_t idx)
{
	const struct plan *plan = world->plan;
	const struct result *result = world->result;

	if (world->outcome)
		return world->outcome(world->context, plan->action[idx].slot, plan->action[idx].knob);
	if (!result || result->plan_id != plan->id || result->count != plan->count)
		return NULL;
	return &result->item[idx];
}

/* Dangers that were foreseen and are left alone by lot. */
static json_t *arms_json(const struct answer_world *world)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < world->plan->arm_count; i++) {
		const struct plan_arm *arm = &world->plan->arm[i];

		json_array_append_new(out, json_pack("{s:o, s:s, s:o}", "path", slot_path(world, arm->slot), "resource",
						     resource_name((enum resource)arm->resource), "risk", value_number(arm->risk)));
	}
	return out;
}

static json_t *answer_plan_show(const struct answer_world *world, const json_t *question)
{
	const struct plan *plan = world->plan;
	json_t *actions;

	(void)question;
	if (!plan)
		return value_error("no plan was made yet; ask again in a second");
	actions = json_array();
	for (uint32_t i = 0; i < plan->count; i++)
		json_array_append_new(actions, action_json(world, &plan->action[i], outcome_find(world, i)));
	return json_pack("{s:b, s:I, s:I, s:i, s:i, s:s, s:o, s:o, s:o}", "ok", 1, "id", (json_int_t)plan->id,
			 "time_ns", (json_int_t)plan->time_ns, "cut", (int)plan->cut, "waits", (int)plan->waits,
			 "mode", world->mode < MODE_COUNT ? mode_name(world->mode) : "none", "actions", actions,
			 "left_alone", arms_json(world), "advice", answer_advice(world));
}

/* How many instances there are of each sort. */
static json_t *counts_json(const struct answer_world *world)
{
	struct predictor *predictor = world->mind->predictor;
	uint32_t count, bound = 0, violated = 0;
	const uint32_t *annotated = predictor_annotated(predictor, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct predictor_instance *instance = &predictor->instance[annotated[i]];

		bound += slo_is_bound(&instance->info.slo);
		violated += answer_instance_is_violated(instance);
	}
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "observed", (int)predictor->live_count, "annotated",
			 (int)count, "bound", (int)bound, "violated", (int)violated, "max",
			 (int)predictor->config.slots_max - 1, "unfollowed", (json_int_t)world->unfollowed);
}

/* What there is to share; of a disk and a wire, the most that was seen. */
static json_t *capacity_json(const struct predictor *predictor)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r), value_number(predictor->host.capacity[r]));
	return out;
}

/* Annotated minima of all together, of what is known to be there: where they do not fit, the lowest tier's are not kept (decide/share.h). */
static json_t *promised_json(struct predictor *predictor)
{
	json_t *out = json_object();
	uint32_t count;
	const uint32_t *slot = predictor_annotated(predictor, &count);

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		double sum = 0;

		for (uint32_t i = 0; !resource_is_learned((enum resource)r) && i < count; i++)
			sum += (double)predictor->instance[slot[i]].info.slo.range[r].min * (r == RESOURCE_CPU ? 1e-3 : 1);
		if (!resource_is_learned((enum resource)r))
			json_object_set_new(out, resource_name((enum resource)r), value_number((float)sum));
	}
	return out;
}

/* What the kernel made and told of, and did not tell of. */
static json_t *coverage_json(const struct answer_world *world)
{
	bool is_counted = world->switches, has_io = world->signals >> NERVE_IO & 1;
	uint64_t skipped = world->skipped ? world->skipped(world->context) : UINT64_MAX;

	return json_pack("{s:o, s:o, s:o, s:o}", "switches", is_counted ? json_integer((json_int_t)world->switches) : json_null(),
			 "switches_unseen", is_counted ? json_integer((json_int_t)world->switches_unseen) : json_null(),
			 "io_unseen", has_io ? json_integer((json_int_t)world->io_unseen) : json_null(),
			 "calls_skipped", skipped != UINT64_MAX ? json_integer((json_int_t)skipped) : json_null());
}

/* As cpuset.cpus has them; "": none are set apart. */
static json_t *giver_cpus_json(const struct predictor *predictor)
{
	char text[KNOB_TEXT_MAX] = "";

	cpus_format(predictor->host.giver_cpus, text, sizeof(text));
	return json_string(text);
}

/* What there is to share of it before somebody is hurt, bytes per second; null: not found yet. */
static json_t *knee_json(const struct knee *knee)
{
	return knee->is_found ? value_number(knee->rate) : json_null();
}

static json_t *answer_status(const struct answer_world *world, const json_t *question)
{
	const struct predictor_config *config = &world->mind->predictor->config;
	json_t *ring, *tick;

	(void)question;
	ring = json_pack("{s:I, s:I, s:I}", "produced", (json_int_t)world->produced, "delivered",
			 (json_int_t)world->delivered, "dropped", (json_int_t)world->dropped);
	tick = json_pack("{s:I, s:I}", "late_ns_max", (json_int_t)world->tick_late_ns_max, "cost_ns",
			 (json_int_t)world->tick_cost_ns);
	return json_pack("{s:b, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:I, s:s, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "ok", 1, "promised", promised_json(world->mind->predictor),
			 "mode", world->mode < MODE_COUNT ? mode_name(world->mode) : "none",
			 "forecaster", forecast_source_name(config->forecaster), "model",
			 answer_model(world), "ring", ring,
			 "coverage", coverage_json(world), "tick", tick, "host_cpus", value_number(config->host_cpus), "giver_cpus",
			 giver_cpus_json(world->mind->predictor),
			 "capacity", capacity_json(world->mind->predictor), "failures", answer_failure_counts(world),
			 "app", answer_app_counts(world), "log", answer_log_counts(world), "instances", counts_json(world),
			 "other_cpu_s", (double)world->other_cpu_ns / 1e9, "now_ns", (json_int_t)world->now_ns,
			 "policy", policy_name(world->mind->policy.policy), "knee", "io",
			 knee_json(&world->mind->knee[RESOURCE_IO]), "net", knee_json(&world->mind->knee[RESOURCE_NET]),
			 "learn", answer_learn(world), "ledger", answer_ledger_counts(&world->mind->ledger), "canary",
			 answer_policy_state(world), "setting", answer_cohort_state(world), "probes", answer_policy_probes(world), "advice",
			 answer_advice(world));
}

static json_t *answer_slo_refresh(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL;
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);
	int r;

	if (!instance)
		return error;
	if (!world->slo_refresh)
		return value_error("annotations are not read again here; they belong to the recording");
	r = world->slo_refresh(world->context, instance->info.slot);
	if (r < 0)
		return value_error("%s: the annotation cannot be read: %s", instance->info.path, strerror(-r));
	return json_pack("{s:b, s:o}", "ok", 1, "instance", answer_instance_brief(world, instance));
}

static json_t *record_call(const struct answer_world *world, const char *path)
{
	int r = world->record ? world->record(world->context, path) : -EOPNOTSUPP;

	if (r == -EALREADY || r == -EBUSY)
		return value_error("a recording runs already; stop it first");
	if (r == -ENOENT && !path)
		return value_error("no recording runs; there is nothing to stop");
	if (r < 0)
		return value_error("%s: %s", path ? path : "recording", strerror(-r));
	return json_pack("{s:b}", "ok", 1);
}

static json_t *answer_record_start(const struct answer_world *world, const json_t *question)
{
	const char *path = json_string_value(json_object_get(question, "path"));

	if (!path || path[0] != '/' || strlen(path) >= PATH_MAX)
		return value_error("record.start needs the absolute path of the file to write");
	return record_call(world, path);
}

static json_t *answer_record_stop(const struct answer_world *world, const json_t *question)
{
	(void)question;
	return record_call(world, NULL);
}

static const struct {
	const char *name;
	answer_fn answer;
} questions[] = {
	{ "instance.list", answer_instance_list },
	{ "instance.pick", answer_pick },
	{ "instance.show", answer_instance_show },
	{ "forecast.show", answer_forecast_show },
	{ "forecast.paths", answer_forecast_paths },
	{ "forecast.explain", answer_forecast_explain },
	{ "profile.show", answer_profile_show },
	{ "failure.list", answer_failure_list },
	{ "plan.show", answer_plan_show },
	{ "decision.list", answer_decision_list },
	{ "decision.show", answer_decision_show },
	{ "ledger", answer_ledger },
	{ "policy.show", answer_policy_show },
	{ "policy.canary", answer_policy_canary },
	{ "policy.rollback", answer_policy_rollback },
	{ "action.canary", answer_cohort_canary },
	{ "action.rollback", answer_cohort_rollback },
	{ "place", answer_place },
	{ "status", answer_status },
	{ "slo.refresh", answer_slo_refresh },
	{ "record.start", answer_record_start },
	{ "record.stop", answer_record_stop },
	{ "model.promote", answer_model_promote },
	{ "model.rollback", answer_model_rollback },
	{ "model.challenge", answer_model_challenge },
};

json_t *answer_question(const struct answer_world *world, const json_t *question)
{
	const char *name = json_string_value(json_object_get(question, "q"));

	if (!name)
		return value_error("a question is an object with a name in \"q\"");
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (!strcmp(questions[i].name, name))
			return questions[i].answer(world, question);
	return value_error("no question '%s' is known to this version", name);
}
