/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is first on a wire, when that stands, and how its total is found. */
#include "plan_scene.h"

#include <math.h>

#include "decide/first.h"

#define S 1000000000ull
#define MS 1e6f

/* A wire of which 5 MB/s were too much for a server of a critical tier, beside a batch of best effort. */
static void wire_init(struct stage *scene)
{
	scene_init(scene);
	scene->policy.posture = 1;
	scene->host.is_second = true;
	scene->knee[RESOURCE_NET] = (struct knee){ .rate = 5e6f, .is_found = true };
	scene->server.need[RESOURCE_NET].is_bound = true;
	scene->server.hold[RESOURCE_NET].shown = 1e6f;
	scene->server.has &= ~(1u << OBSERVE_HAS_NETNS);
	scene->batch.has &= ~(1u << OBSERVE_HAS_NETNS);
}

/* The hands hold it, or do not; of those that they hold a second passes. */
static void second(struct stage *scene, bool is_held, bool is_violated)
{
	scene->now_ns += S - TICK_NS;
	if (is_held)
		scene->server.first.held_ns = scene->now_ns;
	scene->server.need[RESOURCE_NET].is_violated = is_violated;
	first_second(&scene->server, MS, scene->now_ns);
	scene_tick(scene);
}

static void it_is_asked_for_once_limits_stand(void **state)
{
	const struct plan_action *action;
	struct stage scene;

	(void)state;
	wire_init(&scene);
	second(&scene, false, false);
	action = action_of(&scene, 1, KNOB_NET_FIRST);
	assert_non_null(action);
	assert_in_range(action->value, 5e6 * 0.93, 5e6 * 0.95);
	assert_int_equal(action->reason, REASON_STANDING);
	assert_false(plan_answers(&scene.plan));
	/* Until the hands hold it the batch is limited by itself. */
	assert_true(action_of(&scene, 2, KNOB_NET_EGRESS)->value < 5e6 * 0.7 + 1);
	for (int s = 0; s < 8; s++)
		second(&scene, true, false);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->value, 5e6);
}

static void what_others_send_is_no_part_of_the_total(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene.server.need[RESOURCE_NET].demand = 1e6f;
	scene.host.served[RESOURCE_NET] = 3e6f;
	second(&scene, true, false);
	second(&scene, true, false);
	assert_in_range(action_of(&scene, 1, KNOB_NET_FIRST)->value, 5e6 * 0.93 - 2e6, 5e6 * 0.95 - 2e6);
	/* It comes back when they have stopped for a while. */
	scene.host.served[RESOURCE_NET] = 1e6f;
	for (int s = 0; s < 100; s++)
		second(&scene, true, false);
	assert_in_range(action_of(&scene, 1, KNOB_NET_FIRST)->value, 5e6 * 0.93, 5e6 * 0.95);
}

/* Each time one thing is otherwise. */
static bool stands(void (*change)(struct stage *scene))
{
	struct stage scene;

	wire_init(&scene);
	change(&scene);
	second(&scene, false, false);
	return action_of(&scene, 1, KNOB_NET_FIRST) != NULL;
}

static void change_nothing(struct stage *scene) { (void)scene; }
static void change_own_netns(struct stage *scene) { scene->server.has |= 1u << OBSERVE_HAS_NETNS; }
static void change_its_netns(struct stage *scene) { scene->batch.has |= 1u << OBSERVE_HAS_NETNS; }
static void change_process(struct stage *scene) { scene->server.has &= ~(1u << OBSERVE_HAS_PROCESS); }
static void change_tier(struct stage *scene) { scene->batch.tier = TIER_STANDARD; }
static void change_knee(struct stage *scene) { scene->knee[RESOURCE_NET].is_found = false; }
static void change_key(struct stage *scene) { scene->policy.posture = 0; }

static void it_is_for_those_on_one_device_alone(void **state)
{
	void (*const changes[])(struct stage *) = { change_own_netns, change_its_netns, change_process, change_tier, change_knee, change_key };

	(void)state;
	assert_true(stands(change_nothing));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		assert_false(stands(changes[i]));
}

static void while_it_is_held_dangers_are_its_own_matter_unless_it_does_not_help(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene.batch.need[RESOURCE_NET].demand = 4e6f;
	scene.server.need[RESOURCE_NET].bad = 0.5f;
	second(&scene, true, true);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_STANDING);
	for (int s = 0; s < 3; s++)
		second(&scene, true, true);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_REFLEX);
	assert_non_null(action_of(&scene, 1, KNOB_NET_FIRST));
	for (int s = 0; s < 5; s++)
		second(&scene, true, true);
	assert_null(action_of(&scene, 1, KNOB_NET_FIRST));
}

static void who_cannot_have_it_is_not_asked_about_all_the_time(void **state)
{
	struct stage scene;
	int asked = 0;

	(void)state;
	wire_init(&scene);
	for (int s = 0; s < 600; s++) {
		second(&scene, false, false);
		asked += action_of(&scene, 1, KNOB_NET_FIRST) != NULL;
	}
	assert_in_range(asked, 4, 8);
	for (int s = 0; s < 20; s++) {
		second(&scene, false, false);
		asked += action_of(&scene, 1, KNOB_NET_FIRST) != NULL;
	}
	assert_in_range(asked, 8, 16);
}

static void a_second_of_the_total(struct knee *knee, float queued, bool is_hurt)
{
	struct knee_use use = { .rate = knee->rate * 0.9f, .capacity = 100, .proven = INFINITY, .is_held = true, .is_total = true, .queued = queued };

	for (int i = 0; i < 10; i++)
		knee_tick(knee, is_hurt ? 0.5f : 0, 0.05f);
	knee_wait(knee, use.capacity, queued);
	knee_second(knee, &use);
}

static void the_total_rises_until_packets_wait_and_nears_that_slowly(void **state)
{
	struct knee knee = { .rate = 60, .ended = 2 };

	(void)state;
	a_second_of_the_total(&knee, 0, false);
	assert_float_equal(knee.rate, 61.8, 1e-3);
	a_second_of_the_total(&knee, 0.5f, false);
	assert_float_equal(knee.rate, 61.8 * 1.01, 1e-3);
	knee.rate = 100;
	a_second_of_the_total(&knee, 1, false);
	assert_float_equal(knee.rate, 93, 0.1);
	/* Who still waits does so for another reason. */
	a_second_of_the_total(&knee, 2, false);
	assert_true(knee.rate > 92.9f);
	for (int s = 0; s < 60; s++)
		a_second_of_the_total(&knee, 0, false);
	assert_in_range(knee.rate, 95, 99);
	/* Harm goes on counting. */
	knee.is_found = true;
	a_second_of_the_total(&knee, 2, true);
	assert_true(knee.rate < 88);
	/* What was too much once may be so no more. */
	knee.near_rate = 50;
	a_second_of_the_total(&knee, 0, false);
	assert_true(knee.rate > 88);
}

static void packets_wait_that_take_longer_than_their_way(void **state)
{
	struct plan_view view = { 0 };

	(void)state;
	first_tick(&view, 40 * MS);
	assert_float_equal(view.first.queued, 0, 0);
	first_second(&view, 20 * MS, S);
	first_tick(&view, 21 * MS);
	assert_true(view.first.queued < 1);
	first_tick(&view, 26 * MS);
	assert_true(view.first.queued >= 1);
	first_tick(&view, -1);
	assert_float_equal(view.first.queued, 0, 0);
	/* A longer way is believed in the end. */
	for (uint64_t s = 0; s < 3000; s++)
		first_second(&view, 26 * MS, (5 + s) * S);
	first_tick(&view, 26 * MS);
	assert_true(view.first.queued < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_for_once_limits_stand),
		cmocka_unit_test(what_others_send_is_no_part_of_the_total),
		cmocka_unit_test(it_is_for_those_on_one_device_alone),
		cmocka_unit_test(while_it_is_held_dangers_are_its_own_matter_unless_it_does_not_help),
		cmocka_unit_test(who_cannot_have_it_is_not_asked_about_all_the_time),
		cmocka_unit_test(the_total_rises_until_packets_wait_and_nears_that_slowly),
		cmocka_unit_test(packets_wait_that_take_longer_than_their_way),
	};

	return cmocka_run_group_tests_name("first", tests, NULL, NULL);
}
