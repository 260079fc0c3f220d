/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_advice.h"

#include "value.h"

/* Takes the reference to `other`. */
static json_t *advice_json(const struct answer_world *world, const struct plan_advice *advice, const char *path, json_t *other)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "path", value_text(path), "resource",
			 resource_name((enum resource)advice->resource), "why", advice_why_name((enum advice_why)advice->why), "help",
			 advice_help_name((enum advice_help)advice->help), "other", other, "amount", value_number(advice->amount), "room",
			 value_measured(advice->room), "lasts_s", value_number((double)(world->now_ns - advice->since_ns) / 1e9));
}

json_t *answer_advice(const struct answer_world *world)
{
	const struct predictor_instance *instance = world->mind->predictor->instance;
	json_t *out = json_array();

	for (uint32_t i = 0; world->plan && i < world->plan->advice_count; i++) {
		const struct plan_advice *advice = &world->plan->advice[i];
		bool has_other = advice->other && instance[advice->other].is_live;

		json_array_append_new(out, advice_json(world, advice, instance[advice->slot].info.path,
						       value_text(has_other ? instance[advice->other].info.path : NULL)));
	}
	return out;
}

json_t *answer_advice_of(const struct answer_world *world, const struct decision *decision)
{
	if (!decision->advice.why)
		return json_null();
	return advice_json(world, &decision->advice, decision->path,
			   value_text(decision->advice_path[0] ? decision->advice_path : NULL));
}
