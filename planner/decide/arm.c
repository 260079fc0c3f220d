/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arm.h"

#include "lot.h"

/* Uniform in [0, 1). */
static float draw(const struct scene *scene, const struct plan_view *view)
{
	uint64_t x = lot_mix(scene->policy->seed ^ view->cgroup_id);

	return lot_unit(lot_mix(lot_mix(x ^ (uint64_t)scene->resource) ^ scene->now_ns));
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
