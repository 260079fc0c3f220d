/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is held while nobody is in danger: weights of best effort, and a quota that is too small. */
#include "plan_scene.h"

#include "decide/policy.h"

static void calm_init(struct stage *scene)
{
	scene_init(scene);
	scene->policy.posture = 1;
	scene->host.is_second = true;
}

static void best_effort_beside_a_bound_holds_the_least_weight(void **state)
{
	struct stage scene;
	const struct plan_action *action;

	(void)state;
	calm_init(&scene);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 2);
	action = action_of(&scene, 2, KNOB_CPU_WEIGHT);
	assert_non_null(action);
	assert_int_equal(action->value, scene.policy.weight);
	assert_int_equal(action->reason, REASON_STANDING);
	assert_int_equal(action->for_slot, 1);
	assert_non_null(action_of(&scene, 2, KNOB_IO_WEIGHT));
	/* The predictor goes on learning under it. */
	assert_false(plan_answers(&scene.plan));
	/* Between the seconds it is remembered. */
	scene.host.is_second = false;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 2);
}

/* Each time one thing is otherwise. */
static uint32_t stands(void (*change)(struct stage *scene))
{
	struct stage scene;

	calm_init(&scene);
	change(&scene);
	scene_tick(&scene);
	return scene.plan.count;
}

static void change_tier(struct stage *scene) { scene->batch.tier = TIER_STANDARD; }
static void change_bound(struct stage *scene) { scene->server.is_bound = false; }
static void change_own_bound(struct stage *scene) { scene->batch.is_bound = true; }
static void change_directory(struct stage *scene) { scene->batch.path = "/other/batch"; }
static void change_has(struct stage *scene) { scene->batch.has = 0; }
static void change_key(struct stage *scene) { scene->policy.posture = 0; }
static void change_policy(struct stage *scene) { scene->policy.policy = POLICY_NONE; }
static void change_above(struct stage *scene) { scene->batch.path = "/app"; }

static void nobody_else_is_touched(void **state)
{
	void (*const changes[])(struct stage *) = { change_tier, change_bound, change_own_bound, change_directory, change_has,
						    change_key, change_policy, change_above };

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		assert_int_equal(stands(changes[i]), 0);
}

static void it_ends_within_a_second_of_the_bound(void **state)
{
	struct stage scene;

	(void)state;
	calm_init(&scene);
	scene_tick(&scene);
	scene.server.is_bound = false;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void danger_is_not_overwritten(void **state)
{
	struct stage scene;

	(void)state;
	calm_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_CPU_WEIGHT)->reason, REASON_REFLEX);
	assert_int_equal(action_of(&scene, 2, KNOB_IO_WEIGHT)->reason, REASON_STANDING);
	assert_true(plan_answers(&scene.plan));
	assert_int_equal(scene.plan.count, 2);
}

/* A wire of which 5 MB/s were too much for a server that sends 1. */
static void wire_init(struct stage *scene)
{
	calm_init(scene);
	scene->host.is_second = false;
	scene->knee[RESOURCE_NET] = (struct knee){ .rate = 5e6f, .is_found = true };
	scene->server.need[RESOURCE_NET].is_bound = true;
	scene->server.need[RESOURCE_NET].demand_high = 1e6f;
	scene->server.hold[RESOURCE_NET].shown = 1e6f;
}

static void what_is_known_to_hurt_is_kept_away_before_anybody_asks_for_it(void **state)
{
	struct stage scene;
	const struct plan_action *action;

	(void)state;
	wire_init(&scene);
	scene_tick(&scene);
	action = action_of(&scene, 2, KNOB_NET_EGRESS);
	assert_non_null(action);
	/* All but the headroom of 30 % and what the server wants. */
	assert_float_equal(action->value, 5e6 * 0.7 - 1e6, 1);
	assert_int_equal(action->reason, REASON_STANDING);
	/* In danger it is the same, but for the reason. */
	scene.server.need[RESOURCE_NET].bad = 0.5f;
	scene.batch.need[RESOURCE_NET].demand = 4e6f;
	scene_tick(&scene);
	assert_float_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->value, 5e6 * 0.7 - 1e6, 1);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_REFLEX);
}

static void what_stands_widens_once_a_second_and_tightens_at_once(void **state)
{
	struct stage scene;
	uint64_t before;
	uint32_t changes = 0;

	(void)state;
	wire_init(&scene);
	scene_tick(&scene);
	before = action_of(&scene, 2, KNOB_NET_EGRESS)->value;
	scene.knee[RESOURCE_NET].rate = 50e6f;
	for (int i = 0; i < 20; i++) {
		scene.host.is_second = i % 10 == 9;
		scene_tick(&scene);
		changes += action_of(&scene, 2, KNOB_NET_EGRESS)->value != before;
		before = action_of(&scene, 2, KNOB_NET_EGRESS)->value;
	}
	assert_int_equal(changes, 2);
	scene.host.is_second = false;
	scene.knee[RESOURCE_NET].rate = 5e6f;
	scene_tick(&scene);
	assert_true(action_of(&scene, 2, KNOB_NET_EGRESS)->value < before / 2);
}

static void change_knee(struct stage *scene) { scene->knee[RESOURCE_NET].is_found = false; }
static void change_use(struct stage *scene) { scene->server.hold[RESOURCE_NET].shown = 0.001e6f; }
static void change_sli(struct stage *scene) { scene->server.need[RESOURCE_NET].is_bound = false; }

static void limits_stand_for_nobody_elses_sake(void **state)
{
	void (*const changes[])(struct stage *) = { change_knee, change_use, change_sli, change_tier, change_own_bound, change_key,
						    change_policy, change_above };
	struct stage scene;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		wire_init(&scene);
		changes[i](&scene);
		scene_tick(&scene);
		assert_null(action_of(&scene, 2, KNOB_NET_EGRESS));
	}
}

/* A server that may use 0.8 CPUs by its annotation and 0.4 by its own cpu.max. */
static void quota_init(struct stage *scene, float demand)
{
	scene_init(scene);
	scene->batch.need[RESOURCE_CPU] = (struct plan_need){ .bad = -1 };
	scene->server.need[RESOURCE_CPU] = (struct plan_need){ .demand = demand, .demand_high = demand, .max = 0.8f, .most = 0.8f };
	scene->server.quota = 0.4f;
}

static void a_quota_is_lifted_to_what_is_granted(void **state)
{
	struct stage scene;
	const struct plan_action *action;

	(void)state;
	quota_init(&scene, 0.31f);
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.server.need[RESOURCE_CPU].demand = 0.33f;
	scene_tick(&scene);
	action = action_of(&scene, 1, KNOB_CPU_MAX);
	assert_non_null(action);
	assert_int_equal(action->value, 8000);
	assert_int_equal(action->period_us, 10000);
	assert_int_equal(action->reason, REASON_HEADROOM);
	assert_int_equal(scene.plan.count, 1);
	/* What it works on at once cannot use more. */
	scene.server.need[RESOURCE_CPU].most = 0.5f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 1, KNOB_CPU_MAX)->value, 5000);
}

static void a_quota_is_lifted_before_it_is_needed(void **state)
{
	struct stage scene;

	(void)state;
	quota_init(&scene, 0.2f);
	scene.server.need[RESOURCE_CPU].demand_high = 0.5f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 1, KNOB_CPU_MAX)->reason, REASON_FORESIGHT);
	quota_init(&scene, 0.2f);
	scene.server.need[RESOURCE_CPU].demand_high = 0.5f;
	scene.server.is_persistence = true;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void a_quota_falls_back_when_less_is_needed(void **state)
{
	struct stage scene;
	uint32_t held = 0;

	(void)state;
	quota_init(&scene, 0.5f);
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
	/* What is measured now is our own. */
	scene.server.quota = 0.8f;
	for (int i = 0; i < 100; i++)
		scene_tick(&scene);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
	scene.server.need[RESOURCE_CPU].demand = scene.server.need[RESOURCE_CPU].demand_high = 0.2f;
	for (; held < 100 && action_of(&scene, 1, KNOB_CPU_MAX); held++)
		scene_tick(&scene);
	assert_in_range(held, scene.policy.hold_ns / TICK_NS, scene.policy.hold_ns / TICK_NS + 2);
}

/* It is read once a second: what is still told is the limit that was let go. */
static void a_quota_that_fell_back_is_lifted_again_at_once(void **state)
{
	struct stage scene;

	(void)state;
	quota_init(&scene, 0.5f);
	scene_tick(&scene);
	scene.server.quota = 0.8f;
	scene.server.need[RESOURCE_CPU].demand = scene.server.need[RESOURCE_CPU].demand_high = 0.2f;
	for (int i = 0; i < 100 && action_of(&scene, 1, KNOB_CPU_MAX); i++)
		scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	scene.server.need[RESOURCE_CPU].demand = 0.36f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
	/* Told for longer it is what somebody has given it. */
	scene.server.need[RESOURCE_CPU].demand = 0.2f;
	for (int i = 0; i < 100; i++)
		scene_tick(&scene);
	scene.server.need[RESOURCE_CPU].demand = 0.36f;
	scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
}

static void a_quota_without_a_grant_stays(void **state)
{
	struct stage scene;

	(void)state;
	quota_init(&scene, 0.5f);
	scene.server.need[RESOURCE_CPU].max = 0;
	scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	quota_init(&scene, 0.5f);
	scene.server.is_bound = false;
	scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	quota_init(&scene, 0.5f);
	scene.policy.policy = POLICY_NONE;
	scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
}

static void other_policies_lift_it_when_they_know_of_the_danger(void **state)
{
	struct stage scene;

	(void)state;
	quota_init(&scene, 0.5f);
	scene.policy.policy = POLICY_REACTIVE;
	scene_tick(&scene);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_effort_beside_a_bound_holds_the_least_weight),
		cmocka_unit_test(nobody_else_is_touched),
		cmocka_unit_test(it_ends_within_a_second_of_the_bound),
		cmocka_unit_test(danger_is_not_overwritten),
		cmocka_unit_test(what_is_known_to_hurt_is_kept_away_before_anybody_asks_for_it),
		cmocka_unit_test(what_stands_widens_once_a_second_and_tightens_at_once),
		cmocka_unit_test(limits_stand_for_nobody_elses_sake),
		cmocka_unit_test(a_quota_is_lifted_to_what_is_granted),
		cmocka_unit_test(a_quota_is_lifted_before_it_is_needed),
		cmocka_unit_test(a_quota_falls_back_when_less_is_needed),
		cmocka_unit_test(a_quota_that_fell_back_is_lifted_again_at_once),
		cmocka_unit_test(a_quota_without_a_grant_stays),
		cmocka_unit_test(other_policies_lift_it_when_they_know_of_the_danger),
	};

	return cmocka_run_group_tests_name("posture", tests, NULL, NULL);
}
