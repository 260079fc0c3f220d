/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which instances are told one by one where there are thousands. */
#include "answer_stage.h"
#include "serve/answer_pick.h"

#define STRANGERS 3000

/* Uses slot / 10000 of a CPU in its second. */
static void cpu_run(struct mind *mind, uint32_t slot)
{
	static struct observation observation;

	observation.kind = OBSERVE_SAMPLE;
	observation.sample.slot = slot;
	observation.sample.moved.oncpu_ns = slot * 100000ull;
	predictor_observe(mind->predictor, &observation);
}

static struct mind *crowd_make(uint32_t annotated)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 4, .second_ns = 10 * TICK_NS, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct plan_policy policy;
	static struct plan plan;
	struct mind *mind;
	char path[32];

	plan_policy_init(&policy);
	mind = mind_new(&config, &policy);
	assert_non_null(mind);
	for (uint32_t slot = 1; slot <= STRANGERS + annotated; slot++) {
		snprintf(path, sizeof(path), "/c/%u", slot);
		instance_add(mind, slot, path, slot > STRANGERS ? "tier=best-effort" : NULL);
		if (slot <= STRANGERS)
			cpu_run(mind, slot);
	}
	mind_tick(mind, TICK_NS, &plan);
	assert_true(mind_tick(mind, 11 * TICK_NS, &plan));
	return mind;
}

static json_t *page_of(struct mind *mind, size_t offset)
{
	struct answer_world world = { .mind = mind, .signals = ~0u };
	json_t *question = json_pack("{s:s, s:I}", "q", "instance.pick", "offset", (json_int_t)offset);
	json_t *answer = answer_question(&world, question);

	assert_true(json_is_true(json_object_get(answer, "ok")));
	json_decref(question);
	return answer;
}

static double number(const json_t *answer, const char *key)
{
	return json_number_value(json_object_get(answer, key));
}

static void the_busiest_and_the_annotated_are_named_and_the_rest_adds_up(void **state)
{
	struct mind *mind = crowd_make(3);
	json_t *answer = page_of(mind, 0), *instances = json_object_get(answer, "instances"), *rest;
	double sum = 0;

	(void)state;
	assert_int_equal(number(answer, "total"), PICK_TOP_MAX + 3);
	assert_int_equal(json_array_size(instances), PICK_TOP_MAX + 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(instances, 0), "path")), "/c/3000");
	assert_string_equal(json_string_value(json_object_get(json_array_get(instances, 19), "path")), "/c/2981");
	assert_string_equal(json_string_value(json_object_get(json_array_get(instances, 20), "path")), "/c/3001");
	rest = json_object_get(answer, "rest");
	assert_int_equal(number(rest, "count"), STRANGERS - PICK_TOP_MAX);
	for (uint32_t slot = 1; slot <= STRANGERS - PICK_TOP_MAX; slot++)
		sum += slot * 1e-4;
	assert_float_equal(number(rest, "cpu"), sum, sum * 1e-5);
	json_decref(answer);
	mind_free(mind);
}

static void too_many_annotated_are_in_the_rest_too(void **state)
{
	struct mind *mind = crowd_make(600);
	json_t *answer;
	size_t seen = 0, page;

	(void)state;
	do {
		answer = page_of(mind, seen);
		page = json_array_size(json_object_get(answer, "instances"));
		assert_true(page <= ANSWER_PAGE_MAX);
		assert_int_equal(number(json_object_get(answer, "rest"), "count"),
				 STRANGERS - PICK_TOP_MAX + 600 - PICK_ANNOTATED_MAX);
		json_decref(answer);
		seen += page;
	} while (page);
	assert_int_equal(seen, PICK_TOP_MAX + PICK_ANNOTATED_MAX);
	mind_free(mind);
}

/* What history keeps is the same, asked for alone. */
static void few_is_a_part_of_all(void **state)
{
	struct mind *mind = crowd_make(3);
	struct answer_world world = { .mind = mind, .signals = ~0u };
	json_t *question = json_pack("{s:s, s:b}", "q", "instance.pick", "few", 1), *all = page_of(mind, 0), *few, *one, *same;
	const char *key;
	json_t *value;

	(void)state;
	few = answer_question(&world, question);
	assert_int_equal(json_array_size(json_object_get(few, "instances")), json_array_size(json_object_get(all, "instances")));
	one = json_array_get(json_object_get(few, "instances"), json_array_size(json_object_get(few, "instances")) - 1);
	same = json_array_get(json_object_get(all, "instances"), json_array_size(json_object_get(all, "instances")) - 1);
	assert_int_equal(json_object_size(one), 9);
	json_object_foreach(one, key, value)
		if (strcmp(key, "slis"))
			assert_true(json_equal(value, json_object_get(same, key)));
	json_decref(few);
	json_decref(all);
	json_decref(question);
	mind_free(mind);
}

/* Signals come when they are asked for, of all who are named, on pages that fit even with the longest paths. */
static void signals_are_told_to_who_asks(void **state)
{
	struct mind *mind = crowd_make(30);
	struct answer_world world = { .mind = mind };
	json_t *question = json_pack("{s:s, s:b}", "q", "instance.pick", "signals", 1), *answer, *first;
	char path[OBSERVE_PATH_MAX], *text;

	(void)state;
	answer = page_of(mind, 0);
	assert_null(json_object_get(json_array_get(json_object_get(answer, "instances"), 0), "signals"));
	json_decref(answer);
	for (uint32_t slot = STRANGERS + 1; slot <= STRANGERS + 30; slot++) {
		memset(path, 1, sizeof(path) - 1);
		path[sizeof(path) - 1] = '\0';
		instance_add(mind, slot, path, "tier=best-effort");
	}
	answer = answer_question(&world, question);
	assert_int_equal(json_array_size(json_object_get(answer, "instances")), PICK_WHOLE_MAX);
	first = json_object_get(json_array_get(json_object_get(answer, "instances"), 0), "signals");
	assert_float_equal(number(first, "forestall_cpu_oncpu_seconds_total"), STRANGERS * 100000.0, 1);
	/* This world has no hook for IO: that is no 0. */
	assert_null(json_object_get(first, "forestall_io_done_total"));
	text = json_dumps(answer, ANSWER_JSON_FLAGS);
	assert_true(strlen(text) <= ANSWER_BYTES_MAX / 2);
	free(text);
	json_decref(answer);
	json_decref(question);
	mind_free(mind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_is_a_part_of_all),
		cmocka_unit_test(signals_are_told_to_who_asks),
		cmocka_unit_test(the_busiest_and_the_annotated_are_named_and_the_rest_adds_up),
		cmocka_unit_test(too_many_annotated_are_in_the_rest_too),
	};

	return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
