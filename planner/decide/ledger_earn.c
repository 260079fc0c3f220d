/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_earn.h"

#include <math.h>
#include <string.h>

#include "ledger_watch.h"

#define COMES_NS 5000000000ull	/* what was foreseen and is not there so long after the last word of it did not come */

static const char *const names[] = { "reflex", "headroom", "foresight" };
_Static_assert(sizeof(names) / sizeof(names[0]) == EARNER_COUNT, "a name per earner");

const char *earner_name(enum earner earner) { return names[earner]; }

static enum earner earner_of(uint32_t reason)
{
	if (reason == REASON_FORESIGHT || reason == REASON_ANNOUNCED)
		return EARNER_FORESIGHT;
	return reason == REASON_HEADROOM ? EARNER_HEADROOM : EARNER_REFLEX;
}

/* A second that two decisions protect is earned by the older. */
static bool is_first(const struct ledger *ledger, const struct decision *decision)
{
	for (uint32_t i = 0; i < DECISIONS_MAX; i++) {
		const struct decision *other = &ledger->decision[i];

		if (other->id && other->id < decision->id && !other->ended_ns && other->cgroup_id == decision->cgroup_id)
			return false;
	}
	return true;
}

void ledger_earn(struct ledger *ledger, const struct plan_policy *policy, struct decision *decision, float bad, bool is_pressed)
{
	enum earner earner = earner_of(decision->reason);
	double saved_s = earner == EARNER_REFLEX ? ledger->elapsed_s : (double)decision->risk * ledger->elapsed_s;

	if (!ledger_is_done(ledger, decision) || !is_pressed || bad < 0 || bad >= policy->bad_act || decision->last_ns != ledger->now_ns ||
	    !is_first(ledger, decision))
		return;
	decision->saved_s += saved_s;
	ledger->sums.saved_s[earner] += saved_s;
}

static struct ledger_alone *alone_find(struct ledger *ledger, uint64_t cgroup_id, const struct plan_arm *arm)
{
	struct ledger_alone *free = NULL;

	for (uint32_t i = 0; i < LEDGER_ALONE_MAX; i++) {
		struct ledger_alone *alone = &ledger->alone[i];

		if (alone->cgroup_id == cgroup_id && alone->resource == arm->resource)
			return alone;
		if (!alone->cgroup_id)
			free = alone;
	}
	if (free)
		*free = (struct ledger_alone){ .cgroup_id = cgroup_id, .slot = arm->slot, .resource = arm->resource };
	return free;
}

static void alone_end(struct ledger *ledger, struct ledger_alone *alone)
{
	ledger->sums.alone++;
	ledger->sums.alone_came += alone->came;
	ledger->sums.alone_risk += (double)alone->risk;
	memset(alone, 0, sizeof(*alone));
}

void ledger_leave_alone(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
			const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->arm_count; i++) {
		const struct plan_view *view = plan_view_find(views, count, plan->arm[i].slot);
		struct ledger_alone *alone = view ? alone_find(ledger, view->cgroup_id, &plan->arm[i]) : NULL;

		if (!alone)
			continue;
		alone->last_ns = ledger->now_ns;
		alone->risk = fmaxf(alone->risk, plan->arm[i].risk);
	}
	for (uint32_t i = 0; i < LEDGER_ALONE_MAX; i++) {
		struct ledger_alone *alone = &ledger->alone[i];
		const struct plan_view *view = alone->cgroup_id ? plan_view_find(views, count, alone->slot) : NULL;

		if (!alone->cgroup_id)
			continue;
		alone->came |= view && view->cgroup_id == alone->cgroup_id && view->need[alone->resource].bad >= policy->bad_act;
		if (alone->came || ledger->now_ns - alone->last_ns > COMES_NS)
			alone_end(ledger, alone);
	}
}
