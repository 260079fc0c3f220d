/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "absence.h"

#include "ledger.h"
#include "pace.h"
#include "predict/predictor.h"

static bool is_planned(const struct plan *plan, const struct plan_action *like)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == like->slot && plan->action[i].knob == like->knob && plan->action[i].device == like->device)
			return true;
	return false;
}

/* Whether it is somebody's who is here, for the sake of one who is not. */
static bool is_orphaned(const struct plan_host *host, struct plan_view *const views[], uint32_t count, const struct plan_action *action)
{
	const struct plan_view *giver = plan_view_find(views, count, action->slot);

	if (action->slot == action->for_slot || !giver || giver->cgroup_id != action->cgroup_id || host->all->instance[action->for_slot].is_live)
		return false;
	/* A step that is taken once is nothing to keep. */
	return action->knob != KNOB_MEMORY_RECLAIM &&
	       (action->reason == REASON_STANDING || ledger_is_decided((enum plan_reason)action->reason));
}

void absence_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
		  uint64_t now_ns, struct plan *plan)
{
	for (uint32_t i = 0; host->all && host->pace && i < host->pace->count && plan->count < ACTIONS_MAX; i++) {
		struct plan_action action = host->pace->action[i];

		if (!is_orphaned(host, views, count, &action) || is_planned(plan, &action))
			continue;
		if (!action.absent_ns)
			action.absent_ns = now_ns;
		if (now_ns - action.absent_ns < policy->hold_ns)
			plan->action[plan->count++] = action;
	}
}
