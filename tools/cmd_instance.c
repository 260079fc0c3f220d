/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall instance list|show|top */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "cmd_failure.h"
#include "predict/observe.h"
#include "print.h"
#include "print_report.h"

#define TOP_ROWS 20
#define TOP_PATH_MAX 28

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "-";
}

static const char *state_of(const json_t *instance)
{
	const json_t *slo = json_object_get(instance, "slo");

	if (json_is_true(json_object_get(instance, "violated")))
		return "violated";
	if (json_is_string(json_object_get(slo, "problem")))
		return "bad slo";
	return json_is_true(json_object_get(slo, "bound")) ? "ok" : "-";
}

/* Milliseconds and numbers as they are, shares in percent; about three digits of each. */
static void sli_cell(struct table *table, const json_t *sli, const char *key)
{
	bool is_share = !strcmp(text_of(sli, "unit"), "share"), is_time = !strcmp(text_of(sli, "unit"), "ms");
	const json_t *json = json_object_get(sli, key);
	double value = json_number_value(json) * (is_share ? 100 : 1);

	if (json_is_number(json))
		table_cell(table, "%.*f%s", value < 0.1 ? 4 : value < 10 ? 2 : value < 100 ? 1 : 0, value, is_share ? "%" : is_time ? "ms" : "");
	else
		table_cell(table, "-");
}

static const json_t *leading_sli(const json_t *instance)
{
	return json_object_get(json_object_get(instance, "slis"), text_of(instance, "leading"));
}

static void path_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "path"));
}

/* The end of a long path tells more than its beginning; it is cut between two characters. */
static void path_end_cell(struct table *table, const json_t *instance)
{
	const char *path = text_of(instance, "path"), *from = path;

	if (strlen(path) > TOP_PATH_MAX)
		from = path + strlen(path) - (TOP_PATH_MAX - 2);
	while ((*from & 0xc0) == 0x80)
		from++;
	table_cell(table, "%s%s", from == path ? "" : "..", from);
}

static void cpu_cell(struct table *table, const json_t *instance)
{
	table_number(table, json_object_get(instance, "cpu"), 1, 2);
}

static void wait_cell(struct table *table, const json_t *instance)
{
	table_number(table, json_object_get(instance, "wait"), 1, 2);
}

static void memory_cell(struct table *table, const json_t *instance)
{
	table_bytes(table, json_object_get(instance, "memory_bytes"));
}

static void io_cell(struct table *table, const json_t *instance)
{
	table_bytes(table, json_object_get(instance, "io_bytes"));
}

static void net_cell(struct table *table, const json_t *instance)
{
	table_bytes(table, json_object_get(instance, "tx_bytes"));
}

static void now_cell(struct table *table, const json_t *instance)
{
	sli_cell(table, leading_sli(instance), "value");
}

static void bound_cell(struct table *table, const json_t *instance)
{
	sli_cell(table, leading_sli(instance), "bound");
}

static void risk_cell(struct table *table, const json_t *instance)
{
	table_number(table, json_object_get(instance, "risk"), 1, 2);
}

static void name_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "name"));
}

static void tier_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "tier"));
}

static void leading_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "leading"));
}

static void blame_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "impairment"));
}

static void forecast_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(instance, "forecast"));
}

static void state_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", state_of(instance));
}

static void source_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(json_object_get(instance, "slo"), "source"));
}

static void slo_cell(struct table *table, const json_t *instance)
{
	table_cell(table, "%s", text_of(json_object_get(instance, "slo"), "text"));
}

/* Where a column is shown: top has to fit a terminal of 120 columns. */
enum view { IN_LIST = 1, IN_TOP = 2, IN_BOTH = IN_LIST | IN_TOP };

static const struct column {
	const char *heading;
	enum view view;
	void (*cell)(struct table *table, const json_t *instance);
} columns[] = {
	{ "PATH", IN_LIST, path_cell }, { "PATH", IN_TOP, path_end_cell }, { "NAME", IN_LIST, name_cell },
	{ "TIER", IN_LIST, tier_cell },
	{ ">CPU", IN_BOTH, cpu_cell }, { ">WAIT", IN_BOTH, wait_cell }, { ">MEM", IN_BOTH, memory_cell },
	{ ">IO/s", IN_BOTH, io_cell }, { ">TX/s", IN_BOTH, net_cell }, { "SLI", IN_BOTH, leading_cell },
	{ ">NOW", IN_BOTH, now_cell }, { ">BOUND", IN_BOTH, bound_cell }, { ">RISK2s", IN_BOTH, risk_cell },
	{ "OF", IN_BOTH, blame_cell }, { "FORECAST", IN_LIST, forecast_cell }, { "STATE", IN_BOTH, state_cell },
	{ "SOURCE", IN_LIST, source_cell }, { "SLO", IN_LIST, slo_cell },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void instances_print(const json_t *instances, enum view view, size_t rows_max)
{
	const char *headings[COLUMNS];
	const json_t *instance;
	struct table *table;
	size_t i, count = 0;

	for (i = 0; i < COLUMNS; i++)
		if (columns[i].view & view)
			headings[count++] = columns[i].heading;
	table = table_new(headings, count);
	json_array_foreach((json_t *)instances, i, instance)
		for (size_t column = 0; column < COLUMNS; column++)
			if (columns[column].view & view)
				columns[column].cell(table, instance);
	table_print(table, rows_max);
	table_free(table);
}

int cmd_instance_list(const struct context *context, int argc, char **argv)
{
	json_t *instances;

	(void)argv;
	if (argc > 1)
		return command_usage("instance list", "");
	instances = client_instances(context);
	if (!instances)
		return 1;
	if (context->is_json)
		return print_json(context, instances);
	instances_print(instances, IN_LIST, SIZE_MAX);
	json_decref(instances);
	return print_end();
}

static void expectation_print(json_t *expectation)
{
	static const char *const headings[] = { "RESOURCE", "AHEAD", ">EXPECTED", ">CONFIDENCE" };
	struct table *table = table_new(headings, 4);
	const char *resource;
	json_t *spans, *span;
	size_t i;

	json_object_foreach(expectation, resource, spans)
		json_array_foreach(spans, i, span) {
			bool is_cpu = !strcmp(resource, "cpu");

			table_cell(table, "%s", resource);
			table_cell(table, "%s", text_of(span, "ahead"));
			if (is_cpu)
				table_number(table, json_object_get(span, "demand"), 1, 3);
			else
				table_bytes(table, json_object_get(span, "demand"));
			table_number(table, json_object_get(span, "confidence"), 1, 2);
		}
	printf("\nexpected from what was seen before (CPUs, bytes, bytes per second):\n");
	table_print(table, SIZE_MAX);
	table_free(table);
}

/* Every SLI that is bound or was measured. */
static void slis_print(json_t *instance)
{
	static const char *const headings[] = { "SLI", ">NOW", ">BOUND", ">BAD%", ">WORST 200ms%", ">RISK2s", "STATE" };
	json_t *sli;
	struct table *table = table_new(headings, 7);
	const char *name;

	json_object_foreach(json_object_get(instance, "slis"), name, sli) {
		table_cell(table, "%s", name);
		sli_cell(table, sli, "value");
		sli_cell(table, sli, "bound");
		table_number(table, json_object_get(sli, "bad_share"), 100, 2);
		table_number(table, json_object_get(sli, "worst_bad_share"), 100, 2);
		table_number(table, json_object_get(sli, "risk"), 1, 2);
		table_cell(table, "%s", json_is_true(json_object_get(sli, "violated")) ? "violated" : "-");
	}
	putchar('\n');
	table_print(table, SIZE_MAX);
	table_free(table);
}

/* What was measured, in the order of the answer: counts per second, delays in ms, and the totals of counts. */
static void signals_print(json_t *signals)
{
	static const char *const headings[] = { "SIGNAL", ">NOW", ">TOTAL", "UNIT", "FROM" };
	struct table *table = table_new(headings, 5);
	const char *family, *name;
	json_t *rows, *row;

	json_object_foreach(signals, family, rows)
		json_object_foreach(rows, name, row) {
			bool is_bytes = !strcmp(text_of(row, "unit"), "bytes"), is_ns = !strcmp(text_of(row, "unit"), "ns");

			table_cell(table, "%s.%s", family, name);
			for (size_t i = 0; i < 2; i++) {
				const json_t *value = json_object_get(row, i ? "total" : "now");

				if (is_bytes)
					table_bytes(table, value);
				else
					table_number(table, value, is_ns ? 1e-6 : 1, is_ns ? 3 : 0);
			}
			table_cell(table, "%s", is_ns ? "ms" : text_of(row, "unit"));
			table_cell(table, "%s", text_of(row, "from"));
		}
	printf("\nmeasured in the last second (counts per second) and since it is followed:\n");
	table_print(table, SIZE_MAX);
	table_free(table);
}

static void frame_print(json_t *frame)
{
	static const char *const headings[] = { "FEATURE", ">VALUE", "UNIT", "SOURCE" };
	struct table *table = table_new(headings, 4);
	const char *name;
	json_t *feature;

	json_object_foreach(json_object_get(frame, "features"), name, feature) {
		table_cell(table, "%s", name);
		if (json_is_true(json_object_get(feature, "missing")))
			table_cell(table, "missing");
		else
			table_number(table, json_object_get(feature, "value"), 1, 3);
		table_cell(table, "%s", text_of(feature, "unit"));
		table_cell(table, "%s", text_of(feature, "source"));
	}
	printf("\nframe, quality %.2f:\n", json_number_value(json_object_get(frame, "quality")));
	table_print(table, SIZE_MAX);
	table_free(table);
}

static void seconds_print(const json_t *seconds, const char *leading)
{
	static const char *const headings[] = { ">AGE s", ">CPU", ">WAIT", ">MEM", ">FAULTS", ">IO/s", ">IOPS", ">TX/s", ">RX/s",
						">SLI", ">BAD%", ">CPU%", ">MEM%", ">IO%" };
	static const char *const psi[] = { "cpu_some", "memory_some", "io_some" };
	struct table *table = table_new(headings, 14);
	const json_t *second;
	size_t i;

	json_array_foreach((json_t *)seconds, i, second) {
		const json_t *sli = json_object_get(json_object_get(second, "slis"), leading);

		table_cell(table, "%zu", i);
		table_number(table, json_object_get(second, "cpu"), 1, 2);
		table_number(table, json_object_get(second, "wait"), 1, 2);
		table_bytes(table, json_object_get(second, "memory_bytes"));
		table_number(table, json_object_get(second, "major_faults"), 1, 0);
		table_bytes(table, json_object_get(second, "io_bytes"));
		table_number(table, json_object_get(second, "io_done"), 1, 0);
		table_bytes(table, json_object_get(second, "tx_bytes"));
		table_bytes(table, json_object_get(second, "rx_bytes"));
		sli_cell(table, sli, "value");
		table_number(table, json_object_get(sli, "bad_share"), 100, 2);
		for (size_t p = 0; p < sizeof(psi) / sizeof(psi[0]); p++)
			table_number(table, json_object_get(json_object_get(second, "psi"), psi[p]), 100, 1);
	}
	printf("\nseconds, the last one first; SLI is %s, CPU%% MEM%% IO%% are pressure (some):\n", leading);
	table_print(table, SIZE_MAX);
	table_free(table);
}

int cmd_instance_show(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	json_t *answer, *instance, *alone;
	const char *problem;

	if (argc != 2)
		return command_usage("instance show", "PATH");
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = client_ask(context, json_pack("{s:s, s:s}", "q", "instance.show", "path", path));
	if (!answer)
		return 1;
	instance = json_incref(json_object_get(answer, "instance"));
	json_decref(answer);
	if (context->is_json)
		return print_json(context, instance);
	alone = json_pack("[O]", instance);
	instances_print(alone, IN_LIST, 1);
	json_decref(alone);
	problem = json_string_value(json_object_get(json_object_get(instance, "slo"), "problem"));
	if (problem)
		printf("\nSLO problem: %s\n", problem);
	slis_print(instance);
	signals_print(json_object_get(instance, "signals"));
	runners_print(json_object_get(instance, "runners"));
	app_print(json_object_get(instance, "app"));
	log_print(json_object_get(instance, "log"));
	if (json_array_size(json_object_get(instance, "failures")))
		printf("\nfailures, the last one first:\n");
	failures_print(json_object_get(instance, "failures"));
	response_print(json_object_get(instance, "response"));
	credit_print(json_object_get(instance, "credit"));
	expectation_print(json_object_get(instance, "expectation"));
	frame_print(json_object_get(instance, "frame"));
	seconds_print(json_object_get(instance, "seconds"), text_of(instance, "leading"));
	json_decref(instance);
	return print_end();
}

/* In danger first; where nothing is said of risk, the busy ones. */
static int danger_compare(const void *a, const void *b)
{
	const json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
	static const char *const keys[] = { "risk", "cpu" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *left_value = json_object_get(left, keys[i]);
		const json_t *right_value = json_object_get(right, keys[i]);
		double l = json_is_number(left_value) ? json_number_value(left_value) : -1;
		double r = json_is_number(right_value) ? json_number_value(right_value) : -1;

		if (l != r)
			return l < r ? 1 : -1;
	}
	return strcmp(text_of(left, "path"), text_of(right, "path"));
}

/* A new array of the rows_max in most danger; takes the reference. */
static json_t *instances_sort(json_t *instances, size_t rows_max)
{
	size_t count = json_array_size(instances);
	json_t **sorted = calloc(count + 1, sizeof(json_t *)), *out = json_array();

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = json_array_get(instances, i);
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), danger_compare);
	for (size_t i = 0; sorted && i < count && i < rows_max; i++)
		json_array_append(out, sorted[i]);
	free(sorted);
	json_decref(instances);
	return out;
}

struct top {
	unsigned long iterations;	/* 0: without end */
	double seconds;
	size_t rows;
};

static int top_parse(int argc, char **argv, struct top *ret)
{
	*ret = (struct top){ .seconds = 1, .rows = TOP_ROWS };
	for (int i = 1; i < argc; i++) {
		bool is_valued = !strcmp(argv[i], "-n") || !strcmp(argv[i], "-d") || !strcmp(argv[i], "-r");
		char *end = NULL;
		double value = is_valued && i + 1 < argc ? strtod(argv[i + 1], &end) : 0;

		if (!strcmp(argv[i], "--once")) {
			ret->iterations = 1;
			continue;
		}
		if (!is_valued || !end || *end || !(value > 0) || value > 1e6)
			return -1;
		if (argv[i][1] == 'n')
			ret->iterations = (unsigned long)value;
		else if (argv[i][1] == 'd')
			ret->seconds = value;
		else
			ret->rows = (size_t)value;
		i++;
	}
	return 0;
}

static int top_print(const struct context *context, const struct top *top)
{
	json_t *instances = client_instances(context);
	size_t total = json_array_size(instances);
	time_t now = time(NULL);
	char clock[16];

	if (!instances)
		return 1;
	instances = instances_sort(instances, top->rows);
	if (context->is_json)
		return print_json(context, instances);
	/* Home and clear to the end instead of clearing first, so that nothing flickers. */
	if (isatty(STDOUT_FILENO) && top->iterations != 1)
		fputs("\033[H\033[J", stdout);
	strftime(clock, sizeof(clock), "%T", localtime(&now));
	printf("%s  %zu instances, %zu shown\n", clock, total, json_array_size(instances));
	instances_print(instances, IN_TOP, top->rows);
	json_decref(instances);
	return print_end();
}

int cmd_instance_top(const struct context *context, int argc, char **argv)
{
	struct top top;

	if (top_parse(argc, argv, &top) < 0)
		return command_usage("instance top", "[-n ITERATIONS] [-d SECONDS] [-r ROWS] [--once]");
	for (unsigned long i = 1;; i++) {
		struct timespec pause = { .tv_sec = (time_t)top.seconds,
					  .tv_nsec = (long)((top.seconds - (double)(time_t)top.seconds) * 1e9) };
		int status = top_print(context, &top);

		if (status || i == top.iterations)
			return status;
		nanosleep(&pause, NULL);
	}
}
