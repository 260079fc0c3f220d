/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall event: what is known to come, told by whoever knows. The mind reads the file again when it has changed. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "serve/value.h"
#include "setup/event_ical.h"

#define IMPORT_DAYS 90
#define IMPORT_DAYS_MAX 366

static const char add_usage[] = "--at TIME --duration D --scope GLOB --factor X [--resource cpu|memory|io|net] [--name TEXT]";
static const char import_usage[] = "FILE.ics [--days N] [--scope GLOB] [--resource R] [--factor X]";

/* Options of a command, each with a value; absent ones stay NULL. */
struct option_value {
	const char *name;
	const char **value;
};

/* 0, or -1: something else is there. */
static int options_read(int argc, char **argv, int from, const struct option_value *options, size_t count)
{
	for (int i = from; i < argc; i += 2) {
		size_t o = 0;

		while (o < count && strcmp(options[o].name, argv[i]))
			o++;
		if (o == count || i + 1 >= argc || *options[o].value)
			return -1;
		*options[o].value = argv[i + 1];
	}
	return 0;
}

static int word_problem(const char *option, const char *word, int r, const struct event_error *error)
{
	if (r)
		print_problem("%s '%.80s', column %u: %s", option, word, error->column, error->reason);
	return r ? EXIT_USAGE : 0;
}

static int events_open(const struct context *context, struct events *ret)
{
	char problem[EVENT_PROBLEM_MAX];

	if (!events_load(context->config_dir, ret, problem))
		return 0;
	print_problem("%s; correct the line or remove the file", problem);
	return 1;
}

static int events_close(const struct context *context, struct events *events)
{
	char problem[EVENT_PROBLEM_MAX];
	int r = events_save(context->config_dir, events, problem);

	if (r)
		print_problem("%s", problem);
	events_done(events);
	return r ? 1 : 0;
}

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

static int name_take(const char *text, char ret[EVENT_NAME_MAX])
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (text[i] == 0x7f || (unsigned char)text[i] < ' ') {
			print_problem("--name, column %zu: a control character; leave it out", i + 1);
			return EXIT_USAGE;
		}
	if (length >= EVENT_NAME_MAX) {
		print_problem("--name: longer than %d bytes; shorten it", EVENT_NAME_MAX - 1);
		return EXIT_USAGE;
	}
	memcpy(ret, text + strspn(text, " "), length + 1 - strspn(text, " "));
	return 0;
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

	if (options_read(argc, argv, 1, options, sizeof(options) / sizeof(options[0])) || !at || !duration || !scope || !factor)
		return command_usage("event add", add_usage);
	r = word_problem("--at", at, event_time_parse(at, now, &ret->start_s, &error), &error);
	r = r ?: word_problem("--duration", duration, event_duration_parse(duration, &seconds, &error), &error);
	r = r ?: word_problem("--scope", scope, event_scope_parse(scope, ret->scope, &error), &error);
	r = r ?: word_problem("--factor", factor, event_factor_parse(factor, &ret->factor, &error), &error);
	if (!r && resource)
		r = word_problem("--resource", resource, event_resource_parse(resource, &ret->resource, &error), &error);
	if (!r && name)
		r = name_take(name, ret->name);
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

/* The whole file; NULL after it said what is wrong. */
static char *calendar_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(EVENT_IMPORT_BYTES_MAX + 1) : NULL;
	size_t bytes = text ? fread(text, 1, EVENT_IMPORT_BYTES_MAX + 1, file) : 0;
	const char *what = !file || ferror(file) ? strerror(errno) : !text ? "out of memory" :
			   bytes > EVENT_IMPORT_BYTES_MAX ? "larger than 8 MB; import a part of it" :
			   memchr(text, '\0', bytes) ? "holds a NUL byte; it is no text" : NULL;

	if (file)
		fclose(file);
	if (!what) {
		text[bytes] = '\0';
		return text;
	}
	print_problem("%s: %s", path, what);
	free(text);
	return NULL;
}

/* 0, or the exit status after it said what is wrong. */
static int import_read(int argc, char **argv, struct event_import *ret)
{
	static char scope_text[EVENT_SCOPE_MAX];
	const char *days = NULL, *scope = NULL, *resource = NULL, *factor = NULL;
	const struct option_value options[] = { { "--days", &days }, { "--scope", &scope }, { "--resource", &resource },
						{ "--factor", &factor } };
	struct event_error error;
	char *end = NULL;
	long count = IMPORT_DAYS;
	int r = 0;

	if (argc < 2 || options_read(argc, argv, 2, options, sizeof(options) / sizeof(options[0])))
		return command_usage("event import", import_usage);
	if (days)
		count = strtol(days, &end, 10);
	if (days && (end == days || *end || count < 1 || count > IMPORT_DAYS_MAX)) {
		print_problem("--days '%.40s': give a whole number from 1 to %d", days, IMPORT_DAYS_MAX);
		return EXIT_USAGE;
	}
	*ret = (struct event_import){ .name = argv[1], .factor = -1, .from_s = (int64_t)time(NULL) };
	ret->to_s = ret->from_s + count * 86400;
	if (scope) {
		r = word_problem("--scope", scope, event_scope_parse(scope, scope_text, &error), &error);
		ret->scope = scope_text;
	}
	if (!r && resource)
		r = word_problem("--resource", resource, event_resource_parse(resource, &ret->resource, &error), &error);
	if (!r && factor)
		r = word_problem("--factor", factor, event_factor_parse(factor, &ret->factor, &error), &error);
	return r;
}

/* What was imported of the same appointment before is replaced. */
static int imported_merge(const struct context *context, const struct events *imported)
{
	struct events events;
	int r = 0;

	if (events_open(context, &events))
		return 1;
	for (uint32_t i = 0; i < imported->count; i++)
		events_remove(&events, imported->event[i].id);
	for (uint32_t i = 0; i < imported->count && !r; i++)
		r = events_add(&events, &imported->event[i]);
	if (!r)
		return events_close(context, &events);
	print_problem("more than %d events; give fewer --days or remove some with 'forestall event remove'", EVENTS_MAX);
	events_done(&events);
	return 1;
}

int cmd_event_import(const struct context *context, int argc, char **argv)
{
	char problem[EVENT_PROBLEM_MAX], *text;
	struct event_import import;
	struct events imported;
	int r = import_read(argc, argv, &import);

	if (r)
		return r;
	text = calendar_read(argv[1]);
	if (!text)
		return 1;
	r = events_import(&import, text, &imported, problem);
	free(text);
	if (r) {
		print_problem("%s; nothing was imported", problem);
		return 1;
	}
	r = imported_merge(context, &imported);
	if (!r && context->is_json)
		r = print_json(context, json_pack("{s:i, s:i, s:i}", "appointments", (int)import.appointments, "without_scope",
						  (int)import.foreign, "events", (int)imported.count));
	else if (!r)
		print_note("%u events from %u appointments; %u say nothing of a scope and a factor and were left out", imported.count,
			   import.appointments, import.foreign);
	events_done(&imported);
	return r;
}
