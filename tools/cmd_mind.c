/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall forecast show, plan show, status: what the mind says of itself. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "predict/observe.h"
#include "print.h"
#include "print_advice.h"
#include "print_report.h"

#define FORECAST_TRIES 4
#define FORECAST_PAUSE_US 500000

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "-";
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *const quantiles[] = { "p10", "p50", "p90", "p99" };
#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

/* The four quantiles of one value; shares in percent, CPUs and ms as they are, else bytes. */
static void quantiles_row(struct table *table, const json_t *value, const char *unit)
{
	for (size_t q = 0; q < QUANTILES; q++) {
		const json_t *quantile = json_object_get(value, quantiles[q]);

		if (!strcmp(unit, "bytes"))
			table_bytes(table, quantile);
		else
			table_number(table, quantile, strcmp(unit, "share") ? 1 : 100, 2);
	}
}

/* "half, skill .21": who spoke, and how much less that one lost of late than persistence. */
static void by_cell(struct table *table, const json_t *verdict)
{
	const char *by = text_of(verdict, "by");

	if (!verdict || !strcmp(by, "unproven"))
		table_cell(table, "%s", verdict ? by : "");
	else
		table_cell(table, "%s, skill %.2f", by, number_of(verdict, "skill"));
}

static void horizon_rows(struct table *table, const json_t *forecast, json_t *horizon)
{
	int seconds = (int)json_integer_value(json_object_get(horizon, "seconds"));
	const char *name, *unit = text_of(forecast, "unit");
	json_t *value, *by = json_object_get(horizon, "by");

	json_object_foreach(json_object_get(horizon, "risk"), name, value) {
		table_cell(table, "%d", seconds);
		table_cell(table, "P(%s violated)", name);
		table_number(table, value, 1, 2);
		for (size_t q = 1; q < QUANTILES; q++)
			table_cell(table, "%s", "");
		by_cell(table, json_object_get(json_object_get(by, "risk"), name));
	}
	table_cell(table, "%d", seconds);
	table_cell(table, "P(fails)");
	table_number(table, json_object_get(horizon, "failure"), 1, 2);
	for (size_t q = 1; q < QUANTILES; q++)
		table_cell(table, "%s", "");
	table_cell(table, "%d", seconds);
	table_cell(table, "%s, %s", text_of(forecast, "leading"), strcmp(unit, "share") ? unit : "%");
	quantiles_row(table, json_object_get(horizon, "sli"), unit);
	by_cell(table, json_object_get(by, "sli"));
	json_object_foreach(json_object_get(horizon, "demand"), name, value) {
		bool is_cpu = !strcmp(name, "cpu");

		table_cell(table, "%d", seconds);
		table_cell(table, "%s, %s", name, is_cpu ? "CPUs" : !strcmp(name, "memory") ? "bytes" : "bytes/s");
		quantiles_row(table, value, is_cpu ? "cpus" : "bytes");
		by_cell(table, json_object_get(json_object_get(by, "demand"), name));
	}
}

static void forecast_print(const json_t *forecast)
{
	static const char *const headings[] = { ">IN s", "WHAT", ">p10", ">p50", ">p90", ">p99", "BY" };
	struct table *table = table_new(headings, 7);
	json_t *horizon;
	size_t i;

	json_array_foreach(json_object_get(forecast, "horizons"), i, horizon)
		horizon_rows(table, forecast, horizon);
	printf("by %s, from a frame of quality %.2f; gravest risk within 5 s is of: %s\n", text_of(forecast, "source"),
	       number_of(forecast, "quality"), text_of(forecast, "impairment"));
	table_print(table, SIZE_MAX);
	table_free(table);
}

/* Who nobody annotated is foreseen from the first question on: after a second there is something to tell. */
static json_t *forecast_ask(const struct context *context, const char *path)
{
	json_t *answer = NULL;

	for (int tries = 0; tries < FORECAST_TRIES; tries++) {
		if (answer)
			usleep(FORECAST_PAUSE_US);
		json_decref(answer);
		answer = client_ask(context, json_pack("{s:s, s:s}", "q", "forecast.show", "path", path));
		if (!answer || !json_is_null(json_object_get(answer, "forecast")))
			break;
	}
	return answer;
}

int cmd_forecast_show(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	json_t *answer;

	if (argc > 2)
		return cmd_forecast_paths(context, argc, argv);
	if (argc != 2)
		return command_usage("forecast show", "PATH [--paths N [--seed S]]");
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = forecast_ask(context, path);
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

/* As it stands in the file: a quota with its period, a limit of a disk with the disk. */
static void value_cell(struct table *table, const json_t *action)
{
	const json_t *value = json_object_get(action, "value"), *device = json_object_get(action, "device");
	char number[32];

	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (!strcmp(text_of(action, "knob"), "cpu.max"))
		table_cell(table, "%s %" JSON_INTEGER_FORMAT, json_string_value(value) ?: number,
			   json_integer_value(json_object_get(action, "period_us")));
	else if (json_is_string(device))
		table_cell(table, "%s %s", json_string_value(device), json_string_value(value) ?: number);
	else
		table_cell(table, "%s", json_string_value(value) ?: number);
}

static void action_row(struct table *table, const json_t *action)
{
	table_cell(table, "%s", text_of(action, "path"));
	table_cell(table, "%s", text_of(action, "knob"));
	value_cell(table, action);
	table_cell(table, "%s", text_of(action, "for"));
	table_cell(table, "%s", text_of(action, "resource"));
	table_cell(table, "%s", text_of(action, "reason"));
	table_number(table, json_object_get(action, "risk"), 1, 2);
	if (!strcmp(text_of(action, "resource"), "cpu"))
		table_number(table, json_object_get(action, "expected"), 1, 2);
	else
		table_bytes(table, json_object_get(action, "expected"));
	table_cell(table, "%s", text_of(action, "outcome"));
	table_cell(table, "%s", text_of(action, "text"));
}

int cmd_plan_show(const struct context *context, int argc, char **argv)
{
	static const char *const headings[] = { "WHOSE", "KNOB", "VALUE", "FOR", "OF", "REASON", ">RISK", ">LEFT",
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
	table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_array_foreach(json_object_get(answer, "actions"), i, action)
		action_row(table, action);
	if (i)
		table_print(table, SIZE_MAX);
	table_free(table);
	if (json_array_size(json_object_get(answer, "left_alone")))
		print_note("%zu foreseen dangers are left alone by lot ([plan] no_action)",
			   json_array_size(json_object_get(answer, "left_alone")));
	if (number_of(answer, "cut") > 0)
		print_note("%.0f more actions did not fit into one plan", number_of(answer, "cut"));
	if (number_of(answer, "waits") > 0)
		print_note("%.0f changes wait for later ticks ([plan] changes_max)", number_of(answer, "waits"));
	advice_print(json_object_get(answer, "advice"));
	json_decref(answer);
	return print_end();
}

/* "61.0 MB/s", or "not found yet". */
static const char *knee_text(const json_t *status, const char *resource, char text[32])
{
	const json_t *rate = json_object_get(json_object_get(status, "knee"), resource);

	snprintf(text, 32, json_is_number(rate) ? "%.1f MB/s" : "not found yet", json_number_value(rate) / 1e6);
	return text;
}

/* What is learned here; nothing where nothing is. */
static void learn_print(const json_t *learn)
{
	const json_t *history = json_object_get(learn, "history"), *challenger = json_object_get(learn, "challenger");
	const char *said = json_string_value(json_object_get(challenger, "said"));

	if (!history || json_is_null(history))
		return;
	printf("history     %.1f of at most %.1f MB, %s\n", number_of(history, "bytes") / 1e6, number_of(history, "bytes_max") / 1e6,
	       json_string_value(json_object_get(history, "error")) ?: "written");
	printf("challenger  %s%s%s\n", text_of(challenger, "state"), said ? "; the last one: " : "", said ?: "");
}

/* What annotations promise and is not there. */
static void promised_print(const json_t *promised, const json_t *capacity)
{
	if (number_of(promised, "cpu") > number_of(capacity, "cpu"))
		printf("promised    %.2f CPUs as minima, %.2f are there: those of the lowest tier are not kept; lower their cpu=MIN..\n",
		       number_of(promised, "cpu"), number_of(capacity, "cpu"));
	if (number_of(promised, "memory") > number_of(capacity, "memory"))
		printf("promised    %.1f GB of memory as minima, %.1f are there: those of the lowest tier are not kept; lower their memory=MIN..\n",
		       number_of(promised, "memory") / 1e9, number_of(capacity, "memory") / 1e9);
}

static void status_print(const json_t *status)
{
	const json_t *ring = json_object_get(status, "ring"), *tick = json_object_get(status, "tick");
	const json_t *instances = json_object_get(status, "instances"), *model = json_object_get(status, "model");
	const json_t *capacity = json_object_get(status, "capacity");
	double produced = number_of(ring, "produced"), dropped = number_of(ring, "dropped");
	char io[32], net[32];

	printf("mode        %s%s\n", text_of(status, "mode"),
	       strcmp(text_of(status, "mode"), "none") ? "" : " (no forestall-act answers: nothing can be changed)");
	printf("policy      %s, forecaster %s\n", text_of(status, "policy"), text_of(status, "forecaster"));
	printf("model       %s\n", json_string_value(json_object_get(model, "path")) ?: "none");
	if (number_of(model, "shadow_s") > 0)
		printf("            new: plans are not carried out for %.0f s more\n", number_of(model, "shadow_s"));
	learn_print(json_object_get(status, "learn"));
	printf("instances   %.0f observed of at most %.0f, %.0f not followed, %.0f annotated, %.0f with a bound, %.0f violated\n",
	       number_of(instances, "observed"), number_of(instances, "max"), number_of(instances, "unfollowed"),
	       number_of(instances, "annotated"), number_of(instances, "bound"), number_of(instances, "violated"));
	printf("records     %.0f produced, %.0f delivered, %.0f dropped (%.4f %%)\n", produced,
	       number_of(ring, "delivered"), dropped, produced > 0 ? 100 * dropped / produced : 0.0);
	coverage_print(json_object_get(status, "coverage"));
	printf("tick        cost %.3f ms, late by at most %.3f ms\n", number_of(tick, "cost_ns") / 1e6,
	       number_of(tick, "late_ns_max") / 1e6);
	printf("host        %.0f CPUs, %.1f GB memory; most seen or assumed: disks %.1f MB/s, sent %.1f MB/s\n",
	       number_of(capacity, "cpu"), number_of(capacity, "memory") / 1e9, number_of(capacity, "io") / 1e6,
	       number_of(capacity, "net") / 1e6);
	promised_print(json_object_get(status, "promised"), capacity);
	printf("hurt from   disks %s, sent %s\n", knee_text(status, "io", io), knee_text(status, "net", net));
	advice_print(json_object_get(status, "advice"));
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
