/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_outlook.h"

#include <math.h>

#include "answer_instance.h"
#include "value.h"

#define PATHS_DEFAULT 10
#define RISK_HORIZON 1	/* 2 s: the horizon that the plan acts on */
#define DRIVERS 8
#define DROVE_MIN 1e-4f	/* of the risk; less is rounding */

/* Numbers of a path; cut to what is worth a byte. */
static json_t *row_json(const float *value, int count)
{
	json_t *row = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(row, value_number(value[i]));
	return row;
}

static json_t *path_json(const float path[TRAJECTORY_ROWS][FORECAST_HORIZONS])
{
	json_t *out = json_object();

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(out, resource_name((enum resource)r), row_json(path[r], FORECAST_HORIZONS));
	json_object_set_new(out, "sli", row_json(path[RESOURCE_COUNT], FORECAST_HORIZONS));
	return out;
}

static json_t *matrix_json(const float *matrix, int size)
{
	json_t *out = json_array();

	for (int i = 0; i < size; i++)
		json_array_append_new(out, row_json(matrix + i * size, size));
	return out;
}

static json_t *paths_json(const struct trajectory *trajectory, const struct forecast *forecast, uint64_t seed, json_int_t count)
{
	struct trajectory_draw draw;
	json_t *paths = json_array(), *seconds = json_array();

	trajectory_begin(trajectory, forecast, seed, &draw);
	for (json_int_t i = 0; i < count; i++) {
		float path[TRAJECTORY_ROWS][FORECAST_HORIZONS];

		trajectory_next(&draw, path);
		json_array_append_new(paths, path_json(path));
	}
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		json_array_append_new(seconds, json_integer(forecast_horizon_s[h]));
	return json_pack("{s:b, s:o, s:o, s:o, s:o}", "ok", 1, "seconds", seconds, "paths", paths, "across",
			 matrix_json(draw.across[0], TRAJECTORY_ROWS), "along", matrix_json(draw.along[0], FORECAST_HORIZONS));
}

json_t *answer_forecast_paths(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL, *out, *paths = json_object_get(question, "paths");
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);
	json_int_t count = paths ? json_integer_value(paths) : PATHS_DEFAULT;
	const struct trajectory *trajectory;

	if (!instance)
		return error;
	if (count < 1 || count > ANSWER_PATHS_MAX)
		return value_error("from 1 to %d paths can be drawn", ANSWER_PATHS_MAX);
	trajectory = world->outlook ? outlook_trajectory(world->outlook, instance->info.slot) : NULL;
	if (!trajectory || !instance->foresight->has_frame)
		return value_error("%s has no joint forecast (yet): only what is annotated has one; see 'forestall slo set'",
				   instance->info.path);
	out = paths_json(trajectory, &instance->foresight->forecast, (uint64_t)json_integer_value(json_object_get(question, "seed")),
			 count);
	json_object_set_new(out, "path", value_text(instance->info.path));
	json_object_set_new(out, "leading", json_string(slo_sli_name(&instance->info.slo, (enum sli)instance->foresight->forecast.sli_id)));
	return out;
}

/* The load that the statistical forecaster judges by. */
static json_t *load_json(const struct predictor *p, const struct predictor_instance *instance, enum sli sli)
{
	enum resource cause = sli_resource(sli) == RESOURCE_COUNT ? statistical_scarcest(p->host.total) : sli_resource(sli);
	float own = fmaxf(instance->demand[cause], 0);

	return json_pack("[{s:s, s:o, s:o, s:o, s:o}]", "feature", resource_name(cause), "load",
			 value_number(statistical_load(sli, p->host.total)), "own", value_number(own), "others",
			 value_number(fmaxf(p->host.total[cause] - own, 0)), "expected",
			 value_number(p->host.expect[cause][RISK_HORIZON]));
}

static json_t *drivers_json(const struct explanation *explanation)
{
	uint32_t order[FEATURE_COUNT];
	json_t *drivers = json_array();

	explain_order(explanation, order);
	for (uint32_t i = 0; i < DRIVERS; i++) {
		float drove = explanation->risk - explanation->without[order[i]];

		if (drove < DROVE_MIN)
			break;
		json_array_append_new(drivers, json_pack("{s:s, s:o, s:o, s:o, s:s}", "feature", feature_name((enum feature)order[i]), "drove",
			value_number(drove), "now", value_number(explanation->now[order[i]]), "usual",
			value_number(explanation->usual[order[i]]), "unit", feature_unit((enum feature)order[i])));
	}
	return drivers;
}

json_t *answer_forecast_explain(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL, *drivers;
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);
	const struct predictor *p = world->mind->predictor;
	const struct explain_past *past;
	struct explanation explanation;
	const char *method = "load";
	float risk;
	enum sli sli;

	if (!instance)
		return error;
	past = world->outlook ? outlook_past(world->outlook, instance->info.slot) : NULL;
	if (!past || !instance->foresight->has_frame)
		return value_error("%s has no risk to explain (yet): only what is annotated has one; see 'forestall slo set'",
				   instance->info.path);
	risk = forecast_risk(&instance->foresight->forecast, RISK_HORIZON, &sli);
	if (sli == SLI_COUNT)
		return json_pack("{s:b, s:o, s:n, s:f, s:s, s:[]}", "ok", 1, "path", value_text(instance->info.path), "sli", "risk", 0.0,
				 "method", "none", "drivers");
	if (instance->foresight->forecast.source == FORECAST_LSTM && !(p->untrained >> sli & 1) &&
	    explain_risk(past, p->config.weights, p->config.isa, sli, RISK_HORIZON, &explanation)) {
		method = "occlusion";
		drivers = drivers_json(&explanation);
	} else {
		drivers = load_json(p, instance, sli);
	}
	return json_pack("{s:b, s:o, s:s, s:i, s:o, s:s, s:o}", "ok", 1, "path", value_text(instance->info.path), "sli",
			 slo_sli_name(&instance->info.slo, sli), "seconds", (int)forecast_horizon_s[RISK_HORIZON], "risk",
			 value_number(risk), "method", method, "drivers", drivers);
}
