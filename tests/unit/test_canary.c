/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy on canary in a simulated world: who is worse goes back, who is better is promoted, who is equal is neither. */
#include "plan_scene.h"

#include <errno.h>

#include "decide/canary.h"
#include "decide/lot.h"
#include "decide/policy.h"

#define BLOCK_NS (6 * NS_PER_SECOND)
#define TRIALS 1000
#define ROUNDS 60	/* of a trial: at a share of a half as many pairs */

/* What happens in a tick under the policy that rules: how likely it is over the bound, and how much the batch gets done. */
struct world {
	struct stage scene;
	struct canary canary;
	double bad, work;	/* under the candidate */
	double bad_base;
	uint32_t rules;		/* said by the tick before */
	uint64_t draw;
	double mood;		/* load that comes and goes, whoever rules */
	uint64_t ticks, candidate_ticks;
};

static double drawn(struct world *world) { return (double)lot_unit(world->draw = lot_mix(world->draw)); }

static void world_init(struct world *world, uint64_t seed, float share)
{
	struct canary_order order = { .policy = POLICY_REACTIVE, .share = share, .block_ns = BLOCK_NS, .max_ns = 3600 * NS_PER_SECOND };

	memset(world, 0, sizeof(*world));
	scene_init(&world->scene);
	world->scene.policy.seed = seed;
	world->draw = seed * 2654435761u;
	world->bad = world->bad_base = 0.1;
	world->work = 0.5;
	world->scene.batch.need[RESOURCE_CPU].demand = 1;
	assert_int_equal(canary_order(&world->canary, &world->scene.policy, &order, world->scene.now_ns), 0);
	world->rules = POLICY_FORESTALL;
}

static void tick(struct world *world)
{
	struct stage *scene = &world->scene;
	bool is_candidate = world->rules == POLICY_REACTIVE;
	double bad = is_candidate ? world->bad : world->bad_base;

	/* Bursts of ten ticks on average, some of them grave: neighbours are alike, and what is rare is large. */
	if (drawn(world) < 0.1)
		world->mood = drawn(world) < 0.1 ? 8 : drawn(world);
	scene->server.need[RESOURCE_CPU].bad = drawn(world) < bad * world->mood ? 0.5f : 0;
	scene->batch.oncpu_ns += (uint64_t)((is_candidate ? world->work : 0.5) * (0.5 + drawn(world)) * TICK_NS);
	scene->now_ns += TICK_NS;
	world->ticks++;
	world->candidate_ticks += is_candidate;
	world->rules = canary_tick(&world->canary, &scene->policy, &scene->host, scene->views, 3, scene->now_ns, TICK_NS);
}

/* Until it ends, or so many rounds of a share of a half are over. */
static enum canary_state run(struct world *world, uint32_t rounds)
{
	uint64_t until_ns = world->scene.now_ns + rounds * world->canary.round_blocks * BLOCK_NS;

	while (world->canary.state == CANARY_RUNS && world->scene.now_ns < until_ns)
		tick(world);
	return world->canary.state;
}

static void a_worse_policy_is_rolled_back_within_thirty_pairs(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		world_init(&world, seed, 0.5f);
		world.bad = 0.9;
		assert_int_equal(run(&world, 30), CANARY_WORSE);
		assert_int_equal(world.scene.policy.policy, POLICY_FORESTALL);
		tick(&world);
		assert_int_equal(world.rules, POLICY_FORESTALL);
	}
}

static void a_better_policy_is_promoted_and_rules(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		world_init(&world, seed, 0.5f);
		world.bad_base = 0.9;
		world.bad = 0.02;
		assert_int_equal(run(&world, 30), CANARY_PROMOTED);
		assert_int_equal(world.scene.policy.policy, POLICY_REACTIVE);
		tick(&world);
		assert_int_equal(world.rules, POLICY_REACTIVE);
	}
}

static void better_at_the_cost_of_others_is_not_better(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_init(&world, seed, 0.5f);
		world.bad_base = 0.9;
		world.bad = 0.02;
		world.work = 0.1;
		assert_int_equal(run(&world, 100), CANARY_COSTLY);
		assert_int_equal(world.scene.policy.policy, POLICY_FORESTALL);
	}
}

static void of_two_that_are_equal_neither_is_promoted(void **state)
{
	uint32_t promoted = 0, worse = 0, costly = 0;
	struct world world;

	(void)state;
	for (uint64_t trial = 0; trial < TRIALS; trial++) {
		enum canary_state end;

		world_init(&world, 1000 + trial, 0.5f);
		end = run(&world, ROUNDS);
		promoted += end == CANARY_PROMOTED;
		worse += end == CANARY_WORSE;
		costly += end == CANARY_COSTLY;
	}
	print_message("# of %d pairs of equals %u promoted (at most %.0f), %u called worse (at most %.0f), %u costly\n", TRIALS, promoted,
		      CANARY_ALPHA * TRIALS, worse, CANARY_ALPHA_BACK * TRIALS, costly);
	assert_true(promoted <= CANARY_ALPHA * TRIALS);
	assert_true(worse <= CANARY_ALPHA_BACK * TRIALS);
	assert_int_equal(costly, 0);
}

static void a_block_that_is_far_worse_is_cut_short(void **state)
{
	uint64_t lasted = 0, longest = 0;
	struct world world;

	(void)state;
	world_init(&world, 4, 0.5f);
	world.canary.block_ns = 60 * NS_PER_SECOND;
	world.bad_base = 0.01;
	world.bad = 100;
	while (world.canary.state == CANARY_RUNS) {
		tick(&world);
		lasted = world.rules == POLICY_REACTIVE ? lasted + 1 : 0;
		longest = lasted > longest ? lasted : longest;
	}
	assert_int_equal(world.canary.state, CANARY_WORSE);
	assert_true(world.canary.cuts >= 4 && world.canary.cuts >= world.canary.pairs);
	/* What is washed out, what has to be seen, and the ticks that happened to be good. */
	assert_true(longest <= (5 + CANARY_CUT_S + 2) * 10);
}

static void who_is_as_bad_as_the_base_is_not_cut_short(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 4, 0.5f);
	world.canary.block_ns = 60 * NS_PER_SECOND;
	world.bad_base = world.bad = 100;
	run(&world, 10);
	/* But for the first, before there is anything to compare with. */
	assert_true(world.canary.cuts <= 1);
}

static void without_evidence_it_ends_in_time(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 7, 0.5f);
	world.bad = world.bad_base = 0;
	world.canary.max_ns = 40 * BLOCK_NS;
	assert_int_equal(run(&world, 30), CANARY_UNDECIDED);
	assert_true(world.canary.ended_ns - world.canary.began_ns <= 41 * BLOCK_NS);
	assert_int_equal(world.scene.policy.policy, POLICY_FORESTALL);
	assert_int_equal(world.canary.pairs, 20);
}

static void the_share_is_never_exceeded(void **state)
{
	static const float shares[] = { 0.5f, 0.3f, 0.1f };
	struct world world;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		world_init(&world, 5, shares[i]);
		world.bad = world.bad_base = 0;
		run(&world, 50);
		assert_int_equal(world.canary.pairs, 50);
		assert_true((double)world.candidate_ticks <= (double)shares[i] * (double)world.ticks + BLOCK_NS / TICK_NS);
		assert_true((double)world.candidate_ticks >= 0.8 * (double)shares[i] * (double)world.ticks);
	}
}

/* The lot falls on either of the two blocks of a pair, and on each place of a round. */
static void lots_are_fair_and_the_seed_s(void **state)
{
	uint32_t first = 0, places[10] = { 0 }, differing = 0;
	struct world world, other;

	(void)state;
	world_init(&world, 5, 0.1f);
	world_init(&other, 6, 0.1f);
	for (uint64_t round = 0; round < 1000; round++) {
		uint32_t at = 10;

		for (uint32_t block = 0; block < 10; block++) {
			uint64_t when = world.canary.began_ns + (round * 10 + block) * BLOCK_NS + 1;
			bool is_candidate = canary_arm(&world.canary, when) == CANARY_CANDIDATE;

			assert_true(!is_candidate || at == 10);
			at = is_candidate ? block : at;
			differing += is_candidate != (canary_arm(&other.canary, when) == CANARY_CANDIDATE);
		}
		places[at]++;
		first += at < 5;
	}
	/* Nine places for a pair: its ends are hit half as often as the rest. Four standard deviations. */
	for (int i = 1; i < 9; i++)
		assert_in_range(places[i], 111 - 40, 111 + 40);
	assert_in_range(places[0] + places[9], 111 - 40, 111 + 40);
	assert_in_range(first, 500 - 64, 500 + 64);
	assert_true(differing > 500);
}

static void neither_arm_comes_first_more_often(void **state)
{
	uint32_t first = 0;
	struct world world;

	(void)state;
	world_init(&world, 5, 0.5f);
	for (uint64_t round = 0; round < 1000; round++)
		first += canary_arm(&world.canary, world.canary.began_ns + round * 2 * BLOCK_NS + 1) == CANARY_CANDIDATE;
	assert_in_range(first, 500 - 64, 500 + 64);
}

static void what_was_not_seen_is_not_compared(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 9, 0.5f);
	world.bad = 0.9;
	for (int i = 0; i < 200; i++) {
		tick(&world);
		/* The mind stands still for five sixths of each block. */
		world.scene.now_ns += i % 10 ? 0 : BLOCK_NS * 5 / 6;
	}
	assert_int_equal(world.canary.pairs, 0);
	assert_int_equal(world.canary.state, CANARY_RUNS);
	/* Of each pair one block is missed altogether: those that were seen are of different rounds. */
	world_init(&world, 9, 0.5f);
	world.bad = 0.9;
	for (int block = 0; block < 100; block++) {
		for (uint32_t i = 1; i < BLOCK_NS / TICK_NS; i++)
			tick(&world);
		world.scene.now_ns += BLOCK_NS + TICK_NS;
	}
	assert_int_equal(world.canary.pairs, 0);
}

static void orders_that_cannot_be_meant_change_nothing(void **state)
{
	struct canary_order order = { .policy = POLICY_REACTIVE, .share = 0.1f, .block_ns = BLOCK_NS, .max_ns = 100 * BLOCK_NS }, bad;
	struct canary canary = { 0 }, untouched = { 0 };
	struct plan_policy policy;

	(void)state;
	plan_policy_init(&policy);
	bad = order, bad.policy = POLICY_FORESTALL;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -EINVAL);
	bad = order, bad.policy = POLICY_COUNT;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -EINVAL);
	bad = order, bad.share = 0.6f;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -EINVAL);
	bad = order, bad.share = 0.0f / 0.0f;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -EINVAL);
	bad = order, bad.block_ns = 5;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -EINVAL);
	bad = order, bad.kind = CANARY_ORDER_BACK, bad.policy = POLICY_FORESTALL;
	assert_int_equal(canary_order(&canary, &policy, &bad, 1), -ENOENT);
	assert_memory_equal(&canary, &untouched, sizeof(canary));
	assert_int_equal(canary_order(&canary, &policy, &order, 1), 0);
	assert_int_equal(canary_order(&canary, &policy, &order, 2), -EBUSY);
}

static void the_operator_takes_it_back(void **state)
{
	struct canary_order back = { .kind = CANARY_ORDER_BACK, .policy = POLICY_FORESTALL };
	struct canary_order again = { .policy = POLICY_HEADROOM, .share = 0.5f, .block_ns = BLOCK_NS, .max_ns = 100 * BLOCK_NS };
	struct world world;

	(void)state;
	world_init(&world, 3, 0.5f);
	world.bad_base = 0.9;
	world.bad = 0;
	assert_int_equal(run(&world, 30), CANARY_PROMOTED);
	assert_int_equal(canary_order(&world.canary, &world.scene.policy, &back, world.scene.now_ns), 0);
	assert_int_equal(world.canary.state, CANARY_STOPPED);
	assert_int_equal(world.scene.policy.policy, POLICY_FORESTALL);
	assert_int_equal(canary_order(&world.canary, &world.scene.policy, &back, world.scene.now_ns), -ENOENT);
	/* Of two promotions it takes back both, of a canary beside one that was promoted first the canary. */
	world.scene.policy.policy = POLICY_REACTIVE;
	assert_int_equal(canary_order(&world.canary, &world.scene.policy, &again, world.scene.now_ns), 0);
	assert_int_equal(canary_order(&world.canary, &world.scene.policy, &back, world.scene.now_ns), 0);
	assert_int_equal(world.scene.policy.policy, POLICY_REACTIVE);
	assert_int_equal(canary_order(&world.canary, &world.scene.policy, &back, world.scene.now_ns), 0);
	assert_int_equal(world.scene.policy.policy, POLICY_FORESTALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worse_policy_is_rolled_back_within_thirty_pairs),
		cmocka_unit_test(a_better_policy_is_promoted_and_rules),
		cmocka_unit_test(better_at_the_cost_of_others_is_not_better),
		cmocka_unit_test(of_two_that_are_equal_neither_is_promoted),
		cmocka_unit_test(a_block_that_is_far_worse_is_cut_short),
		cmocka_unit_test(who_is_as_bad_as_the_base_is_not_cut_short),
		cmocka_unit_test(without_evidence_it_ends_in_time),
		cmocka_unit_test(the_share_is_never_exceeded),
		cmocka_unit_test(lots_are_fair_and_the_seed_s),
		cmocka_unit_test(neither_arm_comes_first_more_often),
		cmocka_unit_test(what_was_not_seen_is_not_compared),
		cmocka_unit_test(orders_that_cannot_be_meant_change_nothing),
		cmocka_unit_test(the_operator_takes_it_back),
	};

	return cmocka_run_group_tests_name("canary", tests, NULL, NULL);
}
