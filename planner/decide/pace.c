/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

#include <math.h>
#include <string.h>

#include "policy.h"

/* Its value is what is left of a resource: such a value can move, and a smaller one takes more. */
static bool is_limit(uint32_t knob)
{
	return knob == KNOB_CPU_MAX || knob == KNOB_MEMORY_HIGH || knob == KNOB_NET_EGRESS || (knob >= KNOB_IO_RBPS && knob <= KNOB_IO_WIOPS);
}

float pace_fall(const struct plan_policy *policy, enum resource resource, float now, float target)
{
	return fmaxf(target, now * (1 - policy->step[resource]));
}

static int rank(const struct plan_action *action)
{
	bool is_danger = action->reason != REASON_STANDING && action->reason != REASON_LIMIT && action->reason != REASON_PROBE;

	return is_danger * 2 * TIER_COUNT + (int)action->tier * 2 + (action->reason == REASON_REFLEX);
}

#define RANKS (4 * TIER_COUNT)

int pace_compare(const struct plan_action *a, const struct plan_action *b)
{
	int difference = rank(a) - rank(b);

	/* Of the same danger those come first to whom most is left: they want most. Only what is twice as much counts, or two would take turns. */
	if (difference || a->resource != b->resource)
		return difference;
	return (a->expected > 2 * b->expected) - (b->expected > 2 * a->expected);
}

static uint32_t held_find(const struct pace *pace, const struct plan_action *like)
{
	uint32_t i = 0;

	while (i < pace->count && (pace->action[i].cgroup_id != like->cgroup_id || pace->action[i].slot != like->slot ||
				   pace->action[i].knob != like->knob || pace->action[i].device != like->device))
		i++;
	return i;
}

const struct plan_action *pace_held(const struct pace *pace, const struct plan_view *view, uint32_t knob)
{
	uint32_t at = held_find(pace, &(struct plan_action){ .slot = view->slot, .cgroup_id = view->cgroup_id, .knob = knob });

	return at < pace->count ? &pace->action[at] : NULL;
}

static bool is_same(const struct plan_action *a, const struct plan_action *b)
{
	return a->value == b->value && a->period_us == b->period_us;
}

/* Where the action goes from `before`, with time enough. */
static void limit_move(const struct plan_policy *policy, const struct plan_action *before, struct plan_action *action)
{
	float from = (float)before->value, to = (float)action->value;

	if (!is_limit(action->knob) || before->period_us != action->period_us)
		return;
	if (!policy_has_limits(policy) && !action->is_let_on && fabsf(to - from) <= from * policy->churn)
		action->value = before->value;
	/* Of memory a step is one of what is held, which plan.c knows; the others' own are smaller. */
	else if (action->resource != RESOURCE_MEMORY && pace_fall(policy, (enum resource)action->resource, from, to) > to)
		action->value = (uint64_t)pace_fall(policy, (enum resource)action->resource, from, to);
}

/* What is left of this tick, and what was done with each action of the plan before. */
struct turn {
	const struct plan_policy *policy;
	struct pace *pace;
	struct plan *plan;
	uint32_t left;		/* changes */
	uint32_t occupied;	/* places of a plan: what was held and what has started */
	uint32_t paid;		/* ends that a start in a full plan has paid for */
	bool is_wanted[ACTIONS_MAX];	/* by place in pace */
	bool is_late[ACTIONS_MAX];	/* by place in plan: it is new, and waits */
};

/* Where all places are taken, what starts also ends something. */
static bool is_affordable(struct turn *turn, bool is_start)
{
	bool is_full = is_start && turn->occupied == ACTIONS_MAX;

	if (turn->left < 1 + (uint32_t)is_full)
		return false;
	turn->left -= 1 + (uint32_t)is_full;
	turn->paid += is_full;
	turn->occupied += is_start && !is_full;
	return true;
}

static void action_take(struct turn *turn, uint32_t i)
{
	struct plan_action *action = &turn->plan->action[i], *before;
	uint32_t at = held_find(turn->pace, action);

	before = at < turn->pace->count ? &turn->pace->action[at] : NULL;
	if (before) {
		turn->is_wanted[at] = true;
		limit_move(turn->policy, before, action);
	}
	if ((before && is_same(before, action)) || is_affordable(turn, !before))
		return;
	turn->plan->waits++;
	if (before) {
		action->value = before->value;
		action->period_us = before->period_us;
	} else {
		turn->is_late[i] = true;
	}
}

static void late_remove(struct turn *turn)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < turn->plan->count; i++)
		if (!turn->is_late[i])
			turn->plan->action[kept++] = turn->plan->action[i];
	turn->plan->count = kept;
}

/* What nobody wants any more ends last; what is left of an instance that is gone, or nobody annotates now, at once. */
static void ends_take(struct turn *turn, struct plan_view *const views[], uint32_t count)
{
	for (uint32_t i = 0; i < turn->pace->count; i++) {
		const struct plan_action *before = &turn->pace->action[i];
		const struct plan_view *view;

		if (turn->is_wanted[i] || before->knob == KNOB_MEMORY_RECLAIM)
			continue;
		if (turn->paid || turn->left) {
			*(turn->paid ? &turn->paid : &turn->left) -= 1;
			continue;
		}
		view = plan_view_find(views, count, before->slot);
		if (!view || view->cgroup_id != before->cgroup_id || turn->plan->count == ACTIONS_MAX)
			continue;
		turn->plan->waits++;
		turn->plan->action[turn->plan->count++] = *before;
	}
}

static void remember(struct pace *pace, const struct plan *plan)
{
	memset(pace, 0, sizeof(*pace));	/* recordings hold it as a whole */
	pace->count = plan->count;
	memcpy(pace->action, plan->action, plan->count * sizeof(*plan->action));
}

void pace_plan(const struct plan_policy *policy, struct pace *pace, struct plan_view *const views[], uint32_t count, struct plan *plan)
{
	struct turn turn = { .policy = policy, .pace = pace, .plan = plan, .left = policy->changes_max,
			     .occupied = pace->count };

	if (!plan->count && !pace->count)
		return;
	for (int r = RANKS - 1; r >= 0; r--)
		for (uint32_t i = 0; i < plan->count; i++)
			if (rank(&plan->action[i]) == r)
				action_take(&turn, i);
	late_remove(&turn);
	ends_take(&turn, views, count);
	remember(pace, plan);
}
