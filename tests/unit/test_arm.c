/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dangers left alone by lot: only what is foreseen, never what is measured, never memory, the same each time. */
#include "plan_scene.h"

#define EPISODES 2000

static void foreseen_scene(struct stage *scene, float no_action)
{
	scene_init(scene);
	scene->policy.no_action = no_action;
	scene->policy.seed = 42;
	scene->server.cgroup_id = 77;
}

/* One danger that is foreseen for three ticks, then calm until it is over. True when nothing was done in all of it. */
static bool episode(struct stage *scene)
{
	uint32_t left_alone = 0, acted = 0;

	scene->server.need[RESOURCE_CPU].risk = 0.9f;
	for (int i = 0; i < 3; i++) {
		scene_tick(scene);
		left_alone += scene->plan.arm_count;
		acted += scene->plan.count > 0;
		assert_int_equal(scene->plan.arm_count + (scene->plan.count > 0), 1);
	}
	assert_true(left_alone == 0 || acted == 0);
	scene->server.need[RESOURCE_CPU].risk = 0;
	scene->batch.need[RESOURCE_CPU].demand = 0;
	for (int i = 0; i < 30; i++)
		scene_tick(scene);
	assert_int_equal(scene->plan.count, 0);
	scene->batch.need[RESOURCE_CPU].demand = 1;
	return left_alone > 0;
}

static void the_share_left_alone_is_the_one_asked_for(void **state)
{
	struct stage scene;
	int left_alone = 0;

	(void)state;
	foreseen_scene(&scene, 0.2f);
	for (int i = 0; i < EPISODES; i++)
		left_alone += episode(&scene);
	/* Four standard deviations of a binomial. */
	assert_in_range(left_alone, 400 - 72, 400 + 72);
}

static void nobody_is_left_alone_unless_it_was_asked_for(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_scene(&scene, 0);
	for (int i = 0; i < 100; i++)
		assert_false(episode(&scene));
}

static void the_same_seed_draws_the_same_lots(void **state)
{
	struct stage a, b, other;
	int differing = 0;

	(void)state;
	foreseen_scene(&a, 0.5f);
	foreseen_scene(&b, 0.5f);
	foreseen_scene(&other, 0.5f);
	other.policy.seed = 43;
	for (int i = 0; i < 64; i++) {
		bool is_alone = episode(&a);

		assert_int_equal(is_alone, episode(&b));
		differing += is_alone != episode(&other);
	}
	assert_true(differing > 0);
}

static void who_is_left_alone_is_noted_with_its_risk(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_scene(&scene, 1);
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.arm_count, 1);
	assert_int_equal(scene.plan.arm[0].slot, 1);
	assert_int_equal(scene.plan.arm[0].resource, RESOURCE_CPU);
	assert_true(scene.plan.arm[0].risk == 0.9f);
}

static void a_reflex_helps_who_was_left_alone(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_scene(&scene, 1);
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.action[0].reason, REASON_REFLEX);
	/* And from then on the episode is one that is acted upon. */
	scene.server.need[RESOURCE_CPU].bad = 0;
	scene_tick(&scene);
	assert_int_equal(scene.plan.action[0].reason, REASON_FORESIGHT);
	assert_int_equal(scene.plan.arm_count, 0);
}

static void memory_is_never_left_alone(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_scene(&scene, 1);
	scene.batch.need[RESOURCE_MEMORY] = (struct plan_need){ .demand = 400e6f, .demand_high = 400e6f, .bad = -1 };
	scene.server.need[RESOURCE_MEMORY].risk = 0.9f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.arm_count, 0);
	assert_non_null(action_of(&scene, 2, KNOB_MEMORY_HIGH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_left_alone_is_the_one_asked_for),
		cmocka_unit_test(nobody_is_left_alone_unless_it_was_asked_for),
		cmocka_unit_test(the_same_seed_draws_the_same_lots),
		cmocka_unit_test(who_is_left_alone_is_noted_with_its_risk),
		cmocka_unit_test(a_reflex_helps_who_was_left_alone),
		cmocka_unit_test(memory_is_never_left_alone),
	};

	return cmocka_run_group_tests_name("arm", tests, NULL, NULL);
}
