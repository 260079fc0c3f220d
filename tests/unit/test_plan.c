/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan_scene.h"

static void nobody_in_danger_is_an_empty_plan(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void risk_alone_takes_weight_from_the_lower_tier(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_int_equal(scene.plan.action[0].reason, REASON_FORESIGHT);
	assert_int_equal(scene.plan.action[0].for_slot, 1);
}

static void waits_over_the_bound_are_a_reflex(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.action[0].reason, REASON_REFLEX);
}

static void bad_frames_have_no_foresight(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].risk = 1;
	scene.server.quality = 0.3f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void equal_and_higher_tiers_never_give(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 1;
	scene.batch.tier = TIER_CRITICAL;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void protection_outlasts_danger_while_there_is_pressure(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0;
	for (int i = 0; i < 100; i++) {
		scene_tick(&scene);
		assert_int_equal(scene.plan.count, 1);
		assert_int_equal(scene.plan.action[0].reason, REASON_HOLD);
	}
}

static void protection_ends_hold_after_the_pressure(void **state)
{
	struct stage scene;
	uint64_t calm_ns;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0;
	scene.batch.need[RESOURCE_CPU].demand = 0.2f;
	calm_ns = scene.now_ns;
	do
		scene_tick(&scene);
	while (scene.plan.count && scene.now_ns < 60 * NS_PER_SECOND);
	assert_true(scene.now_ns - calm_ns >= scene.policy.hold_ns);
	assert_true(scene.now_ns - calm_ns <= scene.policy.hold_ns + 2 * TICK_NS);
}

static void quota_comes_only_when_weights_have_not_helped(void **state)
{
	struct stage scene;
	const struct plan_action *quota;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	for (int i = 0; i < 20; i++)
		scene_tick(&scene);
	quota = action_of(&scene, 2, KNOB_CPU_MAX);
	assert_non_null(quota);
	assert_true(quota->value >= 1000 && quota->value <= quota->period_us);
	/* One CPU, a tenth of headroom, .35 reserved for the server. */
	assert_in_range(quota->value, 5000, 6000);
}

static void a_giver_that_is_no_sibling_gets_a_quota_at_once(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene_credit(&scene, RESOURCE_CPU);
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void a_giver_keeps_what_it_was_promised(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene_credit(&scene, RESOURCE_CPU);
	scene.batch.path = "/other/batch";
	scene.batch.need[RESOURCE_CPU].min = 0.8f;
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_true(action_of(&scene, 2, KNOB_CPU_MAX)->value >= 7999);
}

static void what_is_taken_at_once_comes_back_in_steps(void **state)
{
	struct stage scene;
	uint64_t before, after;

	(void)state;
	scene_init(&scene);
	scene_credit(&scene, RESOURCE_CPU);
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene.server.need[RESOURCE_CPU].demand_high = 0.8f;
	for (int i = 0; i < 3; i++)
		scene_tick(&scene);
	before = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	scene.server.need[RESOURCE_CPU].demand_high = 0.1f;
	scene_tick(&scene);
	after = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	assert_true(after > before);
	assert_true(after - before <= (uint64_t)(scene.policy.relax_per_s * 0.1f * 10000) + 1);
}

static void who_is_idle_and_stays_idle_is_left_alone(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene.batch.need[RESOURCE_CPU].demand = 0.01f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.need[RESOURCE_CPU].coming = 0.6f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
}

/* A second that has just begun shows no demand yet. */
static void a_giver_that_pauses_for_a_tick_goes_on_giving(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	scene.batch.need[RESOURCE_CPU].demand = 0.01f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	for (int i = 0; i < 11; i++)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void persistence_has_no_foresight(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].risk = 1;
	scene.server.is_persistence = true;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void a_weight_acts_against_what_lives_below_the_same_directory(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.path = "/app/group/server";
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	scene.batch.path = "/app/group/inner/batch";
	scene_tick(&scene);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
}

static void an_ancestor_of_the_protected_never_gives(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.batch.path = "/app";
	scene.server.need[RESOURCE_CPU].bad = 1;
	for (int i = 0; i < 50; i++) {
		scene_tick(&scene);
		assert_int_equal(scene.plan.count, 0);
	}
	scene.batch.path = "/ap";
	scene_tick(&scene);
	assert_true(scene.plan.count > 0);
}

static void pinning_comes_before_quota_where_the_host_allows_it(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.host.giver_cpus = 0xc;
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].bad = 1;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_CPUSET_CPUS)->value, 0xc);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	for (int i = 0; i < 20; i++)
		scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void a_knob_that_is_not_there_is_not_planned(void **state)
{
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_IO, 90e6f);
	scene.batch.has &= ~(1u << OBSERVE_HAS_IO_WEIGHT | 1u << OBSERVE_HAS_IO);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.has |= 1u << OBSERVE_HAS_IO;
	scene.batch.device = scene.server.device = 0;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	/* Before it is seen which disk it uses it is the one that the server waits for. */
	scene.server.device = 8 << 20;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_IO_RIOPS)->device, 8 << 20);
}

static void memory_is_protected_and_growth_stops_but_nothing_shrinks_without_swap(void **state)
{
	struct stage scene;
	const struct plan_action *high;

	(void)state;
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scene.batch.need[RESOURCE_MEMORY].demand_high = 900e6f;
	scene.host.memory_free = 20e6f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 1, KNOB_MEMORY_LOW)->value, 300000000, 300000000 + (32 << 20));
	high = action_of(&scene, 2, KNOB_MEMORY_HIGH);
	/* The least that the hands take. */
	assert_in_range(high->value, 571000000, 573000000);
	assert_int_equal(high->resource, RESOURCE_MEMORY);
	for (int i = 0; i < 20; i++)
		scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 571000000, 573000000);
	assert_null(action_of(&scene, 2, KNOB_MEMORY_RECLAIM));
	scene.batch.cache_bytes = 100e6f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_MEMORY_RECLAIM));
}

/* The kernel calls the page cache of the protected available. */
static void page_cache_of_the_protected_is_not_to_spare(void **state)
{
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scene.batch.cache_bytes = 100e6f;
	scene_tick(&scene);
	/* 200 MB free less .08 of headroom, and 4 MB of slack. */
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 623000000, 625000000);
	scene.server.cache_bytes = 50e6f;
	scene.server.need[RESOURCE_MEMORY].min = 320e6f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 553000000, 555000000);
	scene.batch.cache_bytes = 150e6f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 553000000, 555000000);
}

static void memory_shrinks_a_giver_only_as_far_as_there_is_swap(void **state)
{
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scene.host.memory_free = 20e6f;
	scene.host.swap_free = 1e9f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 430000000, 450000000);
}

static void io_is_limited_in_both_directions(void **state)
{
	struct stage scene;
	uint64_t first;

	(void)state;
	scene_hurt(&scene, RESOURCE_IO, 90e6f);
	scene.batch.has &= ~(1u << OBSERVE_HAS_IO_WEIGHT);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 4);
	/* 100 MB/s less .3 of headroom and 20 MB/s for the server, 32 KiB of cost a request. */
	first = action_of(&scene, 2, KNOB_IO_RIOPS)->value;
	assert_in_range(first, 1500, 1530);
	assert_in_range(action_of(&scene, 2, KNOB_IO_WBPS)->value, first * 16384, (first + 1) * 16384);
	assert_int_equal(action_of(&scene, 2, KNOB_IO_RBPS)->device, 7 << 20);
}

/* A second in which `served` was done and the server was over its bound, or not. */
static void scene_second(struct stage *scene, enum resource resource, float bad, float served)
{
	scene->server.need[resource].bad = bad;
	for (int i = 0; i < 10; i++) {
		scene->host.is_second = i == 9;
		scene->host.served[resource] = served;
		scene_tick(scene);
	}
}

static uint64_t requests_left(const struct stage *scene) { return action_of(scene, 2, KNOB_IO_RIOPS)->value; }

/* The disk is said to do 100 MB/s, but already at 60 the server suffers. */
static void what_hurts_is_shared_and_not_what_was_ever_seen(void **state)
{
	struct stage scene;
	uint64_t after_one, after_two;

	(void)state;
	scene_hurt(&scene, RESOURCE_IO, 40e6f);
	scene.batch.has &= ~(1u << OBSERVE_HAS_IO_WEIGHT);
	scene_second(&scene, RESOURCE_IO, 0.5f, 60e6f);
	/* 60 less .3 of headroom and 20 MB/s for the server are 22 MB/s. */
	after_one = requests_left(&scene);
	assert_in_range(after_one, 660, 680);
	scene_second(&scene, RESOURCE_IO, 0.5f, 60e6f);
	after_two = requests_left(&scene);
	/* It used up its limit and the server still suffers, but the limit was not there for all of the second: one more. */
	scene_second(&scene, RESOURCE_IO, 0.5f, 52e6f);
	assert_true(after_two <= after_one && requests_left(&scene) < after_two * 9 / 10);
	/* Protection ends, and the next one starts where this one ended. */
	after_two = requests_left(&scene);
	scene.batch.need[RESOURCE_IO] = (struct plan_need){ .demand = 1e6f, .bad = -1 };
	for (int i = 0; i < 5; i++)
		scene_second(&scene, RESOURCE_IO, 0, 11e6f);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.need[RESOURCE_IO] = (struct plan_need){ .demand = 40e6f, .demand_high = 40e6f, .bad = -1 };
	scene.server.need[RESOURCE_IO].bad = 0.5f;
	scene_tick(&scene);
	assert_in_range(requests_left(&scene), after_two - 20, after_two + 20);
}

static void who_uses_up_its_limit_still_presses(void **state)
{
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_NET, 9e6f);
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_NET_EGRESS)->value, 4900000, 5100000);
	scene.server.need[RESOURCE_NET].bad = 0;
	scene.batch.need[RESOURCE_NET].demand = scene.batch.need[RESOURCE_NET].demand_high = 5e6f;
	for (int i = 0; i < 100; i++)
		scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_NET_EGRESS));
	scene.batch.need[RESOURCE_NET].demand = scene.batch.need[RESOURCE_NET].demand_high = 1e6f;
	for (int i = 0; i < 30; i++)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void each_resource_has_its_own_danger(void **state)
{
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_NET, 9e6f);
	scene.batch.need[RESOURCE_CPU].demand = 1;
	scene_tick(&scene);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	scene.server.need[RESOURCE_CPU].risk = 1;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&scene, 2, KNOB_NET_EGRESS));
}

static void no_plan_holds_more_than_it_can(void **state)
{
	static struct plan_view view[200];
	static struct plan_view *views[200];
	struct knee knee[RESOURCE_COUNT] = { 0 };
	struct plan_disk disk[PLAN_DISKS_MAX] = { 0 };
	static struct pace pace;
	struct plan_host host = { .capacity = { 4, 1e9f, 1e8f, 1e7f }, .memory_free = -1, .knee = knee, .disk = disk,
				  .share = share_room(), .pace = &pace };
	struct plan_policy policy;
	static struct plan plan;

	(void)state;
	plan_policy_init(&policy);
	policy.changes_max = ACTIONS_MAX;
	for (uint32_t i = 0; i < 200; i++) {
		view[i] = view_make(i + 1, i ? TIER_BEST_EFFORT : TIER_CRITICAL, i ? "/batch" : "/server");
		view[i].is_bound = !i;
		view[i].need[RESOURCE_CPU] = (struct plan_need){ .demand = 1, .bad = i ? -1 : 1 };
		views[i] = &view[i];
	}
	plan_make(&policy, &host, views, 200, NS_PER_SECOND, TICK_NS, &plan);
	assert_int_equal(plan.count, ACTIONS_MAX);
	assert_int_equal(plan.cut, 199 - ACTIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_in_danger_is_an_empty_plan),
		cmocka_unit_test(risk_alone_takes_weight_from_the_lower_tier),
		cmocka_unit_test(waits_over_the_bound_are_a_reflex),
		cmocka_unit_test(bad_frames_have_no_foresight),
		cmocka_unit_test(equal_and_higher_tiers_never_give),
		cmocka_unit_test(protection_outlasts_danger_while_there_is_pressure),
		cmocka_unit_test(protection_ends_hold_after_the_pressure),
		cmocka_unit_test(quota_comes_only_when_weights_have_not_helped),
		cmocka_unit_test(a_giver_that_is_no_sibling_gets_a_quota_at_once),
		cmocka_unit_test(a_giver_keeps_what_it_was_promised),
		cmocka_unit_test(what_is_taken_at_once_comes_back_in_steps),
		cmocka_unit_test(who_is_idle_and_stays_idle_is_left_alone),
		cmocka_unit_test(a_giver_that_pauses_for_a_tick_goes_on_giving),
		cmocka_unit_test(persistence_has_no_foresight),
		cmocka_unit_test(a_weight_acts_against_what_lives_below_the_same_directory),
		cmocka_unit_test(an_ancestor_of_the_protected_never_gives),
		cmocka_unit_test(pinning_comes_before_quota_where_the_host_allows_it),
		cmocka_unit_test(a_knob_that_is_not_there_is_not_planned),
		cmocka_unit_test(memory_is_protected_and_growth_stops_but_nothing_shrinks_without_swap),
		cmocka_unit_test(page_cache_of_the_protected_is_not_to_spare),
		cmocka_unit_test(memory_shrinks_a_giver_only_as_far_as_there_is_swap),
		cmocka_unit_test(io_is_limited_in_both_directions),
		cmocka_unit_test(what_hurts_is_shared_and_not_what_was_ever_seen),
		cmocka_unit_test(who_uses_up_its_limit_still_presses),
		cmocka_unit_test(each_resource_has_its_own_danger),
		cmocka_unit_test(no_plan_holds_more_than_it_can),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
