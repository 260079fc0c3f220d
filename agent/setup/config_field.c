/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_field.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/policy.h"

enum field_type { FIELD_U32, FIELD_U64, FIELD_FLOAT, FIELD_FORECASTER, FIELD_HORIZON, FIELD_POLICY, FIELD_PATH, FIELD_BOOL };

struct field {
	const char *section, *key;
	enum field_type type;
	size_t offset;		/* in struct config */
	double min, max;	/* of the number as written */
	double scale;		/* stored = written * scale */
};

#define MIND(name, type, min, max) { "mind", #name, type, offsetof(struct config, name), min, max, 1 }
#define PLAN(key, name, type, min, max, scale) \
	{ "plan", key, type, offsetof(struct config, policy.name), min, max, scale }
#define CANARY(key, name, type, min, max, scale) { "plan", key, type, offsetof(struct config, canary.name), min, max, scale }
#define LEARN(name, type, min, max) { "learn", #name, type, offsetof(struct config, learn.name), min, max, 1 }

static const struct field fields[] = {
	MIND(tick_ms, FIELD_U32, 20, 1000),
	MIND(instances_max, FIELD_U32, 16, 65536),
	MIND(forecaster, FIELD_FORECASTER, 0, 0),
	MIND(model, FIELD_PATH, 0, 0),
	PLAN("policy", policy, FIELD_POLICY, 0, 0, 1),
	PLAN("posture", posture, FIELD_U32, 0, 1, 1),
	PLAN("risk_act", risk_act, FIELD_FLOAT, 0.01, 1, 1),
	PLAN("act_horizon_s", act_horizon, FIELD_HORIZON, 0, 0, 1),
	PLAN("bad_act", bad_act, FIELD_FLOAT, 0.001, 1, 1),
	PLAN("quality_min", quality_min, FIELD_FLOAT, 0, 1, 1),
	PLAN("headroom", headroom[RESOURCE_CPU], FIELD_FLOAT, 0, 0.9, 1),
	PLAN("memory_headroom", headroom[RESOURCE_MEMORY], FIELD_FLOAT, 0, 0.9, 1),
	PLAN("io_headroom", headroom[RESOURCE_IO], FIELD_FLOAT, 0, 0.9, 1),
	PLAN("net_headroom", headroom[RESOURCE_NET], FIELD_FLOAT, 0, 0.9, 1),
	PLAN("giver_min", giver_min[RESOURCE_CPU], FIELD_FLOAT, 0.01, 1, 1),
	PLAN("relax_per_s", relax_per_s, FIELD_FLOAT, 0.01, 10, 1),
	PLAN("step", step[RESOURCE_CPU], FIELD_FLOAT, 0.01, 1, 1),
	PLAN("memory_step", step[RESOURCE_MEMORY], FIELD_FLOAT, 0.001, 1, 1),
	PLAN("io_step", step[RESOURCE_IO], FIELD_FLOAT, 0.01, 1, 1),
	PLAN("net_step", step[RESOURCE_NET], FIELD_FLOAT, 0.01, 1, 1),
	PLAN("churn", churn, FIELD_FLOAT, 0, 0.5, 1),
	PLAN("changes_max", changes_max, FIELD_U32, 1, ACTIONS_MAX, 1),
	PLAN("hold_ms", hold_ns, FIELD_U64, 100, 600000, 1e6),
	PLAN("period_us", period_us, FIELD_U64, 1000, 1000000, 1),
	PLAN("lease_ms", lease_ms, FIELD_U32, 300, 60000, 1),
	PLAN("no_action", no_action, FIELD_FLOAT, 0, 0.5, 1),
	PLAN("probe", probe, FIELD_BOOL, 0, 0, 1),
	PLAN("io_cost", io_cost, FIELD_BOOL, 0, 0, 1),
	CANARY("canary", policy, FIELD_POLICY, 0, 0, 1),
	CANARY("canary_share", share, FIELD_FLOAT, CANARY_SHARE_MIN, CANARY_SHARE_MAX, 1),
	CANARY("canary_block_s", block_ns, FIELD_U64, 10, 3600, 1e9),
	CANARY("canary_hours", max_ns, FIELD_U64, 1, 720, 3600e9),
	LEARN(history_mb, FIELD_U32, 0, 1048576),
	LEARN(models_max, FIELD_U32, 2, 1000),
	LEARN(shadow_min, FIELD_U32, 0, 1440),
	LEARN(every_h, FIELD_U32, 0, 720),
	LEARN(drift, FIELD_BOOL, 0, 0),
	LEARN(promote, FIELD_BOOL, 0, 0),
	LEARN(cpu_s, FIELD_U32, 10, 86400),
	LEARN(memory_mb, FIELD_U32, 64, 65536),
	LEARN(deadline_min, FIELD_U32, 1, 1440),
	LEARN(cpu_share, FIELD_FLOAT, 0.01, 1),
};
#define FIELD_COUNT ((int)(sizeof(fields) / sizeof(fields[0])))
_Static_assert(sizeof(fields) / sizeof(fields[0]) <= CONFIG_FIELD_COUNT_MAX, "a bit per key tells which were given");

int config_field_find(const char *section, const char *key)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (!strcmp(fields[i].section, section) && !strcmp(fields[i].key, key))
			return i;
	return -ENOENT;
}

bool config_section_is_known(const char *section)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (!strcmp(fields[i].section, section))
			return true;
	return false;
}

/* Plain decimal: no sign, no hexadecimal, no "inf". */
static bool number_read(const char *text, double *ret)
{
	char *end;

	if (!text[0] || text[strspn(text, "0123456789.")])
		return false;
	*ret = strtod(text, &end);
	return *end == '\0' && end != text && isfinite(*ret);
}

static int number_set(void *at, const struct field *field, const char *value, char *reason, size_t size)
{
	double number;

	if (!number_read(value, &number) || number < field->min || number > field->max ||
	    (field->type != FIELD_FLOAT && number != floor(number))) {
		snprintf(reason, size, "must be a %snumber from %g to %g", field->type == FIELD_FLOAT ? "" : "whole ",
			 field->min, field->max);
		return -EINVAL;
	}
	if (field->type == FIELD_FLOAT)
		*(float *)at = (float)(number * field->scale);
	else if (field->type == FIELD_U32)
		*(uint32_t *)at = (uint32_t)(number * field->scale);
	else
		*(uint64_t *)at = (uint64_t)(number * field->scale);
	return 0;
}

static int forecaster_set(uint32_t *at, const char *value, char *reason, size_t size)
{
	for (uint32_t i = FORECAST_NONE + 1; i < FORECAST_SOURCE_COUNT; i++)
		if (!strcmp(forecast_source_name(i), value)) {
			*at = i;
			return 0;
		}
	snprintf(reason, size, "must be lstm, statistical or persistence");
	return -EINVAL;
}

static int policy_set(uint32_t *at, const char *value, char *reason, size_t size)
{
	enum policy policy = policy_find(value);
	int n = snprintf(reason, size, "must be one of");

	for (uint32_t i = 0; i < POLICY_COUNT && n < (int)size; i++)
		n += snprintf(reason + n, size - (size_t)n, "%s%s", i ? ", " : " ", policy_name(i));
	if (policy == POLICY_COUNT)
		return -EINVAL;
	*at = policy;
	return 0;
}

static int horizon_set(uint32_t *at, const char *value, char *reason, size_t size)
{
	double seconds;

	for (uint32_t i = 0; number_read(value, &seconds) && i < FORECAST_HORIZONS; i++)
		if (seconds == forecast_horizon_s[i]) {
			*at = i;
			return 0;
		}
	snprintf(reason, size, "must be one of the horizons 1, 2, 5, 15, 30 or 60");
	return -EINVAL;
}

static int path_set(char at[PATH_MAX], const char *value, char *reason, size_t size)
{
	if (value[0] != '/' || strlen(value) >= PATH_MAX) {
		snprintf(reason, size, "must be an absolute path");
		return -EINVAL;
	}
	strcpy(at, value);
	return 0;
}

static int bool_set(uint32_t *at, const char *value, char *reason, size_t size)
{
	if (strcmp(value, "yes") && strcmp(value, "no")) {
		snprintf(reason, size, "must be yes or no");
		return -EINVAL;
	}
	*at = value[0] == 'y';
	return 0;
}

int config_field_set(struct config *config, int idx, const char *value, char *reason, size_t size)
{
	const struct field *field = &fields[idx];
	void *at = (char *)config + field->offset;

	switch (field->type) {
	case FIELD_FORECASTER:
		return forecaster_set(at, value, reason, size);
	case FIELD_POLICY:
		return policy_set(at, value, reason, size);
	case FIELD_HORIZON:
		return horizon_set(at, value, reason, size);
	case FIELD_BOOL:
		return bool_set(at, value, reason, size);
	case FIELD_PATH:
		return path_set(at, value, reason, size);
	default:
		return number_set(at, field, value, reason, size);
	}
}
