/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One setting on canary in a group, in a simulated host: who gets it, what it is compared with, and how it ends. */
#include "plan_scene.h"

#include <errno.h>

#include "decide/cohort.h"
#include "decide/lot.h"

#define BLOCK_NS (6 * NS_PER_SECOND)
#define TRIALS 400
#define PAIRS_OF_BLOCKS 50	/* a trial is as long as this, in each stage */
#define MEMBERS 8
#define OUTSIDER MEMBERS
#define BATCH (MEMBERS + 1)
#define ALL (MEMBERS + 2)

/*
 * What the setting does, in times as much: to the time over bounds of who has it and of a server outside of the group, and to the work of who
 * has it. steals: what who has it gains of the members that have it not, who lose as much.
 */
struct effect {
	double with, outside, work, steals;
};

static const struct effect nothing = { 1, 1, 1, 0 };

struct world {
	struct plan_policy policy;
	struct plan_host host;
	struct plan_view view[ALL], *views[ALL];
	struct cohort cohort;
	struct plan plan;
	struct effect effect;
	uint64_t now_ns, draw;
	double mood;
	bool has_it[ALL];		/* by the plan before */
	uint64_t ticks, ticks_with[ALL];
};

static double drawn(struct world *world) { return (double)lot_unit(world->draw = lot_mix(world->draw)); }

static struct cohort_order order_make(float share)
{
	return (struct cohort_order){ .knob = KNOB_CPU_WEIGHT, .value = 300, .share = share, .block_ns = BLOCK_NS,
				      .max_ns = 4 * PAIRS_OF_BLOCKS * BLOCK_NS, .glob = "/app/worker*" };
}

static void world_init(struct world *world, uint64_t seed, float share, struct effect effect)
{
	static const char *const paths[ALL] = { "/app/worker0", "/app/worker1", "/app/worker2", "/app/worker3", "/app/worker4",
						"/app/worker5", "/app/worker6", "/app/worker7", "/app/server", "/app/batch" };
	struct cohort_order order = order_make(share);

	memset(world, 0, sizeof(*world));
	plan_policy_init(&world->policy);
	world->policy.seed = seed;
	world->draw = seed * 2654435761u;
	world->effect = effect;
	world->now_ns = NS_PER_SECOND;
	world->host = (struct plan_host){ .capacity = { 4, 1e9f, 100e6f, 10e6f }, .memory_free = 200e6f };
	for (uint32_t i = 0; i < ALL; i++) {
		world->view[i] = view_make(i + 1, i == BATCH ? TIER_BEST_EFFORT : TIER_STANDARD, paths[i]);
		world->view[i].cgroup_id = 100 + i;
		world->view[i].is_bound = i != BATCH;
		world->views[i] = &world->view[i];
	}
	assert_int_equal(cohort_order(&world->cohort, &world->policy, &order, world->now_ns), 0);
}

/* The first member is always far worse than the rest, and all feel the mood of the host. */
static double badness(struct world *world, uint32_t i)
{
	double bad = (i == 0 ? 0.6 : 0.1) * world->mood;
	double part = 0;	/* of the members, that has it */

	for (uint32_t k = 0; k < MEMBERS; k++)
		part += (double)world->has_it[k] / MEMBERS;
	if (i == OUTSIDER)
		return part > 0 ? bad * world->effect.outside : bad;
	if (world->has_it[i])
		return bad * world->effect.with * (1 - world->effect.steals * (1 - part));
	return bad * (1 + world->effect.steals * part);
}

static void tick(struct world *world)
{
	if (drawn(world) < 0.1)
		world->mood = drawn(world) < 0.1 ? 8 : drawn(world);
	for (uint32_t i = 0; i < ALL; i++) {
		double work = world->has_it[i] ? world->effect.work : 1;

		world->view[i].need[RESOURCE_CPU].bad = i != BATCH && drawn(world) < badness(world, i) ? 0.5f : 0;
		world->view[i].oncpu_ns += (uint64_t)(work * 0.4 * (0.5 + drawn(world)) * TICK_NS);
	}
	world->now_ns += TICK_NS;
	world->host.is_second = world->now_ns % NS_PER_SECOND == 0;
	cohort_tick(&world->cohort, &world->policy, &world->host, world->views, ALL, world->now_ns, TICK_NS);
	world->plan.count = 0;
	cohort_plan(&world->cohort, world->views, ALL, &world->plan);
	memset(world->has_it, 0, sizeof(world->has_it));
	for (uint32_t i = 0; i < world->plan.count; i++)
		world->has_it[world->plan.action[i].slot - 1] = true;
	world->ticks++;
	for (uint32_t i = 0; i < ALL; i++)
		world->ticks_with[i] += world->has_it[i];
}

static enum canary_state run(struct world *world)
{
	while (world->cohort.state == CANARY_RUNS)
		tick(world);
	return world->cohort.state;
}

static void what_helps_is_promoted_to_all(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 0.5f, (struct effect){ 0.02, 1, 1, 0 });
		assert_int_equal(run(&world), CANARY_PROMOTED);
		for (int i = 0; i < 11; i++)
			tick(&world);
		assert_int_equal(world.plan.count, MEMBERS);
		assert_int_equal(world.plan.action[0].knob, KNOB_CPU_WEIGHT);
		assert_int_equal(world.plan.action[0].value, 300);
		assert_int_equal(world.plan.action[0].reason, REASON_CANARY);
		assert_false(world.has_it[OUTSIDER] || world.has_it[BATCH]);
	}
}

static void what_hurts_who_has_it_never_gets_to_all(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 0.25f, (struct effect){ 8, 1, 1, 0 });
		assert_int_equal(run(&world), CANARY_WORSE);
		assert_int_equal(world.cohort.stage, COHORT_PART);
		tick(&world);
		assert_int_equal(world.plan.count, 0);
	}
}

/* The pairs are blind to it; the blocks with it beside those without are not, and tell in most runs before all have it. */
static void what_hurts_others_on_the_host_is_not_promoted(void **state)
{
	uint32_t worse = 0;
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 0.25f, (struct effect){ 1, 40, 1, 0 });
		assert_int_not_equal(run(&world), CANARY_PROMOTED);
		worse += world.cohort.state == CANARY_WORSE && world.cohort.stage == COHORT_PART;
	}
	assert_true(worse >= 15);
}

static void what_costs_work_is_rolled_back(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 0.5f, (struct effect){ 0.02, 1, 0.2, 0 });
		assert_int_equal(run(&world), CANARY_COSTLY);
	}
}

/* Returns of how many the pairs said that it is better. */
static uint32_t count_ends(const char *what, struct effect effect, uint32_t ret[CANARY_STATE_COUNT])
{
	uint32_t better = 0;
	struct world world;

	memset(ret, 0, CANARY_STATE_COUNT * sizeof(*ret));
	for (uint64_t trial = 0; trial < TRIALS; trial++) {
		world_init(&world, 1000 + trial, 0.5f, effect);
		ret[run(&world)]++;
		better += cohort_evidence(&world.cohort, CANARY_BETTER) >= 1 / CANARY_ALPHA;
	}
	print_message("# %s: of %d %u promoted (at most %.0f), %u called worse, %u costly, %u undecided; pairs called %u better\n", what,
		      TRIALS, ret[CANARY_PROMOTED], CANARY_ALPHA * TRIALS, ret[CANARY_WORSE], ret[CANARY_COSTLY], ret[CANARY_UNDECIDED], better);
	assert_true(ret[CANARY_PROMOTED] <= CANARY_ALPHA * TRIALS);
	return better;
}

static void what_does_nothing_is_not_promoted(void **state)
{
	uint32_t ends[CANARY_STATE_COUNT];

	(void)state;
	count_ends("nothing", nothing, ends);
	/* The pairs, the halves of PART and those of WHOLE are asked one after the other. */
	assert_true(ends[CANARY_WORSE] <= 3 * CANARY_ALPHA_BACK * TRIALS);
}

/* The pairs say that it is better; what they do not see is where that comes from, and with all having it there is nobody left to take from. */
static void what_some_gain_and_others_lose_is_not_promoted(void **state)
{
	uint32_t ends[CANARY_STATE_COUNT];

	(void)state;
	assert_true(count_ends("zero sum", (struct effect){ 1, 1, 1, 1 }, ends) > TRIALS * 3 / 4);
}

static void a_share_is_kept_and_everybody_s_turn_comes(void **state)
{
	static const float shares[] = { 0.5f, 0.25f, 0.125f };
	struct world world;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		uint64_t sum = 0;

		world_init(&world, 5, shares[k], nothing);
		while (world.cohort.stage == COHORT_PART && world.cohort.state == CANARY_RUNS) {
			uint32_t now = 0;

			tick(&world);
			for (uint32_t i = 0; i < MEMBERS; i++)
				now += world.has_it[i];
			if (world.cohort.stage == COHORT_PART)
				assert_true(now <= (uint32_t)(shares[k] * MEMBERS));
		}
		for (uint32_t i = 0; i < MEMBERS; i++)
			sum += world.ticks_with[i];
		for (uint32_t i = 0; i < MEMBERS; i++) {
			assert_true(world.ticks_with[i] * MEMBERS > sum / 3);
			assert_true(world.ticks_with[i] * MEMBERS < sum * 3);
		}
	}
}

static void a_member_that_goes_is_no_comparison_and_its_successor_no_member_before_its_turn(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 5, 0.5f, nothing);
	while (!world.cohort.is_on)
		tick(&world);
	for (uint32_t i = 0; i < MEMBERS; i++)
		world.view[i].cgroup_id += 1000;
	tick(&world);
	assert_int_equal(world.plan.count, 0);
	/* Whoever is another one in every block leaves nothing to compare. */
	while (world.cohort.stage == COHORT_PART && world.cohort.state == CANARY_RUNS) {
		tick(&world);
		if (world.now_ns % BLOCK_NS == 2 * NS_PER_SECOND)
			for (uint32_t i = 0; i < MEMBERS; i++)
				world.view[i].cgroup_id += 1000;
	}
	assert_int_equal(world.cohort.pairs, 0);
	assert_int_equal(world.cohort.state, CANARY_UNDECIDED);
}

static void what_a_danger_sets_stays(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 5, 0.5f, nothing);
	while (!world.cohort.is_on)
		tick(&world);
	world.plan.count = 0;
	for (uint32_t slot = 1; slot <= MEMBERS; slot++)
		world.plan.action[world.plan.count++] = (struct plan_action){ .slot = slot, .knob = KNOB_CPU_WEIGHT, .value = 1 };
	cohort_plan(&world.cohort, world.views, ALL, &world.plan);
	assert_int_equal(world.plan.count, MEMBERS);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(world.plan.action[i].value, 1);
	/* Nor is there room beyond the last place. */
	for (world.plan.count = 0; world.plan.count < ACTIONS_MAX; world.plan.count++)
		world.plan.action[world.plan.count] = (struct plan_action){ .slot = 100 + world.plan.count };
	cohort_plan(&world.cohort, world.views, ALL, &world.plan);
	assert_int_equal(world.plan.count, ACTIONS_MAX);
	assert_true(world.plan.cut > 0);
}

static void orders_that_cannot_be_meant_change_nothing(void **state)
{
	struct cohort_order back = { .kind = CANARY_ORDER_BACK }, bad;
	struct cohort cohort = { 0 }, untouched = { 0 };
	struct plan_policy policy;

	(void)state;
	plan_policy_init(&policy);
	bad = order_make(0.6f);
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), -EINVAL);
	bad = order_make(0.5f), bad.knob = KNOB_MEMORY_RECLAIM;
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), -EINVAL);
	bad = order_make(0.5f), bad.knob = KNOB_FREEZE;
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), -EINVAL);
	bad = order_make(0.5f), bad.glob[0] = 'x';
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), -EINVAL);
	bad = order_make(0.5f), bad.max_ns = bad.block_ns;
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), -EINVAL);
	assert_int_equal(cohort_order(&cohort, &policy, &back, 1), -ENOENT);
	assert_memory_equal(&cohort, &untouched, sizeof(cohort));
	bad = order_make(0.5f);
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 1), 0);
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 2), -EBUSY);
	assert_int_equal(cohort_order(&cohort, &policy, &back, 3), 0);
	assert_int_equal(cohort.state, CANARY_STOPPED);
	assert_int_equal(cohort_order(&cohort, &policy, &bad, 4), 0);
}

static void a_share_of_too_few_is_none(void **state)
{
	(void)state;
	assert_int_equal(cohort_pairs(0.5f, 1), 0);
	assert_int_equal(cohort_pairs(0.5f, 2), 1);
	assert_int_equal(cohort_pairs(0.1f, 9), 0);
	assert_int_equal(cohort_pairs(0.1f, 10), 1);
	assert_int_equal(cohort_pairs(0.5f, 9), 4);
	assert_int_equal(cohort_pairs(0.5f, COHORT_MEMBERS_MAX), COHORT_MEMBERS_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_helps_is_promoted_to_all),
		cmocka_unit_test(what_hurts_who_has_it_never_gets_to_all),
		cmocka_unit_test(what_hurts_others_on_the_host_is_not_promoted),
		cmocka_unit_test(what_costs_work_is_rolled_back),
		cmocka_unit_test(what_does_nothing_is_not_promoted),
		cmocka_unit_test(what_some_gain_and_others_lose_is_not_promoted),
		cmocka_unit_test(a_share_is_kept_and_everybody_s_turn_comes),
		cmocka_unit_test(a_member_that_goes_is_no_comparison_and_its_successor_no_member_before_its_turn),
		cmocka_unit_test(what_a_danger_sets_stays),
		cmocka_unit_test(orders_that_cannot_be_meant_change_nothing),
		cmocka_unit_test(a_share_of_too_few_is_none),
	};

	return cmocka_run_group_tests_name("cohort", tests, NULL, NULL);
}
