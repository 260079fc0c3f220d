/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_report.h"

#include "value.h"

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
