/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From observations to plans: what the mind remembers of an instance, and which directories limit it. */
#include "unit.h"

#include "decide/mind.h"

#define TICK_NS 100000000ull

enum { ABOVE = 1, SERVER, BATCH, OUTSIDER, SLOTS };

struct scene {
	struct mind *mind;
	struct plan plan;
	uint64_t now_ns;
};

static void tell_instance(struct scene *scene, uint32_t slot, uint64_t id, const char *path, const char *slo)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = id } };
	struct observation limits = { .kind = OBSERVE_LIMITS,
				      .limits = { .slot = slot, .weight = 100, .has = 0xff, LIMITS_NONE } };
	struct slo_error problem;

	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", path);
	slo_init(&observation.instance.slo);
	if (slo) {
		assert_int_equal(slo_parse(slo, &observation.instance.slo, &problem), 0);
		observation.instance.slo.source = SLO_FROM_TRUSTED_XATTR;
	}
	predictor_observe(scene->mind->predictor, &observation);
	predictor_observe(scene->mind->predictor, &limits);
}

static void scene_open(struct scene *scene)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 8, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_PERSISTENCE };
	struct plan_policy policy;

	plan_policy_init(&policy);
	policy.posture = 0;
	memset(scene, 0, sizeof(*scene));
	scene->mind = mind_new(&config, &policy);
	assert_non_null(scene->mind);
	scene->now_ns = 10 * NS_PER_SECOND;
	tell_instance(scene, ABOVE, 100 + ABOVE, "/app", NULL);
	tell_instance(scene, SERVER, 100 + SERVER, "/app/server", "runq_p99<4ms tier=critical");
	tell_instance(scene, BATCH, 100 + BATCH, "/app/batch", "tier=best-effort");
	tell_instance(scene, OUTSIDER, 100 + OUTSIDER, "/other/batch", "tier=best-effort");
}

static void ran(struct scene *scene, uint32_t slot, uint64_t oncpu_ns, uint64_t bad)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE, .sample = { .slot = slot } };

	observation.sample.moved.oncpu_ns = oncpu_ns;
	observation.sample.moved.switches = 100;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 100 - bad;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].bad = bad;
	predictor_observe(scene->mind->predictor, &observation);
}

/* A tick in which the server ran for a fifth of a CPU, the batches each for one. */
static void tick(struct scene *scene, uint64_t bad)
{
	scene->now_ns += TICK_NS;
	ran(scene, SERVER, TICK_NS / 5, bad);
	ran(scene, BATCH, TICK_NS, 0);
	ran(scene, OUTSIDER, TICK_NS, 0);
	mind_tick(scene->mind, scene->now_ns, &scene->plan);
}

static bool gives(const struct scene *scene, uint32_t slot)
{
	for (uint32_t i = 0; i < scene->plan.count; i++)
		if (scene->plan.action[i].slot == slot)
			return true;
	return false;
}

static void protection_holds_before_the_first_second_is_over(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	tick(&scene, 0);
	tick(&scene, 0);
	tick(&scene, 50);
	assert_true(gives(&scene, BATCH));
	for (int i = 0; i < 5; i++) {
		tick(&scene, 0);
		assert_true(gives(&scene, BATCH));
	}
	mind_free(scene.mind);
}

static void a_new_cgroup_in_the_slot_has_no_protection(void **state)
{
	struct observation gone = { .kind = OBSERVE_GONE, .gone = { .slot = SERVER, .cgroup_id = 100 + SERVER } };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 3; i++)
		tick(&scene, 50);
	assert_true(gives(&scene, BATCH));
	predictor_observe(scene.mind->predictor, &gone);
	tell_instance(&scene, SERVER, 200, "/app/other", "runq_p99<4ms tier=critical");
	tick(&scene, 0);
	assert_false(gives(&scene, BATCH));
	mind_free(scene.mind);
}

static void server_goes(struct scene *scene)
{
	struct observation gone = { .kind = OBSERVE_GONE, .gone = { .slot = SERVER, .cgroup_id = 100 + SERVER } };

	predictor_observe(scene->mind->predictor, &gone);
}

/* A tick in which nobody is there but the batches. */
static void tick_without(struct scene *scene)
{
	scene->now_ns += TICK_NS;
	ran(scene, BATCH, TICK_NS, 0);
	ran(scene, OUTSIDER, TICK_NS, 0);
	mind_tick(scene->mind, scene->now_ns, &scene->plan);
}

static void what_is_held_for_one_that_starts_again_is_neither_let_go_nor_taken_anew(void **state)
{
	static struct plan before;
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 3; i++)
		tick(&scene, 50);
	before = scene.plan;
	assert_true(before.count > 0);
	server_goes(&scene);
	for (int i = 0; i < 15; i++) {
		tick_without(&scene);
		assert_int_equal(scene.plan.count, before.count);
		for (uint32_t a = 0; a < before.count; a++)
			assert_true(scene.plan.action[a].slot == before.action[a].slot && scene.plan.action[a].value == before.action[a].value);
	}
	/* It is back, and in danger again. */
	tell_instance(&scene, SERVER, 200, "/app/server", "runq_p99<4ms tier=critical");
	for (int i = 0; i < 3; i++) {
		tick(&scene, 50);
		assert_int_equal(scene.plan.action[0].absent_ns, 0);
		assert_true(gives(&scene, BATCH));
	}
	mind_free(scene.mind);
}

static void what_is_held_for_one_that_stays_away_is_let_go(void **state)
{
	struct scene scene;
	int held = 0;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 3; i++)
		tick(&scene, 50);
	server_goes(&scene);
	for (tick_without(&scene); gives(&scene, BATCH); tick_without(&scene))
		assert_in_range(++held, 1, 20);
	assert_int_equal(held, 20);
	/* Who is there and lost its annotation is nobody's concern from then on. */
	mind_free(scene.mind);
	scene_open(&scene);
	for (int i = 0; i < 3; i++)
		tick(&scene, 50);
	tell_instance(&scene, SERVER, 100 + SERVER, "/app/server", NULL);
	tick(&scene, 50);
	assert_false(gives(&scene, BATCH));
	mind_free(scene.mind);
}

static void the_quota_of_a_directory_above_keeps_outsiders_out(void **state)
{
	struct observation limits = { .kind = OBSERVE_LIMITS, .limits = { .slot = ABOVE, LIMITS_NONE } };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 3; i++)
		tick(&scene, 50);
	assert_true(gives(&scene, BATCH) && gives(&scene, OUTSIDER));
	limits.limits.quota_us = 50000;
	limits.limits.period_us = 100000;
	predictor_observe(scene.mind->predictor, &limits);
	tick(&scene, 50);
	assert_true(gives(&scene, BATCH));
	assert_false(gives(&scene, OUTSIDER));
	mind_free(scene.mind);
}

/* A limit in requests would be twice as wide for whoever starts again. */
static void the_size_of_requests_outlives_a_pause(void **state)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE, .sample = { .slot = BATCH } };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	observation.sample.moved.io_done = 10;
	observation.sample.moved.io_read_bytes = 10 * 16384;
	for (int i = 0; i < 40; i++) {
		if (i < 12)
			predictor_observe(scene.mind->predictor, &observation);
		tick(&scene, 0);
	}
	assert_true(window_at(&scene.mind->predictor->instance[BATCH].window, 0)->io_done == 0);
	assert_true(scene.mind->view[BATCH].request_bytes == 16384);
	mind_free(scene.mind);
}

static uint64_t value_of(const struct scene *scene, uint32_t slot, enum knob knob)
{
	for (uint32_t i = 0; i < scene->plan.count; i++)
		if (scene->plan.action[i].slot == slot && scene->plan.action[i].knob == knob)
			return scene->plan.action[i].value;
	return 0;
}

static uint64_t quota_of(const struct scene *scene, uint32_t slot) { return value_of(scene, slot, KNOB_CPU_MAX); }

/* The outsider runs on three CPUs and is no sibling: it gets a quota. */
static uint64_t quota_with(const char *annotation)
{
	struct scene scene;
	uint64_t quota;

	scene_open(&scene);
	tell_instance(&scene, OUTSIDER, 100 + OUTSIDER, "/other/batch", annotation);
	for (int i = 0; i < 12; i++) {
		ran(&scene, OUTSIDER, 2 * TICK_NS, 0);
		tick(&scene, 50);
	}
	quota = quota_of(&scene, OUTSIDER);
	mind_free(scene.mind);
	return quota;
}

static void more_cpus_than_it_works_on_pieces_are_worth_nothing(void **state)
{
	(void)state;
	assert_true(quota_with("tier=best-effort") > 25000);
	assert_in_range(quota_with("tier=best-effort concurrency=2"), 19990, 20000);
	assert_in_range(quota_with("tier=best-effort concurrency=2 cpu=..1"), 9990, 10000);
}

/* The batch has paused; by its past it goes on in three seconds, by the forecast in two. Whether it gives, and what is kept for it. */
static bool gives_before(const char *annotation, float demand_high)
{
	struct scene scene;
	struct predictor_instance *batch;
	bool does;

	scene_open(&scene);
	tell_instance(&scene, BATCH, 100 + BATCH, "/app/batch", annotation);
	for (int i = 0; i < 35; i++) {
		scene.now_ns += TICK_NS;
		ran(&scene, SERVER, TICK_NS / 5, 50);
		if (i < 5)
			ran(&scene, BATCH, TICK_NS, 0);
		batch = &scene.mind->predictor->instance[BATCH];
		batch->expect[RESOURCE_CPU] = (struct expectation){ .demand = { 0, 0, 0.5f, 0.5f }, .confidence = { 1, 1, 1, 1 } };
		batch->foresight->forecast.demand[RESOURCE_CPU][0][2] = 1;
		batch->foresight->forecast.demand[RESOURCE_CPU][scene.mind->policy.act_horizon][2] = 2;
		mind_tick(scene.mind, scene.now_ns, &scene.plan);
	}
	does = gives(&scene, BATCH);
	assert_float_equal(scene.mind->view[BATCH].need[RESOURCE_CPU].demand_high, demand_high, 0);
	mind_free(scene.mind);
	return does;
}

static void a_batch_that_will_be_over_needs_nothing_later(void **state)
{
	(void)state;
	assert_true(gives_before("tier=best-effort kind=batch", 2));
	assert_false(gives_before("tier=best-effort kind=batch duration=5s", 1));
	/* It ends after that, has taken longer than it said, or is a service whose requests take so long. */
	assert_true(gives_before("tier=best-effort kind=batch duration=10s", 2));
	assert_true(gives_before("tier=best-effort kind=batch duration=2s", 2));
	assert_true(gives_before("tier=best-effort kind=stream duration=5s", 2));
}

/* The outsider works on four CPUs; of eight, six go offline, and one comes back. */
static void a_host_that_loses_cpus_shares_those_that_are_left(void **state)
{
	struct observation host = { .kind = OBSERVE_HOST };
	struct scene scene;
	uint64_t before = 0, after = 0;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 60; i++) {
		host.host = (struct observe_host){ .time_ns = scene.now_ns, .cpus = i < 20 ? 0 : i < 40 ? 2 : 3 };
		predictor_observe(scene.mind->predictor, &host);
		ran(&scene, OUTSIDER, 3 * TICK_NS, 0);
		tick(&scene, 50);
		before = i == 19 ? quota_of(&scene, OUTSIDER) : before;
		after = i == 39 ? quota_of(&scene, OUTSIDER) : after;
	}
	assert_true(before >= 40000 && after && after < 20000);
	assert_true(quota_of(&scene, OUTSIDER) > after && quota_of(&scene, OUTSIDER) < 30000);
	assert_float_equal(scene.mind->predictor->host.capacity[RESOURCE_CPU], 3, 0);
	mind_free(scene.mind);
}

/* A CPU of those goes offline, then all but one CPU of the host, and they come back. */
static void givers_are_confined_to_cpus_that_are_there(void **state)
{
	static const struct observe_host told[] = { { .cpus = 8, .giver_cpus = 0xf0 }, { .cpus = 7, .giver_cpus = 0x70 }, { .cpus = 0 },
						    { .cpus = 1 }, { .cpus = 8, .giver_cpus = 0xf0 } };
	static const uint64_t confined[] = { 0xf0, 0x70, 0x70, 0, 0xf0 };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (size_t k = 0; k < sizeof(told) / sizeof(told[0]); k++) {
		struct observation host = { .kind = OBSERVE_HOST, .host = told[k] };

		host.host.time_ns = scene.now_ns;
		predictor_observe(scene.mind->predictor, &host);
		for (int i = 0; i < 10; i++) {
			ran(&scene, OUTSIDER, 3 * TICK_NS, 0);
			tick(&scene, 50);
		}
		assert_int_equal(value_of(&scene, OUTSIDER, KNOB_CPUSET_CPUS), confined[k]);
	}
	mind_free(scene.mind);
}

/* The hog that nobody annotated is left alone, and with the server's bound the danger goes. */
static void who_is_not_annotated_neither_gives_nor_asks(void **state)
{
	struct scene scene;

	(void)state;
	assert_true(quota_with("tier=best-effort") > 0);
	scene_open(&scene);
	tell_instance(&scene, OUTSIDER, 100 + OUTSIDER, "/other/batch", NULL);
	for (int i = 0; i < 30; i++) {
		tick(&scene, 50);
		assert_false(gives(&scene, OUTSIDER));
	}
	assert_true(gives(&scene, BATCH));
	tell_instance(&scene, SERVER, 100 + SERVER, "/app/server", NULL);
	for (int i = 0; i < 30; i++)
		tick(&scene, 50);
	assert_int_equal(scene.plan.count, 0);
	mind_free(scene.mind);
}

static void what_the_profile_says_is_held_ready(void **state)
{
	struct observation words = { .kind = OBSERVE_PROFILE,
				     .profile = { SERVER, RESOURCE_CPU, 600 * NS_PER_SECOND, { 1, 1, 1 }, { 2, 2, 2 }, { 3, 3, 3 }, 0 } };
	struct scene scene;

	(void)state;
	scene_open(&scene);
	tell_instance(&scene, SERVER, 100 + SERVER, "/app/server", "runq_p99<4ms tier=critical cpu=0.1..8");
	predictor_observe(scene.mind->predictor, &words);
	for (int i = 0; i < 25; i++)
		tick(&scene, 50);
	assert_in_range((uint32_t)(scene.mind->view[SERVER].need[RESOURCE_CPU].phase * 100), 270, 300);
	assert_in_range((uint32_t)(scene.mind->view[SERVER].hold[RESOURCE_CPU].reserved * 100), 270, 300);
	/* What cannot be is not believed. */
	words.profile.usual[1] = -1;
	words.profile.highest[0] = 7;
	predictor_observe(scene.mind->predictor, &words);
	assert_float_equal(scene.mind->predictor->instance[SERVER].foresight->profile[RESOURCE_CPU].highest[0], 3, 0);
	mind_free(scene.mind);
}

static void a_bound_on_answers_stands_in_for_one_on_a_disk(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	tell_instance(&scene, OUTSIDER, 200 + OUTSIDER, "/other/batch", "resp_p99<12ms");
	tell_instance(&scene, BATCH, 200 + BATCH, "/app/batch", "resp_p99<12ms io_p99<6ms");
	tick(&scene, 0);
	assert_int_equal(scene.mind->view[SERVER].io_bound_us, 0);
	assert_int_equal(scene.mind->view[OUTSIDER].io_bound_us, 12000);
	assert_int_equal(scene.mind->view[BATCH].io_bound_us, 6000);
	mind_free(scene.mind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protection_holds_before_the_first_second_is_over),
		cmocka_unit_test(a_new_cgroup_in_the_slot_has_no_protection),
		cmocka_unit_test(what_is_held_for_one_that_starts_again_is_neither_let_go_nor_taken_anew),
		cmocka_unit_test(what_is_held_for_one_that_stays_away_is_let_go),
		cmocka_unit_test(the_quota_of_a_directory_above_keeps_outsiders_out),
		cmocka_unit_test(the_size_of_requests_outlives_a_pause),
		cmocka_unit_test(more_cpus_than_it_works_on_pieces_are_worth_nothing),
		cmocka_unit_test(a_batch_that_will_be_over_needs_nothing_later),
		cmocka_unit_test(a_host_that_loses_cpus_shares_those_that_are_left),
		cmocka_unit_test(givers_are_confined_to_cpus_that_are_there),
		cmocka_unit_test(who_is_not_annotated_neither_gives_nor_asks),
		cmocka_unit_test(what_the_profile_says_is_held_ready),
		cmocka_unit_test(a_bound_on_answers_stands_in_for_one_on_a_disk),
	};

	return cmocka_run_group_tests_name("mind", tests, NULL, NULL);
}
