/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "decide/plan.h"
#include "predict/slo.h"

#define TICK_NS 100000000ull

struct scene {
	struct plan_policy policy;
	struct plan_view server, batch, stranger;
	struct plan_view *views[3];
	struct plan plan;
	uint64_t now_ns;
};

static void scene_init(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	plan_policy_init(&scene->policy);
	scene->server = (struct plan_view){ .slot = 1, .tier = TIER_CRITICAL, .parent = 9, .is_bound = true, .is_fresh = true,
					    .bad_share = 0, .demand = 0.3f, .demand_high = 0.35f, .quality = 1 };
	scene->batch = (struct plan_view){ .slot = 2, .tier = TIER_BEST_EFFORT, .parent = 9, .demand = 1, .demand_high = 1,
					   .bad_share = -1 };
	scene->stranger = (struct plan_view){ .slot = 3, .tier = TIER_CRITICAL, .parent = 9, .demand = 0.1f,
					      .bad_share = -1 };
	scene->views[0] = &scene->server;
	scene->views[1] = &scene->batch;
	scene->views[2] = &scene->stranger;
	scene->now_ns = NS_PER_SECOND;
}

static void scene_tick(struct scene *scene)
{
	scene->now_ns += TICK_NS;
	plan_make(&scene->policy, scene->views, 3, 1, scene->now_ns, TICK_NS, &scene->plan);
}

static const struct plan_action *action_of(const struct scene *scene, uint32_t slot, enum knob knob)
{
	for (uint32_t i = 0; i < scene->plan.count; i++)
		if (scene->plan.action[i].slot == slot && scene->plan.action[i].knob == knob)
			return &scene->plan.action[i];
	return NULL;
}

static void nobody_in_danger_is_an_empty_plan(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void risk_alone_takes_weight_from_the_lower_tier(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_int_equal(scene.plan.action[0].reason, REASON_FORESIGHT);
	assert_int_equal(scene.plan.action[0].for_slot, 1);
}

static void waits_over_the_bound_are_a_reflex(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 0.5f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.action[0].reason, REASON_REFLEX);
}

static void bad_frames_have_no_foresight(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.risk = 1;
	scene.server.quality = 0.3f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void equal_and_higher_tiers_never_give(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 1;
	scene.batch.tier = TIER_CRITICAL;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void protection_outlasts_danger_while_there_is_pressure(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 0.5f;
	scene_tick(&scene);
	scene.server.bad_share = 0;
	for (int i = 0; i < 100; i++) {
		scene_tick(&scene);
		assert_int_equal(scene.plan.count, 1);
		assert_int_equal(scene.plan.action[0].reason, REASON_HOLD);
	}
}

static void protection_ends_hold_after_the_pressure(void **state)
{
	struct scene scene;
	uint64_t calm_ns;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 0.5f;
	scene_tick(&scene);
	scene.server.bad_share = 0;
	scene.batch.demand = 0.2f;
	calm_ns = scene.now_ns;
	do
		scene_tick(&scene);
	while (scene.plan.count && scene.now_ns < 60 * NS_PER_SECOND);
	assert_true(scene.now_ns - calm_ns >= scene.policy.hold_ns);
	assert_true(scene.now_ns - calm_ns <= scene.policy.hold_ns + 2 * TICK_NS);
}

static void quota_comes_only_when_weights_have_not_helped(void **state)
{
	struct scene scene;
	const struct plan_action *quota;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 0.5f;
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
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.batch.parent = 10;
	scene.server.risk = 0.9f;
	scene_tick(&scene);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void a_giver_keeps_what_it_was_promised(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.batch.parent = 10;
	scene.batch.cpu_min = 0.8f;
	scene.server.risk = 0.9f;
	scene_tick(&scene);
	assert_true(action_of(&scene, 2, KNOB_CPU_MAX)->value >= 7999);
}

static void what_is_taken_at_once_comes_back_in_steps(void **state)
{
	struct scene scene;
	uint64_t before, after;

	(void)state;
	scene_init(&scene);
	scene.batch.parent = 10;
	scene.server.risk = 0.9f;
	scene.server.demand_high = 0.8f;
	scene_tick(&scene);
	before = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	scene.server.demand_high = 0.1f;
	scene_tick(&scene);
	after = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	assert_true(after > before);
	assert_true(after - before <= (uint64_t)(scene.policy.relax_per_s * 0.1f * 10000) + 1);
}

static void who_is_idle_and_stays_idle_is_left_alone(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.risk = 0.9f;
	scene.batch.demand = 0.01f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.coming = 0.6f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
}

/* A second that has just begun shows no demand yet. */
static void a_giver_that_pauses_for_a_tick_goes_on_giving(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.bad_share = 0.5f;
	scene_tick(&scene);
	scene.batch.demand = 0.01f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	for (int i = 0; i < 11; i++)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void persistence_has_no_foresight(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.server.risk = 1;
	scene.server.is_persistence = true;
	scene_tick(&scene);
	assert_int_equal(scene.plan.action[0].reason, REASON_REFLEX);
}

static void no_plan_holds_more_than_it_can(void **state)
{
	static struct plan_view view[200];
	static struct plan_view *views[200];
	struct plan_policy policy;
	static struct plan plan;

	(void)state;
	plan_policy_init(&policy);
	for (uint32_t i = 0; i < 200; i++) {
		view[i] = (struct plan_view){ .slot = i + 1, .tier = i ? TIER_BEST_EFFORT : TIER_CRITICAL, .is_bound = !i,
					      .bad_share = i ? -1 : 1, .demand = 1 };
		views[i] = &view[i];
	}
	plan_make(&policy, views, 200, 4, NS_PER_SECOND, TICK_NS, &plan);
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
		cmocka_unit_test(no_plan_holds_more_than_it_can),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
