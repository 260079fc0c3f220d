/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers of one port: who is in danger is sent less, by the plan. */
#include "plan_scene.h"

#include "act/knob.h"
#include "decide/balance.h"
#include "decide/policy.h"

#define PORTS(own) (80u << 16 | (own))

/* Three servers of port 80, the first of which listens there itself; all are calm. */
static void pool_init(struct stage *scene)
{
	scene_init(scene);
	scene->batch = view_make(2, TIER_CRITICAL, "/app/second");
	scene->stranger = view_make(3, TIER_CRITICAL, "/app/third");
	for (int i = 0; i < 3; i++) {
		scene->views[i]->is_bound = true;
		scene->views[i]->need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.2f, .demand_high = 0.2f, .is_bound = true };
	}
	scene->server.share = PORTS(8081);
	scene->batch.share = PORTS(80);
	scene->stranger.share = PORTS(8083);
}

static void ticks(struct stage *scene, double seconds)
{
	for (int i = 0; i < (int)(seconds * 10 + 0.5); i++) {
		scene->host.is_second = i % 10 == 0;
		scene_tick(scene);
	}
}

static uint64_t weight(const struct stage *scene, uint32_t slot)
{
	const struct plan_action *action = action_of(scene, slot, KNOB_NET_SHARE);

	return action ? action->value : 0;
}

static void assert_weights(const struct stage *scene, uint64_t first, uint64_t second, uint64_t third)
{
	assert_int_equal(weight(scene, 1), first);
	assert_int_equal(weight(scene, 2), second);
	assert_int_equal(weight(scene, 3), third);
}

static void pool_settle(struct stage *scene)
{
	pool_init(scene);
	ticks(scene, 20);
	assert_weights(scene, 1000, 1000, 1000);
}

static void all_that_share_a_port_have_a_weight_that_stands(void **state)
{
	struct stage scene;

	(void)state;
	pool_init(&scene);
	scene_tick(&scene);
	assert_weights(&scene, 250, 250, 250);
	/* The hands give nothing away of a port before who listens there has a share of it. */
	assert_int_equal(scene.plan.action[0].slot, 2);
	for (uint32_t i = 0; i < scene.plan.count; i++) {
		assert_int_equal(scene.plan.action[i].knob, KNOB_NET_SHARE);
		assert_int_equal(scene.plan.action[i].reason, REASON_STANDING);
	}
	assert_int_equal(action_of(&scene, 3, KNOB_NET_SHARE)->device, PORTS(8083));
	assert_false(plan_answers(&scene.plan));
	ticks(&scene, 20);
	assert_weights(&scene, 1000, 1000, 1000);
	/* Who is not annotated so is sent nobody. */
	scene.stranger.share = 0;
	scene_tick(&scene);
	assert_weights(&scene, 1000, 1000, 0);
}

static void who_is_new_begins_with_a_quarter(void **state)
{
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	scene.stranger.balance = (struct plan_balance){ 0 };
	scene_tick(&scene);
	assert_weights(&scene, 1000, 1000, 250);
	ticks(&scene, 20);
	assert_weights(&scene, 1000, 1000, 1000);
}

static void who_is_in_danger_is_sent_half_as_much_each_second(void **state)
{
	static const uint64_t by_second[] = { 500, 250, 125, 62, 62 };
	struct stage scene;
	const struct plan_action *action;

	(void)state;
	pool_settle(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	for (int i = 0; i < 5; i++) {
		scene_tick(&scene);
		assert_weights(&scene, by_second[i], 1000, 1000);
		ticks(&scene, 0.9);
	}
	/* As long as it lasts. */
	for (int i = 0; i < 50; i++) {
		scene_tick(&scene);
		assert_weights(&scene, 62, 1000, 1000);
	}
	action = action_of(&scene, 1, KNOB_NET_SHARE);
	assert_int_equal(action->reason, REASON_REFLEX);
	assert_int_equal(action->resource, RESOURCE_CPU);
	assert_int_equal(action->for_slot, 1);
	assert_true(plan_answers(&scene.plan));
	assert_int_equal(action_of(&scene, 2, KNOB_NET_SHARE)->reason, REASON_STANDING);
}

static void who_may_have_less_is_sent_less_before_it_hurts(void **state)
{
	struct plan_scope above = { .path = "/app", .slot = 9, .capacity[RESOURCE_CPU] = 0.5f };
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	scene.host.capacity[RESOURCE_CPU] = 4;
	/* Its own limit and its annotation; a quarter, and three quarters, to the step that is not too low. */
	scene.server.quota = 1;
	scene.stranger.need[RESOURCE_CPU].most = 3;
	scene_tick(&scene);
	assert_weights(&scene, 250, 1000, 841);
	assert_int_equal(action_of(&scene, 1, KNOB_NET_SHARE)->reason, REASON_STANDING);
	/* Danger comes on top, and the least is the least. */
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_weights(&scene, 125, 1000, 841);
	ticks(&scene, 3);
	assert_weights(&scene, 62, 1000, 841);
	scene.server.need[RESOURCE_CPU].bad = 0;
	/* What all of them have in common moves nothing. */
	pool_settle(&scene);
	for (int i = 0; i < 3; i++)
		scene.views[i]->quota = 0.1f;
	scene_tick(&scene);
	assert_weights(&scene, 1000, 1000, 1000);
	/* A directory counts for those below it. */
	pool_settle(&scene);
	scene.host.capacity[RESOURCE_CPU] = 1;
	scene.host.scopes = &above;
	scene.host.scope_count = 1;
	scene.server.path = "/elsewhere/first";
	scene_tick(&scene);
	assert_weights(&scene, 1000, 500, 500);
}

static void what_is_foreseen_moves_it_too(void **state)
{
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	scene.server.need[RESOURCE_CPU].risk = scene.policy.risk_act;
	scene_tick(&scene);
	assert_weights(&scene, 500, 1000, 1000);
	assert_int_equal(action_of(&scene, 1, KNOB_NET_SHARE)->reason, REASON_FORESIGHT);
	/* But not what is left alone by lot, nor under a policy that does not look ahead. */
	pool_settle(&scene);
	scene.policy.no_action = 1;
	scene.server.need[RESOURCE_CPU].risk = scene.policy.risk_act;
	ticks(&scene, 2);
	assert_weights(&scene, 1000, 1000, 1000);
	pool_settle(&scene);
	scene.policy.policy = POLICY_REACTIVE;
	scene.server.need[RESOURCE_CPU].risk = scene.policy.risk_act;
	ticks(&scene, 2);
	assert_weights(&scene, 1000, 1000, 1000);
}

static void what_ails_all_moves_nothing(void **state)
{
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	for (int i = 0; i < 3; i++)
		scene.views[i]->need[RESOURCE_CPU].bad = 0.5f;
	ticks(&scene, 10);
	assert_weights(&scene, 1000, 1000, 1000);
	assert_int_equal(action_of(&scene, 1, KNOB_NET_SHARE)->reason, REASON_STANDING);
	/* Who has no bound is in no danger. */
	pool_settle(&scene);
	scene.server.is_bound = false;
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	ticks(&scene, 2);
	assert_int_equal(weight(&scene, 1), 1000);
	/* Those of another port are nobody to send clients to. */
	pool_settle(&scene);
	scene.batch.share = 90u << 16 | 90;
	scene.stranger.share = 0;
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	ticks(&scene, 10);
	assert_int_equal(weight(&scene, 1), 1000);
}

static void danger(struct stage *scene, double seconds)
{
	scene->server.need[RESOURCE_CPU].bad = 0.5f;
	ticks(scene, seconds);
	scene->server.need[RESOURCE_CPU].bad = 0;
}

static void it_rises_slowly_to_just_below_and_later_tries_again(void **state)
{
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	danger(&scene, 0.5);
	assert_weights(&scene, 500, 1000, 1000);
	/* Three steps of two seconds after the protection has ended, the last of which waits. */
	ticks(&scene, 4.5);
	assert_in_range(weight(&scene, 1), 500, 707);
	ticks(&scene, 15);
	assert_weights(&scene, 841, 1000, 1000);
	ticks(&scene, 35);
	assert_weights(&scene, 841, 1000, 1000);
	ticks(&scene, 10);
	assert_weights(&scene, 1000, 1000, 1000);
}

static void a_danger_that_comes_again_before_it_has_risen_is_the_same_one(void **state)
{
	struct stage scene;

	(void)state;
	pool_settle(&scene);
	danger(&scene, 0.5);
	ticks(&scene, 1);
	danger(&scene, 0.5);
	assert_weights(&scene, 250, 1000, 1000);
	ticks(&scene, 30);
	assert_weights(&scene, 841, 1000, 1000);
}

static void shares_stand_under_every_policy_and_posture(void **state)
{
	(void)state;
	for (uint32_t policy = 0; policy < POLICY_COUNT; policy++)
		for (uint32_t posture = 0; posture < 2; posture++) {
			struct stage scene;
			static struct peer *peer;

			pool_init(&scene);
			peer = peer ?: calloc(256, 1 << 16);
			scene.host.peer = peer;
			scene.policy.policy = policy;
			scene.policy.posture = posture;
			ticks(&scene, 20);
			for (uint32_t slot = 1; slot <= 3; slot++)
				assert_int_equal(weight(&scene, slot), 1000);
		}
}

static void each_fourth_step_halves(void **state)
{
	(void)state;
	for (uint32_t step = 0; step + 4 <= BALANCE_STEPS; step++)
		assert_in_range(2 * balance_weight(step + 4) + 1, balance_weight(step), balance_weight(step) + 2);
	for (uint32_t step = 1; step <= BALANCE_STEPS; step++)
		assert_true(balance_weight(step) < balance_weight(step - 1) && balance_weight(step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_share_a_port_have_a_weight_that_stands),
		cmocka_unit_test(who_is_new_begins_with_a_quarter),
		cmocka_unit_test(who_is_in_danger_is_sent_half_as_much_each_second),
		cmocka_unit_test(who_may_have_less_is_sent_less_before_it_hurts),
		cmocka_unit_test(what_is_foreseen_moves_it_too),
		cmocka_unit_test(what_ails_all_moves_nothing),
		cmocka_unit_test(it_rises_slowly_to_just_below_and_later_tries_again),
		cmocka_unit_test(a_danger_that_comes_again_before_it_has_risen_is_the_same_one),
		cmocka_unit_test(shares_stand_under_every_policy_and_posture),
		cmocka_unit_test(each_fourth_step_halves),
	};

	return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
