/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which forecaster's risk an instance gets: the model's where it was taught, experience where it was not. */
#include "constant_model.h"

#include <math.h>

#include "predict/predictor.h"

#define SECONDS 12	/* longer, and what never came true would no longer be said */
#define TICK_NS (NS_PER_SECOND / 10)

/* Says .5 of runq_p99, .01 of mem_some without any weights, and nothing else. */
static void make_weights(struct lstm_weights *ret)
{
	constant_model(ret);
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		ret->head_bias[OUTPUT_RISK(h, SLI_MEM_SOME)] = -4.6f;
	assert_int_equal(lstm_weights_derive(ret), 0);
}

static void tell_instance(struct predictor *p)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE };

	slo_init(&observation.instance.slo);
	observation.instance.slot = 1;
	observation.instance.cgroup_id = 7;
	observation.instance.slo.source = SLO_FROM_CONFIG;
	observation.instance.slo.bound[SLI_RUNQ_P99] = 5000000;
	observation.instance.slo.bound[SLI_MEM_SOME] = 50000;
	predictor_observe(p, &observation);
}

/* A tick in which all pressure is read and half the time is stalled on memory. */
static void tell_tick(struct predictor *p, uint64_t now_ns)
{
	static struct observation sample, host;

	sample = (struct observation){ .kind = OBSERVE_SAMPLE };
	sample.sample.slot = 1;
	sample.sample.moved.oncpu_ns = TICK_NS / 10;
	sample.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 100;
	sample.sample.bucket[0] = (struct observe_bucket){ .idx = 10, .count = 100 };
	sample.sample.bucket_count = 1;
	sample.sample.psi_known = (1u << PSI_COUNT) - 1;
	sample.sample.psi_ns[PSI_MEMORY_SOME] = TICK_NS / 2;
	sample.sample.has_memory = 1;
	sample.sample.memory_bytes = 1 << 20;
	predictor_observe(p, &sample);
	host = (struct observation){ .kind = OBSERVE_HOST };
	host.host = (struct observe_host){ .time_ns = now_ns, .busy_ns = TICK_NS / 10, .elapsed_ns = TICK_NS };
	predictor_observe(p, &host);
	predictor_tick(p, now_ns);
}

static void experience_speaks_of_what_the_model_was_not_taught(void **state)
{
	static struct lstm_weights weights;
	struct predictor_config config = { .slots_max = 2, .host_cpus = 1, .second_ns = NS_PER_SECOND,
					   .tick_ns = TICK_NS, .forecaster = FORECAST_LSTM, .weights = &weights };
	struct predictor *p;
	const struct forecast *forecast;

	(void)state;
	make_weights(&weights);
	assert_false(lstm_output_is_constant(&weights, OUTPUT_RISK(0, SLI_RUNQ_P99)));
	assert_true(lstm_output_is_constant(&weights, OUTPUT_RISK(0, SLI_MEM_SOME)));
	p = predictor_new(&config);
	assert_non_null(p);
	tell_instance(p);
	for (int tick = 0; tick < SECONDS * 10; tick++)
		tell_tick(p, NS_PER_SECOND + (uint64_t)tick * TICK_NS);
	forecast = &p->instance[1].foresight->forecast;
	print_message("risk within 2 s: runq_p99 %.3f, mem_some %.3f\n", (double)forecast->risk[SLI_RUNQ_P99][1],
		      (double)forecast->risk[SLI_MEM_SOME][1]);
	assert_int_equal(forecast->source, FORECAST_LSTM);
	/* The model says .5; that nothing came of it so far is reckoned with. */
	assert_true(forecast->risk[SLI_RUNQ_P99][1] > 0.3f && forecast->risk[SLI_RUNQ_P99][1] < 0.5f);
	assert_true(forecast->risk[SLI_MEM_SOME][1] > 0.5f);
	assert_true(forecast->risk[SLI_IO_P99][1] == 0);
	assert_int_equal(forecast->impairment, RESOURCE_MEMORY);
	predictor_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(experience_speaks_of_what_the_model_was_not_taught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
