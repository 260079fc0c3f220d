/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forestall-calendar CONFIG_DIR plain|json|pretty FILE.ics ...: what `forestall event import` runs. A program of its own, because
 * libical brings 39 MB of libraries that no other command should load.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_words.h"
#include "print.h"
#include "setup/event_ical.h"

#define IMPORT_DAYS 90
#define IMPORT_DAYS_MAX 366

static const char import_usage[] = "FILE.ics [--days N] [--scope GLOB] [--resource R] [--factor X]";

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

	if (argc < 2 || event_options_read(argc, argv, 2, options, sizeof(options) / sizeof(options[0])))
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
		r = event_word_problem("--scope", scope, event_scope_parse(scope, scope_text, &error), &error);
		ret->scope = scope_text;
	}
	if (!r && resource)
		r = event_word_problem("--resource", resource, event_resource_parse(resource, &ret->resource, &error), &error);
	if (!r && factor)
		r = event_word_problem("--factor", factor, event_factor_parse(factor, &ret->factor, &error), &error);
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

static int calendar_import(const struct context *context, int argc, char **argv)
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

int main(int argc, char **argv)
{
	struct context context = { 0 };

	if (argc < 3) {
		print_problem("run 'forestall event import %s'", import_usage);
		return EXIT_USAGE;
	}
	context.config_dir = argv[1];
	context.is_pretty = !strcmp(argv[2], "pretty");
	context.is_json = context.is_pretty || !strcmp(argv[2], "json");
	return calendar_import(&context, argc - 2, argv + 2);
}
