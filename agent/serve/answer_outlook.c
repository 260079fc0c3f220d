/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_outlook.h"

#include <time.h>

#include "answer_instance.h"
#include "value.h"

#define HOURS_MAX 24

/* One resource at one time; null where nothing is known. */
static json_t *need_json(const struct profile *profile, enum resource resource, struct profile_clock at)
{
	struct profile_need need;
	json_t *out;

	if (!profile_need(profile, resource, at, &need))
		return json_null();
	out = answer_quantiles(need.quantile);
	json_object_set_new(out, "days", value_number(need.days));
	return out;
}

static json_t *step_json(const struct profile *profile, struct profile_clock at)
{
	json_t *step = json_pack("{s:I, s:i}", "unix_s", (json_int_t)at.unix_s, "offset_s", at.offset_s);

	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(step, resource_name((enum resource)r), need_json(profile, (enum resource)r, at));
	return step;
}

json_t *answer_profile_show(const struct answer_world *world, const json_t *question)
{
	json_t *error = NULL, *steps, *hours = json_object_get(question, "hours");
	const struct predictor_instance *instance = answer_instance_asked(world, question, &error);
	json_int_t count = hours ? json_integer_value(hours) : HOURS_MAX;
	int64_t now = (int64_t)time(NULL) / PROFILE_SLOT_S * PROFILE_SLOT_S;
	const struct profile *profile;

	if (!instance)
		return error;
	if (count < 1 || count > HOURS_MAX)
		return value_error("a profile reaches from 1 to %d hours ahead", HOURS_MAX);
	profile = world->outlook ? outlook_profile(world->outlook, instance->info.slot) : NULL;
	if (!profile)
		return value_error("%s has no profile: only what is annotated has one; see 'forestall slo set'", instance->info.path);
	steps = json_array();
	for (json_int_t i = 1; i <= count * 3600 / PROFILE_SLOT_S; i++)
		json_array_append_new(steps, step_json(profile, outlook_clock(now + i * PROFILE_SLOT_S)));
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "path", value_text(instance->info.path),
			 "days", value_number(profile_days(profile)), "steps", steps);
}
