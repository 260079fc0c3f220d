/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall model list|show|promote|rollback */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "learn/learn.h"
#include "model_dir.h"
#include "predict/feature.h"
#include "predict/forecast.h"
#include "print.h"
#include "setup/config.h"
#include "sense/modelfile.h"
#include "serve/value.h"

/* The model that the mind uses, else the configured one, else the shipped one. -1 after it said that there is none. */
static int path_find(const struct context *context, char ret[PATH_MAX])
{
	char problem[CONFIG_PROBLEM_MAX];
	struct config config;
	json_t *status;
	const char *used;
	int error, r;

	status = client_call(context->run_dir, json_pack("{s:s}", "q", "status"), &error);
	used = json_string_value(json_object_get(json_object_get(status, "model"), "path"));
	snprintf(ret, PATH_MAX, "%s", used ?: "");
	json_decref(status);
	if (ret[0])
		return 0;
	r = config_load(context->config_dir, &config, problem);
	if (r == 0)
		snprintf(ret, PATH_MAX, "%s", config.model);
	config_done(&config);
	if (r == 0 && (ret[0] || model_find(ret, PATH_MAX) == 0))
		return 0;
	if (r < 0)
		print_problem("%s", problem);
	else
		print_problem("no model is in use, configured, or at %s; name a FILE", ret);
	return -1;
}

static json_t *model_describe(const char *path, const struct model *model)
{
	const struct lstm_config *config = &model->weights.config;
	json_t *provenance = json_loads(model->provenance, JSON_DECODE_ANY, NULL), *features = json_array();

	for (int i = 0; i < FEATURE_COUNT; i++)
		json_array_append_new(features, json_string(feature_name(i)));
	return json_pack("{s:o, s:i, s:{s:i, s:i, s:i}, s:i, s:i, s:s, s:o, s:o}", "path", value_text(path),
			 "format", MODEL_VERSION, "shape", "input", (int)config->input, "hidden", (int)config->hidden,
			 "output", (int)config->output, "horizons", FORECAST_HORIZONS, "quantiles", FORECAST_QUANTILES,
			 "checks", "every record's checksum, size and bounds hold", "features", features, "provenance",
			 provenance ? provenance : value_text(model->provenance));
}

static int description_print(const struct context *context, json_t *description)
{
	const json_t *shape = json_object_get(description, "shape");
	char *provenance;

	if (context->is_json || !description)
		return print_json(context, description);
	provenance = json_dumps(json_object_get(description, "provenance"), JSON_INDENT(2) | JSON_ENCODE_ANY);
	printf("model       %s\n", json_string_value(json_object_get(description, "path")));
	printf("shape       LSTM, %d inputs, %d hidden, %d outputs; int8\n",
	       (int)json_integer_value(json_object_get(shape, "input")),
	       (int)json_integer_value(json_object_get(shape, "hidden")),
	       (int)json_integer_value(json_object_get(shape, "output")));
	printf("checks      %s\n", json_string_value(json_object_get(description, "checks")));
	printf("provenance  %s\n", provenance ?: "?");
	free(provenance);
	json_decref(description);
	return print_end();
}

/* A word without a slash may be the name of a model of this host. */
static void file_find(const struct context *context, const char *word, char ret[PATH_MAX])
{
	char dir[PATH_MAX];

	model_dir(context, dir);
	store_path(dir, word, ret);
	if (!store_name_is_sound(word) || access(ret, F_OK))
		snprintf(ret, PATH_MAX, "%s", word);
}

int cmd_model_show(const struct context *context, int argc, char **argv)
{
	struct model *model = calloc(1, sizeof(*model));
	char path[PATH_MAX] = "", message[MODEL_MESSAGE_MAX];
	int r = 1;

	if (argc > 2) {
		r = command_usage("model show", "[FILE|NAME]");
	} else if (!model) {
		print_problem("out of memory; try again");
	} else if (argc == 2 || path_find(context, path) == 0) {
		if (argc == 2)
			file_find(context, argv[1], path);
		r = model_load(path, model, message, sizeof(message)) < 0 ? 1 : 0;
		if (r)
			print_problem("%s", message);
		else
			r = description_print(context, model_describe(path, model));
	}
	free(model);
	return r;
}

/* What became of a model: "champion", "before", "rolled back", or what the verdict on it was. */
static const char *state_of(const struct store_champions *champions, const char *name, const json_t *verdict)
{
	const struct store_champion *champion = store_champion(champions);

	if (champion && !strcmp(champion->name, name))
		return "champion";
	for (uint32_t i = 0; i < champions->count; i++)
		if (!strcmp(champions->at[i].name, name))
			return champions->at[i].is_rolled_back ? "rolled back" : "before";
	if (!verdict)
		return "not judged";
	return json_is_true(json_object_get(verdict, "is_better")) ? "better" : "refused";
}

static json_t *entry_json(const char *dir, const char *name, const struct store_champions *champions)
{
	char path[PATH_MAX], message[STORE_MESSAGE_MAX];
	struct model *model = calloc(1, sizeof(*model));
	json_t *provenance = NULL, *verdict, *entry;

	store_path(dir, name, path);
	if (!model || model_load(path, model, message, sizeof(message)) < 0) {
		free(model);
		return json_pack("{s:s, s:s, s:s}", "name", name, "state", "damaged", "reason", model ? message : "out of memory");
	}
	provenance = json_loads(model->provenance, 0, NULL);
	verdict = json_object_get(provenance, "verdict");
	entry = json_pack("{s:s, s:s, s:O?}", "name", name, "state", state_of(champions, name, verdict), "verdict", verdict);
	json_decref(provenance);
	free(model);
	return entry;
}

static int is_model(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot != entry->d_name && !strcmp(dot, STORE_SUFFIX);
}

static json_t *entries_json(const char *dir, const struct store_champions *champions)
{
	struct dirent **entry = NULL;
	int count = scandir(dir, &entry, is_model, alphasort);
	json_t *list = json_array();

	for (int i = count - 1; i >= 0; i--) {
		*strrchr(entry[i]->d_name, '.') = '\0';
		json_array_append_new(list, entry_json(dir, entry[i]->d_name, champions));
		free(entry[i]);
	}
	free(entry);
	return list;
}

static int entries_print(json_t *list, const struct store_champions *champions)
{
	static const char *const headings[] = { "model", "state", ">loss", ">champion's", ">ECE", ">champion's", "why" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const json_t *verdict = json_object_get(entry, "verdict");
		const char *reason = json_string_value(json_object_get(verdict ?: entry, "reason"));

		table_cell(table, "%s", json_string_value(json_object_get(entry, "name")));
		table_cell(table, "%s", json_string_value(json_object_get(entry, "state")));
		table_number(table, json_object_get(verdict, "loss"), 1, 4);
		table_number(table, json_object_get(verdict, "loss_champion"), 1, 4);
		table_number(table, json_object_get(verdict, "ece"), 1, 4);
		table_number(table, json_object_get(verdict, "ece_champion"), 1, 4);
		table_cell(table, "%s", reason ?: "");
	}
	table_cell(table, "(came with forestall)");
	table_cell(table, "%s", store_champion(champions) ? "before" : "champion");
	for (int column = 0; column < 5; column++)
		table_cell(table, "%s", "");
	table_print(table, SIZE_MAX);
	table_free(table);
	json_decref(list);
	return print_end();
}

int cmd_model_list(const struct context *context, int argc, char **argv)
{
	struct store_champions champions = { .count = 0 };
	char dir[PATH_MAX], message[STORE_MESSAGE_MAX];
	json_t *list;

	(void)argv;
	if (argc != 1)
		return command_usage("model list", "");
	model_dir(context, dir);
	if (store_champions_load(dir, &champions, message)) {
		print_problem("%s", message);
		return 1;
	}
	list = entries_json(dir, &champions);
	return context->is_json ? print_json(context, list) : entries_print(list, &champions);
}

/* The mind does it and takes the model over at once; where none runs it is done for the next one. NULL: rolls back. */
static int champion_change(const struct context *context, const char *name)
{
	char dir[PATH_MAX], message[STORE_MESSAGE_MAX] = "", before[STORE_NAME_MAX];
	json_t *answer, *question = name ? json_pack("{s:s, s:s}", "q", "model.promote", "name", name) :
					   json_pack("{s:s}", "q", "model.rollback");
	bool is_done, is_running;
	int error, r;

	answer = client_call(context->run_dir, question, &error);
	is_running = answer || (error != -ENOENT && error != -ECONNREFUSED);
	is_done = json_is_true(json_object_get(answer, "ok"));
	if (!is_running) {
		model_dir(context, dir);
		r = name ? store_promote(dir, name, "by hand", (uint64_t)time(NULL), message) :
			   store_rollback(dir, before, message);
		is_done = r == 0;
	}
	if (!is_done)
		print_problem("%s", !is_running ? message : json_string_value(json_object_get(answer, "error")) ?:
			      "the mind does not answer; try again");
	else
		print_note(is_running ? "done; it speaks from now on" : "done; it speaks when forestall runs");
	json_decref(answer);
	return is_done ? 0 : 1;
}

int cmd_model_promote(const struct context *context, int argc, char **argv)
{
	if (argc != 2)
		return command_usage("model promote", "NAME");
	return champion_change(context, argv[1]);
}

int cmd_model_rollback(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return command_usage("model rollback", "");
	return champion_change(context, NULL);
}
