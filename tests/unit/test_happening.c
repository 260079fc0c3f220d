/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens is an event when it is unusual, is told to those whom it concerns, and failures are counted once. */
#include "unit.h"

#include <math.h>

#include "predict/predictor.h"

#define TICK_NS (NS_PER_SECOND / 10)

enum { SERVER = 1, FRONT, BATCH };

static struct predictor *predictor_of_three(void)
{
	static const char *const paths[] = { [SERVER] = "/server", [FRONT] = "/front", [BATCH] = "/batch" };
	struct predictor_config config = { .slots_max = 4, .host_cpus = 1, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct predictor *p = predictor_new(&config);

	for (uint32_t slot = SERVER; slot <= BATCH; slot++) {
		struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = slot + 9 } };

		slo_init(&observation.instance.slo);
		observation.instance.slo.source = SLO_FROM_CONFIG;
		observation.instance.slo.bound[SLI_RUNQ_P99] = slot == SERVER ? 5000000 : 0;
		snprintf(observation.instance.path, sizeof(observation.instance.path), "%s", paths[slot]);
		predictor_observe(p, &observation);
	}
	predictor_tick(p, NS_PER_SECOND);
	return p;
}

/* A second in which one instance runs, forks and receives so much. Returns its end. */
static uint64_t second_run(struct predictor *p, uint32_t slot, double cpu, uint32_t forks, uint32_t packets)
{
	static struct observation sample;

	sample = (struct observation){ .kind = OBSERVE_SAMPLE };
	sample.sample.slot = slot;
	sample.sample.moved.oncpu_ns = (uint64_t)(cpu * 1e9);
	sample.sample.moved.forks = forks;
	sample.sample.moved.rx_packets = packets;
	predictor_observe(p, &sample);
	assert_true(predictor_tick(p, p->second_start_ns + NS_PER_SECOND));
	return p->second_start_ns;
}

static void fail_at(struct predictor *p, const char *path, uint32_t stage)
{
	struct observation observation = { .kind = OBSERVE_FAILURE, .failure = { .stage = stage, .cause = FAILURE_EXIT } };

	observation.failure.time_ns = p->second_start_ns + 1;
	snprintf(observation.failure.path, sizeof(observation.failure.path), "%s", path);
	predictor_observe(p, &observation);
}

static void a_rate_that_jumps_is_an_event_and_one_that_stays_is_not(void **state)
{
	struct predictor *p = predictor_of_three();
	const struct happenings *events = &p->instance[BATCH].happenings;

	(void)state;
	for (int i = 0; i < 10; i++)
		second_run(p, BATCH, 0.01, 20, 10);
	assert_float_equal(events->count, 0, 0);
	second_run(p, BATCH, 0.01, 300, 10);
	assert_float_equal(events->count, 1, 0);
	assert_true(events->surge.up[SURGE_FORKS] > 3);
	assert_float_equal(p->instance[SERVER].foresight->frame.value[FEATURE_OTHERS_FORKS_UP], events->surge.up[SURGE_FORKS] / 4, 1e-6);
	assert_float_equal(p->instance[SERVER].foresight->frame.value[FEATURE_OTHERS_EVENTS], 0.25, 1e-6);
	second_run(p, BATCH, 0.01, 300, 10);
	assert_float_equal(events->count, 0, 0);
	predictor_free(p);
}

/* Three fork bursts, each followed by load three seconds later; at the fourth the load is expected. */
static void load_is_expected_after_a_fork_burst_that_it_followed_before(void **state)
{
	struct predictor *p = predictor_of_three();
	const struct expectation *expect = &p->instance[BATCH].expect[RESOURCE_CPU];

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 23 + round; i++)
			second_run(p, BATCH, 0.01, 0, 0);
		second_run(p, BATCH, 0.01, 80, 0);
		second_run(p, BATCH, 0.01, 0, 0);
		if (round < 3) {
			second_run(p, BATCH, 0.01, 0, 0);
			second_run(p, BATCH, 0.8, 0, 0);
		}
	}
	assert_true(expect->demand[1] > 0.7f && expect->confidence[1] > 0.5f);
	assert_true(p->instance[BATCH].happenings.surge.trace > 0);
	predictor_free(p);
}

static void load_that_jumps_is_told_to_those_with_a_bound_beside_it(void **state)
{
	struct predictor *p = predictor_of_three();
	const struct expectation *expect = &p->instance[SERVER].expect[RESOURCE_CPU];

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 23 + round; i++)
			second_run(p, FRONT, 0.01, 0, 0);
		second_run(p, FRONT, 0.5, 0, 0);
		second_run(p, FRONT, 0.5, 0, 0);
		if (round < 3) {
			second_run(p, FRONT, 0.01, 0, 0);
			second_run(p, SERVER, 0.9, 0, 0);
		}
	}
	assert_true(expect->demand[1] > 0.8f && expect->confidence[1] > 0.5f);
	assert_false(predictor_uses(&p->instance[BATCH], MEMORY_ANNOUNCE));
	predictor_free(p);
}

static void a_failure_counts_once_and_is_due_again(void **state)
{
	struct predictor *p = predictor_of_three();
	const struct failing *failing = &p->instance[BATCH].happenings.failing;
	const struct frame *frame = &p->instance[BATCH].foresight->frame;

	(void)state;
	second_run(p, BATCH, 0.01, 0, 0);
	assert_float_equal(p->instance[BATCH].foresight->forecast.failure[5], 0, 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 9; i++)
			second_run(p, BATCH, 0.01, 0, 0);
		fail_at(p, "/batch", FAILURE_FAILED);
		fail_at(p, "/batch", FAILURE_FAILED);	/* another witness */
		fail_at(p, "/batch", FAILURE_RECOVERED);
		fail_at(p, "/elsewhere", FAILURE_FAILED);
		second_run(p, BATCH, 0.01, 0, 0);
		assert_true(failing->is_now);
		assert_int_equal(failing->count, round + 1);
	}
	assert_float_equal(failing->between_s, 10, 1e-5);
	assert_false(p->instance[SERVER].happenings.failing.is_now);
	second_run(p, BATCH, 0.01, 0, 0);
	assert_false(failing->is_now);
	assert_float_equal(frame->value[FEATURE_OWN_FAILURE_DUE], 0.1, 1e-6);
	assert_true(frame->value[FEATURE_OWN_FAILURES] > 0.4f);
	assert_float_equal(p->instance[BATCH].foresight->forecast.failure[0], 1 - exp(-0.1), 1e-5);
	assert_true(p->instance[BATCH].foresight->forecast.failure[5] > 0.99f);
	assert_int_equal(p->instance[BATCH].foresight->forecast.impairment, IMPAIRMENT_FAILURE);
	predictor_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_that_jumps_is_an_event_and_one_that_stays_is_not),
		cmocka_unit_test(load_is_expected_after_a_fork_burst_that_it_followed_before),
		cmocka_unit_test(load_that_jumps_is_told_to_those_with_a_bound_beside_it),
		cmocka_unit_test(a_failure_counts_once_and_is_due_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
