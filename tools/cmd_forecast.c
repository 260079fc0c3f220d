/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall forecast show --paths and forecast explain: ways that the next minute may go, and why it is feared. */
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "predict/observe.h"
#include "predict/resource.h"
#include "print.h"
#include "serve/answer.h"

static const char usage[] = "PATH [--paths N [--seed S]]";

/* One path as rows: what, and its value at each horizon. */
static void path_rows(struct table *table, const json_t *path, size_t number, const char *leading)
{
	const char *key;
	json_t *row, *value;
	size_t h;

	json_object_foreach((json_t *)path, key, row) {
		table_cell(table, "%zu", number);
		table_cell(table, "%s", strcmp(key, "sli") ? key : leading);
		json_array_foreach(row, h, value)
			if (!strcmp(key, "cpu") || !strcmp(key, "sli"))
				table_number(table, value, 1, 2);
			else
				table_bytes(table, value);
	}
}

static void paths_print(const json_t *answer)
{
	static const char *const headings[] = { ">PATH", "WHAT", ">1 s", ">2 s", ">5 s", ">15 s", ">30 s", ">60 s" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *path;
	size_t i;

	json_array_foreach(json_object_get(answer, "paths"), i, path)
		path_rows(table, path, i + 1, json_string_value(json_object_get(answer, "leading")));
	table_print(table, SIZE_MAX);
	table_free(table);
}

/* A whole number; -1 after it said what is wrong. */
static long number_parse(const char *option, const char *text, long most)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end != text && !*end && number >= 0 && number <= most)
		return number;
	print_problem("%s '%.40s': give a whole number up to %ld", option, text, most);
	return -1;
}

int cmd_forecast_paths(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	long count, seed = 0;
	json_t *answer;

	if ((argc != 4 && argc != 6) || strcmp(argv[2], "--paths") || (argc == 6 && strcmp(argv[4], "--seed")))
		return command_usage("forecast show", usage);
	count = number_parse("--paths", argv[3], ANSWER_PATHS_MAX);
	if (argc == 6)
		seed = number_parse("--seed", argv[5], INT32_MAX);
	if (count < 0 || seed < 0)
		return EXIT_USAGE;
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = client_ask(context, json_pack("{s:s, s:s, s:i, s:i}", "q", "forecast.paths", "path", path, "paths", (int)count, "seed",
					       (int)seed));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	paths_print(answer);
	json_decref(answer);
	return print_end();
}

static void drivers_print(json_t *answer)
{
	static const char *const headings[] = { "FEATURE", ">DROVE", ">NOW", ">USUAL", "IN" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *driver;
	size_t i;

	json_array_foreach(json_object_get(answer, "drivers"), i, driver) {
		table_cell(table, "%s", json_string_value(json_object_get(driver, "feature")));
		table_number(table, json_object_get(driver, "drove"), 1, 3);
		table_number(table, json_object_get(driver, "now"), 1, 3);
		table_number(table, json_object_get(driver, "usual"), 1, 3);
		table_cell(table, "%s", json_string_value(json_object_get(driver, "unit")));
	}
	table_print(table, SIZE_MAX);
	table_free(table);
}

static void explanation_print(json_t *answer)
{
	const json_t *load = json_array_get(json_object_get(answer, "drivers"), 0);
	const char *method = json_string_value(json_object_get(answer, "method"));

	if (!strcmp(method, "none")) {
		puts("nothing is at risk");
		return;
	}
	printf("P(%s violated within %d s) is %.3f\n", json_string_value(json_object_get(answer, "sli")),
	       (int)json_integer_value(json_object_get(answer, "seconds")), json_number_value(json_object_get(answer, "risk")));
	if (!strcmp(method, "occlusion")) {
		puts("how much less the model would say if that alone had been as usual in the last seconds:");
		drivers_print(answer);
		return;
	}
	printf("by experience with this load: %s %.2f of what there is (own %.2f, others %.2f), %.2f expected of all by their past\n",
	       json_string_value(json_object_get(load, "feature")), json_number_value(json_object_get(load, "load")),
	       json_number_value(json_object_get(load, "own")), json_number_value(json_object_get(load, "others")),
	       json_number_value(json_object_get(load, "expected")));
}

int cmd_forecast_explain(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	json_t *answer;

	if (argc != 2)
		return command_usage("forecast explain", "PATH");
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = client_ask(context, json_pack("{s:s, s:s}", "q", "forecast.explain", "path", path));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	explanation_print(answer);
	json_decref(answer);
	return print_end();
}
