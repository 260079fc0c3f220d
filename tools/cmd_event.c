/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall event: what is known to come, told by whoever knows. The mind reads the file again when it has changed. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "event_words.h"
#include "print.h"
#include "process.h"
#include "serve/value.h"

static const char add_usage[] = "--at TIME --duration D --scope GLOB --factor X [--resource cpu|memory|io|net] [--name TEXT]";

/* The first number that no event has. */
static void id_choose(const struct events *events, char ret[EVENT_ID_MAX])
{
	bool is_taken = true;

	for (unsigned i = 1; is_taken; i++) {
		snprintf(ret, EVENT_ID_MAX, "e%u", i);
		is_taken = false;
		for (uint32_t k = 0; k < events->count; k++)
			is_taken |= !strcmp(events->event[k].id, ret);
	}
}

/* 0, or the exit status after it said what is wrong. */
static int event_read(int argc, char **argv, struct event *ret)
{
	const char *at = NULL, *duration = NULL, *scope = NULL, *resource = NULL, *factor = NULL, *name = NULL;
	const struct option_value options[] = { { "--at", &at }, { "--duration", &duration }, { "--scope", &scope },
						{ "--resource", &resource }, { "--factor", &factor }, { "--name", &name } };
	int64_t now = (int64_t)time(NULL), seconds = 0;
	struct event_error error;
	int r;

	if (event_options_read(argc, argv, 1, options, sizeof(options) / sizeof(options[0])) || !at || !duration || !scope || !factor)
		return command_usage("event add", add_usage);
	r = event_word_problem("--at", at, event_time_parse(at, now, &ret->start_s, &error), &error);
	r = r ?: event_word_problem("--duration", duration, event_duration_parse(duration, &seconds, &error), &error);
	r = r ?: event_word_problem("--scope", scope, event_scope_parse(scope, ret->scope, &error), &error);
	r = r ?: event_word_problem("--factor", factor, event_factor_parse(factor, &ret->factor, &error), &error);
	if (!r && resource)
		r = event_word_problem("--resource", resource, event_resource_parse(resource, &ret->resource, &error), &error);
	if (!r && name)
		r = event_word_problem("--name", name, event_name_parse(name, ret->name, &error), &error);
	ret->end_s = ret->start_s + seconds;
	if (!r && ret->end_s <= now) {
		print_problem("--at '%.40s': it would be over already; give a time to come", at);
		r = EXIT_USAGE;
	}
	return r;
}

static json_t *event_json(const struct event *event)
{
	return json_pack("{s:s, s:I, s:I, s:o, s:s, s:f, s:o}", "id", event->id, "start_unix_s", (json_int_t)event->start_s,
			 "duration_s", (json_int_t)(event->end_s - event->start_s), "scope", value_text(event->scope), "resource",
			 resource_name((enum resource)event->resource), "factor", (double)event->factor, "name", value_text(event->name));
}

int cmd_event_add(const struct context *context, int argc, char **argv)
{
	struct event event = { .resource = RESOURCE_CPU };
	struct events events;
	int r = event_read(argc, argv, &event);

	if (r || events_open(context, &events))
		return r ?: 1;
	id_choose(&events, event.id);
	r = events_add(&events, &event);
	if (r) {
		print_problem("%u events are announced already; remove some with 'forestall event remove'", events.count);
		events_done(&events);
		return 1;
	}
	if (events_close(context, &events))
		return 1;
	if (context->is_json)
		return print_json(context, event_json(&event));
	printf("%s\n", event.id);
	return print_end();
}

/* By the clock on the wall. */
static void event_row(struct table *table, const struct event *event, int64_t now)
{
	time_t start = (time_t)event->start_s;
	char text[32];
	struct tm local;

	table_cell(table, "%s", event->id);
	localtime_r(&start, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	table_cell(table, "%s", text);
	event_duration_format(event->end_s - event->start_s, text);
	table_cell(table, "%s", text);
	table_cell(table, "%s", event->end_s <= now ? "over" : event->start_s <= now ? "now" : "to come");
	table_cell(table, "%s", event->scope);
	table_cell(table, "%s", resource_name((enum resource)event->resource));
	table_cell(table, "%.3g", (double)event->factor);
	table_cell(table, "%s", event->name);
}

int cmd_event_list(const struct context *context, int argc, char **argv)
{
	static const char *const headings[] = { "ID", "BEGINS", "LASTS", "", "SCOPE", "RESOURCE", ">TIMES", "NAME" };
	struct events events;
	struct table *table;
	json_t *list;

	(void)argv;
	if (argc != 1)
		return command_usage("event list", "");
	if (events_open(context, &events))
		return 1;
	list = json_array();
	table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	for (uint32_t i = 0; i < events.count; i++) {
		json_array_append_new(list, event_json(&events.event[i]));
		event_row(table, &events.event[i], (int64_t)time(NULL));
	}
	if (!context->is_json && events.count)
		table_print(table, SIZE_MAX);
	table_free(table);
	events_done(&events);
	if (context->is_json)
		return print_json(context, json_pack("{s:o}", "events", list));
	json_decref(list);
	return print_end();
}

int cmd_event_remove(const struct context *context, int argc, char **argv)
{
	struct events events;
	uint32_t count;

	if (argc != 2)
		return command_usage("event remove", "ID");
	if (events_open(context, &events))
		return 1;
	count = events_remove(&events, argv[1]);
	if (!count) {
		print_problem("no event '%.40s'; 'forestall event list' shows those that are announced", argv[1]);
		events_done(&events);
		return 1;
	}
	if (events_close(context, &events))
		return 1;
	print_note("%u removed", count);
	return print_end();
}

/* Calendars are read by a program of their own, which takes this one's place. */
int cmd_event_import(const struct context *context, int argc, char **argv)
{
	char **words = calloc((size_t)argc + 3, sizeof(*words));
	struct process calendar;

	if (!words || process_init(&calendar, "forestall-calendar") < 0) {
		print_problem("%s", words ? "forestall-calendar is not beside this program; put it there" : "out of memory");
		free(words);
		return 1;
	}
	words[0] = calendar.path;
	words[1] = (char *)(uintptr_t)context->config_dir;
	words[2] = (char *)(uintptr_t)(context->is_pretty ? "pretty" : context->is_json ? "json" : "plain");
	for (int i = 1; i < argc; i++)
		words[i + 2] = argv[i];
	execv(calendar.path, words);
	print_problem("%s: %s", calendar.path, strerror(errno));
	free(words);
	return 1;
}
