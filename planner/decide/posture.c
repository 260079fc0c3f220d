/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "posture.h"

#include <math.h>

#include "iocost.h"
#include "ledger.h"
#include "policy.h"
#include "predict/slo.h"
#include "rung.h"

#define SHOWN_MIN 0.01f	/* of a disk or a wire: who has not used this much of it for a while needs nothing kept */
#define QUOTA_NEAR 0.8f	/* of a quota: who needs more than this of it is given more, who needs less is not */
#define QUOTA_READ_NS 2000000000ull	/* limits are read each second, and are back a moment after they are let go */

/* An ancestor's limit would be the other's own. */
bool posture_yields(const struct plan_view *view, const struct plan_view *other)
{
	return view->tier == TIER_BEST_EFFORT && !view->is_bound && other->is_bound && other->tier > view->tier &&
	       !rung_is_above(view->path, other->path);
}

static bool stands(const struct plan_policy *policy) { return policy->policy == POLICY_FORESTALL && policy->posture; }

bool posture_holds(const struct scene *scene)
{
	return stands(scene->policy) && (scene->resource == RESOURCE_CPU || knee_stands(&scene->host->knee[scene->resource]));
}

struct plan_view *posture_limits_for(const struct scene *scene)
{
	struct plan_view *best = NULL;

	if (scene->path || !stands(scene->policy) || !resource_is_learned(scene->resource) ||
	    !knee_stands(&scene->host->knee[scene->resource]))
		return NULL;
	for (uint32_t i = 0; i < scene->count; i++) {
		struct plan_view *view = scene->views[i];

		if (view->is_bound && view->need[scene->resource].is_bound && !iocost_serves(scene, view) && (!best || view->tier > best->tier) &&
		    view->hold[scene->resource].shown >= SHOWN_MIN * scene->capacity)
			best = view;
	}
	return best;
}

const struct plan_view *posture_beside(struct plan_view *const views[], uint32_t count, const struct plan_view *view)
{
	for (uint32_t i = 0; i < count; i++)
		if (posture_yields(view, views[i]) && rung_competes(view->path, views[i]->path))
			return views[i];
	return NULL;
}

/* Remembered, and looked for anew once a second: many may live beside nobody. */
static void beside_update(struct plan_view *const views[], uint32_t count, struct plan_view *view)
{
	const struct plan_view *found = view->tier == TIER_BEST_EFFORT ? posture_beside(views, count, view) : NULL;

	view->beside = found ? found->slot : 0;
}

static void stand(const struct plan_policy *policy, const struct plan_view *view, enum resource resource, enum knob knob,
		  struct plan *plan)
{
	/* What danger has decided stays, and has the room. */
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == view->slot && plan->action[i].knob == knob)
			return;
	if (plan->count < ACTIONS_MAX)
		rung_add(plan, &(struct plan_action){ .slot = view->slot, .cgroup_id = view->cgroup_id, .for_slot = view->beside, .knob = knob,
						      .reason = REASON_STANDING, .value = rung_weight(policy, knob), .resource = resource });
}

static bool is_forbidden(const struct plan_host *host, const struct plan_view *view, enum resource resource)
{
	return host->ledger && ledger_forbids_standing(host->ledger, view, resource, 0);
}

static void weights_stand(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
			  struct plan *plan)
{
	for (uint32_t i = 0; i < count; i++) {
		struct plan_view *view = views[i];

		if (host->is_second)
			beside_update(views, count, view);
		if (view->beside && view->has >> OBSERVE_HAS_CPU & 1 && !is_forbidden(host, view, RESOURCE_CPU))
			stand(policy, view, RESOURCE_CPU, KNOB_CPU_WEIGHT, plan);
		if (view->beside && view->has >> OBSERVE_HAS_IO_WEIGHT & 1 && !is_forbidden(host, view, RESOURCE_IO))
			stand(policy, view, RESOURCE_IO, KNOB_IO_WEIGHT, plan);
	}
}

static float quota_needed(const struct plan_policy *policy, const struct plan_view *view)
{
	const struct plan_need *need = &view->need[RESOURCE_CPU];
	bool is_foreseen = policy->policy == POLICY_FORESTALL && view->is_fresh && !view->is_persistence &&
			   view->quality >= policy->quality_min;

	return is_foreseen ? fmaxf(need->demand, fmaxf(need->coming, need->demand_high)) : need->demand;
}

/* Ahead of its demand as its profile has it, and no further; all that is granted as soon as it needs more than that. */
static float quota_granted(const struct plan_policy *policy, const struct plan_view *view, float least, float most)
{
	float phase = view->need[RESOURCE_CPU].phase;

	if (policy->policy != POLICY_FORESTALL || phase <= 0 || quota_needed(policy, view) > phase)
		return most;
	return fminf(fmaxf(phase / QUOTA_NEAR, least), most);
}

/* Not by danger alone: what others do to it a quota does not mend. */
static bool quota_is_short(struct scene *scene, const struct plan_view *view)
{
	float needed = quota_needed(scene->policy, view);

	if (scene->policy->policy == POLICY_FORESTALL)
		needed = fmaxf(needed, view->need[RESOURCE_CPU].phase);
	if (needed <= scene->capacity * QUOTA_NEAR)
		return false;
	if (scene->policy->policy == POLICY_FORESTALL || scene->now_ns < view->lifted_until_ns)
		return true;
	scene_sum(scene);
	return policy_danger(scene, view) != REASON_NONE;
}

/* It harmed others of its tier lately. */
static bool lift_is_forbidden(const struct scene *host, const struct plan_view *view)
{
	return host->host->ledger && ledger_forbids(host->host->ledger, view, view, RESOURCE_CPU, LEDGER_RUNG_OWN);
}

static void quota_lift(const struct scene *host, struct plan_view *view, struct plan *plan)
{
	float most = view->need[RESOURCE_CPU].max, useful = view->need[RESOURCE_CPU].most;
	struct scene own = *host;

	if (useful > 0)
		most = fminf(most, useful);
	own.path = view->path;
	if (host->now_ns >= view->lifted_until_ns + QUOTA_READ_NS)
		view->quota_kept = 0;
	own.capacity = view->quota_kept > 0 ? view->quota_kept : view->quota;
	if (!view->is_bound || own.capacity <= 0 || most <= own.capacity)
		return;
	if (quota_is_short(&own, view)) {
		view->lifted_until_ns = host->now_ns + host->policy->hold_ns;
		view->quota_kept = own.capacity;
	}
	if (host->now_ns >= view->lifted_until_ns || lift_is_forbidden(host, view))
		return;
	most = quota_granted(host->policy, view, own.capacity, most);
	rung_add(plan, &(struct plan_action){
		.slot = view->slot, .cgroup_id = view->cgroup_id, .for_slot = view->slot, .tier = (uint8_t)view->tier, .knob = KNOB_CPU_MAX,
		.reason = view->need[RESOURCE_CPU].demand > own.capacity * QUOTA_NEAR ? REASON_HEADROOM : REASON_FORESIGHT,
		.value = (uint64_t)(most * (float)host->policy->period_us), .period_us = host->policy->period_us,
		.resource = RESOURCE_CPU, .risk = view->need[RESOURCE_CPU].risk, .expected = most });
}

void posture_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		  uint32_t count, uint64_t now_ns, struct plan *plan)
{
	struct scene scene = { .policy = policy, .host = host, .views = views, .count = count, .resource = RESOURCE_CPU,
			       .now_ns = now_ns };

	for (uint32_t i = 0; policy->policy != POLICY_NONE && i < count; i++)
		quota_lift(&scene, views[i], plan);
	if (!stands(policy))
		return;
	weights_stand(policy, host, views, count, plan);
	if (policy->io_cost)
		iocost_plan(host, views, count, now_ns, plan);
}
