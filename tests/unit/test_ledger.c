/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_story.h"

#include <math.h>

static void who_is_calm_has_no_story(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	story_seconds(&scene, 5);
	assert_int_equal(ledger.last_id, 0);
}

static void a_reflex_that_helps_is_told_with_its_givers_and_cost(void **state)
{
	const struct decision *decision;
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene.server.worth[RESOURCE_CPU] = (struct plan_worth){ .trust = 0.9f, .error = 0.02f, .eased_bad = 0.01f };
	story_seconds(&scene, 0.5);
	decision = ledger_find(&ledger, 1);
	assert_int_equal(decision->verdict, VERDICT_OPEN);
	assert_string_equal(decision->path, "/app/server");
	assert_string_equal(decision->scope, "");
	assert_int_equal(decision->reason, REASON_REFLEX);
	assert_int_equal(decision->giver_count, 1);
	assert_string_equal(decision->giver[0].path, "/other/batch");
	assert_int_equal(decision->giver[0].knobs, 1u << KNOB_CPU_MAX);
	assert_true(fabsf(decision->giver[0].left - 0.55f) < 1e-3f);
	assert_true(decision->price > 0);
	assert_int_equal(decision->spared[SPARED_TIER], 1);
	assert_true(decision->expected_bad == 0.01f && decision->bad == 0.5f);
	/* .45 of a CPU for half a second. */
	assert_true(fabs(decision->taken - 0.225) < 1e-3);
	scene.server.need[RESOURCE_CPU].bad = 0.02f;
	story_seconds(&scene, 5);
	assert_true(fabsf(decision->actual_bad - 0.02f) < 1e-3f);
	calm(&scene);
	assert_int_equal(decision->verdict, VERDICT_HELPED);
	assert_true(decision->ended_ns > decision->last_ns);
	assert_int_equal(ledger.sums.begun[REASON_REFLEX], 1);
	assert_int_equal(ledger.sums.ended[VERDICT_HELPED], 1);
	assert_true(ledger.sums.bad_s[1] > 0.35 && ledger.sums.bad_s[1] < 0.45);
	assert_true(fabs(ledger.sums.bad_s[0] - 0.1) < 1e-6);
	assert_true(fabs(ledger.sums.taken[RESOURCE_CPU] - decision->taken) < 1e-9);
	assert_true(fabs(ledger.sums.protected_s[REASON_REFLEX] - 0.5) < 1e-6);
	assert_true(ledger.sums.protected_s[REASON_HOLD] > 4);
}

static void foresee(struct stage *scene, float demand)
{
	scene->server.need[RESOURCE_CPU].risk = 0.8f;
	scene->server.need[RESOURCE_CPU].bad = 0;
	scene->batch.need[RESOURCE_CPU] = (struct plan_need){ .demand = demand, .coming = 1, .bad = -1 };
	story_seconds(scene, 2);
}

static void what_was_foreseen_was_prevented_or_came_or_was_false(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	foresee(&scene, 1);
	calm(&scene);
	assert_int_equal(ledger_find(&ledger, 1)->verdict, VERDICT_PREVENTED);
	assert_true(fabs(ledger.sums.prevented - 0.8) < 1e-6);
	foresee(&scene, 1);
	scene.server.need[RESOURCE_CPU].bad = 0.3f;
	story_seconds(&scene, 1);
	calm(&scene);
	assert_int_equal(ledger_find(&ledger, 2)->verdict, VERDICT_CAME);
	assert_int_equal(ledger_find(&ledger, 2)->reason, REASON_FORESIGHT);
	foresee(&scene, 0.2f);
	calm(&scene);
	assert_int_equal(ledger_find(&ledger, 3)->verdict, VERDICT_FALSE);
	assert_int_equal(ledger.sums.begun[REASON_FORESIGHT], 3);
	assert_true(fabs(ledger.sums.prevented - 0.8) < 1e-6);
}

static void what_was_only_planned_is_credited_with_nothing(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	hands = LEDGER_HANDS_EMPTY;
	foresee(&scene, 1);
	calm(&scene);
	assert_int_equal(ledger_find(&ledger, 1)->verdict, VERDICT_PLANNED);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene.batch.need[RESOURCE_CPU].demand = 1;
	story_seconds(&scene, 10);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	assert_true(ledger.sums.prevented == 0 && ledger.sums.taken[RESOURCE_CPU] == 0 && ledger.sums.bad_s[1] == 0);
	assert_true(ledger.sums.protected_s[REASON_REFLEX] == 0 && ledger.sums.bad_s[0] > 9);
}

static void a_limit_of_no_use_is_given_back_and_remembered(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 4.5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 1);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	assert_int_equal(ledger_find(&ledger, 1)->verdict, VERDICT_WORSE);
	story_seconds(&scene, 58);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 3);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	/* Another giver is another pair. */
	assert_false(ledger_forbids(&ledger, &scene.server, &scene.stranger, RESOURCE_CPU, 2));
}

static void each_second_saved_is_earned_by_one(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	/* Foreseen with .8, pressed for two seconds, then over. */
	foresee(&scene, 1);
	assert_true(fabs(ledger.sums.saved_s[EARNER_FORESIGHT] - 0.8 * 2) < 1e-6);
	assert_true(fabs(ledger_find(&ledger, 1)->saved_s - 0.8 * 2) < 1e-6);
	calm(&scene);
	assert_true(ledger.sums.saved_s[EARNER_FORESIGHT] < 0.8 * 2 + 1e-6);
	/* Seen, for a second, and helped while the batch would go on. */
	scene.batch.need[RESOURCE_CPU].demand = 1;
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 1);
	assert_true(ledger.sums.saved_s[EARNER_REFLEX] == 0);
	scene.server.need[RESOURCE_CPU].bad = 0.01f;
	story_seconds(&scene, 3);
	assert_true(fabs(ledger.sums.saved_s[EARNER_REFLEX] - 3) < 1e-6);
	/* What would not have hurt is not saved. */
	scene.batch.need[RESOURCE_CPU].demand = 0.1f;
	story_seconds(&scene, 1);
	assert_true(fabs(ledger.sums.saved_s[EARNER_REFLEX] - 3) < 1e-6);
	assert_true(ledger.sums.saved_s[EARNER_HEADROOM] == 0);
}

static void what_the_hands_do_not_do_saves_nothing(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	hands = LEDGER_HANDS_HOLD;
	foresee(&scene, 1);
	assert_true(ledger.sums.saved_s[EARNER_FORESIGHT] == 0);
}

static void a_second_that_two_protect_is_counted_once(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.batch.need[RESOURCE_IO] = (struct plan_need){ .demand = 95e6f, .demand_high = 95e6f, .bad = -1 };
	scene.server.need[RESOURCE_CPU].bad = scene.server.need[RESOURCE_IO].bad = 0.5f;
	story_seconds(&scene, 0.5);
	assert_int_equal(ledger.last_id, 2);
	scene.server.need[RESOURCE_CPU].bad = scene.server.need[RESOURCE_IO].bad = 0;
	story_seconds(&scene, 2);
	assert_true(fabs(ledger.sums.saved_s[EARNER_REFLEX] - 2) < 1e-6);
}

static void dangers_left_alone_tell_how_right_the_risks_are(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.policy.no_action = 1;
	for (int i = 0; i < 4; i++) {
		foresee(&scene, 1);
		scene.server.need[RESOURCE_CPU].bad = i == 1 ? 0.5f : 0;
		story_seconds(&scene, 0.2);
		calm(&scene);
	}
	assert_int_equal(ledger.sums.alone, 4);
	assert_int_equal(ledger.sums.alone_came, 1);
	assert_true(fabs(ledger.sums.alone_risk - 4 * 0.8) < 1e-6);
}

static void foreseen_under_a_limit(struct stage *scene)
{
	story_init(scene);
	scene->server.need[RESOURCE_CPU].risk = 0.8f;
	scene->server.need[RESOURCE_CPU].bad = 0;
	story_seconds(scene, 3);
	assert_non_null(action_of(scene, 2, KNOB_CPU_MAX));
	assert_int_equal(action_of(scene, 2, KNOB_CPU_MAX)->reason, REASON_FORESIGHT);
}

static void a_foreseen_limit_under_which_it_comes_all_the_same_is_given_back(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_under_a_limit(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.3f;
	story_seconds(&scene, 4.5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 1.5);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	assert_true(ledger_forbids(&ledger, &scene.server, &scene.batch, RESOURCE_CPU, 2));
	assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_LIMIT], 1);
}

static void a_foreseen_limit_under_which_it_comes_and_passes_stays(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_under_a_limit(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.3f;
	story_seconds(&scene, 1.5);
	scene.server.need[RESOURCE_CPU].bad = 0.1f;
	story_seconds(&scene, 10);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

/* One story, because the danger never ends: it came, was over, and comes again half a minute later. */
static void a_limit_that_once_helped_is_judged_anew_when_it_comes_again(void **state)
{
	struct stage scene;

	(void)state;
	foreseen_under_a_limit(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.3f;
	story_seconds(&scene, 2);
	scene.server.need[RESOURCE_CPU].bad = 0;
	story_seconds(&scene, 30);
	scene.server.need[RESOURCE_CPU].bad = 0.6f;
	story_seconds(&scene, 4.5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	assert_int_equal(ledger_find(&ledger, 1)->verdict, VERDICT_OPEN);
	story_seconds(&scene, 1.5);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void what_fails_again_is_left_alone_for_twice_as_long(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 5.5);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 61);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 6);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 110);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 12);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void a_weight_is_never_given_back_for_being_of_no_use(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.batch.path = "/app/batch";
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 20);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
	assert_int_equal(ledger_find(&ledger, 1)->verdict, VERDICT_WORSE);
}

static void a_limit_that_helps_stays(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 1);
	scene.server.need[RESOURCE_CPU].bad = 0.3f;
	story_seconds(&scene, 20);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void a_limit_that_harms_another_is_given_back(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene.stranger.is_bound = true;
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 1);
	scene.server.need[RESOURCE_CPU].bad = 0.01f;
	scene.stranger.need[RESOURCE_IO].bad = 0.4f;
	story_seconds(&scene, 0.9);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
	story_seconds(&scene, 0.5);
	assert_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

static void memory_that_was_lost_does_not_condemn_its_limit(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scene.host.memory_free = 20e6f;
	story_seconds(&scene, 30);
	assert_non_null(action_of(&scene, 2, KNOB_MEMORY_HIGH));
}

static void old_stories_are_forgotten_and_new_ones_counted(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	for (int i = 0; i < DECISIONS_MAX + 3; i++) {
		scene.batch.need[RESOURCE_CPU].demand = 1;
		scene.server.need[RESOURCE_CPU].bad = 0.5f;
		story_seconds(&scene, 0.2);
		calm(&scene);
	}
	assert_int_equal(ledger.last_id, DECISIONS_MAX + 3);
	assert_null(ledger_find(&ledger, 3));
	assert_non_null(ledger_find(&ledger, 4));
	assert_null(ledger_find(&ledger, 0));
}

static const struct decision *decision_of(enum resource resource)
{
	for (uint32_t i = 0; i < DECISIONS_MAX; i++)
		if (ledger.decision[i].id && ledger.decision[i].resource == resource)
			return &ledger.decision[i];
	return NULL;
}

/* One that is carried out says nothing of another. */
static void what_the_hands_refuse_is_not_done(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	hands_refuse = 1ull << KNOB_MEMORY_HIGH | 1ull << KNOB_MEMORY_LOW;
	scene.host.memory_free = 20e6f;
	scene.batch.need[RESOURCE_MEMORY] = (struct plan_need){ .demand = 400e6f, .demand_high = 400e6f, .bad = -1 };
	scene.server.need[RESOURCE_MEMORY].bad = 0.5f;
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	story_seconds(&scene, 3);
	assert_true(decision_of(RESOURCE_CPU)->done_ns);
	assert_false(decision_of(RESOURCE_MEMORY)->done_ns);
	scene.batch.need[RESOURCE_MEMORY].demand = 500e6f;
	scene.server.need[RESOURCE_MEMORY].bad = 0;
	story_seconds(&scene, 3);
	assert_true(decision_of(RESOURCE_MEMORY)->saved_s == 0);
	assert_true(ledger.sums.taken[RESOURCE_MEMORY] == 0);
	assert_true(ledger.sums.taken[RESOURCE_CPU] > 0);
	scene.host.memory_free = 400e6f;
	scene.batch.need[RESOURCE_MEMORY] = (struct plan_need){ .bad = -1 };
	calm(&scene);
	assert_int_equal(decision_of(RESOURCE_MEMORY)->verdict, VERDICT_PLANNED);
	assert_int_not_equal(decision_of(RESOURCE_CPU)->verdict, VERDICT_PLANNED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_calm_has_no_story),
		cmocka_unit_test(a_reflex_that_helps_is_told_with_its_givers_and_cost),
		cmocka_unit_test(what_was_foreseen_was_prevented_or_came_or_was_false),
		cmocka_unit_test(what_was_only_planned_is_credited_with_nothing),
		cmocka_unit_test(a_limit_of_no_use_is_given_back_and_remembered),
		cmocka_unit_test(each_second_saved_is_earned_by_one),
		cmocka_unit_test(what_the_hands_do_not_do_saves_nothing),
		cmocka_unit_test(a_second_that_two_protect_is_counted_once),
		cmocka_unit_test(dangers_left_alone_tell_how_right_the_risks_are),
		cmocka_unit_test(a_foreseen_limit_under_which_it_comes_all_the_same_is_given_back),
		cmocka_unit_test(a_foreseen_limit_under_which_it_comes_and_passes_stays),
		cmocka_unit_test(a_limit_that_once_helped_is_judged_anew_when_it_comes_again),
		cmocka_unit_test(what_fails_again_is_left_alone_for_twice_as_long),
		cmocka_unit_test(a_weight_is_never_given_back_for_being_of_no_use),
		cmocka_unit_test(a_limit_that_helps_stays),
		cmocka_unit_test(a_limit_that_harms_another_is_given_back),
		cmocka_unit_test(memory_that_was_lost_does_not_condemn_its_limit),
		cmocka_unit_test(what_the_hands_refuse_is_not_done),
		cmocka_unit_test(old_stories_are_forgotten_and_new_ones_counted),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
