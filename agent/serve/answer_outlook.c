/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_outlook.h"

#include <time.h>

#include "answer_instance.h"
#include "value.h"

#define HOURS_MAX 24

/* One resource at one time; null where nothing is known. */
static json_t *need_json(const struct outlook *outlook, uint32_t slot, enum resource resource, struct profile_clock at)
{
	struct profile_need need;
	float factor;
	json_t *out;

	if (!outlook_need(outlook, slot, resource, at, &need, &factor))
		return json_null();
	out = answer_quantiles(need.quantile);
	json_object_set_new(out, "days", value_number(need.days));
	json_object_set_new(out, "factor", value_number(factor));
	return out;
}

/* Names of what is announced for it, or ids where there is none. */
static void events_merge(json_t *to, const struct outlook *outlook, const char *path, enum resource resource, int64_t at_s)
{
	const struct event *events[ANNOUNCER_AT_ONCE];
	uint32_t count = announcer_find(outlook_announcer(outlook), path, resource, at_s, at_s + PROFILE_SLOT_S, events);

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(to, value_text(events[i]->name[0] ? events[i]->name : events[i]->id));
}

static json_t *step_json(const struct outlook *outlook, const struct predictor_instance *instance, struct profile_clock at)
{
	json_t *step = json_pack("{s:I, s:i}", "unix_s", (json_int_t)at.unix_s, "offset_s", at.offset_s), *events = json_array();

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		json_object_set_new(step, resource_name((enum resource)r),
				    need_json(outlook, instance->info.slot, (enum resource)r, at));
		events_merge(events, outlook, instance->info.path, (enum resource)r, at.unix_s);
	}
	json_object_set_new(step, "events", events);
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
		json_array_append_new(steps, step_json(world->outlook, instance, outlook_clock(now + i * PROFILE_SLOT_S)));
	return json_pack("{s:b, s:o, s:o, s:o}", "ok", 1, "path", value_text(instance->info.path),
			 "days", value_number(profile_days(profile)), "steps", steps);
}
