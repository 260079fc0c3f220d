/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arm.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Uniform in [0, 1). */
static float draw(const struct scene *scene, const struct plan_view *view)
{
	uint64_t x = mix(scene->policy->seed ^ view->cgroup_id);

	return (float)(mix(mix(x ^ (uint64_t)scene->resource) ^ scene->now_ns) >> 40) * 0x1p-24f;
}

static void note(const struct scene *scene, const struct plan_view *view, struct plan *plan)
{
	if (plan->arm_count < PLAN_ARMS_MAX)
		plan->arm[plan->arm_count++] = (struct plan_arm){
			.slot = view->slot, .resource = scene->resource, .risk = view->need[scene->resource].risk,
		};
}

bool arm_leaves_alone(const struct scene *scene, struct plan_view *view, struct plan *plan)
{
	struct plan_hold *hold = &view->hold[scene->resource];
	bool is_protected = scene->now_ns < hold->protect_until_ns;

	if (scene->policy->no_action <= 0 || scene->resource == RESOURCE_MEMORY)
		return false;
	/* Who is protected already is in an episode that is acted upon. */
	if (is_protected)
		hold->is_alone = false;
	else if (!hold->foreseen_ns || scene->now_ns - hold->foreseen_ns > scene->policy->hold_ns)
		hold->is_alone = draw(scene, view) < scene->policy->no_action;
	hold->foreseen_ns = scene->now_ns;
	if (hold->is_alone)
		note(scene, view, plan);
	return hold->is_alone;
}
