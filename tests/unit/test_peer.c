/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The published policies: by their own figures, second for second. */
#include "plan_scene.h"

#include <math.h>

#include "decide/peer.h"
#include "decide/policy.h"

#define TICKS 10

struct bench {
	struct stage scene;
	struct peer peer[4];
	double oncpu_ns[4];
};

static void bench_init(struct bench *bench, enum policy policy)
{
	memset(bench, 0, sizeof(*bench));
	scene_init(&bench->scene);
	bench->scene.policy.policy = policy;
	bench->scene.host.peer = bench->peer;
	bench->scene.batch.cgroup_id = 7;
	bench->scene.server.cgroup_id = 8;
}

/* A second in which the batch used so many CPUs, and was throttled in so many of its ticks. */
static void second(struct bench *bench, double cpus, uint32_t throttled)
{
	struct stage *scene = &bench->scene;

	for (uint32_t i = 0; i < TICKS; i++) {
		bench->oncpu_ns[2] += cpus * (double)TICK_NS;
		scene->batch.oncpu_ns = (uint64_t)bench->oncpu_ns[2];
		scene->batch.throttled_ns += i < throttled ? 1000 : 0;
		scene->host.is_second = i == TICKS - 1;
		scene_tick(scene);
	}
}

static double limit(struct bench *bench, uint32_t slot, enum knob knob)
{
	const struct plan_action *action = action_of(&bench->scene, slot, knob);

	assert_non_null(action);
	return knob == KNOB_CPU_MAX ? (double)action->value / (double)action->period_us : (double)action->value;
}

static void stall(struct bench *bench, float share, uint32_t seconds)
{
	bench->scene.batch.need[RESOURCE_MEMORY].stalled = share;
	while (seconds--)
		second(bench, 0, 0);
}

static void senpai_tightens_by_a_hundredth_and_widens_by_the_square(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_SENPAI);
	bench.scene.batch.need[RESOURCE_MEMORY].demand = 200e6f;
	stall(&bench, 0, 6);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 200e6, 64);
	stall(&bench, 0, 1);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 198e6, 64);
	stall(&bench, 0, 5);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 198e6, 64);
	/* Ten times the stall that it aims at is a quarter of the widest step, and it does not wait. */
	stall(&bench, 0.1f, 1);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 198e6 * 1.25, 1000);
	stall(&bench, 1, 1);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 198e6 * 2.5, 1000);
	assert_int_equal(bench.scene.plan.count, 1);
	assert_int_equal(bench.scene.plan.action[0].reason, REASON_LIMIT);
}

static void senpai_keeps_what_a_giver_keeps(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_SENPAI);
	bench.scene.batch.need[RESOURCE_MEMORY].demand = 10e6f;
	stall(&bench, 0, 8);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), bench.scene.policy.giver_min[RESOURCE_MEMORY], 1);
}

static void vpa_takes_the_ninetieth_percentile_and_a_margin(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_VPA);
	bench.scene.batch.need[RESOURCE_MEMORY].demand = 100e6f;
	for (int i = 0; i < 85; i++)
		second(&bench, 0.1, 0);
	/* A bucket's upper end is at most 5 % and its width off. */
	assert_in_range(limit(&bench, 2, KNOB_CPU_MAX) * 1e3, 1150 * 0.1, 1150 * 0.12);
	for (int i = 0; i < 15; i++)
		second(&bench, 0.5, 0);
	assert_in_range(limit(&bench, 2, KNOB_CPU_MAX) * 1e3, 1150 * 0.5, 1150 * 0.55);
	bench.scene.batch.need[RESOURCE_MEMORY].demand = 50e6f;
	second(&bench, 0.5, 0);
	assert_float_equal(limit(&bench, 2, KNOB_MEMORY_HIGH), 115e6, 100);
}

static void captain_goes_down_to_what_is_used_and_a_margin(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_CAPTAIN);
	second(&bench, 0.4, 0);
	/* At most halved in a second. */
	assert_in_range(limit(&bench, 2, KNOB_CPU_MAX) * 1e3, 500, 1000);
	for (int i = 0; i < 12; i++)
		second(&bench, 0.4, 0);
	assert_float_equal(limit(&bench, 2, KNOB_CPU_MAX), 0.5, 0.11);
}

static void captain_takes_a_wrong_step_back_at_once(void **state)
{
	struct bench bench;
	const struct peer *peer = &bench.peer[2];
	double down, before;

	(void)state;
	bench_init(&bench, POLICY_CAPTAIN);
	bench.scene.batch.is_bound = true;
	bench.scene.batch.quota = 1;
	for (int i = 0; i < 20 && !peer->is_down; i++)
		second(&bench, 0.2, 0);
	assert_true(peer->is_down);
	down = limit(&bench, 2, KNOB_CPU_MAX);
	before = (double)peer->before;
	assert_true(down < before);
	/* One throttled tick, and not at the second's end. */
	bench.scene.batch.throttled_ns += 1000;
	bench.scene.host.is_second = false;
	scene_tick(&bench.scene);
	assert_float_equal(limit(&bench, 2, KNOB_CPU_MAX), fmin(2 * before - down, 1), 1e-3);
}

static void captain_widens_while_it_throttles(void **state)
{
	struct bench bench;
	double before;

	(void)state;
	bench_init(&bench, POLICY_CAPTAIN);
	bench.scene.batch.is_bound = true;
	bench.scene.batch.quota = 0.3f;
	second(&bench, 0.3, 0);
	before = limit(&bench, 2, KNOB_CPU_MAX);
	second(&bench, 0.3, 5);
	/* By what half of the ticks is over three times the target. */
	assert_float_equal(limit(&bench, 2, KNOB_CPU_MAX), before * (1 + 0.5 - 0.06), 1e-3);
}

static void a_bound_instance_has_only_its_own_quota_moved(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_CAPTAIN);
	second(&bench, 0.4, 0);
	assert_null(action_of(&bench.scene, 1, KNOB_CPU_MAX));
	bench_init(&bench, POLICY_CAPTAIN);
	bench.scene.server.quota = 0.5f;
	bench.scene.server.need[RESOURCE_CPU].min = 0.45f;
	for (int i = 0; i < 20; i++)
		second(&bench, 0.4, 0);
	assert_float_equal(limit(&bench, 1, KNOB_CPU_MAX), 0.45, 1e-3);
}

static void nobody_is_limited_for_nobodys_sake(void **state)
{
	struct bench bench;

	(void)state;
	for (uint32_t policy = POLICY_SENPAI; policy <= POLICY_CAPTAIN; policy++) {
		bench_init(&bench, (enum policy)policy);
		bench.scene.server.is_bound = false;
		second(&bench, 0.4, 0);
		assert_int_equal(bench.scene.plan.count, 0);
	}
}

static void another_cgroup_starts_anew(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, POLICY_CAPTAIN);
	for (int i = 0; i < 9; i++)
		second(&bench, 0.2, 0);
	assert_true(limit(&bench, 2, KNOB_CPU_MAX) < 0.9);
	bench.scene.batch.cgroup_id++;
	bench.scene.batch.oncpu_ns = 0;
	bench.oncpu_ns[2] = 0;
	scene_tick(&bench.scene);
	assert_float_equal(limit(&bench, 2, KNOB_CPU_MAX), 1, 0.51);
	assert_true(bench.peer[2].limit > 0.45f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senpai_tightens_by_a_hundredth_and_widens_by_the_square),
		cmocka_unit_test(senpai_keeps_what_a_giver_keeps),
		cmocka_unit_test(vpa_takes_the_ninetieth_percentile_and_a_margin),
		cmocka_unit_test(captain_goes_down_to_what_is_used_and_a_margin),
		cmocka_unit_test(captain_takes_a_wrong_step_back_at_once),
		cmocka_unit_test(captain_widens_while_it_throttles),
		cmocka_unit_test(a_bound_instance_has_only_its_own_quota_moved),
		cmocka_unit_test(nobody_is_limited_for_nobodys_sake),
		cmocka_unit_test(another_cgroup_starts_anew),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
