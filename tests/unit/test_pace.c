/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan_scene.h"

#include <stdlib.h>

#include "decide/peer.h"
#include "decide/policy.h"

/* A server and many that use the CPU beside it. */
struct crowd {
	struct stage stage;
	struct plan_view *view, **views;
	struct share share;
	uint32_t count;
};

static void crowd_init(struct crowd *crowd, uint32_t count)
{
	scene_init(&crowd->stage);
	crowd->count = count;
	crowd->view = calloc(count, sizeof(*crowd->view));
	crowd->views = calloc(count, sizeof(*crowd->views));
	assert_int_equal(share_new(&crowd->share, count), 0);
	crowd->stage.host.share = &crowd->share;
	for (uint32_t i = 0; i < count; i++) {
		crowd->view[i] = view_make(i + 1, i ? TIER_BEST_EFFORT : TIER_CRITICAL, i ? "/app/batch" : "/app/server");
		crowd->view[i].cgroup_id = 1000 + i;
		crowd->view[i].is_bound = !i;
		crowd->view[i].need[RESOURCE_CPU].demand = i ? 0.5f : 0.3f;
		crowd->views[i] = &crowd->view[i];
	}
}

static void crowd_done(struct crowd *crowd)
{
	share_done(&crowd->share);
	free(crowd->view);
	free(crowd->views);
}

static bool is_in(const struct plan *plan, const struct plan_action *action)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == action->slot && plan->action[i].knob == action->knob &&
		    plan->action[i].value == action->value)
			return true;
	return false;
}

/* Writes that the hands have to do for this tick: what starts, changes or ends. */
static uint32_t crowd_tick(struct crowd *crowd)
{
	struct plan before = crowd->stage.plan, *now = &crowd->stage.plan;
	uint32_t writes = 0;

	crowd->stage.now_ns += TICK_NS;
	plan_make(&crowd->stage.policy, &crowd->stage.host, crowd->views, crowd->count, crowd->stage.now_ns, TICK_NS, now);
	for (uint32_t i = 0; i < now->count; i++)
		writes += !is_in(&before, &now->action[i]);
	for (uint32_t i = 0; i < before.count; i++) {
		struct plan_action ended = before.action[i];
		bool is_there = false;

		for (uint32_t k = 0; k < now->count; k++)
			is_there |= now->action[k].slot == ended.slot && now->action[k].knob == ended.knob;
		writes += !is_there;
	}
	return writes;
}

static void only_so_many_actions_start_and_end_in_one_tick(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_init(&crowd, 41);
	crowd.stage.policy.changes_max = 8;
	crowd.view[0].need[RESOURCE_CPU].bad = 0.5f;
	for (uint32_t tick = 1; tick <= 5; tick++) {
		assert_int_equal(crowd_tick(&crowd), 8);
		assert_int_equal(crowd.stage.plan.count, 8 * tick);
		assert_int_equal(crowd.stage.plan.waits, 40 - 8 * tick);
	}
	assert_int_equal(crowd_tick(&crowd), 0);
	/* All have nothing to do any more, and the danger is over. */
	crowd.view[0].need[RESOURCE_CPU].bad = 0;
	for (uint32_t i = 1; i < crowd.count; i++)
		crowd.view[i].need[RESOURCE_CPU].demand = 0;
	while (!crowd_tick(&crowd))
		assert_true(crowd.stage.now_ns < 60 * NS_PER_SECOND);
	assert_int_equal(crowd.stage.plan.count, 32);
	for (uint32_t left = 24; left; left -= 8) {
		assert_int_equal(crowd_tick(&crowd), 8);
		assert_int_equal(crowd.stage.plan.count, left);
	}
	crowd_done(&crowd);
}

static void what_is_left_of_one_that_is_gone_ends_at_once(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_init(&crowd, 41);
	crowd.view[0].need[RESOURCE_CPU].bad = 0.5f;
	crowd_tick(&crowd);
	crowd_tick(&crowd);
	crowd.stage.policy.changes_max = 0;
	/* Others live in the slots of a half of them now, and all but one have nothing to do. */
	for (uint32_t i = 1; i <= 20; i++) {
		crowd.view[i] = view_make(i + 1, TIER_BEST_EFFORT, "/app/other");
		crowd.view[i].cgroup_id = 2000 + i;
	}
	crowd.view[1].need[RESOURCE_CPU].demand = 0.5f;
	crowd_tick(&crowd);
	for (uint32_t i = 0; i < crowd.stage.plan.count; i++)
		assert_true(crowd.stage.plan.action[i].cgroup_id > 1020 && crowd.stage.plan.action[i].cgroup_id < 2000);
	assert_int_equal(crowd.stage.plan.count, 20);
	assert_int_equal(crowd.stage.plan.waits, 1);
	crowd_done(&crowd);
}

/* A critical one suffers on the wire, and a standard one from many CPU hogs: the CPU's turn to plan comes first. */
static void a_reflex_of_the_highest_tier_is_served_first(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_init(&crowd, 300);
	crowd.stage.policy.changes_max = 2;
	crowd.view[1].tier = TIER_STANDARD;
	crowd.view[1].path = "/app/web";
	crowd.view[1].is_bound = true;
	crowd.view[1].need[RESOURCE_CPU].bad = 0.9f;
	crowd.view[0].need[RESOURCE_NET].bad = 0.5f;
	crowd.view[299].need[RESOURCE_NET] = (struct plan_need){ .demand = 9e6f, .demand_high = 9e6f, .bad = -1 };
	assert_int_equal(crowd_tick(&crowd), 2);
	assert_non_null(action_of(&crowd.stage, 300, KNOB_NET_EGRESS));
	assert_int_equal(crowd.stage.plan.cut, 299 - ACTIONS_MAX);
	crowd_done(&crowd);
}

/* Of more than fit into a plan those stay out that want least. */
static void in_a_full_plan_the_largest_givers_are(void **state)
{
	struct crowd crowd;

	(void)state;
	crowd_init(&crowd, 200);
	crowd.stage.policy.changes_max = ACTIONS_MAX;
	crowd.view[0].need[RESOURCE_CPU].bad = 0.5f;
	crowd.view[199].need[RESOURCE_CPU].demand = 4;
	crowd.view[198].need[RESOURCE_CPU].demand = 4;
	crowd_tick(&crowd);
	assert_int_equal(crowd.stage.plan.count, ACTIONS_MAX);
	assert_non_null(action_of(&crowd.stage, 200, KNOB_CPU_WEIGHT));
	assert_non_null(action_of(&crowd.stage, 199, KNOB_CPU_WEIGHT));
	crowd_done(&crowd);
}

static void ten_thousand_annotated_are_no_more_writes_than_ten(void **state)
{
	static struct crowd crowd;

	(void)state;
	crowd_init(&crowd, 10000);
	crowd.stage.host.capacity[RESOURCE_CPU] = 4;
	crowd.stage.policy.posture = 1;
	crowd.view[0].need[RESOURCE_CPU].bad = 0.5f;
	for (int tick = 0; tick < 60; tick++) {
		if (tick == 30) {
			crowd.view[0].need[RESOURCE_CPU].bad = 0;
			for (uint32_t i = 1; i < crowd.count; i++)
				crowd.view[i].need[RESOURCE_CPU].demand = 0;
		}
		crowd.stage.host.is_second = tick % 10 == 9;
		assert_in_range(crowd_tick(&crowd), 0, crowd.stage.policy.changes_max);
		assert_true(tick != 2 || crowd.stage.plan.count == ACTIONS_MAX);
	}
	crowd_done(&crowd);
}

static uint64_t quota(struct stage *scene)
{
	scene_tick(scene);
	return action_of(scene, 2, KNOB_CPU_MAX)->value;
}

static void a_tick_takes_at_most_a_step(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.policy.step[RESOURCE_CPU] = 0.5f;
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene.server.need[RESOURCE_CPU].demand_high = 0.8f;
	/* It uses all of the CPU, and .1 is to be left. */
	assert_in_range(quota(&scene), 4999, 5000);
	assert_in_range(quota(&scene), 2499, 2500);
	assert_in_range(quota(&scene), 1249, 1250);
	assert_in_range(quota(&scene), 999, 1001);
	assert_in_range(quota(&scene), 999, 1001);
}

/* The size of requests, by which a limit in requests is told, is another in every second. */
static void what_is_not_worth_a_write_stays(void **state)
{
	struct stage scene;
	uint64_t first;

	(void)state;
	scene_hurt(&scene, RESOURCE_IO, 90e6f);
	scene.batch.has &= ~(1u << OBSERVE_HAS_IO_WEIGHT);
	scene_tick(&scene);
	first = action_of(&scene, 2, KNOB_IO_RBPS)->value;
	scene.batch.request_bytes *= 1.05f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_IO_RBPS)->value, first);
	scene.policy.churn = 0;
	scene_tick(&scene);
	assert_int_not_equal(action_of(&scene, 2, KNOB_IO_RBPS)->value, first);
}

static void limits_of_others_have_the_same_velocity(void **state)
{
	static struct peer peers[4];
	struct stage scene;
	uint64_t before, after;

	(void)state;
	scene_init(&scene);
	scene.policy.policy = POLICY_CAPTAIN;
	scene.host.peer = peers;
	scene.batch.has = 1u << OBSERVE_HAS_CPU;
	scene.batch.cgroup_id = 12;
	scene.stranger.cgroup_id = 13;
	scene_tick(&scene);
	before = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	scene.batch.need[RESOURCE_CPU].max = 0.1f;
	scene_tick(&scene);
	after = action_of(&scene, 2, KNOB_CPU_MAX)->value;
	assert_in_range(after, before / 4 - 1, before / 4 + 1);
	/* Its own idea of what is worth a write stays its own. */
	scene.batch.need[RESOURCE_CPU].max = 0;
	peers[2].limit = (float)after / 1e4f * 1.02f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_CPU_MAX)->value, after + 1, after + after / 40);
	scene.policy.changes_max = 1;
	scene.stranger.tier = TIER_BEST_EFFORT;
	peers[2].limit *= 2;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	assert_int_equal(scene.plan.waits, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_so_many_actions_start_and_end_in_one_tick),
		cmocka_unit_test(what_is_left_of_one_that_is_gone_ends_at_once),
		cmocka_unit_test(a_reflex_of_the_highest_tier_is_served_first),
		cmocka_unit_test(in_a_full_plan_the_largest_givers_are),
		cmocka_unit_test(ten_thousand_annotated_are_no_more_writes_than_ten),
		cmocka_unit_test(a_tick_takes_at_most_a_step),
		cmocka_unit_test(what_is_not_worth_a_write_stays),
		cmocka_unit_test(limits_of_others_have_the_same_velocity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
