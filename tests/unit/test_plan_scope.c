/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories with limits of their own: what is scarce below them. */
#include "plan_scene.h"

/* /app may use half a CPU, of which the server and its sibling want more; /other has the rest of the host. */
static void scene_scoped(struct stage *scene, struct plan_scope *scope)
{
	scene_init(scene);
	*scope = (struct plan_scope){ .path = "/app", .capacity = { [RESOURCE_CPU] = 0.5f }, .memory_free = -1 };
	scene->host.capacity[RESOURCE_CPU] = 8;
	scene->host.scopes = scope;
	scene->host.scope_count = 1;
	scene->server.need[RESOURCE_CPU].bad = 1;
	scene->stranger = view_make(3, TIER_BEST_EFFORT, "/other/batch");
	scene->stranger.need[RESOURCE_CPU] = (struct plan_need){ .demand = 2, .demand_high = 2, .bad = -1 };
}

static void what_is_scarce_below_a_limit_is_not_taken_from_outside(void **state)
{
	struct plan_scope scope;
	struct stage scene;

	(void)state;
	scene_scoped(&scene, &scope);
	for (int i = 0; i < 20; i++)
		scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	/* Half a CPU, a tenth of headroom, .35 reserved for the server: .1 of a period of 10 ms. */
	assert_in_range(action_of(&scene, 2, KNOB_CPU_MAX)->value, 999, 1001);
	assert_null(action_of(&scene, 3, KNOB_CPU_MAX));
	scene.batch.need[RESOURCE_CPU] = (struct plan_need){ .bad = -1 };
	scene.server.need[RESOURCE_CPU].demand = 0.5f;
	for (int i = 0; i < 20; i++)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void a_limit_that_is_far_away_does_not_matter(void **state)
{
	struct plan_scope scope;
	struct stage scene;

	(void)state;
	scene_scoped(&scene, &scope);
	scope.capacity[RESOURCE_CPU] = 4;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&scene, 3, KNOB_CPU_MAX));
	scope.path = "/elsewhere";
	scope.capacity[RESOURCE_CPU] = 0.1f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 3, KNOB_CPU_MAX));
}

/* Its own limit is nobody else's fault. */
static void who_is_held_back_by_its_own_limit_takes_from_nobody(void **state)
{
	struct plan_scope scope;
	struct stage scene;

	(void)state;
	scene_scoped(&scene, &scope);
	scope.path = "/app/server";
	scope.capacity[RESOURCE_CPU] = 0.3f;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

/* Two are in danger: one below the limit, one on the host. Each giver has one action, with the smaller value. */
static void limits_for_two_scopes_are_one_action_with_the_smaller_value(void **state)
{
	struct plan_scope scope;
	struct stage scene;

	(void)state;
	scene_scoped(&scene, &scope);
	scene.policy.step[RESOURCE_CPU] = 1;
	scene.host.capacity[RESOURCE_CPU] = 1;
	scene.batch.path = "/app/group/batch";
	scene.stranger = view_make(3, TIER_CRITICAL, "/other/server");
	scene.stranger.is_bound = true;
	scene.stranger.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.2f, .demand_high = 0.2f, .bad = 1 };
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	assert_in_range(action_of(&scene, 2, KNOB_CPU_MAX)->value, 999, 1001);
}

static void memory_below_a_limit_is_shared_below_it(void **state)
{
	struct plan_scope scope;
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scope = (struct plan_scope){ .path = "/app", .capacity = { [RESOURCE_MEMORY] = 900e6f }, .memory_free = 10e6f };
	scene.host.scopes = &scope;
	scene.host.scope_count = 1;
	scene.host.memory_free = 900e6f;
	scene.stranger = view_make(3, TIER_BEST_EFFORT, "/other/batch");
	scene.stranger.need[RESOURCE_MEMORY].demand = 500e6f;
	scene.batch.cache_bytes = 100e6f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 500000000, 505000000);
	assert_null(action_of(&scene, 3, KNOB_MEMORY_HIGH));
}

/* 16 KiB requests cost twice their bytes: 2 MB/s of them is 4 MB/s, 100 of them a second are 3.3 MB/s. */
static void disk_below_a_limit_is_shared_below_it(void **state)
{
	struct plan_scope scope = { .path = "/app", .memory_free = -1, .io_bps = 2e6f };
	struct stage scene;

	(void)state;
	scene_hurt(&scene, RESOURCE_IO, 4e6f);
	scene.server.need[RESOURCE_IO].demand = scene.server.need[RESOURCE_IO].demand_high = 0.5e6f;
	scene.host.scopes = &scope;
	scene.host.scope_count = 1;
	scene.batch.has = scene.stranger.has = 0xff & ~(1u << OBSERVE_HAS_IO_WEIGHT);
	scene.stranger = view_make(3, TIER_BEST_EFFORT, "/other/batch");
	scene.stranger.need[RESOURCE_IO].demand = 50e6f;
	scene_tick(&scene);
	/* 70 % of 4 MB/s less the server's .5 is 2.3 MB/s of cost, 70 requests. */
	assert_in_range(action_of(&scene, 2, KNOB_IO_RIOPS)->value, 69, 71);
	assert_null(action_of(&scene, 3, KNOB_IO_RIOPS));
	scope.io_iops = 100;
	for (int i = 0; i < 5; i++)
		scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_IO_RIOPS)->value, 53, 56);
	scope.io_bps = scope.io_iops = 0;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 3, KNOB_IO_RIOPS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_scarce_below_a_limit_is_not_taken_from_outside),
		cmocka_unit_test(a_limit_that_is_far_away_does_not_matter),
		cmocka_unit_test(who_is_held_back_by_its_own_limit_takes_from_nobody),
		cmocka_unit_test(limits_for_two_scopes_are_one_action_with_the_smaller_value),
		cmocka_unit_test(memory_below_a_limit_is_shared_below_it),
		cmocka_unit_test(disk_below_a_limit_is_shared_below_it),
	};

	return cmocka_run_group_tests_name("plan_scope", tests, NULL, NULL);
}
