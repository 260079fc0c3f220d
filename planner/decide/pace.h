/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast a plan may change: give fast, take slow, and nothing for changes that are not worth a write. Pure.
 *
 * How much: of what a limit leaves to a giver (or it uses, before it has one) a tick takes at most a share of it, plan_policy.step; what is
 *	given back has no such bound here, the planner's own pace for it is plan_policy.relax_per_s.
 * How many: a tick starts, changes or ends at most plan_policy.changes_max actions. First come those against a danger, of these the
 *	highest tier's, of these what is measured; what only stands comes last, and what ends after all of them. What has to wait stays
 *	as it was in the plan before.
 * Not worth it: a limit that moves by no more than plan_policy.churn of what it was stays where it is. Policies with limits of their own
 *	(peer.h) have their own idea of that; the two bounds above hold for them too.
 */
#ifndef FORESTALL_PACE_H
#define FORESTALL_PACE_H

#include "plan.h"

/* The plan of the tick before, kept by the caller. All zero: there was none. */
struct pace {
	uint32_t count;
	uint32_t pad;
	struct plan_action action[ACTIONS_MAX];
};

/* What the plan before held on this knob of it; NULL: nothing. */
const struct plan_action *pace_held(const struct pace *pace, const struct plan_view *view, uint32_t knob);

/* Where a limit of `resource` may go in one tick that wants to be at `target`, from what there is now. */
float pace_fall(const struct plan_policy *policy, enum resource resource, float now, float target);

/* Which of two actions is served first where not both can be: > 0 for `a`. */
int pace_compare(const struct plan_action *a, const struct plan_action *b);

/* Makes of what is wanted now what may be had after the plan before, and remembers it. */
void pace_plan(const struct plan_policy *policy, struct pace *pace, struct plan_view *const views[], uint32_t count, struct plan *plan);

#endif
