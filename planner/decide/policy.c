/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <string.h>

#include "first.h"
#include "iocost.h"

#define PRESSURE_ACT 0.1f	/* share of the last second in which some task of it stalled */

static bool is_bad(const struct scene *scene, const struct plan_view *view)
{
	return view->need[scene->resource].bad >= scene->policy->bad_act;
}

/* Once protected it stays so while the resource stays pressed. */
static enum plan_reason hold(const struct scene *scene, const struct plan_view *view)
{
	if (scene->now_ns >= view->hold[scene->resource].protect_until_ns)
		return REASON_NONE;
	return scene_is_pressed(scene, view) ? REASON_HOLD : REASON_NONE;
}

bool policy_foresees(const struct scene *scene, const struct plan_view *view)
{
	return scene->policy->policy == POLICY_FORESTALL && view->is_fresh && !view->is_persistence &&
	       view->quality >= scene->policy->quality_min && view->need[scene->resource].risk >= scene->policy->risk_act;
}

static enum plan_reason danger_forestall(const struct scene *scene, const struct plan_view *view)
{
	if (iocost_serves(scene, view) || first_serves(scene, view))
		return REASON_NONE;
	/* What was measured a second ago needs no forecast to be believed. */
	if (is_bad(scene, view) || (view->is_fresh && view->need[scene->resource].is_violated))
		return REASON_REFLEX;
	if (policy_foresees(scene, view))
		return REASON_FORESIGHT;
	if (view->need[scene->resource].may_suffer && scene_is_announced(scene, view))
		return REASON_ANNOUNCED;
	if (scene->resource == RESOURCE_MEMORY && view->need[RESOURCE_MEMORY].bad >= 0 && scene_is_running_out(scene, view))
		return REASON_HEADROOM;
	return hold(scene, view);
}

static enum plan_reason danger_reactive(const struct scene *scene, const struct plan_view *view)
{
	return is_bad(scene, view) ? REASON_REFLEX : hold(scene, view);
}

static enum plan_reason danger_pressure(const struct scene *scene, const struct plan_view *view)
{
	return view->need[scene->resource].stalled >= PRESSURE_ACT ? REASON_REFLEX : hold(scene, view);
}

static enum plan_reason danger_headroom(const struct scene *scene, const struct plan_view *view)
{
	return scene_is_pressed(scene, view) ? REASON_HEADROOM : REASON_NONE;
}

static enum plan_reason danger_always(const struct scene *scene, const struct plan_view *view)
{
	(void)scene;
	(void)view;
	return REASON_HOLD;
}

static enum plan_reason danger_never(const struct scene *scene, const struct plan_view *view)
{
	(void)scene;
	(void)view;
	return REASON_NONE;
}

static const struct {
	const char *name;
	enum plan_reason (*danger)(const struct scene *scene, const struct plan_view *view);
} policies[POLICY_COUNT] = {
#define POLICY_ROW(id, name, danger) [POLICY_##id] = { #name, danger_##danger },
	POLICY_TABLE(POLICY_ROW)
#undef POLICY_ROW
};

const char *policy_name(uint32_t policy) { return policy < POLICY_COUNT ? policies[policy].name : NULL; }

enum policy policy_find(const char *name)
{
	uint32_t policy = 0;

	while (policy < POLICY_COUNT && strcmp(policies[policy].name, name))
		policy++;
	return (enum policy)policy;
}

enum plan_reason policy_danger(const struct scene *scene, const struct plan_view *view)
{
	return policies[scene->policy->policy].danger(scene, view);
}

bool policy_has_limits(const struct plan_policy *policy)
{
	return policy->policy == POLICY_SENPAI || policy->policy == POLICY_VPA || policy->policy == POLICY_CAPTAIN;
}

bool policy_is_standing(const struct plan_policy *policy) { return policy->policy == POLICY_STATIC; }
