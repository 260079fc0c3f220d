/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_report.h"

#include <stdlib.h>

#include "value.h"

#define TEMPLATES_SHOWN_MAX 20

json_t *answer_app_counts(const struct answer_world *world)
{
	const struct app_counts *counts = world->app ? app_counts(world->app) : NULL;

	if (!counts)
		return json_null();
	return json_pack("{s:{s:I, s:I, s:I, s:I, s:I}, s:o}", "lines", "taken", (json_int_t)counts->lines, "bad",
			 (json_int_t)counts->bad, "nameless", (json_int_t)counts->nameless, "dropped", (json_int_t)counts->dropped,
			 "strangers", (json_int_t)counts->strangers, "problem",
			 counts->problem[0] ? value_text(counts->problem) : json_null());
}

json_t *answer_app_metrics(const struct answer_world *world, uint32_t slot)
{
	const struct app_metric *metrics = world->app ? app_metrics(world->app) : NULL;
	json_t *out;

	if (!metrics)
		return json_null();
	out = json_array();
	for (uint32_t i = 0; i < APP_METRICS_MAX; i++) {
		const struct app_metric *metric = &metrics[i];

		if (metric->slot == slot)
			json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:b}", "name", metric->name, "kind",
							     app_kind_name(metric->kind), "value", value_measured(metric->value),
							     "bound", metric->idx >= 0));
	}
	return out;
}

json_t *answer_log_counts(const struct answer_world *world)
{
	json_t *lines = json_object(), *dropped = json_object(), *strangers = json_object();

	for (int source = 0; world->log && source < LOG_SOURCE_COUNT; source++) {
		const struct log_counts *counts = log_counts(world->log, source);
		const char *name = log_source_name(source);

		json_object_set_new(lines, name, json_integer((json_int_t)counts->lines));
		json_object_set_new(dropped, name, json_integer((json_int_t)counts->dropped));
		json_object_set_new(strangers, name, json_integer((json_int_t)counts->strangers));
	}
	return json_pack("{s:o, s:o, s:o}", "lines", lines, "dropped", dropped, "strangers", strangers);
}

static int younger_first(const void *a, const void *b)
{
	uint64_t left = (*(const struct log_seen *const *)a)->last_ns, right = (*(const struct log_seen *const *)b)->last_ns;

	return left < right ? 1 : left > right ? -1 : 0;
}

static json_t *templates_json(const struct answer_world *world, uint32_t slot)
{
	const struct log_seen *all = log_seen(world->log), *own[LOG_SEEN_MAX];
	json_t *out = json_array();
	size_t count = 0;

	for (uint32_t i = 0; i < LOG_SEEN_MAX; i++)
		if (all[i].slot == slot)
			own[count++] = &all[i];
	qsort(own, count, sizeof(own[0]), younger_first);
	for (size_t i = 0; i < count && i < TEMPLATES_SHOWN_MAX; i++)
		json_array_append_new(out, json_pack("{s:o, s:s, s:I, s:o}", "text", value_text(log_text(world->log, own[i])),
						     "severity", severity_name(own[i]->severity), "count",
						     (json_int_t)own[i]->count, "ago_s",
						     value_number((double)(world->now_ns - own[i]->last_ns) / 1e9)));
	return out;
}

json_t *answer_log(const struct answer_world *world, uint32_t slot)
{
	json_t *lines;

	if (!world->log)
		return json_null();
	lines = json_object();
	for (int severity = 0; severity < SEVERITY_COUNT; severity++)
		json_object_set_new(lines, severity_name(severity), json_integer(log_severities(world->log, slot)[severity]));
	return json_pack("{s:o, s:o}", "lines", lines, "templates", templates_json(world, slot));
}
