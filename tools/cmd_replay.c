/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall replay: runs a recording again and says whether every forecast and plan comes out bit for bit the same. With
 * --json also prints, one JSON object a line, each second of each annotated instance, each change of plan, and what the
 * hands answered; failures come last, with the time until they were over.
 */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "serve/answer_failure.h"
#include "serve/replay.h"
#include "serve/value.h"

struct output {
	bool is_json, is_all;
	struct plan last;	/* the plan printed last */
};

static json_t *real_or_null(double value)
{
	return isfinite(value) && value >= 0 ? json_real(value) : json_null();
}

static json_t *row_json(const float *values, int count)
{
	json_t *row = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(row, real_or_null((double)values[i]));
	return row;
}

static json_t *fan_json(const float fan[FORECAST_HORIZONS][FORECAST_QUANTILES])
{
	json_t *list = json_array();

	for (int h = 0; h < FORECAST_HORIZONS; h++)
		json_array_append_new(list, row_json(fan[h], FORECAST_QUANTILES));
	return list;
}

static void line_print(json_t *line)
{
	json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
	putchar('\n');
	json_decref(line);
}

static json_t *demand_now_json(const struct predictor *p, const struct predictor_instance *instance)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r),
				    real_or_null((double)(instance->demand[r] * p->host.capacity[r])));
	return out;
}

static json_t *demand_json(const struct forecast *forecast)
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r), fan_json(forecast->demand[r]));
	return out;
}

/* The gravest risk at each horizon. */
static json_t *risk_json(const struct forecast *forecast)
{
	float risk[FORECAST_HORIZONS];
	enum sli sli;

	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		risk[h] = forecast_risk(forecast, h, &sli);
	return row_json(risk, FORECAST_HORIZONS);
}

static void second_print(const struct replay *replay, const struct predictor_instance *instance)
{
	const struct window_second *now = window_at(&instance->window, 0);
	const struct forecast *forecast = &instance->foresight->forecast;
	enum sli leading = slo_leading(&instance->info.slo);
	bool is_time = sli_unit(leading) == SLI_UNIT_NS;

	if (!now || !instance->foresight->has_frame)
		return;
	line_print(json_pack("{s:I,s:o,s:s,s:s,s:o,s:o,s:o,s:b,s:s,s:s,s:o,s:o,s:o}", "t_ns", (json_int_t)replay->time_ns,
			     "instance", value_text(instance->info.path), "leading", slo_sli_name(&instance->info.slo, leading), "unit", is_time ? "ms" : leading >= SLI_APP ? "number" : "share",
			     "sli", real_or_null((double)now->sli[leading] * (is_time ? 1e-6 : 1)), "cpu",
			     real_or_null((double)now->cpu), "demand_now",
			     demand_now_json(replay->mind->predictor, instance), "violated", instance->violated != 0, "source",
			     forecast_source_name(forecast->source), "impairment",
			     forecast_impairment_name(forecast->impairment), "risk", risk_json(forecast), "demand",
			     demand_json(forecast), "sli_fc", fan_json(forecast->sli)));
}

static bool action_is_new(const struct plan *last, const struct plan_action *action)
{
	for (uint32_t i = 0; i < last->count; i++)
		if (last->action[i].slot == action->slot && last->action[i].knob == action->knob)
			return last->action[i].value != action->value || last->action[i].reason != action->reason;
	return true;
}

static json_t *path_json(const struct replay *replay, uint32_t slot)
{
	return value_text(replay->mind->predictor->instance[slot].info.path);
}

static bool arm_is_new(const struct plan *last, const struct plan_arm *arm)
{
	for (uint32_t i = 0; i < last->arm_count; i++)
		if (last->arm[i].slot == arm->slot && last->arm[i].resource == arm->resource)
			return false;
	return true;
}

static void arms_print(const struct replay *replay, const struct output *output)
{
	for (uint32_t i = 0; i < replay->plan.arm_count; i++) {
		const struct plan_arm *arm = &replay->plan.arm[i];

		if (arm_is_new(&output->last, arm))
			line_print(json_pack("{s:I,s:{s:o,s:s,s:f}}", "t_ns", (json_int_t)replay->plan.time_ns, "left_alone",
					     "path", path_json(replay, arm->slot), "resource",
					     resource_name((enum resource)arm->resource), "risk", (double)arm->risk));
	}
}

/* Only what changed since the plan before: a plan repeats what it holds at every tick. */
static void plan_print(const struct replay *replay, struct output *output)
{
	const struct plan *plan = &replay->plan;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct plan_action *action = &plan->action[i];

		if (!action_is_new(&output->last, action))
			continue;
		line_print(json_pack("{s:I,s:{s:o,s:o,s:s,s:s,s:I,s:I,s:o,s:s,s:f}}", "t_ns", (json_int_t)plan->time_ns,
				     "action", "path", path_json(replay, action->slot), "for",
				     path_json(replay, action->for_slot), "knob", knob_name(action->knob), "resource",
				     resource_name((enum resource)action->resource), "value", (json_int_t)action->value,
				     "period_us", (json_int_t)action->period_us, "device", value_place(action->knob, action->device),
				     "reason", plan_reason_name(action->reason), "risk", (double)action->risk));
	}
	if (!plan->count && output->last.count)
		line_print(json_pack("{s:I,s:i}", "t_ns", (json_int_t)plan->time_ns, "release", (int)output->last.count));
	arms_print(replay, output);
	output->last = *plan;
}

static void result_print(const struct replay *replay)
{
	const struct result *result = replay->result;
	json_t *count = json_object();

	for (uint32_t i = 0; i < result->count && i < ACTIONS_MAX; i++) {
		const char *name = outcome_name(result->item[i].outcome);

		json_object_set_new(count, name, json_integer(json_integer_value(json_object_get(count, name)) + 1));
	}
	line_print(json_pack("{s:I,s:o}", "t_ns", (json_int_t)replay->time_ns, "result", count));
}

static void tick_print(const struct replay *replay, struct output *output)
{
	const struct predictor *p = replay->mind->predictor;

	for (uint32_t i = 0; replay->is_second && i < p->live_count; i++) {
		const struct predictor_instance *instance = &p->instance[p->live[i]];

		if (output->is_all || instance->info.slo.source != SLO_FROM_DEFAULT)
			second_print(replay, instance);
	}
	plan_print(replay, output);
}

static void failures_print(const struct failures *failures)
{
	for (uint32_t i = 0; i < failures->count; i++)
		line_print(json_pack("{s:I,s:o}", "t_ns", (json_int_t)failures->record[i].what.time_ns, "failure",
				     answer_failure(&failures->record[i])));
}

static void summary_print(const struct replay *replay, const struct output *output)
{
	FILE *to = output->is_json ? stderr : stdout;

	fprintf(to, "%llu ticks, %llu forecasts and %llu plans run again: ", (unsigned long long)replay->ticks,
		(unsigned long long)replay->forecasts, (unsigned long long)replay->plans);
	if (replay->differing)
		fprintf(to, "%llu differ, the first at %.3f s\n", (unsigned long long)replay->differing,
			(double)replay->first_differing_ns / 1e9);
	else
		fprintf(to, "all bit for bit the same\n");
}

int cmd_replay(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "all", no_argument, NULL, 'a' }, { 0 },
	};
	struct output output = { 0 };
	char error[REPLAY_ERROR_MAX];
	struct replay *replay;
	int option, kind, r;

	optind = 1;
	while ((option = getopt_long(argc, argv, "ja", options, NULL)) != -1) {
		if (option != 'j' && option != 'a')
			return EXIT_USAGE;
		output.is_json |= option == 'j';
		output.is_all |= option == 'a';
	}
	if (optind != argc - 1)
		return command_usage("replay", "FILE [--json] [--all]");
	if (replay_open(argv[optind], false, &replay, error)) {
		fprintf(stderr, "forestall: %s\n", error);
		return 1;
	}
	while ((kind = replay_next(replay)) > REPLAY_END) {
		if (output.is_json && kind == REPLAY_TICK)
			tick_print(replay, &output);
		else if (output.is_json)
			result_print(replay);
	}
	if (kind < 0)
		fprintf(stderr, "forestall: recording %s: damaged after %llu ticks; record again\n", argv[optind],
			(unsigned long long)replay->ticks);
	if (output.is_json)
		failures_print(&replay->failures);
	summary_print(replay, &output);
	r = kind < 0 || replay->differing ? 1 : 0;
	replay_close(replay);
	return r;
}
