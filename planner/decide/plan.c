/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <math.h>

#include "predict/slo.h"

#define BAD_GAP_NS 500000000ull	/* waits over the bound that are farther apart are two stories */
#define IDLE_NS 1000000000ull

static const char *const reason_names[] = { "none", "reflex", "foresight", "hold" };
_Static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == REASON_COUNT, "a name per reason");

const char *plan_reason_name(enum plan_reason reason) { return reason_names[reason]; }

void plan_policy_init(struct plan_policy *policy)
{
	*policy = (struct plan_policy){
		.risk_act = 0.25f,
		.act_horizon = 1,
		.bad_act = 0.05f,
		.quality_min = 0.5f,
		.headroom = 0.1f,
		.giver_active = 0.1f,
		.giver_min = 0.05f,
		.relax_per_s = 0.25f,
		.hold_ns = 2000000000ull,
		.escalate_ns = 1500000000ull,
		.weight = 1,
		.period_us = 10000,
		.lease_ms = 2000,
	};
}

/* The instance whose danger counts most now. */
struct danger {
	struct plan_view *view;
	enum plan_reason reason;
	uint32_t tier;
};

/* Demand of those that would have to give to an instance of this tier, CPUs. */
static float givers_demand(struct plan_view *const views[], uint32_t count, uint32_t tier)
{
	float sum = 0;

	for (uint32_t i = 0; i < count; i++)
		if (views[i]->tier < tier)
			sum += views[i]->demand;
	return sum;
}

static enum plan_reason danger_of(const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
				  const struct plan_view *view, float host_cpus, uint64_t now_ns)
{
	float pressure;

	if (view->bad_share >= policy->bad_act)
		return REASON_REFLEX;
	if (view->is_fresh && view->quality >= policy->quality_min && view->risk >= policy->risk_act)
		return view->is_persistence ? REASON_REFLEX : REASON_FORESIGHT;
	if (now_ns >= view->protect_until_ns)
		return REASON_NONE;
	pressure = givers_demand(views, count, view->tier) + view->demand;
	return pressure > host_cpus * (1 - policy->headroom) ? REASON_HOLD : REASON_NONE;
}

/*
 * Remembers for how long waits over the bound go on, and whether the cheap knob has failed. Only what was measured in
 * the last ticks counts: neither a forecast nor the second before can say that a weight does not help.
 */
static void protect_move(const struct plan_policy *policy, struct plan_view *view, enum plan_reason reason,
			 uint64_t now_ns)
{
	if (reason == REASON_NONE)
		view->is_escalated = false;
	if (reason == REASON_NONE || view->bad_share < policy->bad_act)
		return;
	if (!view->bad_last_ns || now_ns - view->bad_last_ns > BAD_GAP_NS)
		view->bad_since_ns = now_ns;
	view->bad_last_ns = now_ns;
	if (now_ns - view->bad_since_ns >= policy->escalate_ns)
		view->is_escalated = true;
}

/* Who is protected, and for the sake of whom the plan is made: the highest tier, then the highest risk. */
static struct danger danger_find(const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
				 float host_cpus, uint64_t now_ns)
{
	struct danger worst = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		struct plan_view *view = views[i];
		enum plan_reason reason;

		if (!view->is_bound)
			continue;
		reason = danger_of(policy, views, count, view, host_cpus, now_ns);
		if (reason != REASON_NONE)
			view->protect_until_ns = now_ns + policy->hold_ns;
		else if (now_ns < view->protect_until_ns)
			reason = REASON_HOLD;
		protect_move(policy, view, reason, now_ns);
		if (reason == REASON_NONE)
			continue;
		if (!worst.view || view->tier > worst.tier ||
		    (view->tier == worst.tier && view->risk > worst.view->risk))
			worst = (struct danger){ view, reason, view->tier };
	}
	return worst;
}

/* What the protected of this tier and above are to find free, CPUs. */
static float reserve_of(struct plan_view *const views[], uint32_t count, uint32_t tier)
{
	float sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		float need = fmaxf(views[i]->demand_high, views[i]->cpu_min);

		if (!views[i]->is_bound || views[i]->tier < tier)
			continue;
		if (views[i]->cpu_max > 0)
			need = fminf(need, views[i]->cpu_max);
		sum += need;
	}
	return sum;
}

static bool plan_push(struct plan *plan, struct plan_action action)
{
	if (plan->count == ACTIONS_MAX) {
		plan->cut++;
		return false;
	}
	plan->action[plan->count++] = action;
	return true;
}

/* A limit tightens at once and loosens in steps; small differences are not worth a write. */
static float limit_move(const struct plan_policy *policy, float left, float target, float host_cpus, float seconds)
{
	if (left <= 0 || target < left * 0.9f)
		return target;
	if (target > left * 1.1f)
		return fminf(target, left + policy->relax_per_s * host_cpus * seconds);
	return left;
}

/*
 * An idle instance is not touched; one that gives goes on giving until the protection ends or it has been idle for a
 * second: where one second ends, the next has nothing to show yet.
 */
static bool gives(const struct plan_policy *policy, struct plan_view *view, uint32_t tier, uint64_t now_ns)
{
	if (fmaxf(view->demand, view->coming) >= policy->giver_active)
		view->active_ns = now_ns;
	return view->tier < tier && view->active_ns && now_ns - view->active_ns <= IDLE_NS;
}

static void giver_limit(const struct plan_policy *policy, struct plan_view *giver, const struct danger *danger,
			struct plan *plan)
{
	struct plan_action action = {
		.slot = giver->slot,
		.for_slot = danger->view->slot,
		.reason = danger->reason,
		.risk = danger->view->risk,
		.expected = giver->left,
	};
	bool is_sibling = giver->parent == danger->view->parent;

	if (is_sibling) {
		action.knob = KNOB_CPU_WEIGHT;
		action.value = policy->weight;
		plan_push(plan, action);
	}
	if (is_sibling && !danger->view->is_escalated)
		return;
	action.knob = KNOB_CPU_MAX;
	action.value = (uint64_t)fmaxf(giver->left * (float)policy->period_us, 1000);
	action.period_us = policy->period_us;
	plan_push(plan, action);
}

void plan_make(const struct plan_policy *policy, struct plan_view *const views[], uint32_t count, float host_cpus,
	       uint64_t now_ns, uint64_t elapsed_ns, struct plan *ret)
{
	struct danger danger = danger_find(policy, views, count, host_cpus, now_ns);
	float free_cpus, demand, seconds = (float)elapsed_ns / 1e9f;

	ret->count = 0;
	ret->cut = 0;
	if (!danger.view) {
		for (uint32_t i = 0; i < count; i++)
			views[i]->left = 0;
		return;
	}
	free_cpus = fmaxf(host_cpus * (1 - policy->headroom) - reserve_of(views, count, danger.tier), 0);
	demand = 0;
	for (uint32_t i = 0; i < count; i++)
		if (gives(policy, views[i], danger.tier, now_ns))
			demand += fmaxf(fmaxf(views[i]->demand, views[i]->demand_high), policy->giver_min);
	for (uint32_t i = 0; i < count; i++) {
		struct plan_view *giver = views[i];
		float share, target;

		if (!gives(policy, giver, danger.tier, now_ns)) {
			giver->left = 0;
			continue;
		}
		share = fmaxf(fmaxf(giver->demand, giver->demand_high), policy->giver_min) / demand;
		target = fmaxf(fmaxf(free_cpus * share, giver->cpu_min), policy->giver_min);
		giver->left = limit_move(policy, giver->left, target, host_cpus, seconds);
		giver_limit(policy, giver, &danger, ret);
	}
}
