/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan_scene.h"

#include <math.h>

#include "decide/worth.h"

/* The server suffers, and a second batch lives elsewhere, so that both get quotas. */
static void givers_init(struct stage *scene)
{
	scene_init(scene);
	scene->policy.period_us = 100000;	/* so that a quota has no lower end in the way */
	for (int r = 0; r < RESOURCE_COUNT; r++)
		scene->policy.step[r] = 1;	/* how fast a plan comes there is test_pace.c's */
	scene->batch.path = "/other/batch";
	scene->stranger.path = "/other/box/stranger";
	scene->stranger.tier = TIER_BEST_EFFORT;
	scene->stranger.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.5f, .demand_high = 0.5f, .bad = -1 };
	scene->server.need[RESOURCE_CPU].risk = 0.9f;
	scene_credit(scene, RESOURCE_CPU);
}

static float left_of(const struct stage *scene, uint32_t slot)
{
	return (float)action_of(scene, slot, KNOB_CPU_MAX)->value / (float)scene->policy.period_us;
}

static void assert_near(float one, float other) { assert_true(fabsf(one - other) < 2e-3f); }

static void equals_get_the_same_share_of_what_they_want(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene_tick(&scene);
	/* 1 less a tenth of headroom and .35 for the server are .55. */
	assert_near(left_of(&scene, 2), 0.55f * 2 / 3);
	assert_near(left_of(&scene, 3), 0.55f / 3);
	assert_true(scene.plan.action[0].price > 0);
	/* And of what is left beyond. */
	scene.batch.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.2f, .demand_high = 0.2f, .bad = -1 };
	scene.stranger.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.1f, .demand_high = 0.1f, .bad = -1 };
	scene.batch.hold[RESOURCE_CPU].left = scene.stranger.hold[RESOURCE_CPU].left = 0;
	scene_tick(&scene);
	assert_near(left_of(&scene, 2), 0.55f * 2 / 3);
	assert_near(left_of(&scene, 3), 0.55f / 3);
}

static void a_higher_tier_keeps_more_but_not_everything(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.stranger.tier = TIER_STANDARD;
	scene.stranger.need[RESOURCE_CPU].demand = scene.stranger.need[RESOURCE_CPU].demand_high = 1;
	scene_tick(&scene);
	assert_true(left_of(&scene, 3) > 0.4f);
	assert_true(left_of(&scene, 2) < 0.15f && action_of(&scene, 2, KNOB_CPU_MAX));
	/* More of it than a third each would be: the first third of one is worth as much as the last of the other. */
	scene.server.need[RESOURCE_CPU].demand_high = 0.1f;
	scene.batch.hold[RESOURCE_CPU].left = scene.stranger.hold[RESOURCE_CPU].left = 0;
	scene_tick(&scene);
	assert_near(left_of(&scene, 2) + left_of(&scene, 3), 0.8f);
	assert_true(left_of(&scene, 2) > 0.05f);
}

static void a_batch_gives_before_a_stream_of_its_tier(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.batch.kind = KIND_BATCH;
	scene.stranger.kind = KIND_STREAM;
	scene.batch.need[RESOURCE_CPU].demand = scene.batch.need[RESOURCE_CPU].demand_high = 0.6f;
	scene.stranger.need[RESOURCE_CPU].demand = scene.stranger.need[RESOURCE_CPU].demand_high = 0.3f;
	scene_tick(&scene);
	/* .55 are left to both: two thirds of what the batch wants go before anything of the stream's. */
	assert_near(left_of(&scene, 3), 0.3f);
	assert_near(left_of(&scene, 2), 0.25f);
	/* What serves somebody waiting comes before both, a word that was not said between them; a tier before all of that. */
	scene.stranger.kind = KIND_LATENCY;
	scene.batch.kind = KIND_STREAM;
	scene.batch.need[RESOURCE_CPU] = scene.stranger.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.9f, .demand_high = 0.9f, .bad = -1 };
	scene.batch.hold[RESOURCE_CPU].left = scene.stranger.hold[RESOURCE_CPU].left = 0;
	scene_tick(&scene);
	assert_near(left_of(&scene, 3), 0.3f);
	assert_near(left_of(&scene, 2), 0.25f);
	scene.stranger.kind = KIND_UNKNOWN;
	scene.batch.kind = KIND_BATCH;
	scene.batch.tier = TIER_STANDARD;
	scene.batch.hold[RESOURCE_CPU].left = scene.stranger.hold[RESOURCE_CPU].left = 0;
	scene_tick(&scene);
	assert_true(left_of(&scene, 2) > left_of(&scene, 3) + 0.04f);
}

static void what_a_directory_cannot_use_goes_to_the_others(void **state)
{
	struct plan_scope box = { .path = "/other/box", .capacity = { 0.1f }, .memory_free = -1 };
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.host.scopes = &box;
	scene.host.scope_count = 1;
	scene_tick(&scene);
	assert_near(left_of(&scene, 3), 0.1f);
	assert_near(left_of(&scene, 2), 0.45f);
}

static void promises_that_do_not_fit_are_kept_by_tier(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.server.need[RESOURCE_CPU].min = 0.5f;
	scene.batch.need[RESOURCE_CPU].min = 0.8f;
	scene_tick(&scene);
	/* .9 less the .5 that the server was promised; what the forecast wants for it beyond is no promise. */
	assert_near(left_of(&scene, 2), 0.4f);
	scene.server.need[RESOURCE_CPU].min = 0;
	scene.batch.hold[RESOURCE_CPU].left = 0;
	scene_tick(&scene);
	assert_near(left_of(&scene, 2), 0.8f);
}

static void a_giver_is_left_no_more_than_it_is_ever_given(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.batch.need[RESOURCE_CPU].most = 0.2f;
	scene_tick(&scene);
	assert_near(left_of(&scene, 2), 0.2f);
	assert_near(left_of(&scene, 3), 0.35f);
}

static void what_is_reserved_shrinks_only_when_clearly_less_is_wanted(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.server.need[RESOURCE_CPU].demand_high = 0.5f;
	scene_tick(&scene);
	assert_near(scene.server.hold[RESOURCE_CPU].reserved, 0.5f);
	/* No more than it could use. */
	scene.server.need[RESOURCE_CPU].most = 0.3f;
	scene_tick(&scene);
	assert_near(scene.server.hold[RESOURCE_CPU].reserved, 0.3f);
	scene.server.need[RESOURCE_CPU].most = 0;
	scene_tick(&scene);
	scene.server.need[RESOURCE_CPU].demand_high = 0.41f;
	scene_tick(&scene);
	assert_near(scene.server.hold[RESOURCE_CPU].reserved, 0.5f);
	scene.server.need[RESOURCE_CPU].demand_high = 0.39f;
	scene_tick(&scene);
	assert_near(scene.server.hold[RESOURCE_CPU].reserved, 0.39f);
	scene.server.need[RESOURCE_CPU].demand_high = 0.4f;
	scene_tick(&scene);
	assert_near(scene.server.hold[RESOURCE_CPU].reserved, 0.4f);
}

static void more_is_kept_free_where_the_response_says_what_for(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.server.worth[RESOURCE_CPU] = (struct plan_worth){ .slope = { 10, 0.1f }, .width = { 0.1f, 0.1f }, .trust = 1 };
	scene_tick(&scene);
	/* Ten times the worth of a tier is above all that givers have; a tenth of it is below their second third. */
	assert_near(left_of(&scene, 2) + left_of(&scene, 3), 0.45f);
}

static void a_model_that_is_wrong_leaves_a_forecast_only_weights(void **state)
{
	struct stage scene;

	(void)state;
	givers_init(&scene);
	scene.server.worth[RESOURCE_CPU].is_doubted = true;
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 0);
	scene.batch.path = "/app/batch";
	scene_tick(&scene);
	assert_int_equal(scene.plan.count, 1);
	assert_int_equal(scene.plan.action[0].knob, KNOB_CPU_WEIGHT);
	/* What is measured needs no model. */
	scene.batch.path = "/other/batch";
	scene.server.need[RESOURCE_CPU].bad = 0.5f;
	scene_tick(&scene);
	assert_non_null(action_of(&scene, 2, KNOB_CPU_MAX));
}

/* A server on a busy host that suffers from pressure above a half. */
static struct predictor *predictor_make(void)
{
	struct predictor_config config = { .slots_max = 3, .host_cpus = 1, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct predictor *p = predictor_new(&config);
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = 1, .cgroup_id = 7, .path = "/server" } };
	struct slo_error error;

	assert_non_null(p);
	slo_init(&observation.instance.slo);
	assert_int_equal(slo_parse("runq_p99<5ms", &observation.instance.slo, &error), 0);
	observation.instance.slo.source = SLO_FROM_CONFIG;
	predictor_observe(p, &observation);
	predictor_tick(p, NS_PER_SECOND);
	observation = (struct observation){ .kind = OBSERVE_SAMPLE };
	observation.sample.slot = 1;
	observation.sample.moved.oncpu_ns = 300000000;
	predictor_observe(p, &observation);
	assert_true(predictor_tick(p, 2 * NS_PER_SECOND));
	return p;
}

static void worth_is_the_envelope_of_a_trusted_response(void **state)
{
	struct predictor *p = predictor_make();
	struct response *model = &p->memory.response[1][response_index(SLI_RUNQ_P99, RESOURCE_CPU)];
	struct plan_worth worth;

	(void)state;
	worth_update(p, &p->instance[1], RESOURCE_CPU, 0.3f, &worth);
	assert_true(worth.slope[0] == 0 && worth.width[0] == 0 && !worth.is_doubted);
	for (int i = 0; i < 200; i++)
		response_push(model, 0.4f + 0.01f * (float)(i % 80), i % 80 < 20 ? 0 : 0.01f * (float)(i % 80 - 20));
	worth_update(p, &p->instance[1], RESOURCE_CPU, 0.3f, &worth);
	assert_true(worth.trust > 0.5f && worth.error < 0.1f);
	assert_true(worth.width[0] > 0 && worth.slope[0] > worth.slope[1] && worth.slope[1] >= 0);
	/* All is well from twice what is wanted on at the latest. */
	assert_true(worth.width[0] + worth.width[1] <= 0.3f + 1e-6f);
	for (int i = 0; i < 200; i++)
		response_push(model, 0.7f, i % 2 ? 1 : 0);
	worth_update(p, &p->instance[1], RESOURCE_CPU, 0.3f, &worth);
	assert_true(worth.is_doubted && worth.width[0] == 0);
	predictor_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_get_the_same_share_of_what_they_want),
		cmocka_unit_test(a_higher_tier_keeps_more_but_not_everything),
		cmocka_unit_test(a_batch_gives_before_a_stream_of_its_tier),
		cmocka_unit_test(what_a_directory_cannot_use_goes_to_the_others),
		cmocka_unit_test(promises_that_do_not_fit_are_kept_by_tier),
		cmocka_unit_test(a_giver_is_left_no_more_than_it_is_ever_given),
		cmocka_unit_test(what_is_reserved_shrinks_only_when_clearly_less_is_wanted),
		cmocka_unit_test(more_is_kept_free_where_the_response_says_what_for),
		cmocka_unit_test(a_model_that_is_wrong_leaves_a_forecast_only_weights),
		cmocka_unit_test(worth_is_the_envelope_of_a_trusted_response),
	};

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
