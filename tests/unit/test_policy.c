/* SPDX-License-Identifier: GPL-2.0-or-later */
/* By what each policy knows danger, and what it may then use. */
#include "plan_scene.h"

#include "decide/policy.h"

static void scene_under(struct stage *scene, enum policy policy)
{
	scene_init(scene);
	scene->policy.policy = policy;
}

static uint32_t plan_count(struct stage *scene)
{
	scene_tick(scene);
	return scene->plan.count;
}

/* The batch uses the CPU up, nobody suffers yet, and the forecast warns. */
static void each_knows_danger_by_its_own_sign(void **state)
{
	static const struct {
		enum policy policy;
		bool by_risk, by_bad, by_stall, by_use;
	} expected[] = {
		{ POLICY_FORESTALL, true, true, false, false }, { POLICY_REACTIVE, false, true, false, false },
		{ POLICY_PRESSURE, false, false, true, false }, { POLICY_HEADROOM, true, true, true, true },
		{ POLICY_STATIC, true, true, true, true }, { POLICY_NONE, false, false, false, false },
	};
	struct stage scene;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		scene_under(&scene, expected[i].policy);
		scene.server.need[RESOURCE_CPU].risk = 0.9f;
		assert_int_equal(plan_count(&scene) > 0, expected[i].by_risk);
		scene_under(&scene, expected[i].policy);
		scene.server.need[RESOURCE_CPU].bad = 0.5f;
		assert_int_equal(plan_count(&scene) > 0, expected[i].by_bad);
		scene_under(&scene, expected[i].policy);
		scene.server.need[RESOURCE_CPU].stalled = 0.5f;
		assert_int_equal(plan_count(&scene) > 0, expected[i].by_stall);
		scene_under(&scene, expected[i].policy);
		assert_int_equal(plan_count(&scene) > 0, expected[i].by_use);
	}
}

static void what_was_violated_a_second_ago_is_measured(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].is_violated = true;
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_CPU_MAX)->reason, REASON_REFLEX);
	scene.server.is_fresh = false;
	scene.now_ns += 10 * NS_PER_SECOND;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void headroom_waits_for_use(void **state)
{
	struct stage scene;

	(void)state;
	scene_under(&scene, POLICY_HEADROOM);
	scene.batch.need[RESOURCE_CPU].demand = 0.4f;
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	assert_int_equal(plan_count(&scene), 0);
}

/* However long it is bad, and whoever is idle. */
static void standing_weights_are_weights_alone(void **state)
{
	struct stage scene;

	(void)state;
	scene_under(&scene, POLICY_STATIC);
	scene.batch.need[RESOURCE_CPU] = (struct plan_need){ .bad = -1 };
	scene.server.need[RESOURCE_CPU].bad = scene.server.need[RESOURCE_MEMORY].bad = 1;
	for (int i = 0; i < 40; i++)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 2);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&scene, 2, KNOB_IO_WEIGHT));
}

/* 200 MB are free, of which the batch takes so much in a tick. */
static enum plan_reason reason_when_it_grows(float bytes, float bad, float ends_s)
{
	struct stage scene;

	scene_init(&scene);
	scene.server.need[RESOURCE_MEMORY].bad = bad;
	scene.batch.ends_s = ends_s;
	scene.batch.need[RESOURCE_CPU] = (struct plan_need){ .bad = -1 };
	scene.batch.need[RESOURCE_MEMORY] = (struct plan_need){ .demand = 300e6f, .bad = -1 };
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.need[RESOURCE_MEMORY].demand += bytes;
	scene.host.memory_free -= bytes;
	scene_tick(&scene);
	return scene.plan.count ? scene.plan.action[0].reason : REASON_NONE;
}

static void memory_that_runs_out_within_seconds_does_not_wait_for_pressure(void **state)
{
	(void)state;
	/* Half of the growth counts in its first tick: 15 MB are 75 MB/s, 10 MB are 50. */
	assert_int_equal(reason_when_it_grows(15e6f, 0, 0), REASON_HEADROOM);
	assert_int_equal(reason_when_it_grows(10e6f, 0, 0), REASON_NONE);
	assert_int_equal(reason_when_it_grows(-15e6f, 0, 0), REASON_NONE);
	/* A batch that will be over in a second takes no more than that second's. */
	assert_int_equal(reason_when_it_grows(15e6f, 0, 1), REASON_NONE);
	assert_int_equal(reason_when_it_grows(15e6f, 0, 2.9f), REASON_HEADROOM);
	/* Nobody asked for memory to be kept. */
	assert_int_equal(reason_when_it_grows(15e6f, -1, 0), REASON_NONE);
}

static void policies_are_found_by_name(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < POLICY_COUNT; i++)
		assert_int_equal(policy_find(policy_name(i)), i);
	assert_int_equal(policy_find("best"), POLICY_COUNT);
	assert_null(policy_name(POLICY_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_knows_danger_by_its_own_sign),
		cmocka_unit_test(what_was_violated_a_second_ago_is_measured),
		cmocka_unit_test(headroom_waits_for_use),
		cmocka_unit_test(standing_weights_are_weights_alone),
		cmocka_unit_test(memory_that_runs_out_within_seconds_does_not_wait_for_pressure),
		cmocka_unit_test(policies_are_found_by_name),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
