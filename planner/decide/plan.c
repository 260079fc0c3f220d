/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <math.h>
#include <string.h>

#include "absence.h"
#include "arm.h"
#include "balance.h"
#include "caution.h"
#include "first.h"
#include "iocost.h"
#include "pace.h"
#include "peer.h"
#include "policy.h"
#include "posture.h"
#include "predict/slo.h"
#include "rung.h"
#include "scene.h"
#include "share.h"
#include "still.h"

#define BAD_GAP_NS 500000000ull	/* delays over the bound that are farther apart are two stories */
#define LEVEL_MAX 3
#define USES_UP 0.9f		/* of a limit */

static const char *const reason_names[] = { "none", "reflex", "foresight", "headroom", "hold", "standing", "limit", "announced", "probe", "canary",
					    "advice" };
_Static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == REASON_COUNT, "a name per reason");

const char *plan_reason_name(enum plan_reason reason) { return reason_names[reason]; }

bool plan_action_answers(const struct plan_action *action)
{
	return action->reason != REASON_STANDING && action->reason != REASON_PROBE && action->reason != REASON_CANARY;
}

bool plan_answers(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan_action_answers(&plan->action[i]))
			return true;
	return false;
}

float plan_active_least(const struct plan_policy *policy, enum resource resource, float capacity)
{
	return policy->giver_active[resource] * (resource == RESOURCE_CPU ? 1 : capacity);
}

bool plan_is_empty(const struct plan *plan) { return !plan->count && !plan->arm_count && !plan->advice_count; }

void plan_policy_init(struct plan_policy *policy)
{
	*policy = (struct plan_policy){
		.risk_act = 0.25f,
		.act_horizon = 1,
		.bad_act = 0.05f,
		.quality_min = 0.5f,
		.headroom = { 0.1f, 0.08f, 0.3f, 0.3f },
		.giver_active = { 0.1f, 0.05f, 0.05f, 0.05f },
		.giver_min = { 0.05f, 64e6f, 1e6f, 65536 },
		.relax_per_s = 0.25f,
		.step = { 0.75f, 0.1f, 0.75f, 0.75f },
		.churn = 0.1f,
		.changes_max = 32,
		.hold_ns = 2000000000ull,
		.escalate_ns = 1500000000ull,
		.weight = 1,
		.period_us = 10000,
		.lease_ms = 2000,
		.posture = 1,
	};
}

/* The instance whose danger counts most now. */
struct danger {
	struct plan_view *view;
	enum plan_reason reason;
};

/*
 * Remembers for how long delays over the bound go on, and how many knobs have failed so far. Only what was measured in
 * the last ticks counts: neither a forecast nor the second before can say that a weight does not help.
 */
static void hold_move(const struct scene *scene, struct plan_view *view, enum plan_reason reason)
{
	struct plan_hold *hold = &view->hold[scene->resource];

	if (reason == REASON_NONE)
		hold->level = 0;
	if (reason == REASON_NONE || view->need[scene->resource].bad < scene->policy->bad_act)
		return;
	if (!hold->bad_last_ns || scene->now_ns - hold->bad_last_ns > BAD_GAP_NS)
		hold->bad_since_ns = scene->now_ns;
	hold->bad_last_ns = scene->now_ns;
	if (scene->now_ns - hold->bad_since_ns < scene->policy->escalate_ns || hold->level == LEVEL_MAX)
		return;
	hold->level++;
	hold->bad_since_ns = scene->now_ns;
}

/* Whether it uses the resource, or did a second ago: where one second ends, the next has nothing to show yet. */
static bool is_active(const struct scene *scene, struct plan_view *view)
{
	const struct plan_need *need = &view->need[scene->resource];

	if (fmaxf(need->demand, need->coming) >= plan_active_least(scene->policy, scene->resource, scene->capacity))
		view->hold[scene->resource].active_ns = scene->now_ns;
	return scene_was_active(scene, view);
}

static uint32_t lowest_active_tier(const struct scene *scene)
{
	uint32_t lowest = TIER_COUNT;

	for (uint32_t i = 0; i < scene->count; i++)
		if (scene->views[i]->tier < lowest && scene_holds(scene, scene->views[i]) && is_active(scene, scene->views[i]))
			lowest = scene->views[i]->tier;
	return lowest;
}

/* Why `view` is in danger; moves what is remembered of it. */
static enum plan_reason danger_of(const struct scene *scene, struct plan_view *view, struct plan *plan)
{
	struct plan_hold *hold = &view->hold[scene->resource];
	enum plan_reason reason = policy_danger(scene, view);

	if (reason == REASON_FORESIGHT && arm_leaves_alone(scene, view, plan))
		reason = REASON_NONE;
	caution_move(scene, view, reason);
	if (reason != REASON_NONE)
		hold->protect_until_ns = scene->now_ns + scene->policy->hold_ns;
	else if (scene->now_ns < hold->protect_until_ns)
		reason = REASON_HOLD;
	hold->is_cautious = reason != REASON_NONE && scene->now_ns >= hold->warranted_until_ns;
	hold_move(scene, view, reason);
	return reason;
}

/* What limits may be taken for comes first, then the highest tier, then the highest risk. */
static bool is_graver(const struct scene *scene, const struct plan_view *view, const struct plan_view *than)
{
	int r = scene->resource;

	if (view->hold[r].is_cautious != than->hold[r].is_cautious)
		return than->hold[r].is_cautious;
	return view->tier != than->tier ? view->tier > than->tier : view->need[r].risk > than->need[r].risk;
}

/* Who is protected, and for the sake of whom the plan is made. */
static struct danger danger_find(const struct scene *scene, struct plan *plan)
{
	uint32_t lowest = TIER_COUNT;
	bool is_lowest_known = false;
	struct danger worst = { 0 };

	for (uint32_t i = 0; i < scene->count; i++) {
		struct plan_view *view = scene->views[i];
		enum plan_reason reason;

		if (!view->is_bound || view->scope != scene->path)
			continue;
		/* Most ticks nobody is warned. */
		if (!is_lowest_known && policy_foresees(scene, view)) {
			lowest = lowest_active_tier(scene);
			is_lowest_known = true;
		}
		caution_watch(scene, view, lowest < view->tier);
		reason = danger_of(scene, view, plan);
		if (reason != REASON_NONE)
			view->scope_of[scene->resource] = scene->scope;
		if (reason != REASON_NONE && (!worst.view || is_graver(scene, view, worst.view)))
			worst = (struct danger){ view, reason };
	}
	return worst;
}

/*
 * An idle instance is not touched; one that gives goes on giving until the protection ends or it has been idle for a
 * second. Limiting an ancestor of the protected would limit the protected.
 */
static bool gives(const struct scene *scene, struct plan_view *view, const struct plan_view *victim)
{
	return scene_may_give(scene, view, victim) && (policy_is_standing(scene->policy) || is_active(scene, view));
}

/* Small differences are not worth a write. */
static bool is_tighter(const struct scene *scene, float left, float target)
{
	return left <= 0 || target < left * (1 - scene->policy->churn);
}

/*
 * A limit tightens fast and loosens slowly, both in steps; which of the latter is worth a write pace.h says. Before the first one
 * `wants` is what is left to it; of memory a limit above what is held takes nothing.
 */
static float limit_move(const struct scene *scene, float left, float wants, float target)
{
	if (is_tighter(scene, left, target))
		return pace_fall(scene->policy, scene->resource,
				 left <= 0 || (scene->resource == RESOURCE_MEMORY && wants < left) ? wants : left, target);
	return fminf(fmaxf(target, left), left + scene->policy->relax_per_s * scene->capacity * scene->seconds);
}

/* It was asked for before, and the hands do not hold it, or it grows past it as if they did not. */
static bool is_past_limit(const struct scene *scene, const struct plan_view *giver)
{
	const struct plan_action *planned = pace_held(scene->host->pace, giver, KNOB_MEMORY_HIGH);

	if (!planned || !(giver->held >> KNOB_MEMORY_HIGH & 1))
		return planned && scene_memory_least(scene, giver) > (float)planned->value;
	return giver->need[RESOURCE_MEMORY].demand + STILL_STEP > (float)planned->value * (1 + scene->policy->churn) && !still_stalls(giver);
}

/* A limit of memory is first one that the hands would take; one that they hold may stay. */
static float memory_least(const struct scene *scene, const struct plan_view *giver)
{
	float left = giver->hold[RESOURCE_MEMORY].left, least = scene_memory_least(scene, giver);

	return left <= 0 || is_past_limit(scene, giver) ? least : fminf(least, left);
}

/*
 * Memory of a giver is what it holds and what it may grow by: without swap it cannot be told to shrink, only to stop growing.
 */
static void giver_limit(const struct scene *scene, struct plan_view *giver, const struct danger *danger, float price, struct plan *plan)
{
	struct plan_hold *hold = &giver->hold[scene->resource];
	struct rung_wish wish = { scene->policy, scene->host, giver, danger->view, scene->resource, danger->reason, price, false };
	float target = giver->granted, wants = share_wants(scene, giver), moved, on = 0;

	if (rung_is_weight_only(&wish)) {
		rung_push(&wish, plan);
		return;
	}
	/* Of memory a forecast takes nothing back that is not held yet. */
	if (scene->resource == RESOURCE_MEMORY) {
		wants = giver->need[RESOURCE_MEMORY].demand;
		target = fmaxf(target + giver->need[RESOURCE_MEMORY].demand + STILL_STEP, giver->need[RESOURCE_MEMORY].min);
		target = fmaxf(target, memory_least(scene, giver));
	}
	target = fmaxf(target, scene->policy->giver_min[scene->resource]);
	if (hold->left <= 0)
		hold->wanted = 0;
	if (is_tighter(scene, hold->left, target))
		scene->host->knee[scene->resource].is_tightened = true;
	hold->wanted = fmaxf(hold->wanted, fmaxf(giver->need[scene->resource].demand, giver->need[scene->resource].coming));
	/* Below a directory with a limit and on the host: the smaller counts. */
	moved = limit_move(scene, hold->left, wants, target);
	hold->left = hold->gave_ns == scene->now_ns ? fminf(hold->left, moved) : moved;
	hold->gave_ns = scene->now_ns;
	if (scene->resource == RESOURCE_MEMORY)
		on = still_lets_on(scene, giver);
	hold->left = fmaxf(hold->left, on);
	wish.is_let_on = on > 0 || (scene->resource == RESOURCE_MEMORY && is_past_limit(scene, giver));
	rung_push(&wish, plan);
}

/* What is kept free of the resource for the protected of this tier and above leaves so much. */
static float free_for_givers(const struct scene *scene, uint32_t tier)
{
	return fmaxf(scene->capacity * (1 - scene->policy->headroom[scene->resource]) - share_reserved(scene, tier), 0);
}

/* The limits that stand (posture.h), of whoever has none in this tick: what the others use now is not its own. */
static void standing_plan(const struct scene *scene, struct plan *plan)
{
	struct danger standing = { posture_limits_for(scene), REASON_STANDING };
	/* Nobody waits for it: it widens once a second, which spares the writes between. */
	struct scene paced = *scene;
	float used = 0;

	paced.seconds = scene->host->is_second ? 1 : 0;
	if (standing.view)
		first_plan(scene, standing.view, plan);
	for (uint32_t i = 0; standing.view && i < scene->count; i++)
		if (posture_yields(scene->views[i], standing.view))
			used += scene_wants(scene, scene->views[i]);
	for (uint32_t i = 0; standing.view && i < scene->count && plan->count + 4 <= ACTIONS_MAX; i++) {
		struct plan_view *view = scene->views[i];
		float need = share_wants(scene, view);

		if (!posture_yields(view, standing.view) || view->hold[scene->resource].gave_ns == scene->now_ns)
			continue;
		if (first_serves(scene, standing.view) && first_shares(view)) {
			view->granted = scene->capacity;
			giver_limit(&paced, view, &standing, 0, plan);
			continue;
		}
		view->granted = fmaxf(free_for_givers(scene, standing.view->tier) * need /
					      (need + fmaxf(used - scene_wants(scene, view), 0)),
				      view->need[scene->resource].min);
		giver_limit(&paced, view, &standing, 0, plan);
	}
}

static void danger_plan(const struct scene *scene, struct plan *plan)
{
	struct danger danger = danger_find(scene, plan);
	uint32_t count = plan->count;
	float price;
	bool is_given = false;

	if (!danger.view)
		return;
	rung_protect(&(struct rung_wish){ scene->policy, scene->host, NULL, danger.view, scene->resource, danger.reason, 0, false }, plan);
	for (uint32_t i = 0; i < scene->count; i++) {
		scene->views[i]->is_giver = gives(scene, scene->views[i], danger.view);
		is_given |= scene->views[i]->is_giver;
	}
	if (!is_given)
		return;
	price = share_solve(scene, danger.view);
	for (uint32_t i = 0; i < scene->count; i++)
		if (scene->views[i]->is_giver)
			giver_limit(scene, scene->views[i], &danger, price, plan);
	if (plan->count > count)
		danger.view->hold[scene->resource].answered_ns = scene->now_ns;
}

static void scene_plan(struct scene *scene, struct plan *plan)
{
	scene_sum(scene);
	danger_plan(scene, plan);
	standing_plan(scene, plan);
}

/* Each of the endangered belongs where it is scarcest: below the fullest directory that is nearly full, else to the host. */
static void scopes_choose(const struct scene *host)
{
	float least = host->host->scope_count ? fmaxf(scene_fullness(host), 1 - host->policy->headroom[host->resource]) : 0;

	for (uint32_t i = 0; i < host->count; i++) {
		host->views[i]->scope = NULL;
		host->views[i]->scope_fullness = least;
	}
	for (uint32_t s = 0; s < host->host->scope_count; s++) {
		struct scene scene = scene_below(host, &host->host->scopes[s]);
		float full = scene.capacity > 0 ? scene_fullness(&scene) : 0;

		for (uint32_t i = 0; full > least && i < scene.count; i++) {
			struct plan_view *view = scene.views[i];

			if (full <= view->scope_fullness)
				continue;
			view->scope = scene.path;
			view->scope_fullness = full;
		}
	}
}

/* What is reserved for it and it does not use. */
static float unused(const struct scene *host, const struct plan_view *view)
{
	const struct plan_hold *hold = &view->hold[host->resource];

	if (!view->is_bound || host->now_ns - hold->reserved_ns > SCENE_IDLE_NS)
		return 0;
	return fmaxf(hold->reserved - view->need[host->resource].demand, 0);
}

/* What hurt whom in this tick, and in a closed second what it was worth; see knee.h. */
static void knee_learn(const struct scene *host)
{
	struct knee *knee = &host->host->knee[host->resource];
	struct knee_use use = { .rate = host->host->served[host->resource], .capacity = host->capacity };
	struct scene known = *host;
	float bad = -1, demand = 0;

	known.capacity = scene_host_capacity(host->host, host->resource);
	for (uint32_t i = 0; i < host->count; i++) {
		const struct plan_view *view = host->views[i];
		const struct plan_need *need = &view->need[host->resource];
		float left = view->hold[host->resource].left;

		if (view->is_bound)
			bad = fmaxf(bad, need->bad);
		/* What shapes a wire lets through evenly. */
		use.is_violated |= host->resource == RESOURCE_IO && view->is_bound && view->is_fresh && need->is_violated;
		use.is_held |= left > 0 && need->demand > left * USES_UP;
		if (first_holds(host, view)) {
			use.is_total = true;
			use.queued = fmaxf(use.queued, view->first.queued);
		}
		use.proven += unused(host, view);
		if (first_counts(host, view))
			demand += need->demand;
	}
	use.is_held |= use.is_total && demand > first_total(&known) * USES_UP;
	use.proven = (use.rate + use.proven) / (1 - host->policy->headroom[host->resource]);
	knee_tick(knee, bad, host->policy->bad_act);
	if (use.is_total && use.is_held)
		knee_wait(knee, host->capacity, use.queued);
	if (!host->host->is_second)
		return;
	use.outside = use.is_total ? fmaxf(use.rate - demand, 0) : 0;
	knee_second(knee, &use);
}

static void resource_plan(struct scene *host, struct plan *plan)
{
	if (resource_is_learned(host->resource))
		knee_learn(host);
	host->capacity = scene_host_capacity(host->host, host->resource);
	if (host->resource == RESOURCE_MEMORY)
		scene_growth(host);
	scopes_choose(host);
	for (uint32_t s = 0; s < host->host->scope_count; s++) {
		struct scene scene = scene_below(host, &host->host->scopes[s]);

		if (scene.capacity > 0)
			scene_plan(&scene, plan);
	}
	scene_plan(host, plan);
	for (uint32_t i = 0; i < host->count; i++)
		if (host->views[i]->hold[host->resource].gave_ns != host->now_ns)
			host->views[i]->hold[host->resource].left = 0;
}

struct plan_view *plan_view_find(struct plan_view *const views[], uint32_t count, uint32_t slot)
{
	for (uint32_t i = 0; i < count; i++)
		if (views[i]->slot == slot)
			return views[i];
	return NULL;
}

void plan_make(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
	       uint32_t count, uint64_t now_ns, uint64_t elapsed_ns, struct plan *ret)
{
	ret->count = 0;
	ret->cut = ret->waits = 0;
	ret->arm_count = ret->advice_count = 0;
	memset(ret->arm, 0, sizeof(ret->arm));	/* it is compared as a whole in a replay */
	memset(ret->advice, 0, sizeof(ret->advice));
	share_tree(host->share, host, views, count);
	if (host->is_second)
		iocost_second(host, views, count, now_ns);
	if (policy_has_limits(policy)) {
		peer_plan(policy, host, views, count, elapsed_ns, ret);
	} else {
		for (int r = 0; r < RESOURCE_COUNT; r++)
			resource_plan(&(struct scene){ .policy = policy, .host = host, .views = views, .count = count,
						       .resource = (enum resource)r, .now_ns = now_ns,
						       .seconds = (float)elapsed_ns / 1e9f, .capacity = host->capacity[r],
						       .memory_free = host->memory_free }, ret);
		posture_plan(policy, host, views, count, now_ns, ret);
	}
	balance_plan(policy, host, views, count, now_ns, ret);
	absence_plan(policy, host, views, count, now_ns, ret);
	pace_plan(policy, host->pace, views, count, ret);
}
