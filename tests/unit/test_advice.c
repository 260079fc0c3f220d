/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is advised where the plan has nothing left to do, and that it stands in the ledger. */
#include "ledger_story.h"

#include "decide/advice.h"
#include "decide/policy.h"
#include "predict/predictor.h"

static struct advice advice;

static void advice_init(struct stage *scene)
{
	story_init(scene);
	memset(&advice, 0, sizeof(advice));
	scene->server.need[RESOURCE_CPU].bad = 0.5f;
}

static void advice_seconds(struct stage *scene, double seconds)
{
	for (int i = 0; i < (int)(10 * seconds + 0.5); i++) {
		scene->plan.time_ns = scene->now_ns + TICK_NS;
		scene->host.is_second = scene->plan.time_ns % NS_PER_SECOND == 0;
		hands_speak(scene);
		scene_tick(scene);
		advice_tick(&advice, &scene->policy, &scene->host, scene->views, 3, hands, &scene->plan);
		ledger_tick(&ledger, &scene->policy, &scene->host, scene->views, 3, &scene->plan, TICK_NS, hands);
	}
}

static const struct plan_advice *only_advice(const struct stage *scene)
{
	assert_int_equal(scene->plan.advice_count, 1);
	assert_int_equal(scene->plan.advice[0].slot, 1);
	assert_int_equal(scene->plan.advice[0].tier, TIER_CRITICAL);
	return &scene->plan.advice[0];
}

static void nobody_gives(struct stage *scene)
{
	scene->batch.need[RESOURCE_CPU] = (struct plan_need){ .bad = -1 };
}

static void nothing_is_advised_before_it_lasts_nor_when_it_is_over(void **state)
{
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	advice_seconds(&scene, 9);
	assert_int_equal(scene.plan.advice_count, 0);
	assert_true(plan_is_empty(&scene.plan));
	advice_seconds(&scene, 2);
	assert_int_equal(only_advice(&scene)->why, ADVICE_NO_GIVER);
	assert_false(plan_is_empty(&scene.plan));
	assert_int_equal(only_advice(&scene)->since_ns, NS_PER_SECOND + TICK_NS);
	/* A pause of a second is no end of it, one of three is, and then it has to last anew. */
	scene.server.need[RESOURCE_CPU].bad = 0;
	advice_seconds(&scene, 1);
	only_advice(&scene);
	advice_seconds(&scene, 2);
	assert_int_equal(scene.plan.advice_count, 0);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	advice_seconds(&scene, 8);
	assert_int_equal(scene.plan.advice_count, 0);
}

/* The stranger of the scene is of the same tier: it gives nothing, and is named where it uses more than the server. */
static void without_a_giver_the_larger_of_two_equals_is_to_move(void **state)
{
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	advice_seconds(&scene, 11);
	assert_int_equal(only_advice(&scene)->help, ADVICE_MOVE);
	assert_int_equal(only_advice(&scene)->other, 1);
	assert_float_equal(only_advice(&scene)->amount, 0.35, 1e-6);
	scene.stranger.need[RESOURCE_CPU].demand = 0.6f;
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->other, 3);
	assert_float_equal(only_advice(&scene)->amount, 0.6, 1e-6);
	assert_true(only_advice(&scene)->room < 0);
}

static void a_ladder_is_at_its_end_only_where_the_hands_climbed_it(void **state)
{
	struct stage scene;

	(void)state;
	advice_init(&scene);
	hands = LEDGER_HANDS_EMPTY;
	advice_seconds(&scene, 12);
	assert_true(scene.plan.count > 0);
	assert_int_equal(scene.plan.advice_count, 0);
	hands = LEDGER_HANDS_ACT;
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->why, ADVICE_LADDER);
	/* It uses more than the server, although it gives. */
	assert_int_equal(only_advice(&scene)->help, ADVICE_MOVE);
	assert_int_equal(only_advice(&scene)->other, 2);
	scene.policy.policy = POLICY_NONE; /* it answers nothing, and knows of no ladder */
	advice_seconds(&scene, 1);
	assert_int_equal(scene.plan.advice_count, 0);
}

static void who_is_held_back_by_its_own_limit_is_to_get_more(void **state)
{
	struct plan_scope scope = { .path = "/app/server", .slot = 1, .capacity = { [RESOURCE_CPU] = 0.3f }, .memory_free = -1 };
	struct stage scene;

	(void)state;
	advice_init(&scene);
	scene.host.scopes = &scope;
	scene.host.scope_count = 1;
	scene.host.capacity[RESOURCE_CPU] = 8;
	advice_seconds(&scene, 11);
	assert_int_equal(only_advice(&scene)->why, ADVICE_CAPPED);
	assert_int_equal(only_advice(&scene)->help, ADVICE_RAISE);
	assert_int_equal(only_advice(&scene)->other, 1);
	assert_float_equal(only_advice(&scene)->amount, 0.35 * 1.25, 1e-6);
	assert_string_equal(ledger_find(&ledger, ledger.last_id)->scope, "/app/server");
	/* Where the host is even fuller its own quota holds it back all the same, unless that is lifted just now. */
	scene.host.capacity[RESOURCE_CPU] = 1;
	scene.server.quota = 0.3f;
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->why, ADVICE_CAPPED);
	scene.server.need[RESOURCE_CPU].max = 2;
	advice_seconds(&scene, 2);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
	assert_true(!scene.plan.advice_count || only_advice(&scene)->why != ADVICE_CAPPED);
	scene.server.quota = 0;
	scene.server.quota_kept = 0;
	/* So is who uses more than its annotation grants; and no more than the host has. */
	scene.host.scope_count = 0;
	scene.server.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.9f, .demand_high = 0.9f, .bad = 0.5f, .max = 0.5f };
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->why, ADVICE_CAPPED);
	assert_float_equal(only_advice(&scene)->amount, 1, 1e-6);
}

static void minima_beyond_what_there_is_are_named(void **state)
{
	struct stage scene;

	(void)state;
	advice_init(&scene);
	scene.server.need[RESOURCE_CPU].min = 0.8f;
	scene.stranger.need[RESOURCE_CPU].min = 0.5f;
	advice_seconds(&scene, 11);
	assert_int_equal(only_advice(&scene)->why, ADVICE_PROMISED);
	assert_int_equal(only_advice(&scene)->help, ADVICE_PROMISE);
	assert_float_equal(only_advice(&scene)->amount, 0.3, 1e-6);
}

/* Limits of a disk move for seconds, and what it can do is only learned: minima of it are compared with nothing. */
static void a_disk_is_given_longer(void **state)
{
	struct stage scene;

	(void)state;
	advice_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0;
	scene.server.need[RESOURCE_IO] = (struct plan_need){ .demand = 90e6f, .demand_high = 90e6f, .bad = 0.5f, .min = 500e6f };
	advice_seconds(&scene, 15);
	assert_int_equal(scene.plan.advice_count, 0);
	advice_seconds(&scene, 6);
	assert_int_equal(only_advice(&scene)->resource, RESOURCE_IO);
	assert_int_equal(only_advice(&scene)->why, ADVICE_NO_GIVER);
}

static struct predictor *host_make(struct stage *scene, const char *stranger, float demand, float total)
{
	struct predictor_config config = { .slots_max = 16, .host_cpus = 4, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct predictor *all = predictor_new(&config);
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = 9, .cgroup_id = 109 } };

	assert_non_null(all);
	slo_init(&observation.instance.slo);
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", stranger);
	predictor_observe(all, &observation);
	all->instance[9].demand[RESOURCE_CPU] = demand / scene->host.capacity[RESOURCE_CPU];
	all->host.total[RESOURCE_CPU] = total;
	scene->host.all = all;
	return all;
}

static void who_nobody_annotated_could_give_when_somebody_does(void **state)
{
	struct predictor *all;
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	scene.stranger.need[RESOURCE_CPU].demand = 0.6f;
	all = host_make(&scene, "/other/hog", 0.3f, 0.8f);
	advice_seconds(&scene, 11);
	/* It costs less than to move the larger one. */
	assert_int_equal(only_advice(&scene)->help, ADVICE_ANNOTATE);
	assert_int_equal(only_advice(&scene)->other, 9);
	assert_float_equal(only_advice(&scene)->amount, 0.3, 1e-6);
	assert_float_equal(only_advice(&scene)->room, 0.1, 1e-6);
	assert_string_equal(ledger_find(&ledger, ledger.last_id)->advice_path, "/other/hog");
	/* Not one that is a part of the server, nor who uses next to nothing. */
	snprintf(all->instance[9].info.path, OBSERVE_PATH_MAX, "/app/server/worker");
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->help, ADVICE_MOVE);
	snprintf(all->instance[9].info.path, OBSERVE_PATH_MAX, "/other/hog");
	all->instance[9].demand[RESOURCE_CPU] = 0.05f;
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->help, ADVICE_MOVE);
	predictor_free(all);
}

static void a_limit_above_is_raised_where_the_host_has_room(void **state)
{
	struct plan_scope scope = { .path = "/app", .slot = 5, .capacity = { [RESOURCE_CPU] = 0.3f }, .memory_free = -1 };
	struct predictor *all;
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	scene.host.scopes = &scope;
	scene.host.scope_count = 1;
	/* What is outside of the limit is not what is missing below it. */
	all = host_make(&scene, "/other/hog", 0.3f, 0.5f);
	advice_seconds(&scene, 11);
	assert_int_equal(only_advice(&scene)->why, ADVICE_NO_GIVER);
	assert_int_equal(only_advice(&scene)->help, ADVICE_RAISE);
	assert_int_equal(only_advice(&scene)->other, 5);
	assert_float_equal(only_advice(&scene)->amount, 0.3 + 0.35, 1e-6);
	all->host.total[RESOURCE_CPU] = 1;
	advice_seconds(&scene, 1);
	assert_int_equal(only_advice(&scene)->help, ADVICE_MOVE);
	predictor_free(all);
}

static void advice_is_a_decision_that_is_over_with_it(void **state)
{
	const struct decision *decision;
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	advice_seconds(&scene, 11);
	assert_int_equal(ledger.sums.begun[REASON_ADVICE], 1);
	decision = ledger_find(&ledger, ledger.last_id);
	assert_non_null(decision);
	assert_int_equal(decision->verdict, VERDICT_OPEN);
	assert_int_equal(decision->advice.why, ADVICE_NO_GIVER);
	assert_string_equal(decision->advice_path, "/app/server");
	scene.server.need[RESOURCE_CPU].bad = 0;
	advice_seconds(&scene, 6);
	/* The hands held something elsewhere all the time: it is credited with nothing. */
	assert_int_equal(decision->verdict, VERDICT_ADVISED);
	assert_int_equal(ledger.last_id, 1);
	assert_true(decision->saved_s == 0 && ledger.sums.bad_s[1] == 0 && ledger.sums.protected_s[REASON_ADVICE] == 0);
}

static void what_begins_with_advice_is_judged_by_what_is_done_later(void **state)
{
	const struct decision *decision;
	struct stage scene;

	(void)state;
	advice_init(&scene);
	nobody_gives(&scene);
	advice_seconds(&scene, 11);
	scene.batch.need[RESOURCE_CPU] = (struct plan_need){ .demand = 1, .demand_high = 1, .bad = -1 };
	advice_seconds(&scene, 1);
	decision = ledger_find(&ledger, 1);
	assert_int_equal(ledger.last_id, 1);
	assert_int_equal(decision->giver_count, 1);
	calm(&scene);
	assert_int_equal(decision->verdict, VERDICT_HELPED);
}

static void a_full_list_keeps_the_highest_tiers(void **state)
{
	struct plan_view views[PLAN_ADVICE_MAX + 1], *list[PLAN_ADVICE_MAX + 1];
	struct stage scene;
	bool has_critical = false;

	(void)state;
	advice_init(&scene);
	for (uint32_t i = 0; i <= PLAN_ADVICE_MAX; i++) {
		views[i] = view_make(i + 1, i == PLAN_ADVICE_MAX ? TIER_CRITICAL : TIER_STANDARD, "/app/one");
		views[i].is_bound = true;
		views[i].need[RESOURCE_CPU].bad = 1;
		list[i] = &views[i];
	}
	for (int i = 0; i <= 110; i++) {
		scene.plan.time_ns += TICK_NS;
		scene.host.is_second = scene.plan.time_ns % NS_PER_SECOND == 0;
		advice_tick(&advice, &scene.policy, &scene.host, list, PLAN_ADVICE_MAX + 1, hands, &scene.plan);
	}
	assert_int_equal(scene.plan.advice_count, PLAN_ADVICE_MAX);
	for (uint32_t i = 0; i < PLAN_ADVICE_MAX; i++)
		has_critical |= scene.plan.advice[i].tier == TIER_CRITICAL;
	assert_true(has_critical);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_advised_before_it_lasts_nor_when_it_is_over),
		cmocka_unit_test(without_a_giver_the_larger_of_two_equals_is_to_move),
		cmocka_unit_test(a_ladder_is_at_its_end_only_where_the_hands_climbed_it),
		cmocka_unit_test(who_is_held_back_by_its_own_limit_is_to_get_more),
		cmocka_unit_test(minima_beyond_what_there_is_are_named),
		cmocka_unit_test(a_disk_is_given_longer),
		cmocka_unit_test(who_nobody_annotated_could_give_when_somebody_does),
		cmocka_unit_test(a_limit_above_is_raised_where_the_host_has_room),
		cmocka_unit_test(advice_is_a_decision_that_is_over_with_it),
		cmocka_unit_test(what_begins_with_advice_is_judged_by_what_is_done_later),
		cmocka_unit_test(a_full_list_keeps_the_highest_tiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
