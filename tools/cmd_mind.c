/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall forecast show, plan show, status: what the mind says of itself. */
#include <string.h>

#include "client.h"
#include "predict/observe.h"
#include "print.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "-";
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void forecast_print(const json_t *forecast)
{
	static const char *const headings[] = { ">IN s", ">RISK", ">CPUs p10", ">p50", ">p90", ">p99",
						">P99ms p10", ">p50", ">p90", ">p99" };
	static const char *const quantiles[] = { "p10", "p50", "p90", "p99" };
	struct table *table = table_new(headings, 10);
	const json_t *horizon;
	size_t i;

	json_array_foreach(json_object_get(forecast, "horizons"), i, horizon) {
		table_number(table, json_object_get(horizon, "seconds"), 1, 0);
		table_number(table, json_object_get(horizon, "risk"), 1, 2);
		for (int q = 0; q < 4; q++)
			table_number(table, json_object_get(json_object_get(horizon, "demand"), quantiles[q]), 1, 2);
		for (int q = 0; q < 4; q++)
			table_number(table, json_object_get(json_object_get(horizon, "runq_p99_ms"), quantiles[q]), 1,
				     2);
	}
	printf("by %s, from a frame of quality %.2f\n", text_of(forecast, "source"), number_of(forecast, "quality"));
	table_print(table, SIZE_MAX);
	table_free(table);
}

int cmd_forecast_show(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	json_t *answer;

	if (argc != 2)
		return command_usage("forecast show", "PATH");
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = client_ask(context, json_pack("{s:s, s:s}", "q", "forecast.show", "path", path));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	if (json_is_null(json_object_get(answer, "forecast")))
		print_note("%s: no forecast yet; it needs a few seconds of activity", path);
	else
		forecast_print(json_object_get(answer, "forecast"));
	json_decref(answer);
	return print_end();
}

static void action_row(struct table *table, const json_t *action)
{
	const json_t *value = json_object_get(action, "value");
	bool is_quota = !strcmp(text_of(action, "knob"), "cpu.max");
	char text[32];

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	table_cell(table, "%s", text_of(action, "path"));
	table_cell(table, "%s", text_of(action, "knob"));
	if (is_quota)
		table_cell(table, "%s %" JSON_INTEGER_FORMAT, json_string_value(value) ?: text,
			   json_integer_value(json_object_get(action, "period_us")));
	else
		table_cell(table, "%s", text);
	table_cell(table, "%s", text_of(action, "for"));
	table_cell(table, "%s", text_of(action, "reason"));
	table_number(table, json_object_get(action, "risk"), 1, 2);
	table_number(table, json_object_get(action, "expected_cpus"), 1, 2);
	table_cell(table, "%s", text_of(action, "outcome"));
	table_cell(table, "%s", text_of(action, "text"));
}

int cmd_plan_show(const struct context *context, int argc, char **argv)
{
	static const char *const headings[] = { "GIVER", "KNOB", "VALUE", "FOR", "REASON", ">RISK", ">LEFT CPUs",
						"OUTCOME", "WHY NOT" };
	json_t *answer, *action;
	struct table *table;
	size_t i;

	(void)argv;
	if (argc != 1)
		return command_usage("plan show", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "plan.show"));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	printf("plan %.0f, mode %s: %zu actions\n", number_of(answer, "id"), text_of(answer, "mode"),
	       json_array_size(json_object_get(answer, "actions")));
	table = table_new(headings, 9);
	json_array_foreach(json_object_get(answer, "actions"), i, action)
		action_row(table, action);
	if (i)
		table_print(table, SIZE_MAX);
	table_free(table);
	if (number_of(answer, "cut") > 0)
		print_note("%.0f more actions did not fit into one plan", number_of(answer, "cut"));
	json_decref(answer);
	return print_end();
}

static void status_print(const json_t *status)
{
	const json_t *ring = json_object_get(status, "ring"), *tick = json_object_get(status, "tick");
	const json_t *instances = json_object_get(status, "instances"), *model = json_object_get(status, "model");
	double produced = number_of(ring, "produced"), dropped = number_of(ring, "dropped");

	printf("mode        %s%s\n", text_of(status, "mode"),
	       strcmp(text_of(status, "mode"), "none") ? "" : " (no forestall-act answers: nothing can be changed)");
	printf("forecaster  %s\n", text_of(status, "forecaster"));
	printf("model       %s\n", json_string_value(json_object_get(model, "path")) ?: "none");
	printf("instances   %.0f observed of at most %.0f, %.0f annotated, %.0f with a bound, %.0f violated\n",
	       number_of(instances, "observed"), number_of(instances, "max"), number_of(instances, "annotated"),
	       number_of(instances, "bound"), number_of(instances, "violated"));
	printf("records     %.0f produced, %.0f delivered, %.0f dropped (%.4f %%)\n", produced,
	       number_of(ring, "delivered"), dropped, produced > 0 ? 100 * dropped / produced : 0.0);
	printf("tick        cost %.3f ms, late by at most %.3f ms\n", number_of(tick, "cost_ns") / 1e6,
	       number_of(tick, "late_ns_max") / 1e6);
	printf("host        %.0f CPUs\n", number_of(status, "host_cpus"));
}

int cmd_status(const struct context *context, int argc, char **argv)
{
	json_t *answer;

	(void)argv;
	if (argc != 1)
		return command_usage("status", "");
	answer = client_ask(context, json_pack("{s:s}", "q", "status"));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	status_print(answer);
	json_decref(answer);
	return print_end();
}
