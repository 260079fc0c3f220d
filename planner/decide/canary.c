/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "canary.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lot.h"
#include "policy.h"

#define WASHOUT_NS 5000000000ull	/* what is held on (2 s), leases (2 s), and what limits give back in steps */
#define WASHOUT_PART 2			/* of a block, at most */
#define COUNTED_MIN 0.5			/* of a block: of one in which less was seen nothing is said */

static const char *const names[] = { "none", "runs", "promoted", "worse", "costly", "undecided", "stopped" };
_Static_assert(sizeof(names) / sizeof(names[0]) == CANARY_STATE_COUNT, "a name per state");

const char *canary_state_name(enum canary_state state) { return names[state]; }

static uint64_t washout(const struct canary *canary)
{
	uint64_t part = canary->block_ns / WASHOUT_PART;

	return part < WASHOUT_NS ? part : WASHOUT_NS;
}

bool canary_counts(const struct canary *canary, uint64_t now_ns)
{
	return (now_ns - canary->began_ns) % canary->block_ns > washout(canary) && !canary->open.is_cut;
}

/* The place of this block's round at which its pair begins, and whether the candidate has the first of the two. */
static uint64_t pair_place(const struct canary *canary, uint64_t block, bool *ret_is_first)
{
	uint64_t lot = lot_mix(canary->seed ^ lot_mix(block / canary->round_blocks));

	*ret_is_first = lot & 1;
	return (lot >> 1) % (canary->round_blocks - 1);
}

/* CANARY_ARM_COUNT: the base's, and not compared. */
static enum canary_arm block_arm(const struct canary *canary, uint64_t block)
{
	bool is_first;
	uint64_t at = block % canary->round_blocks, place = pair_place(canary, block, &is_first);

	if (at != place && at != place + 1)
		return CANARY_ARM_COUNT;
	return (at == place) == is_first ? CANARY_CANDIDATE : CANARY_BASE;
}

enum canary_arm canary_arm(const struct canary *canary, uint64_t now_ns)
{
	uint64_t block;

	if (canary->state != CANARY_RUNS)
		return CANARY_BASE;
	block = (now_ns - canary->began_ns) / canary->block_ns;
	return block + 1 != canary->cut_block && block_arm(canary, block) == CANARY_CANDIDATE ? CANARY_CANDIDATE : CANARY_BASE;
}

double canary_evidence(const struct canary *canary, enum canary_claim claim) { return wager_wealth(&canary->wager[claim]); }

static int canary_start(struct canary *canary, const struct plan_policy *policy, const struct canary_order *order, uint64_t now_ns)
{
	if (canary->state == CANARY_RUNS)
		return -EBUSY;
	if (order->policy >= POLICY_COUNT || order->policy == policy->policy || order->block_ns < CANARY_BLOCK_NS_MIN ||
	    !(order->share >= CANARY_SHARE_MIN && order->share <= CANARY_SHARE_MAX) || order->max_ns < order->block_ns)
		return -EINVAL;
	*canary = (struct canary){
		.state = CANARY_RUNS, .base = policy->policy, .candidate = order->policy, .began_ns = now_ns,
		.round_blocks = (uint32_t)floorf(1 / order->share + 0.9999f), .seed = lot_mix(policy->seed ^ now_ns),
		.block_ns = order->block_ns, .max_ns = order->max_ns,
	};
	return 0;
}

static void canary_end(struct canary *canary, struct plan_policy *policy, enum canary_state state, uint64_t now_ns)
{
	canary->state = state;
	canary->ended_ns = now_ns;
	policy->policy = state == CANARY_PROMOTED ? canary->candidate : canary->base;
}

int canary_order(struct canary *canary, struct plan_policy *policy, const struct canary_order *order, uint64_t now_ns)
{
	if (order->kind == CANARY_ORDER_START)
		return canary_start(canary, policy, order, now_ns);
	if (order->kind != CANARY_ORDER_BACK || order->policy >= POLICY_COUNT)
		return -EINVAL;
	if (canary->state != CANARY_RUNS && policy->policy == order->policy)
		return -ENOENT;
	if (canary->state != CANARY_RUNS)
		canary->base = order->policy;
	canary_end(canary, policy, CANARY_STOPPED, now_ns);
	return 0;
}

double canary_work_done(const struct plan_host *host, const struct plan_view *view)
{
	double sum = 0;

	for (int r = RESOURCE_IO; r < RESOURCE_COUNT; r++) {
		float left = view->hold[r].left, demand = view->need[r].demand;

		sum += (left > 0 ? fminf(demand, left) : demand) / host->capacity[r];
	}
	return sum;
}

bool canary_is_over(const struct plan_view *view, const struct plan_policy *policy)
{
	for (int r = 0; view->is_bound && r < RESOURCE_COUNT; r++)
		if (view->need[r].bad >= policy->bad_act)
			return true;
	return false;
}

/* CPU time is told as totals; one that went takes its own along, and says nothing in that tick. */
static void tick_count(struct canary *canary, const struct plan_policy *policy, const struct plan_host *host,
		       struct plan_view *const views[], uint32_t count, double elapsed_s, bool counts)
{
	uint64_t oncpu_ns = 0, before_ns = canary->oncpu_ns;
	double bad = 0, work = 0;

	for (uint32_t i = 0; i < count; i++) {
		bad += canary_is_over(views[i], policy);
		if (views[i]->is_bound)
			continue;
		work += canary_work_done(host, views[i]);
		oncpu_ns += views[i]->oncpu_ns;
	}
	canary->oncpu_ns = oncpu_ns;
	if (!counts)
		return;
	canary->open.seconds += elapsed_s;
	canary->open.bad_s += bad * elapsed_s;
	canary->open.work_s += work * elapsed_s;
	if (before_ns && oncpu_ns > before_ns)
		canary->open.work_s += fmin((double)(oncpu_ns - before_ns) / 1e9 / host->capacity[RESOURCE_CPU], elapsed_s);
}

static void pair_compare(struct canary *canary)
{
	double seconds = (double)(canary->block_ns - washout(canary)) / 1e9;
	const struct canary_block *base = &canary->pair[CANARY_BASE], *candidate = &canary->pair[CANARY_CANDIDATE];
	double bad, less;

	if (base->seconds < COUNTED_MIN * seconds || (candidate->seconds < COUNTED_MIN * seconds && !candidate->is_cut))
		return;
	bad = (candidate->bad_s / candidate->seconds - base->bad_s / base->seconds) * seconds;
	less = (base->work_s / base->seconds - candidate->work_s / candidate->seconds) * seconds;
	wager_bet(&canary->wager[CANARY_BETTER], -bad);
	wager_bet(&canary->wager[CANARY_HARMS], bad);
	wager_bet(&canary->wager[CANARY_COSTS], less - CANARY_COST_MAX * seconds);
	canary->bad_s += bad;
	canary->less_work_s += less;
	canary->pairs++;
}

static void block_close(struct canary *canary)
{
	enum canary_arm arm = block_arm(canary, canary->block);
	struct canary_block *pair = canary->pair;

	if (arm != CANARY_CANDIDATE)
		canary->base_bad_s = fmax(canary->base_bad_s, canary->open.bad_s);
	if (arm < CANARY_ARM_COUNT)
		pair[arm] = canary->open;
	if (arm < CANARY_ARM_COUNT && pair[!arm].seconds > 0)
		pair_compare(canary);
	/* A round whose second block was never seen leaves nothing to the next. */
	if (arm == CANARY_ARM_COUNT || pair[!arm].seconds > 0)
		memset(pair, 0, sizeof(canary->pair));
	memset(&canary->open, 0, sizeof(canary->open));
}

/* What is much worse need not last until the end of its block to be known. */
static void block_cut(struct canary *canary)
{
	if (canary->open.bad_s < CANARY_CUT_S || canary->open.bad_s < CANARY_CUT_TIMES * canary->base_bad_s)
		return;
	canary->open.is_cut = true;
	canary->cut_block = canary->block + 1;
	canary->cuts++;
}

static void judge(struct canary *canary, struct plan_policy *policy, uint64_t now_ns)
{
	double seconds = (double)(canary->block_ns - washout(canary)) / 1e9;

	if (canary_evidence(canary, CANARY_HARMS) >= 1 / CANARY_ALPHA_BACK)
		canary_end(canary, policy, CANARY_WORSE, now_ns);
	else if (canary_evidence(canary, CANARY_COSTS) >= 1 / CANARY_ALPHA_BACK)
		canary_end(canary, policy, CANARY_COSTLY, now_ns);
	else if (canary_evidence(canary, CANARY_BETTER) >= 1 / CANARY_ALPHA &&
		 canary->less_work_s <= CANARY_COST_MAX * seconds * canary->pairs)
		canary_end(canary, policy, CANARY_PROMOTED, now_ns);
	else if (now_ns - canary->began_ns >= canary->max_ns)
		canary_end(canary, policy, CANARY_UNDECIDED, now_ns);
}

uint32_t canary_tick(struct canary *canary, struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		     uint32_t count, uint64_t now_ns, uint64_t elapsed_ns)
{
	uint64_t block;

	if (canary->state != CANARY_RUNS)
		return policy->policy;
	block = (now_ns - canary->began_ns) / canary->block_ns;
	if (block != canary->block) {
		block_close(canary);
		/* Blocks that nobody saw are no pair with one that somebody did. */
		if (block != canary->block + 1)
			memset(canary->pair, 0, sizeof(canary->pair));
		canary->block = block;
		judge(canary, policy, now_ns);
	}
	tick_count(canary, policy, host, views, count, (double)elapsed_ns / 1e9, canary_counts(canary, now_ns));
	if (canary_arm(canary, now_ns) == CANARY_CANDIDATE)
		block_cut(canary);
	return canary_arm(canary, now_ns) == CANARY_CANDIDATE ? canary->candidate : policy->policy;
}
