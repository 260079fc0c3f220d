/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_watch.h"

#include <math.h>
#include <string.h>

#define OTHERS_NS 1000000000ull		/* worse for so long, */
#define OTHERS_WITHIN_NS 5000000000ull	/* begun within so long after */
#define GONE_NS 1000000000ull		/* not in a plan for so long: another story */

uint32_t ledger_others_over(const struct ledger_others *others, struct plan_view *const views[], uint32_t count)
{
	uint32_t over = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct plan_view *view = views[i];

		if (!view->is_bound || view->slot == others->slot || view->tier < others->tier ||
		    view->hold[others->resource].gave_ns == others->now_ns)
			continue;
		for (int r = 0; r < RESOURCE_COUNT; r++)
			over += view->need[r].bad >= others->bad_act;
	}
	return over;
}

bool ledger_others_worse(uint32_t over, uint32_t before, uint64_t since_ns, uint64_t now_ns, uint64_t *others_ns)
{
	if (over <= before)
		*others_ns = 0;
	else if (!*others_ns && now_ns - since_ns <= OTHERS_WITHIN_NS)
		*others_ns = now_ns;
	return *others_ns && now_ns - *others_ns >= OTHERS_NS;
}

/* Of an action of this tick. */
static const struct plan_view *view_of(const struct plan_host *host, struct plan_view *const views[], uint32_t count, uint32_t slot)
{
	return host->view ? &host->view[slot] : plan_view_find(views, count, slot);
}

/* That of this action, or the one that was not in a plan for longest, begun anew. */
static struct ledger_watched *watched_find(struct ledger *ledger, const struct plan_view *victim, const struct plan_view *giver,
					   const struct plan_action *action)
{
	uint32_t rung = giver == victim ? LEDGER_RUNG_OWN : action->rung;
	struct ledger_watched *oldest = ledger->watched;

	for (uint32_t i = 0; i < LEDGER_WATCHED_MAX; i++) {
		struct ledger_watched *watched = &ledger->watched[i];

		if (watched->victim == victim->cgroup_id && watched->giver == giver->cgroup_id &&
		    watched->resource == action->resource && watched->rung == rung && ledger->now_ns - watched->last_ns <= GONE_NS)
			return watched;
		if (watched->last_ns < oldest->last_ns)
			oldest = watched;
	}
	*oldest = (struct ledger_watched){ .victim = victim->cgroup_id, .giver = giver->cgroup_id, .resource = action->resource, .rung = rung };
	return oldest;
}

static float active_least(const struct plan_policy *policy, const struct plan_host *host, const struct ledger_watched *watched)
{
	return plan_active_least(policy, (enum resource)watched->resource, host->capacity[watched->resource]);
}

/* What an idle giver holds it does not feel; who holds something himself has asked for it. */
static bool is_felt(const struct plan_policy *policy, const struct plan_host *host, const struct plan_view *giver,
		    const struct ledger_watched *watched)
{
	return watched->rung == LEDGER_RUNG_OWN ||
	       giver->need[watched->resource].demand >= active_least(policy, host, watched);
}

/* Whether it may harm from now on who was not harmed before. */
static bool is_more(const struct plan_policy *policy, const struct plan_host *host, const struct plan_view *victim,
		    const struct plan_action *action, struct ledger_watched *watched)
{
	float used = victim->need[watched->resource].demand;

	watched->used = fminf(watched->used, used);
	watched->value = action->value > watched->value ? action->value : watched->value;
	if (used >= watched->used + active_least(policy, host, watched))
		return true;
	return watched->rung != LEDGER_RUNG_OWN && (float)action->value < (float)watched->value * (1 - policy->churn);
}

/* It is not suspected now. */
static bool is_innocent(struct ledger *ledger, const struct ledger_watched *watched)
{
	const struct ledger_forbidden *forbidden =
		ledger_forbidden_find(ledger, watched->victim, watched->giver, watched->resource, watched->rung);

	return forbidden && ledger->now_ns < forbidden->innocent_until_ns;
}

static void let_go(struct ledger *ledger, const struct ledger_others *others, uint32_t over, struct ledger_watched *watched)
{
	struct ledger_forbidden *forbidden = ledger_forbid(ledger, watched->victim, watched->giver, watched->resource, watched->rung);

	forbidden->tried_ns = ledger->now_ns;
	forbidden->eased_ns = 0;
	forbidden->slot = others->slot;
	forbidden->tier = others->tier;
	forbidden->over = over;
	ledger->sums.taken_back[watched->rung == LEDGER_RUNG_OWN ? TAKEN_BACK_OWN : TAKEN_BACK_STANDING]++;
	memset(watched, 0, sizeof(*watched));
}

/* What was let go has shown by now whether that helps. */
void ledger_trials(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count)
{
	for (uint32_t i = 0; ledger->now_ns < ledger->forbidden_until_ns && i < FORBIDDEN_MAX; i++) {
		struct ledger_forbidden *forbidden = &ledger->forbidden[i];
		struct ledger_others others = { policy->bad_act, forbidden->slot, forbidden->resource, forbidden->tier, ledger->now_ns };

		if (!forbidden->tried_ns)
			continue;
		if (ledger_others_over(&others, views, count) >= forbidden->over)
			forbidden->eased_ns = 0;
		else if (!forbidden->eased_ns)
			forbidden->eased_ns = ledger->now_ns;
		if (ledger->now_ns - forbidden->tried_ns < LEDGER_TRY_NS)
			continue;
		forbidden->tried_ns = 0;
		if (forbidden->eased_ns && ledger->now_ns - forbidden->eased_ns >= OTHERS_NS)
			continue;
		forbidden->innocent_until_ns = forbidden->until_ns;
		forbidden->until_ns = ledger->now_ns;
	}
}

static void action_watch(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
			 struct plan_view *const views[], uint32_t count, const struct plan_action *action)
{
	const struct plan_view *victim = view_of(host, views, count, action->for_slot), *giver = view_of(host, views, count, action->slot);
	struct ledger_others others = { policy->bad_act, action->for_slot, action->resource, TIER_BEST_EFFORT, ledger->now_ns };
	struct ledger_watched *watched;
	uint32_t over;
	bool was_felt;

	if (!victim || !giver)
		return;
	if (giver == victim)
		others.tier = victim->tier;
	watched = watched_find(ledger, victim, giver, action);
	was_felt = watched->is_felt;
	watched->last_ns = ledger->now_ns;
	watched->is_felt = is_felt(policy, host, giver, watched);
	if (watched->is_felt && !watched->others_ns && (!was_felt || is_more(policy, host, victim, action, watched))) {
		watched->since_ns = ledger->now_ns;
		watched->others_bad = ledger_others_over(&others, views, count);
		watched->others_ns = 0;
		watched->used = victim->need[action->resource].demand;
		watched->value = action->value;
	}
	/* Most stand for hours, and nobody need be asked. */
	if (!watched->is_felt || (!watched->others_ns && ledger->now_ns - watched->since_ns > OTHERS_WITHIN_NS))
		return;
	over = ledger_others_over(&others, views, count);
	if (ledger_others_worse(over, watched->others_bad, watched->since_ns, ledger->now_ns, &watched->others_ns) &&
	    !is_innocent(ledger, watched))
		let_go(ledger, &others, over, watched);
}

void ledger_watch(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
		  struct plan_view *const views[], uint32_t count, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct plan_action *action = &plan->action[i];

		/* Who suffers from another's share loses his own: see balance.h. */
		if (action->knob == KNOB_NET_SHARE)
			continue;
		if (action->reason == REASON_STANDING ||
		    (action->slot == action->for_slot && action->reason != REASON_LIMIT && action->reason != REASON_CANARY))
			action_watch(ledger, policy, host, views, count, action);
	}
}
