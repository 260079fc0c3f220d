/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall model exclude: windows of the history that are not learned from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/store.h"
#include "model_dir.h"
#include "print.h"

static json_t *windows_json(const struct store_windows *windows)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < windows->count; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:s}", "from", (json_int_t)windows->at[i].from_s, "to",
						      (json_int_t)windows->at[i].to_s, "reason", windows->at[i].reason));
	return list;
}

static int windows_print(const struct store_windows *windows)
{
	static const char *const headings[] = { "from", "to", "reason" };
	struct table *table = table_new(headings, 3);

	for (uint32_t i = 0; i < windows->count; i++) {
		char from[32], to[32];

		model_time_format(windows->at[i].from_s, from);
		model_time_format(windows->at[i].to_s, to);
		table_cell(table, "%s", from);
		table_cell(table, "%s", to);
		table_cell(table, "%s", windows->at[i].reason);
	}
	table_print(table, SIZE_MAX);
	table_free(table);
	return print_end();
}

static int windows_list(const struct context *context, const char *dir)
{
	struct store_windows *windows = calloc(1, sizeof(*windows));
	char message[STORE_MESSAGE_MAX] = "out of memory; try again";
	int r = 1;

	if (!windows || store_windows_load(dir, windows, message))
		print_problem("%s", message);
	else
		r = context->is_json ? print_json(context, windows_json(windows)) : windows_print(windows);
	free(windows);
	return r;
}

/* 0, or -1 when the words are none of ours. */
static int words_take(int argc, char **argv, const char **from, const char **to, const char **reason)
{
	const struct {
		const char *name;
		const char **value;
	} valued[] = { { "--from", from }, { "--to", to }, { "--reason", reason } };

	for (int i = 1; i < argc; i += 2) {
		size_t k = 0;

		while (k < 3 && strcmp(argv[i], valued[k].name))
			k++;
		if (k == 3 || i + 1 == argc)
			return -1;
		*valued[k].value = argv[i + 1];
	}
	return *from && *to && *reason ? 0 : -1;
}

static int window_add(const char *dir, const struct store_window *window)
{
	char message[STORE_MESSAGE_MAX];

	if (store_make(dir, message) || store_windows_add(dir, window, message)) {
		print_problem("%s", message);
		return 1;
	}
	print_note("nothing is learned from recordings that touch that time; models trained before keep what they learned "
		   "('forestall model rollback')");
	return 0;
}

int cmd_model_exclude(const struct context *context, int argc, char **argv)
{
	const char *from = NULL, *to = NULL, *reason = NULL;
	struct store_window window = { 0 };
	char dir[PATH_MAX];

	model_dir(context, dir);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return windows_list(context, dir);
	if (words_take(argc, argv, &from, &to, &reason))
		return command_usage("model exclude", "--from TIME --to TIME --reason TEXT | list");
	if (model_time_parse(from, &window.from_s) || model_time_parse(to, &window.to_s))
		return EXIT_USAGE;
	if (window.to_s < window.from_s) {
		print_problem("--to is before --from; exchange them");
		return EXIT_USAGE;
	}
	if (!store_reason_is_sound(reason)) {
		print_problem("--reason must be one line of at most %d bytes", STORE_REASON_MAX - 1);
		return EXIT_USAGE;
	}
	strcpy(window.reason, reason);
	return window_add(dir, &window);
}
