/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what `forestall replay --json` wrote: one JSON object per line. Lines of other kinds are passed over. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arm.h"

static double number_or_nan(const json_t *value)
{
	return json_is_number(value) ? json_number_value(value) : NAN;
}

static void read_row(const json_t *array, unsigned int count, double *values)
{
	for (unsigned int i = 0; i < count; i++)
		values[i] = number_or_nan(json_array_get(array, i));
}

static void read_quantiles(const json_t *array, double scale, double (*values)[QUANTILES])
{
	for (unsigned int i = 0; i < HORIZONS; i++) {
		read_row(json_array_get(array, i), QUANTILES, values[i]);
		for (unsigned int j = 0; j < QUANTILES; j++)
			values[i][j] *= scale;
	}
}

static void note_source(struct arm *arm, const char *source)
{
	size_t length = strlen(arm->sources);

	if (source && !strstr(arm->sources, source))
		snprintf(arm->sources + length, sizeof(arm->sources) - length, "%s%s", length ? ", " : "", source);
}

static int add_forecast(struct arm *arm, const json_t *line, double time_s)
{
	const char *instance = json_string_value(json_object_get(line, "instance"));
	unsigned int idx = instance ? arm_group(arm, instance) : GROUPS_MAX;
	/* A share is shown in percent, as the SLO has it. */
	double scale = *arm->sli_unit == '%' ? 100 : 1;
	const json_t *demand, *now;
	struct forecast *forecast;
	struct group *group;

	if (idx == GROUPS_MAX)
		return 0; /* an instance that the demo does not show */
	group = &arm->groups[idx];
	if (group->forecast_count == FORECASTS_MAX)
		return -E2BIG;
	forecast = &group->forecasts[group->forecast_count++];
	forecast->time_s = time_s;
	demand = json_object_get(json_object_get(line, "demand"), arm->family->name);
	now = json_object_get(json_object_get(line, "demand_now"), arm->family->name);
	forecast->sli_now = number_or_nan(json_object_get(line, "sli")) * scale;
	forecast->demand_now = number_or_nan(now) * arm->family->demand_scale;
	read_row(json_object_get(line, "risk"), HORIZONS, forecast->risk);
	read_quantiles(demand, arm->family->demand_scale, forecast->demand);
	read_quantiles(json_object_get(line, "sli_fc"), scale, forecast->sli);
	note_source(arm, json_string_value(json_object_get(line, "source")));
	return 0;
}

static void copy_text(char *to, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, NAME_MAX_BYTES, "%s", text ? text : "");
}

/* "1", or "2000/10000" for what has a period. */
static void read_value(char *to, const json_t *object)
{
	json_int_t value = json_integer_value(json_object_get(object, "value"));
	json_int_t period_us = json_integer_value(json_object_get(object, "period_us"));
	int length = snprintf(to, NAME_MAX_BYTES, "%" JSON_INTEGER_FORMAT, value);

	if (period_us)
		snprintf(to + length, (size_t)(NAME_MAX_BYTES - length), "/%" JSON_INTEGER_FORMAT, period_us);
}

static int add_action(struct arm *arm, const json_t *object, double time_s)
{
	const char *path = json_string_value(json_object_get(object, "path"));
	unsigned int idx = path ? arm_group(arm, path) : GROUPS_MAX;
	struct action *action;

	if (idx == GROUPS_MAX)
		return 0;
	if (arm->action_count == ACTIONS_MAX)
		return -E2BIG;
	action = &arm->actions[arm->action_count++];
	action->time_s = time_s;
	action->group_idx = idx;
	copy_text(action->knob, object, "knob");
	copy_text(action->reason, object, "reason");
	read_value(action->value, object);
	return 0;
}

static int add_line(struct arm *arm, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const json_t *action;
	double time_s;
	int r;

	if (!line)
		return -EINVAL;
	time_s = arm_time_s(arm, (uint64_t)json_integer_value(json_object_get(line, "t_ns")));
	action = json_object_get(line, "action");
	r = action ? add_action(arm, action, time_s) : add_forecast(arm, line, time_s);
	json_decref(line);
	return r;
}

int arm_load_decisions(const char *dir, struct arm *arm)
{
	char path[4096], *line = NULL;
	size_t size = 0;
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "%s/decisions.jsonl", dir);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (!r && getline(&line, &size, file) > 0)
		r = add_line(arm, line);
	free(line);
	fclose(file);
	arm->has_decisions = !r;
	return r;
}
