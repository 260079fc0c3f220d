/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was announced is acted on before it begins: from the file of events to the plan. */
#include "unit.h"

#include <unistd.h>

#include "decide/mind.h"
#include "sense/outlook.h"
#include "setup/event_file.h"

#define TICK_NS 100000000ull
#define WALL_S 1767571200ll

enum { SERVER = 1, BATCH, SLOTS };

struct scene {
	struct mind *mind;
	struct outlook *outlook;
	struct plan plan;
	uint64_t now_ns;
	char dir[32];
	float server_cpus, batch_cpus;
};

static void on_observe(void *context, const struct observation *observation)
{
	predictor_observe(((struct scene *)context)->mind->predictor, observation);
}

static void tell_instance(struct scene *scene, uint32_t slot, const char *path, const char *slo)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = 100 + slot } };
	struct observation limits = { .kind = OBSERVE_LIMITS,
				      .limits = { .slot = slot, .weight = 100, .has = 0xff, LIMITS_NONE } };
	struct slo_error problem;

	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", path);
	slo_init(&observation.instance.slo);
	assert_int_equal(slo_parse(slo, &observation.instance.slo, &problem), 0);
	observation.instance.slo.source = SLO_FROM_TRUSTED_XATTR;
	predictor_observe(scene->mind->predictor, &observation);
	predictor_observe(scene->mind->predictor, &limits);
}

/* Four CPUs; the server uses one, the batch two. */
static int scene_open(void **state)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 4, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_PERSISTENCE };
	struct scene *scene = calloc(1, sizeof(*scene));
	struct plan_policy policy;

	plan_policy_init(&policy);
	scene->mind = mind_new(&config, &policy);
	strcpy(scene->dir, "/tmp/forestall-announce-XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	scene->outlook = outlook_new(&(struct outlook_setup){ scene->dir, scene->dir, scene->mind->predictor, on_observe, scene });
	assert_non_null(scene->outlook);
	scene->now_ns = 10 * NS_PER_SECOND;
	scene->server_cpus = 1;
	scene->batch_cpus = 2;
	tell_instance(scene, SERVER, "/app/server", "runq_p99<4ms tier=critical");
	tell_instance(scene, BATCH, "/app/batch", "tier=best-effort");
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	char path[64];

	outlook_free(scene->outlook);
	mind_free(scene->mind);
	snprintf(path, sizeof(path), "%s/events", scene->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/profile", scene->dir);
	rmdir(path);
	rmdir(scene->dir);
	free(scene);
	return 0;
}

static void ran(struct scene *scene, uint32_t slot, float cpus)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE, .sample = { .slot = slot } };

	observation.sample.moved.oncpu_ns = (uint64_t)(cpus * TICK_NS);
	observation.sample.moved.switches = 100;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 100;
	predictor_observe(scene->mind->predictor, &observation);
}

/* Seconds since the scene began. */
static double clock_of(const struct scene *scene) { return (double)scene->now_ns / NS_PER_SECOND - 10; }

static void tick(struct scene *scene)
{
	struct profile_clock wall;
	bool is_second;

	ran(scene, SERVER, scene->server_cpus);
	ran(scene, BATCH, scene->batch_cpus);
	scene->now_ns += TICK_NS;
	is_second = mind_tick(scene->mind, scene->now_ns, &scene->plan);
	wall = (struct profile_clock){ .unix_s = WALL_S + (int64_t)(scene->now_ns / NS_PER_SECOND) - 10,
				       .ns = (uint32_t)(scene->now_ns % NS_PER_SECOND) };
	outlook_tick(scene->outlook, scene->now_ns, wall, is_second);
}

/* The first action that is there for more than because it costs nothing; NULL: none is. */
static const struct plan_action *acts(const struct scene *scene)
{
	for (uint32_t i = 0; i < scene->plan.count; i++)
		if (scene->plan.action[i].reason != REASON_STANDING)
			return &scene->plan.action[i];
	return NULL;
}

/* Ticks until so many seconds; when the first such action came, or -1. */
static double acts_until(struct scene *scene, double seconds)
{
	double first = -1;

	while (clock_of(scene) < seconds) {
		tick(scene);
		if (acts(scene) && first < 0)
			first = clock_of(scene);
	}
	return first;
}

static void announce(struct scene *scene, int64_t after_s, int64_t lasts_s, const char *scope, float factor)
{
	struct event event = { .id = "e1", .resource = RESOURCE_CPU, .factor = factor, .start_s = WALL_S + after_s,
			       .end_s = WALL_S + after_s + lasts_s };
	struct events events = { 0 };
	char problem[EVENT_PROBLEM_MAX];

	snprintf(event.scope, sizeof(event.scope), "%s", scope);
	if (factor > 0)
		assert_int_equal(events_add(&events, &event), 0);
	assert_int_equal(events_save(scene->dir, &events, problem), 0);
	events_done(&events);
}

static void room_is_made_for_the_server_before_its_load_comes(void **state)
{
	struct scene *scene = *state;
	double first;

	announce(scene, 20, 30, "/app/serv*", 2.5f);
	assert_float_equal(acts_until(scene, 17.5), -1, 0);
	first = acts_until(scene, 20);
	assert_true(first >= 17.5 && first <= 19);
	assert_int_equal(acts(scene)->reason, REASON_ANNOUNCED);
	assert_int_equal(acts(scene)->slot, BATCH);
	assert_int_equal(acts(scene)->for_slot, SERVER);
	/* What it is to need is kept free for it as long as the event lasts. */
	assert_true(scene->mind->view[SERVER].need[RESOURCE_CPU].demand_high >= 2.4f);
	acts_until(scene, 49);
	assert_true(scene->mind->view[SERVER].need[RESOURCE_CPU].demand_high >= 2.4f);
	acts_until(scene, 55);
	assert_true(scene->mind->view[SERVER].need[RESOURCE_CPU].demand_high < 1.5f);
}

static void a_batch_that_is_to_start_gives_before_it_does(void **state)
{
	struct scene *scene = *state;
	double first;

	scene->batch_cpus = 0.3f;
	announce(scene, 20, 30, "/app/batch", 10);
	assert_float_equal(acts_until(scene, 17.5), -1, 0);
	first = acts_until(scene, 20);
	assert_true(first >= 17.5 && first <= 19);
	assert_int_equal(acts(scene)->slot, BATCH);
}

static void what_fits_moves_nobody(void **state)
{
	struct scene *scene = *state;

	announce(scene, 20, 30, "/app/server", 1.2f);
	assert_float_equal(acts_until(scene, 60), -1, 0);
}

static void load_that_does_not_come_is_not_waited_for(void **state)
{
	struct scene *scene = *state;

	announce(scene, 20, 600, "/app/server", 2.5f);
	acts_until(scene, 25);
	assert_non_null(acts(scene));
	acts_until(scene, 36);
	assert_null(acts(scene));
}

static void what_is_taken_back_is_forgotten(void **state)
{
	struct scene *scene = *state;

	announce(scene, 20, 30, "/app/server", 2.5f);
	acts_until(scene, 10);
	announce(scene, 0, 1, "/", 0);
	assert_float_equal(acts_until(scene, 60), -1, 0);
}

static void a_file_with_a_mistake_changes_nothing(void **state)
{
	struct scene *scene = *state;
	char path[64];
	FILE *file;

	announce(scene, 20, 30, "/app/server", 2.5f);
	acts_until(scene, 5);
	snprintf(path, sizeof(path), "%s/events", scene->dir);
	file = fopen(path, "w");
	fputs("e1 tomorrow\n", file);
	fclose(file);
	assert_true(acts_until(scene, 20) > 17);
}

static void what_was_announced_is_not_learned_as_usual(void **state)
{
	struct scene *scene = *state;

	announce(scene, 20, 30, "/app/server", 2.5f);
	acts_until(scene, 60);
	assert_true(outlook_profile(scene->outlook, SERVER)->seconds[RESOURCE_CPU] < 32);
	assert_true(outlook_profile(scene->outlook, SERVER)->seconds[RESOURCE_CPU] > 25);
	assert_true(outlook_profile(scene->outlook, BATCH)->seconds[RESOURCE_CPU] > 55);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)
	const struct CMUnitTest tests[] = {
		CASE(room_is_made_for_the_server_before_its_load_comes),
		CASE(a_batch_that_is_to_start_gives_before_it_does),
		CASE(what_fits_moves_nobody),
		CASE(load_that_does_not_come_is_not_waited_for),
		CASE(what_is_taken_back_is_forgotten),
		CASE(a_file_with_a_mistake_changes_nothing),
		CASE(what_was_announced_is_not_learned_as_usual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
