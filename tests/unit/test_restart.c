/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is remembered of an instance: over a restart under the same path, and of nobody else. */
#include "unit.h"

#include "predict/predictor.h"

#define SLOTS 200
#define SECOND_NS 1000000000ull

struct scene {
	struct predictor *predictor;
	uint64_t now_ns, next_id;
};

static struct scene scene_make(void)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 2, .second_ns = SECOND_NS, .tick_ns = SECOND_NS / 10,
					   .forecaster = FORECAST_STATISTICAL };
	struct scene scene = { .predictor = predictor_new(&config), .now_ns = SECOND_NS, .next_id = 1000 };

	assert_non_null(scene.predictor);
	predictor_tick(scene.predictor, scene.now_ns);
	return scene;
}

static void appear(struct scene *scene, uint32_t slot, const char *path, const char *annotation)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE,
					   .instance = { .slot = slot, .cgroup_id = scene->next_id++ } };
	struct slo_error error;

	slo_init(&observation.instance.slo);
	if (annotation[0]) {
		assert_int_equal(slo_parse(annotation, &observation.instance.slo, &error), 0);
		observation.instance.slo.source = SLO_FROM_CONFIG;
	}
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", path);
	predictor_observe(scene->predictor, &observation);
}

static void vanish(struct scene *scene, uint32_t slot)
{
	struct observation observation = { .kind = OBSERVE_GONE };

	observation.gone.slot = slot;
	observation.gone.cgroup_id = scene->predictor->instance[slot].info.cgroup_id;
	predictor_observe(scene->predictor, &observation);
}

/* Each fifth second begins with an exec, and a second of load follows; IO too, so that every part is used. */
static void second_pass(struct scene *scene, uint32_t slot)
{
	static struct observation observation;
	bool is_event = scene->now_ns / SECOND_NS % 5 == 0;

	memset(&observation, 0, sizeof(observation));
	observation.kind = OBSERVE_EVENT;
	observation.event = (struct observe_event){ .slot = slot, .name_hash = 7, .time_ns = scene->now_ns };
	if (slot && is_event)
		predictor_observe(scene->predictor, &observation);
	memset(&observation, 0, sizeof(observation));
	observation.kind = OBSERVE_SAMPLE;
	observation.sample.slot = slot;
	observation.sample.moved.oncpu_ns = scene->now_ns / SECOND_NS % 5 == 1 ? SECOND_NS : SECOND_NS / 100;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].bad = 30;
	observation.sample.moved.io_done = 300;
	observation.sample.bucket_count = 1;
	observation.sample.bucket[0] = (struct observe_bucket){ .idx = 50, .delay = WIRE_DELAY_IO, .count = 30 };
	if (slot)
		predictor_observe(scene->predictor, &observation);
	scene->now_ns += SECOND_NS;
	assert_true(predictor_tick(scene->predictor, scene->now_ns));
}

static void seconds_pass(struct scene *scene, uint32_t slot, int seconds)
{
	while (seconds--)
		second_pass(scene, slot);
}

static void a_unit_that_restarts_keeps_what_was_learned_of_it(void **state)
{
	struct statistical learned[SLI_COUNT];
	struct response response[RESPONSE_COUNT];
	struct announce_kind kind;
	uint32_t recur_count, second_count;
	struct scene scene = scene_make();
	struct predictor *p = scene.predictor;
	struct wire_counters total;

	(void)state;
	appear(&scene, 1, "/svc", "runq_p99<5ms");
	seconds_pass(&scene, 1, 70);
	assert_int_equal(p->memory.recur[RESOURCE_CPU][1].period_s, 5);
	memcpy(learned, p->memory.statistical[1], sizeof(learned));
	memcpy(response, p->memory.response[1], sizeof(response));
	kind = p->memory.announce[1][RESOURCE_CPU].kind[0];
	recur_count = p->memory.recur[RESOURCE_CPU][1].count;
	second_count = p->instance[1].window.second_count;
	total = p->instance[1].window.total;
	vanish(&scene, 1);
	appear(&scene, 1, "/other", "runq_p99<5ms");
	seconds_pass(&scene, 0, 5);
	appear(&scene, 3, "/svc", "runq_p99<5ms");

	assert_memory_equal(learned, p->memory.statistical[3], sizeof(learned));
	assert_memory_equal(response, p->memory.response[3], sizeof(response));
	assert_true(response[response_index(SLI_RUNQ_P99, RESOURCE_CPU)].seconds > 60);
	assert_memory_equal(&kind, &p->memory.announce[3][RESOURCE_CPU].kind[0], sizeof(kind));
	assert_true(kind.count > 10);
	/* A whole period away: the phase holds. */
	assert_int_equal(p->memory.recur[RESOURCE_CPU][3].count, recur_count + 5);
	assert_int_equal(p->memory.recur[RESOURCE_CPU][3].period_s, 5);
	assert_int_equal(p->instance[3].window.second_count, second_count + 5);
	assert_memory_equal(&total, &p->instance[3].window.total, sizeof(total));
	for (uint32_t age = 0; age < 5; age++)
		assert_true(window_at(&p->instance[3].window, age)->cpu == 0);
	assert_true(window_at(&p->instance[3].window, 5)->cpu > 0);
	/* It speaks again when it has been seen. */
	assert_false(p->instance[3].foresight->has_frame);
	second_pass(&scene, 3);
	assert_true(p->instance[3].foresight->has_frame);
	predictor_free(p);
}

static bool is_blank(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (((const char *)at)[i])
			return false;
	return true;
}

static void nobody_else_gets_it(void **state)
{
	struct scene scene = scene_make();
	struct predictor *p = scene.predictor;

	(void)state;
	appear(&scene, 1, "/svc", "runq_p99<5ms");
	seconds_pass(&scene, 1, 70);
	for (int part = 0; part < MEMORY_PART_COUNT; part++)
		assert_true(predictor_uses(&p->instance[1], (enum memory_part)part) ==
			    (part < MEMORY_RECUR || part == MEMORY_RECUR + RESOURCE_CPU || part == MEMORY_RECUR + RESOURCE_IO));
	vanish(&scene, 1);
	appear(&scene, 1, "/svc2", "");
	for (int part = 0; part < MEMORY_PART_COUNT; part++) {
		size_t bytes;
		const void *at = memory_part(&p->memory, 1, (enum memory_part)part, &bytes);

		assert_false(predictor_uses(&p->instance[1], (enum memory_part)part));
		assert_true(is_blank(at, bytes));
	}
	assert_int_equal(p->instance[1].window.second_count, 0);
	/* And what came back is no longer there to be had. */
	appear(&scene, 2, "/svc", "");
	assert_true(p->instance[2].window.second_count >= 70);
	appear(&scene, 3, "/svc", "");
	assert_int_equal(p->instance[3].window.second_count, 0);
	predictor_free(p);
}

static void the_oldest_strangers_are_forgotten_first(void **state)
{
	struct scene scene = scene_make();
	struct predictor *p = scene.predictor;
	char path[32];

	(void)state;
	appear(&scene, 1, "/annotated", "runq_p99<5ms");
	seconds_pass(&scene, 1, 2);
	appear(&scene, 2, "/stranger", "");
	seconds_pass(&scene, 2, 61);
	appear(&scene, 3, "/short", "");
	seconds_pass(&scene, 3, 3);
	for (uint32_t slot = 1; slot <= 3; slot++)
		vanish(&scene, slot);
	/* Who was seldom seen has nothing to come back to. */
	assert_int_equal(p->memory.parked_count, 2);
	for (uint32_t i = 0; i < PARKED_MAX - 1; i++) {
		snprintf(path, sizeof(path), "/more/%u", i);
		appear(&scene, 4, path, "runq_p99<5ms");
		vanish(&scene, 4);
	}
	assert_int_equal(p->memory.parked_count, PARKED_MAX);
	appear(&scene, 5, "/stranger", "");
	assert_int_equal(p->instance[5].window.second_count, 0);
	appear(&scene, 6, "/annotated", "");
	assert_true(p->instance[6].window.second_count > 0);
	predictor_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_restarts_keeps_what_was_learned_of_it),
		cmocka_unit_test(nobody_else_gets_it),
		cmocka_unit_test(the_oldest_strangers_are_forgotten_first),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
