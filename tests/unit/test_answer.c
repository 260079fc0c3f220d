/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions asked directly; see test_socket.c for how they come and go. */
#include <math.h>

#include "answer_stage.h"
#include "sense/measure.h"

static void list_tells_what_is_measured_and_null_for_the_rest(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *web, *odd;

	stage->world.signals = ~0u;
	answer = asked(stage, "{\"q\":\"instance.list\"}");
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(number_of(answer, "total"), 3);
	web = json_array_get(json_object_get(answer, "instances"), 0);
	odd = json_array_get(json_object_get(answer, "instances"), 2);
	assert_string_equal(json_string_value(json_object_get(web, "path")), "/web");
	assert_string_equal(json_string_value(json_object_get(web, "tier")), "critical");
	assert_string_equal(json_string_value(json_object_get(json_object_get(web, "slo"), "text")),
			    "runq_p99<5ms mem_some<2% window=1m budget=1% tier=critical");
	assert_float_equal(number_of(web, "cpu"), 0.5, 0.01);
	assert_float_equal(number_of(web, "memory_bytes"), 67108864, 1);
	assert_float_equal(number_of(web, "io_bytes"), 500000, 1);
	assert_float_equal(number_of(web, "tx_bytes"), 20000, 1);
	assert_true(number_of(web, "risk") >= 0.8 && number_of(web, "risk") <= 1);
	assert_string_equal(json_string_value(json_object_get(web, "impairment")), "memory");	/* both are over their bounds, and memory is the fuller */
	assert_string_equal(json_string_value(json_object_get(web, "leading")), "runq_p99");
	assert_string_equal(json_string_value(json_object_get(web, "forecast")), "statistical");
	assert_true(json_is_true(json_object_get(web, "violated")));
	assert_float_equal(number_of(json_object_get(web, "psi"), "memory_some"), 0.05, 1e-6);
	assert_true(json_is_null(json_object_get(json_object_get(web, "psi"), "cpu_some")));
	assert_true(json_is_null(json_object_get(json_object_get(web, "limits"), "quota_us")));
	assert_true(json_is_null(json_object_get(json_object_get(web, "limits"), "memory_high")));
	assert_true(json_is_null(json_object_get(web, "rtt_ms")));
	assert_string_equal(json_string_value(json_object_get(odd, "path")), "/odd\\xff");
	assert_true(json_is_null(json_object_get(odd, "memory_bytes")));
	assert_int_equal(json_object_size(json_object_get(odd, "slis")), 0);
	assert_non_null(json_string_value(json_object_get(json_object_get(odd, "slo"), "problem")));
	assert_true(json_is_false(json_object_get(odd, "violated")));
	json_decref(answer);
}

static void every_sli_that_is_bound_or_measured_has_its_name(void **state)
{
	json_t *answer = asked(*state, "{\"q\":\"instance.list\"}"), *slis, *sli;

	slis = json_object_get(json_array_get(json_object_get(answer, "instances"), 0), "slis");
	assert_int_equal(json_object_size(slis), 2);
	sli = json_object_get(slis, "runq_p99");
	assert_string_equal(json_string_value(json_object_get(sli, "unit")), "ms");
	assert_float_equal(number_of(sli, "value"), 1, 0.15);
	assert_float_equal(number_of(sli, "bound"), 5, 1e-6);
	assert_float_equal(number_of(sli, "bad_share"), 0.2, 0.01);
	sli = json_object_get(slis, "mem_some");
	assert_string_equal(json_string_value(json_object_get(sli, "unit")), "share");
	assert_float_equal(number_of(sli, "value"), 0.05, 1e-6);
	assert_float_equal(number_of(sli, "bound"), 0.02, 1e-6);
	assert_float_equal(number_of(sli, "worst_bad_share"), 1, 0);
	assert_true(json_is_true(json_object_get(sli, "violated")));
	assert_true(number_of(sli, "risk") >= 0.8);
	json_decref(answer);
}

static void demand_and_what_is_expected_are_told_by_resource(void **state)
{
	static const char *const resources[] = { "cpu", "memory", "io", "net" };
	json_t *answer = asked(*state, "{\"q\":\"instance.list\"}"), *web, *capacity;

	web = json_array_get(json_object_get(answer, "instances"), 0);
	for (int i = 0; i < 4; i++)
		assert_true(number_of(json_object_get(web, "expected"), resources[i]) > 0);
	assert_float_equal(number_of(json_object_get(web, "demand"), "cpu"), 0.6, 0.01);
	assert_float_equal(number_of(json_object_get(web, "demand"), "io"), 500000 + 50 * 16384, 10);
	json_decref(answer);
	answer = asked(*state, "{\"q\":\"status\"}");
	capacity = json_object_get(answer, "capacity");
	assert_float_equal(number_of(capacity, "cpu"), 4, 0);
	assert_int_equal(json_object_size(capacity), 4);
	json_decref(answer);
}

static void list_comes_in_pages(void **state)
{
	struct stage *stage = *state;
	char path[OBSERVE_PATH_MAX];
	size_t seen = 0, page;

	/* The longest paths there are, and all of what JSON has to escape, must still fit one message. */
	for (uint32_t slot = 4; slot < SLOTS; slot++) {
		memset(path, 1, sizeof(path) - 1);
		path[sizeof(path) - 1] = '\0';
		instance_add(stage->mind, slot, path,
			     "runq_p99<17000000.000001ms cpu_some<99.9999% mem_some<99.9999% mem_full<99.9999% "
			     "io_p99<17000000.000001ms resp_p99<17000000.000001ms retrans<99.9999% tier=critical "
			     "kind=latency cpu=0.001..4000000.123 memory=1234567891..2345678912 io=1234567891..2345678912 "
			     "net=1234567891..2345678912");
		instance_run(stage->mind, slot);
	}
	for (uint64_t tick = 46; tick <= 70; tick++)
		mind_tick(stage->mind, tick * TICK_NS, &stage->plan);
	do {
		char question[64], *text;
		json_t *answer;

		snprintf(question, sizeof(question), "{\"q\":\"instance.list\",\"offset\":%zu,\"limit\":5000}", seen);
		answer = asked(stage, question);
		page = json_array_size(json_object_get(answer, "instances"));
		text = json_dumps(answer, ANSWER_JSON_FLAGS);
		assert_true(strlen(text) <= ANSWER_BYTES_MAX);
		assert_true(page <= ANSWER_PAGE_MAX);
		free(text);
		json_decref(answer);
		seen += page;
	} while (page);
	assert_int_equal(seen, SLOTS - 1);
	expect_error(stage, "{\"q\":\"instance.list\",\"offset\":-1}", "negative");
}

static void show_marks_missing_features(void **state)
{
	json_t *answer = asked(*state, "{\"q\":\"instance.show\",\"path\":\"/web\"}"), *instance, *features;

	instance = json_object_get(answer, "instance");
	features = json_object_get(json_object_get(instance, "frame"), "features");
	assert_int_equal(json_object_size(features), FEATURE_COUNT);
	assert_true(json_is_true(json_object_get(json_object_get(features, "own_psi_some"), "missing")));
	assert_true(json_is_null(json_object_get(json_object_get(features, "own_psi_some"), "value")));
	assert_true(json_is_false(json_object_get(json_object_get(features, "own_cpu"), "missing")));
	assert_int_equal(json_array_size(json_object_get(instance, "seconds")), 4);
	assert_int_equal(json_object_size(json_object_get(instance, "expectation")), RESOURCE_COUNT);
	assert_int_equal(json_array_size(json_object_get(json_object_get(instance, "expectation"), "io")), EXPECT_SPANS);
	assert_null(json_object_get(json_object_get(json_object_get(json_array_get(json_object_get(instance, "seconds"), 0),
								    "slis"), "runq_p99"), "violated"));
	json_decref(answer);
}

static void show_tells_how_it_answers_to_pressure_and_how_sure_that_is(void **state)
{
	json_t *answer = asked(*state, "{\"q\":\"instance.show\",\"path\":\"/web\"}"), *response, *cpu;

	response = json_object_get(json_object_get(answer, "instance"), "response");
	cpu = json_object_get(json_object_get(response, "runq_p99"), "cpu");
	assert_non_null(cpu);
	assert_null(json_object_get(json_object_get(response, "runq_p99"), "io"));
	assert_true(number_of(cpu, "seconds") > 0 && number_of(cpu, "pressure") > 0);
	assert_true(number_of(cpu, "trust") == 0);	/* so few seconds teach nothing */
	assert_true(json_array_size(json_object_get(cpu, "curve")) > 0);
	json_decref(answer);
}

static void show_tells_what_forecasts_have_earned(void **state)
{
	struct stage *stage = *state;
	struct plan_view *view = &stage->mind->view[1];
	json_t *answer, *earned;

	view->hold[RESOURCE_CPU].credit = (struct credit){ 0 };
	view->hold[RESOURCE_MEMORY].credit = (struct credit){ .came = { 1, 2 }, .failed = { 0, 1, 0, 2 } };
	view->need[RESOURCE_MEMORY].risk = 0.9f;
	answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}");
	earned = json_object_get(json_object_get(answer, "instance"), "credit");
	assert_int_equal(json_object_size(earned), 1);
	earned = json_object_get(earned, "memory");
	assert_float_equal(number_of(earned, "came"), 3, 0);
	assert_float_equal(number_of(earned, "failed"), 3, 0);
	/* Three came, two at that risk did not, beside a tenth of four from the start. */
	assert_float_equal(number_of(earned, "share"), 3.4 / 9, 1e-3);
	assert_float_equal(number_of(earned, "needed"), 0.25, 1e-6);
	json_decref(answer);
}

static uint32_t three_runnable(void *context, uint32_t slot)
{
	(void)context;
	return slot == 1 ? 3 : 0;
}

static uint32_t two_starved(void *context, uint32_t slot)
{
	(void)context;
	return slot == 1 ? 2 : 0;
}

static uint32_t runners_of_web(void *context, uint64_t cgroup_id, struct nerve_runner *ret, uint32_t max, uint64_t *ret_total_ns)
{
	(void)context;
	assert_true(max >= 3);
	*ret_total_ns = 8000000;
	ret[0] = (struct nerve_runner){ 1002, 4000000 };
	ret[1] = (struct nerve_runner){ 1001, 2000000 };
	ret[2] = (struct nerve_runner){ 77, 1000000 };
	return cgroup_id == 1001 ? 3 : 0;
}

static void show_names_who_ran_in_its_long_waits(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *instance, *runners;

	stage->world.runners = runners_of_web;
	answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}");
	runners = json_object_get(json_object_get(answer, "instance"), "runners");
	assert_int_equal(json_array_size(runners), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(runners, 0), "path")), "/batch");
	assert_float_equal(number_of(json_array_get(runners, 0), "share"), 0.5, 1e-9);
	assert_string_equal(json_string_value(json_object_get(json_array_get(runners, 1), "path")), "/web");
	assert_true(json_is_null(json_object_get(json_array_get(runners, 2), "path")));
	assert_int_equal(number_of(json_array_get(runners, 2), "cgroup_id"), 77);
	json_decref(answer);
	/* Of who is not annotated nothing is kept: that is not the same as nobody. */
	instance_add(stage->mind, 4, "/plain", NULL);
	answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/plain\"}");
	instance = json_object_get(answer, "instance");
	assert_true(json_is_null(json_object_get(instance, "runners")));
	json_decref(answer);
}

static void show_tells_what_is_runnable_now(void **state)
{
	struct stage *stage = *state;
	json_t *answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}"), *runnable;

	runnable = json_object_get(json_object_get(json_object_get(json_object_get(answer, "instance"), "signals"), "cpu"), "runnable");
	assert_true(json_is_null(json_object_get(runnable, "now")));
	json_decref(answer);
	stage->world.runnable = three_runnable;
	stage->world.starved = two_starved;
	answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}");
	runnable = json_object_get(json_object_get(json_object_get(json_object_get(answer, "instance"), "signals"), "cpu"), "runnable");
	assert_int_equal(number_of(runnable, "now"), 3);
	assert_int_equal(number_of(json_object_get(json_object_get(json_object_get(json_object_get(answer, "instance"), "signals"), "cpu"),
						   "starved"), "now"), 2);
	assert_true(json_is_null(json_object_get(runnable, "total")));
	json_decref(answer);
}

static void each_counter_is_shown_by_its_own_name(void **state)
{
	struct stage *stage = *state;
	struct window *window = &stage->world.mind->predictor->instance[1].window;
	json_t *answer, *signals;

	for (size_t i = 0; i < sizeof(window->total) / sizeof(__u64); i++) {
		((__u64 *)&window->total)[i] = 1000 + i;
		((__u64 *)&window->last)[i] = 1 + i;
	}
	window->last_ns = NS_PER_SECOND;
	stage->world.signals = ~0u;
	answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}");
	signals = json_object_get(json_object_get(answer, "instance"), "signals");
	for (int m = 0; m < MEASURE_COUNT; m++) {
		const json_t *told = json_object_get(json_object_get(signals, measures[m].family), measures[m].name);
		size_t at = measures[m].counter / sizeof(__u64);

		if (measures[m].counter == MEASURE_NO_COUNTER)
			continue;
		assert_int_equal(number_of(told, "total"), 1000 + at);
		assert_int_equal(number_of(told, "now"), 1 + at);
	}
	json_decref(answer);
}

/* What this kernel has no hook for is null, and never 0. */
static void what_the_kernel_lacks_is_null(void **state)
{
	static const char *const hooked[] = { "reclaim", "io_bytes", "io_done", "tx_bytes", "rx_bytes" };
	struct stage *stage = *state;
	json_t *answer, *instance, *second;

	for (int has = 0; has < 2; has++) {
		stage->world.signals = has ? ~0u : 0;
		answer = asked(stage, "{\"q\":\"instance.show\",\"path\":\"/web\"}");
		instance = json_object_get(answer, "instance");
		second = json_array_get(json_object_get(instance, "seconds"), 0);
		for (size_t i = 0; i < sizeof(hooked) / sizeof(hooked[0]); i++) {
			assert_int_equal(json_is_number(json_object_get(instance, hooked[i])), has);
			assert_int_equal(json_is_number(json_object_get(second, hooked[i])), has);
		}
		assert_true(json_is_number(json_object_get(instance, "cpu")));
		json_decref(answer);
	}
}

static void forecast_has_every_horizon(void **state)
{
	json_t *answer = asked(*state, "{\"q\":\"forecast.show\",\"path\":\"/web\"}"), *horizons, *last;

	horizons = json_object_get(json_object_get(answer, "forecast"), "horizons");
	assert_int_equal(json_array_size(horizons), FORECAST_HORIZONS);
	last = json_array_get(horizons, FORECAST_HORIZONS - 1);
	assert_int_equal(number_of(last, "seconds"), 60);
	assert_int_equal(json_object_size(json_object_get(last, "risk")), 2);
	assert_true(number_of(json_object_get(last, "risk"), "mem_some") >= 0.8);
	assert_true(number_of(json_object_get(last, "sli"), "p10") <= number_of(json_object_get(last, "sli"), "p99"));
	assert_int_equal(json_object_size(json_object_get(last, "demand")), RESOURCE_COUNT);
	last = json_object_get(json_object_get(last, "demand"), "memory");
	assert_true(number_of(last, "p10") <= number_of(last, "p99"));
	json_decref(answer);
}

static void status_accounts_for_records(void **state)
{
	struct stage *stage = *state;
	json_t *answer = asked(stage, "{\"q\":\"status\"}");

	assert_string_equal(json_string_value(json_object_get(answer, "mode")), "shadow");
	assert_int_equal(number_of(json_object_get(answer, "ring"), "dropped"), 1);
	assert_int_equal(number_of(json_object_get(answer, "instances"), "annotated"), 2);
	assert_int_equal(number_of(json_object_get(answer, "instances"), "bound"), 1);
	assert_string_equal(json_string_value(json_object_get(json_object_get(answer, "model"), "path")), "/m");
	assert_string_equal(json_string_value(json_object_get(answer, "policy")), "forestall");
	assert_true(json_is_null(json_object_get(json_object_get(answer, "knee"), "io")));
	json_decref(answer);
	stage->mind->knee[RESOURCE_IO] = (struct knee){ .rate = 61e6f, .is_found = true };
	/* What is promised beside what is there. */
	stage->mind->predictor->instance[1].info.slo.range[RESOURCE_CPU] = (struct slo_range){ 3000, 4000 };
	stage->mind->predictor->instance[2].info.slo.range[RESOURCE_CPU] = (struct slo_range){ 1500, 0 };
	answer = asked(stage, "{\"q\":\"status\"}");
	assert_float_equal(number_of(json_object_get(answer, "promised"), "cpu"), 4.5, 1e-3);
	assert_float_equal(number_of(json_object_get(answer, "promised"), "memory"), 0, 0);
	assert_int_equal(number_of(json_object_get(answer, "knee"), "io"), 61000000);
	json_decref(answer);
}

static uint64_t five_skipped(void *context)
{
	(void)context;
	return 5;
}

static uint64_t skipped_unknown(void *context)
{
	(void)context;
	return UINT64_MAX;
}

/* What cannot be told is null: 0 switches in all are a kernel that does not count them. */
static void status_tells_what_the_kernel_did_not(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *coverage;

	stage->world.skipped = skipped_unknown;
	answer = asked(stage, "{\"q\":\"status\"}");
	coverage = json_object_get(answer, "coverage");
	assert_true(json_is_null(json_object_get(coverage, "calls_skipped")));
	assert_true(json_is_null(json_object_get(coverage, "switches_unseen")));
	assert_true(json_is_null(json_object_get(coverage, "io_unseen")));
	json_decref(answer);
	stage->world.switches = 1000;
	stage->world.switches_unseen = 3;
	stage->world.io_unseen = 2;
	stage->world.skipped = five_skipped;
	stage->world.signals = 1u << NERVE_IO;
	answer = asked(stage, "{\"q\":\"status\"}");
	coverage = json_object_get(answer, "coverage");
	assert_int_equal(number_of(coverage, "switches"), 1000);
	assert_int_equal(number_of(coverage, "switches_unseen"), 3);
	assert_int_equal(number_of(coverage, "io_unseen"), 2);
	assert_int_equal(number_of(coverage, "calls_skipped"), 5);
	json_decref(answer);
}

static void changes_go_through_the_callbacks(void **state)
{
	struct stage *stage = *state;

	json_decref(asked(stage, "{\"q\":\"slo.refresh\",\"path\":\"/web\"}"));
	assert_int_equal(stage->refreshed, 1);
	expect_error(stage, "{\"q\":\"slo.refresh\",\"path\":\"/batch\"}", "cannot be read");
	expect_error(stage, "{\"q\":\"record.stop\"}", "nothing to stop");
	expect_error(stage, "{\"q\":\"record.start\",\"path\":\"relative\"}", "absolute");
	json_decref(asked(stage, "{\"q\":\"record.start\",\"path\":\"/r\"}"));
	assert_string_equal(stage->recorded, "/r");
	expect_error(stage, "{\"q\":\"record.start\",\"path\":\"/s\"}", "runs already");
	json_decref(asked(stage, "{\"q\":\"record.stop\"}"));
	assert_false(stage->is_recording);
}

static void bad_questions_are_answered(void **state)
{
	expect_error(*state, "{}", "\"q\"");
	expect_error(*state, "[1]", "\"q\"");
	expect_error(*state, "{\"q\":\"bogus\"}", "'bogus'");
	expect_error(*state, "{\"q\":\"instance.show\"}", "path");
	expect_error(*state, "{\"q\":\"forecast.show\",\"path\":\"/nope\"}", "'/nope'");
	expect_error(*state, "{\"q\":\"profile.show\",\"path\":\"/web\",\"hours\":25}", "24");
	expect_error(*state, "{\"q\":\"profile.show\",\"path\":\"/web\"}", "slo set");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(list_tells_what_is_measured_and_null_for_the_rest),
		STAGED(every_sli_that_is_bound_or_measured_has_its_name),
		STAGED(demand_and_what_is_expected_are_told_by_resource),
		STAGED(list_comes_in_pages),
		STAGED(show_marks_missing_features),
		STAGED(show_names_who_ran_in_its_long_waits),
		STAGED(show_tells_how_it_answers_to_pressure_and_how_sure_that_is),
		STAGED(show_tells_what_forecasts_have_earned),
		STAGED(show_tells_what_is_runnable_now),
		STAGED(each_counter_is_shown_by_its_own_name),
		STAGED(what_the_kernel_lacks_is_null),
		STAGED(forecast_has_every_horizon),
		STAGED(status_accounts_for_records),
		STAGED(status_tells_what_the_kernel_did_not),
		STAGED(changes_go_through_the_callbacks),
		STAGED(bad_questions_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
