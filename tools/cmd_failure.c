/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall failure list */
#include "cmd_failure.h"

#include <string.h>
#include <time.h>

#include "client.h"
#include "predict/observe.h"
#include "print.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "-";
}

static void when_cell(struct table *table, const json_t *failure)
{
	time_t at = (time_t)(json_integer_value(json_object_get(failure, "unix_ms")) / 1000);
	struct tm day;
	char text[32] = "-";

	if (localtime_r(&at, &day))
		strftime(text, sizeof(text), "%F %T", &day);
	table_cell(table, "%s", text);
}

/* A status of an exit, a signal of what was killed; of a unit there is nothing to say. */
static void value_cell(struct table *table, const json_t *failure)
{
	const char *cause = text_of(failure, "cause");
	int value = (int)json_integer_value(json_object_get(failure, "value"));

	if (!strcmp(cause, "exit"))
		table_cell(table, "status %d", value);
	else if (value)
		table_cell(table, "SIG%s", sigabbrev_np(value) ?: "?");
	else
		table_cell(table, "-");
}

/* Whose limit an OOM kill was for. */
static void limit_cell(struct table *table, const json_t *failure)
{
	const char *limit = text_of(failure, "limit");

	table_cell(table, "%s", !strcmp(limit, "/") ? "host" : !strcmp(limit, text_of(failure, "path")) ? "own" : limit);
}

void failures_print(const json_t *failures)
{
	static const char *const headings[] = { "WHEN", "PATH", "CAUSE", "BY", "LIMIT OF", "PROGRAM", ">PID", ">BACK AFTER s" };
	struct table *table = table_new(headings, 8);
	const json_t *failure;
	size_t i;

	json_array_foreach((json_t *)failures, i, failure) {
		when_cell(table, failure);
		table_cell(table, "%s", text_of(failure, "path"));
		table_cell(table, "%s", text_of(failure, "cause"));
		value_cell(table, failure);
		limit_cell(table, failure);
		table_cell(table, "%s", text_of(failure, "program"));
		table_number(table, json_object_get(failure, "pid"), 1, 0);
		table_number(table, json_object_get(failure, "recovery_s"), 1, 3);
	}
	if (i)
		table_print(table, SIZE_MAX);
	table_free(table);
}

int cmd_failure_list(const struct context *context, int argc, char **argv)
{
	char path[OBSERVE_PATH_MAX];
	json_t *answer, *question = json_pack("{s:s}", "q", "failure.list");

	if (argc > 2 || (argc == 2 && command_path(context, argv[1], path, sizeof(path)))) {
		json_decref(question);
		return argc > 2 ? command_usage("failure list", "[PATH]") : 1;
	}
	if (argc == 2)
		json_object_set_new(question, "path", json_string(path));
	answer = client_ask(context, question);
	if (!answer)
		return 1;
	if (context->is_json)
		return print_json(context, answer);
	failures_print(json_object_get(answer, "failures"));
	if (!json_array_size(json_object_get(answer, "failures")))
		print_note("no failure was seen since the mind started");
	json_decref(answer);
	return print_end();
}
