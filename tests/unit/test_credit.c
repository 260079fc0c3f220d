/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forecasts earn by coming true, and what a plan may take for those that have not. */
#include "plan_scene.h"

#include <math.h>

#define HORIZON_NS (2 * NS_PER_SECOND)
#define ENOUGH 0.25f

struct trials {
	struct credit credit;
	uint64_t now_ns;
};

/* Two seconds in which this is said all the time, in the first of which the bound is missed, or not; then five of silence. */
static void trial(struct trials *trials, float risk, bool comes, bool is_held, bool is_pressed)
{
	for (int i = 0; i < 70; i++) {
		struct credit_tick tick = { risk, comes && i >= 5 && i < 10, is_held, is_held, is_pressed };

		trials->now_ns += TICK_NS;
		credit_tick(&trials->credit, i < 20 ? &tick : &(struct credit_tick){ 0 }, trials->now_ns, HORIZON_NS);
	}
}

static void nothing_is_earned_before_something_came(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };

	(void)state;
	assert_true(credit_of(&trials.credit, 1) < ENOUGH);
	trial(&trials, 0.9f, false, false, true);
	assert_true(credit_of(&trials.credit, 1) < 0.1f);
	trial(&trials, 0.9f, true, false, true);
	assert_true(credit_of(&trials.credit, 0.9f) < ENOUGH);
	trial(&trials, 0.9f, true, false, true);
	assert_true(credit_of(&trials.credit, 0.9f) >= ENOUGH);
	/* Where none failed before, one is enough. */
	trials.credit = (struct credit){ 0 };
	trial(&trials, 0.9f, true, false, true);
	assert_true(credit_of(&trials.credit, 0.9f) >= ENOUGH);
}

static void what_is_earned_is_lost_by_being_wrong_and_comes_back(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };
	int wrong = 0;

	(void)state;
	for (int i = 0; i < 50; i++)
		trial(&trials, 0.4f, true, false, false);
	for (; credit_of(&trials.credit, 0.4f) >= ENOUGH; wrong++)
		trial(&trials, 0.4f, false, false, false);
	assert_in_range(wrong, 5, 15);
	for (int i = 0; i < 4; i++)
		trial(&trials, 0.4f, true, false, false);
	assert_true(credit_of(&trials.credit, 0.4f) >= ENOUGH);
}

static void what_came_speaks_for_who_says_more_and_what_failed_against_who_says_less(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };

	(void)state;
	trial(&trials, 0.6f, true, false, false);
	assert_true(credit_of(&trials.credit, 0.9f) >= ENOUGH);
	assert_true(credit_of(&trials.credit, 0.3f) < ENOUGH);
	for (int i = 0; i < 10; i++)
		trial(&trials, 0.3f, false, false, false);
	assert_true(credit_of(&trials.credit, 0.6f) >= ENOUGH / 2);
	assert_true(credit_of(&trials.credit, 0.9f) == credit_of(&trials.credit, 0.6f));
	assert_true(credit_of(&trials.credit, 0.3f) < 0.05f);
}

static void nobody_foresees_what_is_there(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };
	struct credit_tick bad = { 0.9f, true, false, false, true };

	(void)state;
	/* It is missed first, and said then. */
	for (int i = 0; i < 200; i++) {
		bad.risk = i ? 0.9f : 0;
		credit_tick(&trials.credit, &bad, trials.now_ns += TICK_NS, HORIZON_NS);
	}
	assert_true(credit_of(&trials.credit, 1) < ENOUGH);
	/* Said in the same tick it counts, once, however long it goes on. */
	trials.now_ns += 10 * NS_PER_SECOND;
	for (int i = 0; i < 200; i++)
		credit_tick(&trials.credit, &bad, trials.now_ns += TICK_NS, HORIZON_NS);
	assert_float_equal(trials.credit.came[3], 1, 0);
}

static void one_story_is_one_trial(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };
	struct credit_tick answered = { 0.4f, false, true, true, false };

	(void)state;
	for (int i = 0; i < 200; i++)
		credit_tick(&trials.credit, &answered, trials.now_ns += TICK_NS, HORIZON_NS);
	assert_float_equal(trials.credit.failed[1], 1, 0);
}

static void what_was_held_under_pressure_proves_nothing(void **state)
{
	struct trials trials = { .now_ns = NS_PER_SECOND };

	(void)state;
	trial(&trials, 0.4f, false, true, true);
	assert_float_equal(trials.credit.failed[1], 0, 0);
	trial(&trials, 0.4f, false, true, false);
	assert_float_equal(trials.credit.failed[1], 1, 0);
	trial(&trials, 0.4f, true, true, true);
	assert_float_equal(trials.credit.came[1], 1, 0);
}

/* --- in a plan -----------------------------------------------------------------------------------------------------------*/

static void scene_ticks(struct stage *scene, int count)
{
	for (int i = 0; i < count; i++) {
		scene->host.is_second = i % 10 == 9;
		scene_tick(scene);
	}
}

/* The batch sends in bursts of two seconds, and the forecast warns all the time. */
static void wire_init(struct stage *scene)
{
	scene_hurt(scene, RESOURCE_NET, 0);
	scene->server.need[RESOURCE_NET].bad = 0;
	scene->server.need[RESOURCE_NET].risk = 0.4f;
}

/* In how many of the three ticks before harm is measured something was limited. */
static uint32_t burst(struct stage *scene, float bad)
{
	uint32_t limits = 0;

	scene->batch.need[RESOURCE_NET].demand = scene->batch.need[RESOURCE_NET].demand_high = 9e6f;
	scene->host.served[RESOURCE_NET] = 10e6f;
	for (int i = 0; i < 20; i++) {
		/* Harm is measured only some ticks after the burst has begun, and ends with a limit. */
		scene->server.need[RESOURCE_NET].bad = i >= 3 && !action_of(scene, 2, KNOB_NET_EGRESS) ? bad : 0;
		scene->host.is_second = i % 10 == 9;
		scene_tick(scene);
		limits += i < 3 && (action_of(scene, 2, KNOB_NET_EGRESS) || scene->batch.hold[RESOURCE_NET].left > 0);
	}
	scene->server.need[RESOURCE_NET].bad = 0;
	scene->batch.need[RESOURCE_NET].demand = scene->batch.need[RESOURCE_NET].demand_high = 0;
	scene->host.served[RESOURCE_NET] = 1e6f;
	scene_ticks(scene, 60);
	return limits;
}

static void bursts_that_hurt_nobody_are_not_limited_whatever_is_forecast(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene.server.need[RESOURCE_NET].risk = 1;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(burst(&scene, 0), 0);
		assert_int_equal(scene.server.hold[RESOURCE_NET].answered_ns, 0);
	}
}

static void nobody_there_who_could_give_is_no_trial(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene_ticks(&scene, 600);
	assert_true(scene.server.hold[RESOURCE_NET].credit.failed[1] == 0);
	burst(&scene, 0);
	assert_true(scene.server.hold[RESOURCE_NET].credit.failed[1] > 0);
}

static void a_forecast_that_came_true_is_acted_on_before_harm_once_it_is_known_how_much_helps(void **state)
{
	struct stage scene, other;

	(void)state;
	wire_init(&scene);
	assert_int_equal(burst(&scene, 0.5f), 0);
	/* It has earned that; where it is not known how much the wire can bear that is not enough. */
	assert_true(credit_of(&scene.server.hold[RESOURCE_NET].credit, 0.4f) >= ENOUGH);
	other = scene;
	other.host.knee = other.knee;
	memset(other.knee, 0, sizeof(other.knee));
	other.server.hold[RESOURCE_NET].warranted_until_ns = 0;
	for (int i = 0; i < 3; i++)
		other.views[i] = i == 0 ? &other.server : i == 1 ? &other.batch : &other.stranger;
	assert_int_equal(burst(&other, 0), 0);
	/* The limit that ended the harm was held for more than a second. */
	assert_true(scene.knee[RESOURCE_NET].rate > 0);
	assert_int_equal(burst(&scene, 0), 3);
	/* To know that is no reason either. */
	wire_init(&scene);
	scene.knee[RESOURCE_NET] = (struct knee){ .rate = 8e6f, .is_found = true };
	assert_int_equal(burst(&scene, 0), 0);
}

static void forecasts_are_tried_beside_what_always_stands(void **state)
{
	struct stage scene;
	const struct credit *credit = &scene.server.hold[RESOURCE_NET].credit;

	(void)state;
	wire_init(&scene);
	scene.policy.posture = 1;
	scene.knee[RESOURCE_NET] = (struct knee){ .rate = 8e6f, .is_found = true };
	scene.server.need[RESOURCE_NET].is_bound = true;
	/* Where the wire is pressed, a limit may be what kept the danger away. */
	burst(&scene, 0);
	assert_float_equal(credit->failed[1], 0, 0);
	/* By 9 of 20 MB/s it is not. */
	scene.knee[RESOURCE_NET].rate = 20e6f;
	burst(&scene, 0);
	assert_float_equal(credit->failed[1], 1, 0);
	burst(&scene, 0.5f);
	assert_float_equal(credit->came[1], 1, 0);
}

/* --- what stands of it --------------------------------------------------------------------------------------------------*/

#define WIRE 6e6f	/* what hurts the server, which sends 1e6 of it */

struct wire {
	float sent;		/* in the open second */
	uint32_t queue;		/* ticks until it is empty again */
};

/* The batch wants so much for a tick and gets what was planned in the tick before. Whether the server is hurt. */
static bool wire_tick(struct stage *scene, float wants, float risk, struct wire *wire)
{
	const struct plan_action *action = action_of(scene, 2, KNOB_NET_EGRESS);
	float gets = action ? fminf(wants, (float)action->value) : wants;
	uint64_t tick = scene->now_ns / TICK_NS + 1;

	wire->sent = tick % 10 == 1 ? gets : wire->sent + gets;
	wire->queue = 1e6f + gets > WIRE ? 3 : wire->queue - (wire->queue > 0);
	scene->batch.need[RESOURCE_NET].demand = scene->batch.need[RESOURCE_NET].demand_high = gets;
	scene->server.need[RESOURCE_NET].bad = wire->queue ? 0.5f : 0;
	scene->server.need[RESOURCE_NET].risk = risk;
	scene->host.is_second = tick % 10 == 0;
	scene->host.served[RESOURCE_NET] = 1e6f + wire->sent / 10;
	scene_tick(scene);
	return wire->queue;
}

/* Seconds in which the batch goes from one rate to another; in how many ticks the server was hurt. */
static uint32_t wire_run(struct stage *scene, uint32_t seconds, float from, float to, float risk)
{
	struct wire wire = { 0 };
	uint32_t hurt = 0;

	for (uint32_t i = 0; i < 10 * seconds; i++)
		hurt += wire_tick(scene, from + (to - from) * (float)i / (float)(10 * seconds), risk, &wire);
	return hurt;
}

/* Bursts that are too much: the reflex ends the first, then the forecast meets them, where there is one. */
static void bursts_are_learned(struct stage *scene, float risk)
{
	wire_init(scene);
	scene->policy.posture = 1;
	scene->server.need[RESOURCE_NET].is_bound = true;
	scene->server.need[RESOURCE_NET].demand_high = 1e6f;
	scene->server.hold[RESOURCE_NET].shown = 1e6f;
	scene->host.capacity[RESOURCE_NET] = 7e6f;
	for (int i = 0; i < 3; i++) {
		wire_run(scene, 3, 0, 0, risk);
		wire_run(scene, 2, 9e6f, 9e6f, risk);
		wire_run(scene, 5, 0, 0, 0);
	}
}

static void what_a_limit_ended_in_time_stands_when_nobody_foresees_it(void **state)
{
	struct stage scene;

	(void)state;
	for (int foreseen = 0; foreseen < 2; foreseen++) {
		bursts_are_learned(&scene, foreseen ? 0.4f : 0);
		assert_true(knee_stands(&scene.knee[RESOURCE_NET]));
		/* It says no more than what was seen. */
		assert_true(scene.knee[RESOURCE_NET].rate * 0.7f <= WIRE);
		assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_STANDING);
		assert_int_equal(wire_run(&scene, 4, 9e6f, 9e6f, 0), 0);
	}
}

static void what_stands_widens_while_it_hurts_nobody(void **state)
{
	struct stage scene;
	struct wire wire = { 0 };

	(void)state;
	/* Also where more is kept for the server than it uses. */
	for (float kept = 1e6f; kept < 4e6f; kept += 2e6f) {
		bursts_are_learned(&scene, 0.4f);
		scene.server.need[RESOURCE_NET].demand_high = kept;
		assert_int_equal(wire_run(&scene, 60, 4.5e6f, 4.5e6f, 0), 0);
		wire_tick(&scene, 4.5e6f, 0, &wire);
		assert_float_equal(wire.sent, 4.5e6f, 1);
		memset(&wire, 0, sizeof(wire));
	}
}

static void bursts_that_fit_are_never_limited(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene.policy.posture = 1;
	scene.server.need[RESOURCE_NET].is_bound = true;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(wire_run(&scene, 2, 4.5e6f, 4.5e6f, 0.4f), 0);
		assert_null(action_of(&scene, 2, KNOB_NET_EGRESS));
		wire_run(&scene, 5, 0, 0, 0.4f);
	}
}

static void what_was_measured_is_held_though_a_forecast_speaks_next(void **state)
{
	struct stage scene;
	uint64_t calm_ns;

	(void)state;
	wire_init(&scene);
	scene.batch.need[RESOURCE_NET].demand = scene.batch.need[RESOURCE_NET].demand_high = 9e6f;
	scene.server.need[RESOURCE_NET].bad = 0.5f;
	scene_tick(&scene);
	scene.server.need[RESOURCE_NET].bad = 0;
	for (int i = 0; i < 100; i++) {
		scene_tick(&scene);
		assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_FORESIGHT);
	}
	/* Once the wire is not pressed the forecast alone does not keep it. */
	scene.batch.need[RESOURCE_NET].demand = scene.batch.need[RESOURCE_NET].demand_high = 1e6f;
	calm_ns = scene.now_ns;
	while (scene.now_ns < calm_ns + scene.policy.hold_ns + 2 * TICK_NS)
		scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
}

static void weights_conserve_work_and_are_taken_at_once(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.server.need[RESOURCE_CPU].risk = 0.9f;
	scene_ticks(&scene, 50);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	scene.batch.path = "/other/batch";
	scene_ticks(&scene, 50);
	assert_int_equal(scene.plan.count, 0);
}

static void nobody_waits_for_proof_where_harm_stays(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.batch.need[RESOURCE_MEMORY] = (struct plan_need){ .demand = 400e6f, .demand_high = 400e6f, .bad = -1 };
	scene.server.need[RESOURCE_MEMORY].risk = 0.9f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_MEMORY_HIGH));
}

static void a_worry_does_not_hide_what_is_measured_of_a_lower_tier(void **state)
{
	struct stage scene;

	(void)state;
	wire_init(&scene);
	scene.batch.need[RESOURCE_NET].demand = scene.batch.need[RESOURCE_NET].demand_high = 9e6f;
	scene.stranger.tier = TIER_STANDARD;
	scene.stranger.is_bound = true;
	scene.stranger.need[RESOURCE_NET] = (struct plan_need){ .demand = 1e6f, .bad = 0.5f };
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->for_slot, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_earned_before_something_came),
		cmocka_unit_test(what_is_earned_is_lost_by_being_wrong_and_comes_back),
		cmocka_unit_test(what_came_speaks_for_who_says_more_and_what_failed_against_who_says_less),
		cmocka_unit_test(nobody_foresees_what_is_there),
		cmocka_unit_test(one_story_is_one_trial),
		cmocka_unit_test(what_was_held_under_pressure_proves_nothing),
		cmocka_unit_test(bursts_that_hurt_nobody_are_not_limited_whatever_is_forecast),
		cmocka_unit_test(nobody_there_who_could_give_is_no_trial),
		cmocka_unit_test(a_forecast_that_came_true_is_acted_on_before_harm_once_it_is_known_how_much_helps),
		cmocka_unit_test(forecasts_are_tried_beside_what_always_stands),
		cmocka_unit_test(what_a_limit_ended_in_time_stands_when_nobody_foresees_it),
		cmocka_unit_test(what_stands_widens_while_it_hurts_nobody),
		cmocka_unit_test(bursts_that_fit_are_never_limited),
		cmocka_unit_test(what_was_measured_is_held_though_a_forecast_speaks_next),
		cmocka_unit_test(weights_conserve_work_and_are_taken_at_once),
		cmocka_unit_test(nobody_waits_for_proof_where_harm_stays),
		cmocka_unit_test(a_worry_does_not_hide_what_is_measured_of_a_lower_tier),
	};

	return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
