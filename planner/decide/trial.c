/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial.h"

#include <math.h>
#include <string.h>

#include "lot.h"
#include "policy.h"
#include "predict/respond.h"
#include "rung.h"

#define DANGER_PART 0.8f	/* of what makes a danger: nearer than this is no time for it */
#define PRESSURE_MIN 0.5f	/* who could have twice what it wants has nothing to learn */
#define QUOTA_MIN_US 1000	/* the hands take no less */
#define IO_REQUESTS_MIN 16

static const char *const names[] = { "whole", "cut_short", "planned" };
_Static_assert(sizeof(names) / sizeof(names[0]) == TRIAL_END_COUNT, "a name per end");

const char *trial_end_name(enum trial_end end) { return names[end]; }

uint32_t trial_unidentified(const struct predictor *p, const struct predictor_instance *instance)
{
	uint32_t bits = 0;

	if (!window_at(&instance->window, 0))
		return 0;
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		float wanted = instance->demand[r] * p->host.capacity[r];

		if (r == RESOURCE_MEMORY || wanted < PRESSURE_MIN * respond_offered(p, instance, (enum resource)r))
			continue;
		for (int sli = 0; sli < SLI_COUNT; sli++) {
			const struct response *model = respond_model(p, instance, (enum sli)sli, (enum resource)r);

			if (model && instance->info.slo.bound[sli] && response_has_learned(model) && !response_is_identified(model))
				bits |= 1u << r;
		}
	}
	return bits;
}

static bool is_calm(const struct plan_policy *policy, struct plan_view *const views[], uint32_t count, const struct plan *plan)
{
	if (plan_answers(plan) || plan->arm_count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		for (int r = 0; views[i]->is_bound && r < RESOURCE_COUNT; r++)
			if (views[i]->need[r].bad >= policy->bad_act * DANGER_PART ||
			    views[i]->need[r].risk >= policy->risk_act * DANGER_PART || views[i]->need[r].announced > 0)
				return false;
	return true;
}

/* What it uses, not what it would: of a CPU the two differ. */
static float used(const struct plan_view *view, enum resource resource)
{
	return resource == RESOURCE_CPU ? view->ran : view->need[resource].demand;
}

static bool has_knob(const struct plan_view *view, enum resource resource)
{
	if (resource == RESOURCE_CPU)
		return view->has >> OBSERVE_HAS_CPU & 1;
	if (resource == RESOURCE_IO)
		return view->has >> OBSERVE_HAS_IO & 1 && view->device;
	return view->has >> OBSERVE_HAS_PROCESS & 1;
}

/* Weights and shares may stand beside it: they leave what it uses as it is. */
static bool is_limited(const struct plan *plan, const struct plan_view *view, enum resource resource)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == view->slot && plan->action[i].resource == resource &&
		    plan->action[i].knob != KNOB_CPU_WEIGHT && plan->action[i].knob != KNOB_IO_WEIGHT &&
		    plan->action[i].knob != KNOB_NET_SHARE && plan->action[i].knob != KNOB_NET_FIRST && plan->action[i].knob != KNOB_IO_COST)
			return true;
	return false;
}

static bool may_give(const struct plan_policy *policy, const struct plan_host *host, const struct plan *plan,
		     const struct plan_view *view, const struct plan_view *victim, enum resource resource)
{
	float least = policy->giver_min[resource];

	if (resource == RESOURCE_CPU)
		least = fmaxf(least, (float)QUOTA_MIN_US / (float)policy->period_us);
	return view->tier == TIER_BEST_EFFORT && !view->is_bound && !view->no_probe && view->tier < victim->tier &&
	       !rung_is_above(view->path, victim->path) && has_knob(view, resource) && !is_limited(plan, view, resource) &&
	       used(view, resource) >= plan_active_least(policy, resource, host->capacity[resource]) &&
	       used(view, resource) * (1 - TRIAL_CUT_MAX) >= least;
}

/* Its place, or that of the one that is remembered for longest, begun anew. */
static struct trial_tries *tries_find(struct trial *trial, uint64_t victim_id, uint32_t resource, uint64_t now_ns)
{
	struct trial_tries *oldest = trial->tries;

	for (int i = 0; i < TRIAL_REMEMBERED; i++) {
		struct trial_tries *tries = &trial->tries[i];

		if (tries->victim_id == victim_id && tries->resource == resource && now_ns - tries->since_ns < TRIAL_AGAIN_NS)
			return tries;
		if (tries->since_ns < oldest->since_ns)
			oldest = tries;
	}
	*oldest = (struct trial_tries){ .victim_id = victim_id, .since_ns = now_ns, .resource = resource };
	return oldest;
}

static bool is_tried_out(const struct trial *trial, uint64_t victim_id, uint32_t resource, uint64_t now_ns)
{
	for (int i = 0; i < TRIAL_REMEMBERED; i++) {
		const struct trial_tries *tries = &trial->tries[i];

		if (tries->victim_id == victim_id && tries->resource == resource && now_ns - tries->since_ns < TRIAL_AGAIN_NS &&
		    tries->count >= TRIAL_TRIES_MAX)
			return true;
	}
	return false;
}

static void trial_begin(struct trial *trial, const struct plan_view *victim, const struct plan_view *giver, enum resource resource,
			uint64_t lot, uint64_t now_ns)
{
	float cut = TRIAL_CUT_MIN + (TRIAL_CUT_MAX - TRIAL_CUT_MIN) * lot_unit(lot);

	trial->began_ns = now_ns;
	trial->giver = giver->slot;
	trial->giver_id = giver->cgroup_id;
	trial->victim = victim->slot;
	trial->victim_id = victim->cgroup_id;
	trial->resource = resource;
	trial->used = used(giver, resource);
	trial->left = trial->used * (1 - cut);
	trial->was_held = false;
	tries_find(trial, victim->cgroup_id, resource, now_ns)->count++;
}

/* Whom to learn of, each as likely: the n-th replaces the one found so far with a chance of 1 in n. NULL: nobody. */
static const struct plan_view *victim_draw(const struct trial *trial, struct plan_view *const views[], uint32_t count, uint64_t now_ns,
					   uint64_t *lot, enum resource *ret_resource)
{
	const struct plan_view *victim = NULL;
	uint64_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		for (int r = 0; r < RESOURCE_COUNT; r++) {
			if (r == RESOURCE_MEMORY || !views[i]->is_bound || views[i]->no_probe || !(views[i]->unidentified >> r & 1) ||
			    is_tried_out(trial, views[i]->cgroup_id, (uint32_t)r, now_ns) || (*lot = lot_mix(*lot)) % ++found)
				continue;
			victim = views[i];
			*ret_resource = (enum resource)r;
		}
	return victim;
}

/* Where nobody can give for the one that was drawn, another second draws another one. */
static void trial_choose(struct trial *trial, const struct plan_policy *policy, const struct plan_host *host,
			 struct plan_view *const views[], uint32_t count, uint64_t now_ns, const struct plan *plan)
{
	uint64_t lot = lot_mix(policy->seed ^ lot_mix(now_ns)), found = 0;
	enum resource resource = RESOURCE_CPU;
	const struct plan_view *giver = NULL, *victim = victim_draw(trial, views, count, now_ns, &lot, &resource);

	for (uint32_t i = 0; victim && i < count; i++)
		if (may_give(policy, host, plan, views[i], victim, resource) && !((lot = lot_mix(lot)) % ++found))
			giver = views[i];
	if (giver)
		trial_begin(trial, victim, giver, resource, lot_mix(lot), now_ns);
}

static void push(const struct trial *trial, const struct plan_policy *policy, const struct plan_view *giver, enum knob knob,
		 struct plan *plan)
{
	struct plan_action action = { .slot = trial->giver, .cgroup_id = trial->giver_id, .for_slot = trial->victim, .knob = knob,
				      .reason = REASON_PROBE, .resource = trial->resource, .expected = trial->left, .value = (uint64_t)trial->left };

	if (knob == KNOB_CPU_MAX) {
		action.period_us = policy->period_us;
		action.value = (uint64_t)fmaxf(trial->left * (float)policy->period_us, QUOTA_MIN_US);
	} else if (knob != KNOB_NET_EGRESS) {
		action.device = giver->device;
		action.value = (uint64_t)fmaxf(trial->left / (giver->request_bytes + RESOURCE_IO_REQUEST_BYTES), IO_REQUESTS_MIN);
	}
	rung_add(plan, &action);
}

static void trial_push(const struct trial *trial, const struct plan_policy *policy, const struct plan_view *giver, struct plan *plan)
{
	if (trial->resource == RESOURCE_CPU)
		push(trial, policy, giver, KNOB_CPU_MAX, plan);
	else if (trial->resource == RESOURCE_NET)
		push(trial, policy, giver, KNOB_NET_EGRESS, plan);
	else
		for (int i = 0; i < 2; i++)
			push(trial, policy, giver, i ? KNOB_IO_WIOPS : KNOB_IO_RIOPS, plan);
}

/* NULL: it is gone, or another one now. */
static const struct plan_view *giver_find(const struct trial *trial, struct plan_view *const views[], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (views[i]->slot == trial->giver && views[i]->cgroup_id == trial->giver_id)
			return views[i];
	return NULL;
}

static void trial_finish(struct trial *trial, bool is_whole, uint64_t now_ns)
{
	trial->ended[!trial->was_held ? TRIAL_PLANNED : is_whole ? TRIAL_WHOLE : TRIAL_CUT_SHORT]++;
	trial->began_ns = 0;
	trial->ended_ns = now_ns;
}

static void trial_go_on(struct trial *trial, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
			uint64_t elapsed_ns, bool is_held, struct plan *plan)
{
	const struct plan_view *giver = giver_find(trial, views, count);
	uint64_t now_ns = plan->time_ns;

	if (now_ns - trial->began_ns >= TRIAL_NS || !trial->calm_ns || !policy->probe || !giver || giver->no_probe ||
	    is_limited(plan, giver, (enum resource)trial->resource)) {
		trial_finish(trial, now_ns - trial->began_ns >= TRIAL_NS, now_ns);
		return;
	}
	trial->was_held |= is_held;
	if (is_held)
		trial->taken[trial->resource] += (double)(trial->used - trial->left) * (double)elapsed_ns / 1e9;
	trial_push(trial, policy, giver, plan);
}

void trial_plan(struct trial *trial, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		uint32_t count, uint64_t elapsed_ns, bool is_held, struct plan *plan)
{
	uint64_t now_ns = plan->time_ns;

	if (!policy->probe && !trial->began_ns)
		return;
	if (!is_calm(policy, views, count, plan))
		trial->calm_ns = 0;
	else if (!trial->calm_ns)
		trial->calm_ns = now_ns;
	/* Whole seconds are what teaches. */
	if (!trial->began_ns && host->is_second && policy->policy == POLICY_FORESTALL && trial->calm_ns &&
	    now_ns - trial->calm_ns >= TRIAL_CALM_NS && (!trial->ended_ns || now_ns - trial->ended_ns >= TRIAL_PAUSE_NS))
		trial_choose(trial, policy, host, views, count, now_ns, plan);
	if (trial->began_ns)
		trial_go_on(trial, policy, views, count, elapsed_ns, is_held, plan);
}
