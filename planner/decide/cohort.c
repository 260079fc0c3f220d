/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cohort.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "lot.h"

#define COUNTED_MIN 0.5	/* of a pair's block: of one in which less was seen nothing is said */

/* The two arms of cohort->time. */
enum { WITHOUT, WITH };

static const char *const stages[] = { "part", "whole" };
_Static_assert(sizeof(stages) / sizeof(stages[0]) == COHORT_STAGE_COUNT, "a name per stage");

const char *cohort_stage_name(enum cohort_stage stage) { return stages[stage]; }

double cohort_evidence(const struct cohort *cohort, enum canary_claim claim) { return wager_wealth(&cohort->wager[claim]); }

enum resource cohort_resource(uint32_t knob)
{
	switch (knob) {
	case KNOB_CPU_WEIGHT:
	case KNOB_CPU_MAX:
	case KNOB_CPU_IDLE:
	case KNOB_CPU_BURST:
	case KNOB_CPUSET_CPUS:
		return RESOURCE_CPU;
	case KNOB_MEMORY_LOW:
	case KNOB_MEMORY_HIGH:
	case KNOB_MEMORY_MIN:
		return RESOURCE_MEMORY;
	case KNOB_IO_WEIGHT:
		return RESOURCE_IO;
	case KNOB_NET_EGRESS:
	case KNOB_NET_FIRST:
	case KNOB_NET_PRIORITY:
		return RESOURCE_NET;
	default:
		return RESOURCE_COUNT;
	}
}

uint32_t cohort_pairs(float share, uint32_t member_count)
{
	uint32_t pairs = (uint32_t)(share * (float)member_count + 1e-4f);

	return pairs < member_count / 2 ? pairs : member_count / 2;
}

bool cohort_matches(const struct cohort_order *order, const char *path) { return !fnmatch(order->glob, path, FNM_PATHNAME); }

static int stage_begin(struct cohort *cohort, const struct plan_policy *policy, enum cohort_stage stage, float share, uint64_t max_ns,
		       uint64_t now_ns)
{
	struct canary_order order = { .policy = WITH, .share = share, .block_ns = cohort->order.block_ns, .max_ns = max_ns };
	struct plan_policy arms = *policy;

	arms.policy = WITHOUT;
	memset(&cohort->time, 0, sizeof(cohort->time));
	cohort->stage = stage;
	cohort->is_on = false;
	cohort->pair_count = cohort->member_count = 0;
	return canary_order(&cohort->time, &arms, &order, now_ns);
}

static void cohort_end(struct cohort *cohort, enum canary_state state, uint64_t now_ns)
{
	cohort->state = state;
	cohort->ended_ns = now_ns;
	cohort->is_on = state == CANARY_PROMOTED;
}

static bool order_is_sound(const struct cohort_order *order)
{
	return cohort_resource(order->knob) < RESOURCE_COUNT && order->glob[0] == '/' && memchr(order->glob, 0, sizeof(order->glob)) &&
	       order->share >= CANARY_SHARE_MIN && order->share <= CANARY_SHARE_MAX && order->block_ns >= CANARY_BLOCK_NS_MIN &&
	       order->max_ns / 2 >= order->block_ns;
}

int cohort_order(struct cohort *cohort, const struct plan_policy *policy, const struct cohort_order *order, uint64_t now_ns)
{
	bool is_there = cohort->state == CANARY_RUNS || cohort->state == CANARY_PROMOTED;

	if (order->kind == CANARY_ORDER_BACK) {
		if (!is_there)
			return -ENOENT;
		cohort_end(cohort, CANARY_STOPPED, now_ns);
		return 0;
	}
	if (is_there)
		return -EBUSY;
	if (order->kind != CANARY_ORDER_START || !order_is_sound(order))
		return -EINVAL;
	memset(cohort, 0, sizeof(*cohort));
	cohort->order = *order;
	cohort->state = CANARY_RUNS;
	cohort->began_ns = now_ns;
	return stage_begin(cohort, policy, COHORT_PART, COHORT_TIME_SHARE, order->max_ns / 2, now_ns);
}

static void members_find(struct cohort *cohort, struct plan_view *const views[], uint32_t count)
{
	cohort->member_count = cohort->pair_count = 0;
	for (uint32_t i = 0; i < count && cohort->member_count < COHORT_MEMBERS_MAX; i++)
		if (cohort_matches(&cohort->order, views[i]->path))
			cohort->member[cohort->member_count++] = (struct cohort_member){
				.cgroup_id = views[i]->cgroup_id, .slot = views[i]->slot, .oncpu_ns = views[i]->oncpu_ns, .has_it = true };
}

/* Everybody is as likely to be in a pair, and in a pair to be the one that has it. */
static void members_draw(struct cohort *cohort)
{
	uint64_t lot = lot_mix(cohort->time.seed ^ lot_mix(~cohort->block));

	for (uint32_t i = cohort->member_count; i > 1; i--) {
		uint32_t at = (uint32_t)((lot = lot_mix(lot)) % i);
		struct cohort_member drawn = cohort->member[at];

		cohort->member[at] = cohort->member[i - 1];
		cohort->member[i - 1] = drawn;
	}
	cohort->pair_count = cohort_pairs(cohort->order.share, cohort->member_count);
	for (uint32_t i = 0; i < cohort->member_count; i++)
		cohort->member[i].has_it = false;
	for (uint32_t pair = 0; pair < cohort->pair_count; pair++)
		cohort->member[2 * pair + ((lot = lot_mix(lot)) >> 32 & 1)].has_it = true;
}

static const struct plan_view *member_view(const struct cohort_member *member, const struct plan_host *host, struct plan_view *const views[],
					   uint32_t count)
{
	const struct plan_view *view = host->view ? &host->view[member->slot] : plan_view_find(views, count, member->slot);

	return view && view->cgroup_id == member->cgroup_id ? view : NULL;
}

static void members_count(struct cohort *cohort, const struct plan_policy *policy, const struct plan_host *host,
			  struct plan_view *const views[], uint32_t count, double elapsed_s, bool counts)
{
	for (uint32_t i = 0; i < 2 * cohort->pair_count; i++) {
		struct cohort_member *member = &cohort->member[i];
		const struct plan_view *view = member_view(member, host, views, count);
		uint64_t before_ns = member->oncpu_ns;

		if (!view)
			continue;
		member->oncpu_ns = view->oncpu_ns;
		if (!counts)
			continue;
		member->seconds += elapsed_s;
		member->bad_s += canary_is_over(view, policy) * elapsed_s;
		member->work_s += canary_work_done(host, view) * elapsed_s;
		if (view->oncpu_ns > before_ns)
			member->work_s += (double)(view->oncpu_ns - before_ns) / 1e9 / host->capacity[RESOURCE_CPU];
	}
}

/* What it may cost is a share of what the two of them do, so that small ones are not free. */
static void pair_compare(struct cohort *cohort, const struct cohort_member *with, const struct cohort_member *without)
{
	double seconds = (double)cohort->order.block_ns / 1e9, bad, less, both;

	/* What was washed out is at most half of a block. */
	if (with->seconds < COUNTED_MIN * seconds / 2 || without->seconds < COUNTED_MIN * seconds / 2)
		return;
	bad = (with->bad_s / with->seconds - without->bad_s / without->seconds) * seconds;
	less = (without->work_s / without->seconds - with->work_s / with->seconds) * seconds;
	both = (without->work_s / without->seconds + with->work_s / with->seconds) * seconds;
	wager_bet(&cohort->wager[CANARY_BETTER], -bad);
	wager_bet(&cohort->wager[CANARY_HARMS], bad);
	wager_bet(&cohort->wager[CANARY_COSTS], less - CANARY_COST_MAX * both / 2);
	cohort->bad_s += bad;
	cohort->less_work_s += less;
	cohort->pairs++;
}

static void part_tick(struct cohort *cohort, const struct plan_policy *policy, const struct plan_host *host,
		      struct plan_view *const views[], uint32_t count, uint64_t now_ns, double elapsed_s)
{
	bool is_with = canary_arm(&cohort->time, now_ns) == CANARY_CANDIDATE;

	if (cohort->time.block != cohort->block || !cohort->member_count) {
		for (uint32_t pair = 0; pair < cohort->pair_count; pair++) {
			const struct cohort_member *two = &cohort->member[2 * pair];

			pair_compare(cohort, &two[!two[0].has_it], &two[two[0].has_it]);
		}
		cohort->block = cohort->time.block;
		members_find(cohort, views, count);
		if (is_with)
			members_draw(cohort);
	}
	members_count(cohort, policy, host, views, count, elapsed_s, is_with && canary_counts(&cohort->time, now_ns));
	cohort->is_on = is_with && cohort->pair_count;
}

static bool is_rolled_back(uint32_t state) { return state == CANARY_WORSE || state == CANARY_COSTLY; }

static void judge(struct cohort *cohort, const struct plan_policy *policy, uint64_t now_ns)
{
	bool is_over = cohort->time.state != CANARY_RUNS;
	uint64_t spent_ns = now_ns - cohort->began_ns, max_ns = cohort->order.max_ns;

	if (cohort_evidence(cohort, CANARY_HARMS) >= 1 / CANARY_ALPHA_BACK)
		cohort_end(cohort, CANARY_WORSE, now_ns);
	else if (cohort_evidence(cohort, CANARY_COSTS) >= 1 / CANARY_ALPHA_BACK)
		cohort_end(cohort, CANARY_COSTLY, now_ns);
	else if (is_over && (cohort->stage == COHORT_WHOLE || is_rolled_back(cohort->time.state)))
		cohort_end(cohort, (enum canary_state)cohort->time.state, now_ns);
	else if (cohort->stage == COHORT_PART && (is_over || cohort_evidence(cohort, CANARY_BETTER) >= 1 / CANARY_ALPHA) &&
		 (!cohort->pairs || spent_ns + cohort->order.block_ns > max_ns ||
		  stage_begin(cohort, policy, COHORT_WHOLE, cohort->order.share, max_ns - spent_ns, now_ns)))
		cohort_end(cohort, CANARY_UNDECIDED, now_ns);
}

void cohort_tick(struct cohort *cohort, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		 uint32_t count, uint64_t now_ns, uint64_t elapsed_ns)
{
	struct plan_policy arms = *policy;

	arms.policy = WITHOUT;
	if (cohort->state == CANARY_RUNS) {
		cohort->is_on = canary_tick(&cohort->time, &arms, host, views, count, now_ns, elapsed_ns) == WITH;
		if (cohort->stage == COHORT_PART)
			part_tick(cohort, policy, host, views, count, now_ns, (double)elapsed_ns / 1e9);
		judge(cohort, policy, now_ns);
	}
	/* Who is new in the group has it within a second. */
	if (host->is_second && (cohort->state == CANARY_PROMOTED || (cohort->state == CANARY_RUNS && cohort->stage == COHORT_WHOLE)))
		members_find(cohort, views, count);
}

static bool is_planned(const struct plan *plan, uint32_t slot, uint32_t knob)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == slot && plan->action[i].knob == knob)
			return true;
	return false;
}

void cohort_plan(const struct cohort *cohort, struct plan_view *const views[], uint32_t count, struct plan *plan)
{
	const struct cohort_order *order = &cohort->order;

	for (uint32_t i = 0; cohort->is_on && i < cohort->member_count; i++) {
		const struct cohort_member *member = &cohort->member[i];
		const struct plan_view *view = member->has_it ? plan_view_find(views, count, member->slot) : NULL;

		if (!view || view->cgroup_id != member->cgroup_id || is_planned(plan, view->slot, order->knob))
			continue;
		if (plan->count == ACTIONS_MAX) {
			plan->cut++;
			continue;
		}
		plan->action[plan->count++] = (struct plan_action){
			.slot = view->slot, .cgroup_id = view->cgroup_id, .for_slot = view->slot, .knob = order->knob, .reason = REASON_CANARY,
			.value = order->value, .period_us = order->period_us, .resource = cohort_resource(order->knob) };
	}
}
