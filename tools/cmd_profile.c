/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall profile show: what one instance will need, by the quarter of an hour. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "predict/observe.h"
#include "predict/resource.h"
#include "print.h"

#define HOURS_MAX 24

/* "Thu 14:15", by the clock on the wall there. */
static void time_cell(struct table *table, const json_t *step)
{
	time_t at = (time_t)(json_integer_value(json_object_get(step, "unix_s")) + json_integer_value(json_object_get(step, "offset_s")));
	char text[32];
	struct tm local;

	gmtime_r(&at, &local);
	strftime(text, sizeof(text), "%a %H:%M", &local);
	table_cell(table, "%s", text);
}

static void events_cell(struct table *table, const json_t *events)
{
	char text[128] = "";
	json_t *name;
	size_t i, at = 0;

	json_array_foreach(events, i, name)
		if (at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ", " : "", json_string_value(name));
	table_cell(table, "%s", text);
}

static void step_row(struct table *table, const json_t *step)
{
	static const char *const shown[] = { "p50", "p90", "p99" };

	time_cell(table, step);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const json_t *need = json_object_get(step, resource_name((enum resource)r));

		for (size_t q = r == RESOURCE_CPU ? 0 : 1; q < sizeof(shown) / sizeof(shown[0]); q++) {
			const json_t *value = json_object_get(need, shown[q]);

			if (r == RESOURCE_CPU)
				table_number(table, value, 1, 2);
			else
				table_bytes(table, value);
		}
	}
	events_cell(table, json_object_get(step, "events"));
}

static void profile_print(const json_t *answer)
{
	static const char *const headings[] = { "AT", ">CPUs p50", ">p90", ">p99", ">MEMORY p90", ">p99", ">IO/s p90", ">p99",
						">SENT/s p90", ">p99",
						"ANNOUNCED" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *step;
	size_t i;

	printf("mean of each quarter of an hour, from %.1f days of history\n",
	       json_number_value(json_object_get(answer, "days")));
	json_array_foreach(json_object_get(answer, "steps"), i, step)
		step_row(table, step);
	table_print(table, SIZE_MAX);
	table_free(table);
}

/* 1..HOURS_MAX, or 0 after it said what is wrong. */
static int hours_parse(const char *text)
{
	char *end;
	long hours = strtol(text, &end, 10);

	if (end != text && !*end && hours >= 1 && hours <= HOURS_MAX)
		return (int)hours;
	print_problem("--hours '%s': give a whole number from 1 to %d", text, HOURS_MAX);
	return 0;
}

int cmd_profile_show(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	int hours = HOURS_MAX;
	json_t *answer;

	if (argc != 2 && (argc != 4 || strcmp(argv[2], "--hours")))
		return command_usage("profile show", "PATH [--hours N]");
	if (argc == 4 && !(hours = hours_parse(argv[3])))
		return EXIT_USAGE;
	if (command_path(context, argv[1], path, sizeof(path)))
		return 1;
	answer = client_ask(context, json_pack("{s:s, s:s, s:i}", "q", "profile.show", "path", path, "hours", hours));
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	profile_print(answer);
	json_decref(answer);
	return print_end();
}
