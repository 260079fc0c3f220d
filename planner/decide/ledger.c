/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ledger_earn.h"
#include "ledger_watch.h"
#include "predict/predictor.h"
#include "rung.h"

#define CLOSE_NS 2000000000ull
#define ACTUAL_FROM_NS 1000000000ull
#define ACTUAL_UNTIL_NS 5000000000ull
#define FORBID_NS 60000000000ull
#define COMING_NS 1000000000ull		/* what has come gets worse by itself for so long */
#define USELESS 0.9f			/* of the share before a limit */
#define RECENT 0.1f			/* per tick: the last second */
#define PRESSED 0.8f			/* of capacity wanted */
#define USED_UP 0.7f			/* of a limit */

static const uint64_t settle_ns[RESOURCE_COUNT] = { [RESOURCE_CPU] = 5000000000ull, [RESOURCE_IO] = 15000000000ull,
						    [RESOURCE_NET] = 15000000000ull };
static const char *const names[] = { "open", "helped", "prevented", "came", "false", "useless", "worse", "planned", "advised" };
_Static_assert(sizeof(names) / sizeof(names[0]) == VERDICT_COUNT, "a name per verdict");

const char *verdict_name(enum verdict verdict) { return names[verdict]; }

bool ledger_is_decided(enum plan_reason reason)
{
	return reason != REASON_NONE && reason != REASON_STANDING && reason != REASON_LIMIT && reason != REASON_PROBE &&
	       reason != REASON_CANARY;
}

const struct decision *ledger_find(const struct ledger *ledger, uint64_t id)
{
	const struct decision *decision = &ledger->decision[id % DECISIONS_MAX];

	return id && decision->id == id ? decision : NULL;
}

static struct decision *open_find(struct ledger *ledger, const struct plan_view *victim, uint32_t resource)
{
	for (uint32_t i = 0; i < DECISIONS_MAX; i++) {
		struct decision *decision = &ledger->decision[i];

		if (decision->id && !decision->ended_ns && decision->cgroup_id == victim->cgroup_id &&
		    decision->slot == victim->slot && decision->resource == resource)
			return decision;
	}
	return NULL;
}

/* What a plan does not say of those who were spared; the rules are those of plan.c. */
static void spared_count(struct plan_view *const views[], uint32_t count, const struct plan_view *victim, struct decision *decision)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct plan_view *view = views[i];

		if (view == victim)
			continue;
		if (view->tier >= victim->tier)
			decision->spared[SPARED_TIER]++;
		else if (rung_is_above(view->path, victim->path))
			decision->spared[SPARED_ABOVE]++;
		else if (view->hold[decision->resource].gave_ns != decision->began_ns)
			decision->spared[SPARED_IDLE]++;
	}
}

/* What began with advice may still have none. */
static bool has_actions(const struct decision *decision) { return decision->reason != REASON_ADVICE || decision->giver_count; }

static struct decision *decision_begin(struct ledger *ledger, const struct plan_policy *policy, const struct plan_view *victim,
				       const struct plan_host *host, const struct plan_action *action)
{
	struct decision *decision = &ledger->decision[++ledger->last_id % DECISIONS_MAX];
	const struct plan_need *need = &victim->need[action->resource];
	const struct plan_worth *worth = &victim->worth[action->resource];

	memset(decision, 0, sizeof(*decision));
	*decision = (struct decision){
		.id = ledger->last_id, .began_ns = ledger->now_ns, .cgroup_id = victim->cgroup_id, .slot = victim->slot,
		.resource = action->resource, .reason = action->reason, .policy = policy->policy, .risk = action->risk, .bad = need->bad,
		.demand = need->demand, .demand_high = need->demand_high, .quality = victim->quality, .error = worth->error,
		.trust = worth->trust, .capacity = host->capacity[action->resource],
		.expected_bad = worth->trust > 0 ? worth->eased_bad : -1, .actual_bad = -1, .recent_bad = fmaxf(need->bad, 0),
	};
	snprintf(decision->path, sizeof(decision->path), "%s", victim->path);
	for (uint32_t i = 0; i < host->scope_count; i++)
		if (host->scopes[i].slot == victim->scope_of[action->resource])
			snprintf(decision->scope, sizeof(decision->scope), "%s", host->scopes[i].path);
	ledger->sums.begun[action->reason]++;
	return decision;
}

static bool is_limit(uint32_t knob) { return knob != KNOB_CPU_WEIGHT && knob != KNOB_IO_WEIGHT && knob != KNOB_IO_COST && knob != KNOB_NET_FIRST && knob != KNOB_MEMORY_LOW; }

static void giver_note(struct decision *decision, const struct plan_view *giver, const struct plan_action *action)
{
	const struct plan_hold *hold = &giver->hold[action->resource];
	uint32_t i = 0;

	while (i < decision->giver_count && i < DECISION_GIVERS_MAX && decision->giver[i].slot != giver->slot)
		i++;
	if (i == DECISION_GIVERS_MAX)
		return;
	if (i == decision->giver_count) {
		decision->giver[i].slot = giver->slot;
		snprintf(decision->giver[i].path, sizeof(decision->giver[i].path), "%s", giver->path);
		decision->giver_count++;
	}
	decision->giver[i].knobs |= 1u << action->knob;
	decision->giver[i].wanted = fmaxf(decision->giver[i].wanted, fmaxf(hold->wanted, giver->need[action->resource].demand));
	if (is_limit(action->knob) && (decision->giver[i].left <= 0 || action->expected < decision->giver[i].left))
		decision->giver[i].left = action->expected;
}

/* Who gives is meant to have less. */
static uint32_t others_over(struct plan_view *const views[], uint32_t count, const struct plan_policy *policy,
			    const struct decision *decision, uint64_t now_ns)
{
	struct ledger_others others = { policy->bad_act, decision->slot, decision->resource, TIER_BEST_EFFORT, now_ns };

	return ledger_others_over(&others, views, count);
}

struct ledger_forbidden *ledger_forbidden_find(struct ledger *ledger, uint64_t victim, uint64_t giver, uint32_t resource, uint32_t rung)
{
	for (uint32_t i = 0; i < FORBIDDEN_MAX; i++) {
		struct ledger_forbidden *forbidden = &ledger->forbidden[i];

		if (forbidden->victim == victim && forbidden->giver == giver && forbidden->resource == resource &&
		    forbidden->rung == rung)
			return forbidden;
	}
	return NULL;
}

/* Its place, or that of the one that was over first, begun anew. */
static struct ledger_forbidden *forbidden_place(struct ledger *ledger, uint64_t victim, uint64_t giver, uint32_t resource, uint32_t rung)
{
	struct ledger_forbidden *oldest = ledger_forbidden_find(ledger, victim, giver, resource, rung);

	if (oldest)
		return oldest;
	oldest = ledger->forbidden;
	for (uint32_t i = 0; i < FORBIDDEN_MAX; i++)
		if (ledger->forbidden[i].until_ns < oldest->until_ns)
			oldest = &ledger->forbidden[i];
	*oldest = (struct ledger_forbidden){ .victim = victim, .giver = giver, .resource = resource, .rung = rung };
	return oldest;
}

struct ledger_forbidden *ledger_forbid(struct ledger *ledger, uint64_t victim, uint64_t giver, uint32_t resource, uint32_t rung)
{
	struct ledger_forbidden *forbidden = forbidden_place(ledger, victim, giver, resource, rung);

	forbidden->until_ns = ledger->now_ns + (FORBID_NS << forbidden->times);
	forbidden->times += forbidden->times < LEDGER_TWICE_MAX;
	if (forbidden->until_ns > ledger->forbidden_until_ns)
		ledger->forbidden_until_ns = forbidden->until_ns;
	return forbidden;
}

static void forbid(struct ledger *ledger, const struct decision *decision, struct plan_view *const views[], uint32_t count)
{
	for (uint32_t i = 0; i < decision->giver_count && i < DECISION_GIVERS_MAX; i++) {
		const struct plan_view *giver = plan_view_find(views, count, decision->giver[i].slot);

		if (giver)
			ledger_forbid(ledger, decision->cgroup_id, giver->cgroup_id, decision->resource, decision->limit_level);
	}
	ledger->sums.taken_back[TAKEN_BACK_LIMIT]++;
}

/* victim NULL: anybody. */
static bool is_forbidden(const struct ledger *ledger, const struct plan_view *victim, const struct plan_view *giver,
			 enum resource resource, uint32_t rung)
{
	for (uint32_t i = 0; ledger->now_ns < ledger->forbidden_until_ns && i < FORBIDDEN_MAX; i++) {
		const struct ledger_forbidden *forbidden = &ledger->forbidden[i];

		if (forbidden->until_ns > ledger->now_ns && (!victim || forbidden->victim == victim->cgroup_id) &&
		    forbidden->giver == giver->cgroup_id && forbidden->resource == resource && forbidden->rung == rung)
			return true;
	}
	return false;
}

bool ledger_forbids(const struct ledger *ledger, const struct plan_view *victim, const struct plan_view *giver,
		    enum resource resource, uint32_t rung)
{
	return is_forbidden(ledger, victim, giver, resource, rung);
}

bool ledger_forbids_standing(const struct ledger *ledger, const struct plan_view *giver, enum resource resource, uint32_t rung)
{
	return is_forbidden(ledger, NULL, giver, resource, rung);
}

/*
 * What was foreseen came under the limit that was to prevent it, or what the limit had ended came again: from then on that has to help like
 * any other. A story may last for minutes, and a limit that once helped is not judged by what was before.
 */
static void coming_note(const struct plan_policy *policy, uint64_t now_ns, struct decision *decision)
{
	if (decision->recent_bad < policy->bad_act) {
		decision->came_ns = 0;
		decision->limited_bad = decision->recent_bad;
	} else if (decision->limited_bad < policy->bad_act) {
		decision->came_ns = now_ns;
	}
	if (decision->came_ns && now_ns - decision->came_ns <= COMING_NS)
		decision->limited_bad = fmaxf(decision->limited_bad, decision->recent_bad);
}

/* The highest limit of a decision is judged from when it came. */
static void decision_judge(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
			   struct decision *decision)
{
	uint64_t now_ns = ledger->now_ns, held_ns;
	bool is_useless, is_harm;

	if (!decision->limited_ns)
		return;
	coming_note(policy, now_ns, decision);
	held_ns = now_ns - (decision->came_ns ? decision->came_ns : decision->limited_ns);
	is_useless = settle_ns[decision->resource] && held_ns >= settle_ns[decision->resource] &&
		     decision->limited_bad >= policy->bad_act && decision->recent_bad > decision->limited_bad * USELESS;
	is_harm = ledger_others_worse(others_over(views, count, policy, decision, now_ns), decision->others_bad,
				      decision->limited_ns, now_ns, &decision->others_ns);
	if (!is_useless && !is_harm)
		return;
	forbid(ledger, decision, views, count);
	decision->verdict = VERDICT_WORSE;
	decision->limited_ns = decision->others_ns = 0;
}

static enum verdict verdict_of(const struct decision *decision, const struct plan_policy *policy)
{
	if (!decision->done_ns)
		return decision->reason == REASON_ADVICE && !decision->giver_count ? VERDICT_ADVISED : VERDICT_PLANNED;
	if (decision->verdict == VERDICT_WORSE)
		return VERDICT_WORSE;
	/* One that goes on after a pause was foreseen by nobody. */
	if (decision->reason != REASON_REFLEX && decision->reason != REASON_HOLD && decision->reason != REASON_ADVICE)
		return decision->bad_ticks ? VERDICT_CAME : decision->was_pressed ? VERDICT_PREVENTED : VERDICT_FALSE;
	/* It was over before anybody could look whether it goes on. */
	if (decision->actual_bad < 0)
		return VERDICT_HELPED;
	return decision->actual_bad < fmaxf(decision->bad / 2, policy->bad_act) ? VERDICT_HELPED : VERDICT_USELESS;
}

static void decision_end(struct ledger *ledger, const struct plan_policy *policy, struct decision *decision)
{
	decision->ended_ns = ledger->now_ns;
	decision->verdict = verdict_of(decision, policy);
	ledger->sums.ended[decision->verdict]++;
	if (decision->verdict == VERDICT_PREVENTED)
		ledger->sums.prevented += decision->risk;
}

/* What all together want of it; of memory, whether little is left. */
static bool is_pressed(const struct plan_host *host, struct plan_view *const views[], uint32_t count, enum resource resource)
{
	float sum = 0;

	if (resource == RESOURCE_MEMORY)
		return host->memory_free >= 0 && host->memory_free < (1 - PRESSED) * host->capacity[resource];
	for (uint32_t i = 0; i < count; i++) {
		const struct plan_hold *hold = &views[i]->hold[resource];
		float demand = views[i]->need[resource].demand;

		/* Who uses up what is left to it wants what it wanted before. */
		sum += hold->left > 0 && demand > hold->left * USED_UP ? fmaxf(demand, hold->wanted) : demand;
	}
	return sum > PRESSED * host->capacity[resource];
}

static void decision_watch(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
			   struct plan_view *const views[], uint32_t count, struct decision *decision)
{
	const struct plan_view *victim = plan_view_find(views, count, decision->slot);
	uint64_t age_ns = ledger->now_ns - decision->began_ns;
	bool pressed;
	float bad;

	if (!victim || victim->cgroup_id != decision->cgroup_id || ledger->now_ns - decision->last_ns >= CLOSE_NS) {
		decision_end(ledger, policy, decision);
		return;
	}
	bad = victim->need[decision->resource].bad;
	decision->bad_ticks += bad >= policy->bad_act;
	decision->recent_bad += (fmaxf(bad, 0) - decision->recent_bad) * RECENT;
	pressed = is_pressed(host, views, count, (enum resource)decision->resource);
	decision->was_pressed |= pressed;
	if (has_actions(decision))
		ledger_earn(ledger, policy, decision, bad, pressed);
	if (bad >= 0 && age_ns >= ACTUAL_FROM_NS && age_ns <= ACTUAL_UNTIL_NS) {
		decision->actual_bad = fmaxf(decision->actual_bad, 0);
		decision->actual_bad += (bad - decision->actual_bad) / (float)++decision->actual_ticks;
	}
	if (ledger_is_done(ledger, decision))
		decision_judge(ledger, policy, views, count, decision);
}

/* A rung that is new in this story starts to be judged. */
static void limit_note(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
		       const struct plan_action *action, struct decision *decision)
{
	if (!is_limit(action->knob) || (decision->limited_ns && action->rung <= decision->limit_level))
		return;
	decision->limit_level = action->rung;
	decision->limited_ns = ledger->now_ns;
	decision->limited_bad = decision->recent_bad;
	decision->others_bad = others_over(views, count, policy, decision, ledger->now_ns);
	decision->others_ns = decision->came_ns = 0;
}

static void action_note(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
			struct plan_view *const views[], uint32_t count, const struct plan_action *action, double elapsed_s)
{
	struct plan_view *victim = plan_view_find(views, count, action->for_slot), *giver = plan_view_find(views, count, action->slot);
	struct decision *decision = victim && giver ? open_find(ledger, victim, action->resource) : NULL;

	if (!victim || !giver)
		return;
	if (!decision) {
		decision = decision_begin(ledger, policy, victim, host, action);
		spared_count(views, count, victim, decision);
	}
	if (giver->held >> action->knob & 1)
		decision->done_ns = ledger->now_ns;
	if (decision->last_ns != ledger->now_ns && ledger_is_done(ledger, decision))
		ledger->sums.protected_s[action->reason] += elapsed_s;
	decision->last_ns = ledger->now_ns;
	decision->price = fmaxf(decision->price, action->price);
	if (giver == victim)
		return;
	decision->level = action->rung > decision->level ? action->rung : decision->level;
	giver_note(decision, giver, action);
	limit_note(ledger, policy, views, count, action, decision);
	if (is_limit(action->knob) && action->is_first && giver->held >> action->knob & 1) {
		double took = fmax(giver->hold[action->resource].wanted - action->expected, 0) * elapsed_s;

		decision->taken += took;
		ledger->sums.taken[action->resource] += took;
	}
}

/* Where nothing can be done that is a decision too. */
static void advice_note(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
			struct plan_view *const views[], uint32_t count, const struct plan_advice *advice)
{
	struct plan_view *victim = plan_view_find(views, count, advice->slot), *other = plan_view_find(views, count, advice->other);
	struct decision *decision = victim ? open_find(ledger, victim, advice->resource) : NULL;

	if (!victim)
		return;
	if (!decision) {
		struct plan_action none = { .resource = advice->resource, .reason = REASON_ADVICE, .risk = victim->need[advice->resource].risk };

		decision = decision_begin(ledger, policy, victim, host, &none);
		spared_count(views, count, victim, decision);
	}
	/* Where there are actions, these say how long it lasts. */
	if (!has_actions(decision))
		decision->last_ns = ledger->now_ns;
	decision->advice = *advice;
	decision->advice_path[0] = '\0';
	if (other)
		snprintf(decision->advice_path, sizeof(decision->advice_path), "%s", other->path);
	else if (advice->other && host->all)
		snprintf(decision->advice_path, sizeof(decision->advice_path), "%s", host->all->instance[advice->other].info.path);
}

/* Time over the bound, by whether something was being done. */
static void bad_note(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count,
		     double elapsed_s)
{
	for (uint32_t i = 0; i < count; i++)
		for (int r = 0; views[i]->is_bound && r < RESOURCE_COUNT; r++) {
			const struct decision *decision;

			if (views[i]->need[r].bad < policy->bad_act)
				continue;
			decision = open_find(ledger, views[i], (uint32_t)r);
			ledger->sums.bad_s[decision && decision->began_ns != ledger->now_ns && ledger_is_done(ledger, decision)] += elapsed_s;
		}
}

void ledger_tick(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
		 struct plan_view *const views[], uint32_t count, const struct plan *plan, uint64_t elapsed_ns, enum ledger_hands hands)
{
	double elapsed_s = (double)elapsed_ns / 1e9;

	ledger->now_ns = plan->time_ns;
	ledger->elapsed_s = elapsed_s;
	for (uint32_t i = 0; i < plan->count; i++)
		if (ledger_is_decided((enum plan_reason)plan->action[i].reason))
			action_note(ledger, policy, host, views, count, &plan->action[i], elapsed_s);
	for (uint32_t i = 0; i < plan->advice_count; i++)
		advice_note(ledger, policy, host, views, count, &plan->advice[i]);
	ledger_leave_alone(ledger, policy, views, count, plan);
	ledger_trials(ledger, policy, views, count);
	if (hands != LEDGER_HANDS_EMPTY)
		ledger_watch(ledger, policy, host, views, count, plan);
	bad_note(ledger, policy, views, count, elapsed_s);
	for (uint32_t i = 0; i < DECISIONS_MAX; i++)
		if (ledger->decision[i].id && !ledger->decision[i].ended_ns)
			decision_watch(ledger, policy, host, views, count, &ledger->decision[i]);
}
