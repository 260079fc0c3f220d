/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "balance.h"

#include <math.h>

#include "act/knob.h"
#include "policy.h"
#include "rung.h"
#include "share.h"

#define HALF 4			/* steps */
#define FIRST (2 * HALF)
#define DOWN_NS 1000000000ull
#define UP_NS 2000000000ull

/* 1000 * 2^(-step / 4): a table, since a replay has to give the same on every machine. */
static const uint16_t weights[BALANCE_STEPS + 1] = { 1000, 841, 707, 595, 500, 420, 354, 297, 250, 210, 177, 149, 125, 105, 88, 74, 62 };

uint32_t balance_weight(uint32_t step) { return weights[step]; }

/* The first danger of each, and of what. */
static void dangers_find(struct scene *scene)
{
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		scene->resource = (enum resource)r;
		scene->capacity = scene_host_capacity(scene->host, scene->resource);
		scene_sum(scene);
		for (uint32_t i = 0; i < scene->count; i++) {
			struct plan_view *view = scene->views[i];
			enum plan_reason reason;

			if (!view->share || !view->is_bound || view->balance.reason != REASON_NONE)
				continue;
			reason = policy_danger(scene, view);
			if (reason == REASON_NONE || (reason == REASON_FORESIGHT && view->hold[r].is_alone))
				continue;
			view->balance.reason = (uint8_t)reason;
			view->balance.resource = (uint8_t)r;
		}
	}
}

static bool are_mates(const struct plan_view *a, const struct plan_view *b)
{
	return a != b && a->share && b->share && SHARE_FRONT(a->share) == SHARE_FRONT(b->share);
}

/* CPUs that it may have: its own limit, what its annotation is worth, the directories above it, the host. */
static float room_of(const struct scene *scene, const struct plan_view *view)
{
	const struct plan_host *host = scene->host;
	float room = host->capacity[RESOURCE_CPU], most = view->need[RESOURCE_CPU].most;

	if (view->quota > 0)
		room = fminf(room, view->quota);
	if (most > 0)
		room = fminf(room, most);
	for (uint32_t s = view->below; s != PLAN_NOWHERE; s = host->share->tree.above[s])
		if (host->scopes[s].capacity[RESOURCE_CPU] > 0)
			room = fminf(room, host->scopes[s].capacity[RESOURCE_CPU]);
	return room;
}

/* How far below that of the roomiest of its port the weight of one with less room has to stand, whatever happens. */
static uint32_t step_by_room(const struct scene *scene, const struct plan_view *view)
{
	float room = room_of(scene, view), most = room;
	uint32_t step = 0;

	for (uint32_t i = 0; i < scene->count; i++)
		if (are_mates(view, scene->views[i]))
			most = fmaxf(most, room_of(scene, scene->views[i]));
	while (step < BALANCE_STEPS && weights[step + 1] * most >= weights[0] * room)
		step++;
	return step;
}

static bool is_endangered(const struct plan_view *view)
{
	return view->balance.reason != REASON_NONE && view->balance.reason != REASON_HOLD;
}

static bool has_calm_mate(const struct scene *scene, const struct plan_view *view)
{
	for (uint32_t i = 0; i < scene->count; i++)
		if (are_mates(view, scene->views[i]) && !is_endangered(scene->views[i]))
			return true;
	return false;
}

static void step_down(struct plan_balance *balance, uint64_t now_ns)
{
	balance->endangered_ns = now_ns;
	if (!balance->is_falling)
		balance->endangered_at = balance->step;
	balance->is_falling = true;
	if (balance->step == BALANCE_STEPS || now_ns - balance->moved_ns < DOWN_NS)
		return;
	balance->step = balance->step + HALF < BALANCE_STEPS ? balance->step + HALF : BALANCE_STEPS;
	balance->moved_ns = now_ns;
}

static bool may_rise(const struct plan_balance *balance, uint64_t now_ns)
{
	return balance->step && now_ns - balance->moved_ns >= UP_NS &&
	       (!balance->endangered_ns || balance->step > balance->endangered_at + 1u || now_ns - balance->endangered_ns >= BALANCE_RETRY_NS);
}

/* After a danger it stays where it is until the pressure that caused it is gone. */
static void step_move(const struct scene *scene, struct plan_view *view)
{
	struct plan_balance *balance = &view->balance;

	if (is_endangered(view) && has_calm_mate(scene, view))
		step_down(balance, scene->now_ns);
	if (balance->reason != REASON_NONE || !may_rise(balance, scene->now_ns))
		return;
	balance->step--;
	balance->moved_ns = scene->now_ns;
	balance->is_falling = false;
}

static void begin(struct plan_view *view, uint64_t now_ns)
{
	if (view->balance.share != view->share)
		view->balance = (struct plan_balance){ .share = view->share, .step = FIRST, .moved_ns = now_ns };
	view->balance.reason = REASON_NONE;
	view->balance.resource = RESOURCE_NET;
}

/* While it answers a danger it says of what; where a danger moved nothing, it answers none. */
static void weight_push(const struct scene *scene, struct plan_view *view, struct plan *plan)
{
	struct plan_balance *balance = &view->balance;
	uint32_t step = balance->step + (scene->policy->policy == POLICY_FORESTALL ? step_by_room(scene, view) : 0);
	bool is_answer = balance->reason != REASON_NONE && balance->is_falling;

	balance->weight = weights[step < BALANCE_STEPS ? step : BALANCE_STEPS];
	rung_add(plan, &(struct plan_action){
			       .slot = view->slot, .for_slot = view->slot, .cgroup_id = view->cgroup_id, .knob = KNOB_NET_SHARE,
			       .value = balance->weight, .device = view->share, .tier = is_answer ? (uint8_t)view->tier : 0,
			       .reason = is_answer ? balance->reason : REASON_STANDING, .resource = balance->resource,
			       .risk = view->need[balance->resource].risk });
}

void balance_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
		  uint64_t now_ns, struct plan *plan)
{
	struct scene scene = { .policy = policy, .host = host, .views = views, .count = count, .now_ns = now_ns,
			       .memory_free = host->memory_free };
	bool is_shared = false;

	for (uint32_t i = 0; i < count; i++)
		if (views[i]->share) {
			begin(views[i], now_ns);
			is_shared = true;
		}
	if (!is_shared)
		return;
	if (!policy_is_standing(policy))
		dangers_find(&scene);
	/* Who listens where clients connect to comes first: of a port that somebody else has the hands give nothing away. */
	for (int is_other = 0; is_other < 2; is_other++)
		for (uint32_t i = 0; i < count; i++) {
			if (!views[i]->share || (SHARE_FRONT(views[i]->share) != SHARE_PORT(views[i]->share)) != is_other)
				continue;
			step_move(&scene, views[i]);
			weight_push(&scene, views[i], plan);
		}
}
