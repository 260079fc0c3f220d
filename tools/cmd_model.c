/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall model show */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
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

int cmd_model_show(const struct context *context, int argc, char **argv)
{
	struct model *model = calloc(1, sizeof(*model));
	char path[PATH_MAX] = "", message[MODEL_MESSAGE_MAX];
	int r = 1;

	if (argc > 2) {
		r = command_usage("model show", "[FILE]");
	} else if (!model) {
		print_problem("out of memory; try again");
	} else if (argc == 2 || path_find(context, path) == 0) {
		const char *file = argc == 2 ? argv[1] : path;

		r = model_load(file, model, message, sizeof(message)) < 0 ? 1 : 0;
		if (r)
			print_problem("%s", message);
		else
			r = description_print(context, model_describe(file, model));
	}
	free(model);
	return r;
}
