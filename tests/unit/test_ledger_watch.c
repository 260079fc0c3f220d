/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands, and what the protected hold themselves, is taken back when it harms others, and left alone for a while. */
#include "ledger_story.h"

/* A server and a stranger with bounds, and a batch beside them that stands back. */
static void standing_init(struct stage *scene)
{
	story_init(scene);
	hands = LEDGER_HANDS_HOLD;
	scene->policy.posture = 1;
	scene->host.is_second = true;
	scene->batch.path = "/app/batch";
	scene->stranger.is_bound = true;
}

static void harmed(struct stage *scene, bool is_harmed) { scene->stranger.need[RESOURCE_IO].bad = is_harmed ? 0.4f : 0; }

static void a_weight_that_stands_and_harms_is_taken_back_and_remembered(void **state)
{
	struct stage scene;

	(void)state;
	standing_init(&scene);
	story_seconds(&scene, 2);
	assert_int_equal(action_of(&scene, 2, KNOB_CPU_WEIGHT)->reason, REASON_STANDING);
	harmed(&scene, true);
	story_seconds(&scene, 0.9);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	story_seconds(&scene, 0.4);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_STANDING], 1);
	harmed(&scene, false);
	story_seconds(&scene, 58);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	story_seconds(&scene, 3);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
}

static void what_happens_long_after_is_not_its_doing(void **state)
{
	struct stage scene;

	(void)state;
	standing_init(&scene);
	story_seconds(&scene, 6);
	harmed(&scene, true);
	story_seconds(&scene, 5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
}

/* Two minutes of nothing, then who is served wants half of a CPU. */
static void used_more_later(struct stage *scene)
{
	standing_init(scene);
	scene->server.need[RESOURCE_CPU].demand = 0.1f;
	story_seconds(scene, 120);
	scene->server.need[RESOURCE_CPU].demand = 0.5f;
	story_seconds(scene, 1);
	harmed(scene, true);
	story_seconds(scene, 1.3);
	assert_null(action_of(scene, 2, KNOB_CPU_WEIGHT));
	assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_STANDING], 1);
	hands = LEDGER_HANDS_EMPTY;
}

static void harm_that_comes_minutes_later_with_more_use_ends_what_stands(void **state)
{
	struct stage scene;

	(void)state;
	used_more_later(&scene);
	story_seconds(&scene, 1);
	harmed(&scene, false);
	story_seconds(&scene, 55);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	story_seconds(&scene, 5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
}

static void what_letting_go_does_not_mend_stands_again_and_is_not_suspected(void **state)
{
	struct stage scene;

	(void)state;
	used_more_later(&scene);
	/* A moment is no end of it. */
	for (int i = 0; i < 2; i++) {
		story_seconds(&scene, 1);
		assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
		harmed(&scene, false);
		story_seconds(&scene, 0.4);
		harmed(&scene, true);
	}
	story_seconds(&scene, 0.5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	hands = LEDGER_HANDS_HOLD;
	for (int again = 1; again <= 2; again++) {
		harmed(&scene, false);
		scene.server.need[RESOURCE_CPU].demand = 0.1f;
		story_seconds(&scene, again == 1 ? 10 : 60);
		scene.server.need[RESOURCE_CPU].demand = 0.5f;
		story_seconds(&scene, 0.5);
		harmed(&scene, true);
		story_seconds(&scene, 1.5);
		assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_STANDING], again);
	}
}

static void a_standing_limit_that_becomes_tighter_is_watched_again(void **state)
{
	struct stage scene;

	(void)state;
	standing_init(&scene);
	scene.host.is_second = false;
	scene.knee[RESOURCE_NET] = (struct knee){ .rate = 9e6f, .is_found = true };
	scene.server.need[RESOURCE_NET].is_bound = true;
	scene.server.hold[RESOURCE_NET].shown = 1e6f;
	scene.batch.need[RESOURCE_NET] = (struct plan_need){ .demand = 2e6f, .demand_high = 2e6f, .bad = -1 };
	story_seconds(&scene, 60);
	assert_int_equal(action_of(&scene, 2, KNOB_NET_EGRESS)->reason, REASON_STANDING);
	scene.knee[RESOURCE_NET].rate = 5e6f;
	story_seconds(&scene, 1);
	harmed(&scene, true);
	story_seconds(&scene, 1.3);
	assert_null(action_of(&scene, 2, KNOB_NET_EGRESS));
}

static void an_idle_giver_feels_it_when_it_wakes(void **state)
{
	struct stage scene;

	(void)state;
	standing_init(&scene);
	scene.batch.need[RESOURCE_CPU].demand = 0;
	story_seconds(&scene, 20);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	scene.batch.need[RESOURCE_CPU].demand = 1;
	story_seconds(&scene, 1);
	harmed(&scene, true);
	story_seconds(&scene, 1.3);
	assert_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
}

static void what_the_hands_do_not_hold_harms_nobody(void **state)
{
	struct stage scene;

	(void)state;
	standing_init(&scene);
	hands = LEDGER_HANDS_EMPTY;
	harmed(&scene, false);
	story_seconds(&scene, 1);
	harmed(&scene, true);
	story_seconds(&scene, 5);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_WEIGHT));
	assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_STANDING], 0);
}

/* A server whose own quota is lifted to what it was granted. */
static void lifted_init(struct stage *scene)
{
	story_init(scene);
	scene->batch.need[RESOURCE_CPU].demand = 0;
	scene->server.quota = 0.2f;
	scene->server.need[RESOURCE_CPU].max = 0.9f;
	scene->stranger.is_bound = true;
	story_seconds(scene, 1);
	assert_non_null(action_of(scene, 1, KNOB_CPU_MAX));
}

static void a_quota_lift_that_harms_its_own_tier_is_taken_back_and_remembered(void **state)
{
	struct stage scene;

	(void)state;
	lifted_init(&scene);
	harmed(&scene, true);
	story_seconds(&scene, 1.3);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	assert_int_equal(ledger.sums.taken_back[TAKEN_BACK_OWN], 1);
	harmed(&scene, false);
	story_seconds(&scene, 58);
	assert_null(action_of(&scene, 1, KNOB_CPU_MAX));
	story_seconds(&scene, 3);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
}

static void a_lower_tier_is_what_a_quota_lift_is_paid_with(void **state)
{
	struct stage scene;

	(void)state;
	lifted_init(&scene);
	scene.stranger.tier = TIER_STANDARD;
	harmed(&scene, true);
	story_seconds(&scene, 5);
	assert_non_null(action_of(&scene, 1, KNOB_CPU_MAX));
}

static void memory_that_is_kept_at_the_cost_of_an_equal_is_let_go(void **state)
{
	struct stage scene;

	(void)state;
	story_init(&scene);
	scene_hurt(&scene, RESOURCE_MEMORY, 500e6f);
	scene.stranger.is_bound = true;
	scene.host.ledger = &ledger;
	scene.host.memory_free = 20e6f;
	scene.server.cgroup_id = 101;
	scene.stranger.cgroup_id = 103;
	story_seconds(&scene, 1);
	assert_non_null(action_of(&scene, 1, KNOB_MEMORY_LOW));
	harmed(&scene, true);
	story_seconds(&scene, 1.3);
	assert_null(action_of(&scene, 1, KNOB_MEMORY_LOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_weight_that_stands_and_harms_is_taken_back_and_remembered),
		cmocka_unit_test(what_happens_long_after_is_not_its_doing),
		cmocka_unit_test(harm_that_comes_minutes_later_with_more_use_ends_what_stands),
		cmocka_unit_test(what_letting_go_does_not_mend_stands_again_and_is_not_suspected),
		cmocka_unit_test(a_standing_limit_that_becomes_tighter_is_watched_again),
		cmocka_unit_test(an_idle_giver_feels_it_when_it_wakes),
		cmocka_unit_test(what_the_hands_do_not_hold_harms_nobody),
		cmocka_unit_test(a_quota_lift_that_harms_its_own_tier_is_taken_back_and_remembered),
		cmocka_unit_test(a_lower_tier_is_what_a_quota_lift_is_paid_with),
		cmocka_unit_test(memory_that_is_kept_at_the_cost_of_an_equal_is_let_go),
	};

	return cmocka_run_group_tests_name("ledger_watch", tests, NULL, NULL);
}
