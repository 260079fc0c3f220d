/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the forecasters say: the statistical one, persistence, and the model's raw output decoded. */
#include "unit.h"

#include "predict/decode.h"
#include "predict/predictor.h"

#define TICK_NS 100000000ull

static struct window_rare *rare_new(void)
{
	static struct window_rare rare;

	memset(&rare, 0, sizeof(rare));
	return &rare;
}

static void load_is_that_of_the_resource_and_of_memory_the_last_quarter(void **state)
{
	const float total[RESOURCE_COUNT] = { [RESOURCE_CPU] = 0.6f, [RESOURCE_MEMORY] = 0.7f, [RESOURCE_IO] = 0.2f,
					      [RESOURCE_NET] = 0.4f };
	const float full[RESOURCE_COUNT] = { [RESOURCE_MEMORY] = 0.95f };

	(void)state;
	assert_float_equal(statistical_load(SLI_RUNQ_P99, total), 0.6, 1e-6);
	assert_float_equal(statistical_load(SLI_IO_P99, total), 0.2, 1e-6);
	assert_float_equal(statistical_load(SLI_RETRANS, total), 0.4, 1e-6);
	assert_true(statistical_load(SLI_MEM_FULL, total) < 0);
	assert_float_equal(statistical_load(SLI_MEM_FULL, full), 0.8, 1e-5);
	/* Answers may be late for whatever is scarcest. */
	assert_float_equal(statistical_load(SLI_RESP_P99, total), 0.6, 1e-6);
	assert_float_equal(statistical_load(SLI_RESP_P99, full), 0.8, 1e-5);
	assert_int_equal(statistical_scarcest(total), RESOURCE_CPU);
	assert_int_equal(statistical_scarcest(full), RESOURCE_MEMORY);
}

/* What the statistical forecaster is asked about, with nothing going on. */
struct question {
	struct statistical learned[SLI_COUNT];
	struct window window;
	struct slo slo;
	struct observe_limits limits;
	struct expectation own[RESOURCE_COUNT];
	struct extract_others others;
	float demand[RESOURCE_COUNT], capacity[RESOURCE_COUNT], total[RESOURCE_COUNT];
	struct extract in;
	struct statistical_view view;
};

static void question_make(struct question *question, const char *annotation)
{
	struct slo_error error;

	memset(question, 0, sizeof(*question));
	window_reset(&question->window, rare_new());
	window_remember(&question->window);
	assert_int_equal(slo_parse(annotation, &question->slo, &error), 0);
	question->limits = (struct observe_limits){ LIMITS_NONE };
	for (int r = 0; r < RESOURCE_COUNT; r++)
		question->capacity[r] = 1000;
	question->in = (struct extract){ .window = &question->window, .slo = &question->slo, .limits = &question->limits,
					 .own = question->own, .others = &question->others, .demand = question->demand,
					 .capacity = question->capacity };
	question->view = (struct statistical_view){ question->learned, &question->in, question->total, 0 };
	window_second(&question->window, &question->slo, NS_PER_SECOND);
}

static void only_bound_slis_have_a_risk(void **state)
{
	static struct question question;
	struct forecast forecast;

	(void)state;
	question_make(&question, "mem_some<2% retrans<1%");
	memset(&forecast, 0xff, sizeof(forecast));
	for (int r = 0; r < RESOURCE_COUNT; r++)
		question.total[r] = 2;
	statistical_forecast(&question.view, &forecast);
	for (int sli = 0; sli < SLI_COUNT; sli++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			assert_true((forecast.risk[sli][h] > 0.1f) == (sli == SLI_MEM_SOME || sli == SLI_RETRANS));
	assert_int_equal(forecast.sli_id, SLI_MEM_SOME);
	question.slo = (struct slo){ 0 };
	statistical_forecast(&question.view, &forecast);
	for (int sli = 0; sli < SLI_COUNT; sli++)
		assert_true(forecast.risk[sli][FORECAST_HORIZONS - 1] == 0);
}

static void risk_follows_what_was_learned_at_that_load(void **state)
{
	static struct question question;
	struct forecast calm, loaded;

	(void)state;
	question_make(&question, "io_p99<5ms");
	for (int i = 0; i < 40; i++) {
		statistical_push(&question.learned[SLI_IO_P99], 0.9f, true);
		statistical_push(&question.learned[SLI_IO_P99], 0.3f, false);
	}
	question.total[RESOURCE_IO] = 0.3f;
	statistical_forecast(&question.view, &calm);
	question.total[RESOURCE_IO] = 0.9f;
	statistical_forecast(&question.view, &loaded);
	assert_true(calm.risk[SLI_IO_P99][1] < 0.1f);
	assert_true(loaded.risk[SLI_IO_P99][1] > 0.9f);
	/* A busy CPU says nothing of the disk. */
	question.total[RESOURCE_IO] = 0.3f;
	question.total[RESOURCE_CPU] = 2;
	statistical_forecast(&question.view, &loaded);
	assert_true(loaded.risk[SLI_IO_P99][1] < 0.1f);
}

/* Seconds at higher loads that were well speak for a load that was never seen; those that were not, for none below. */
static void risk_never_falls_with_load_and_rests_on_all_that_was_seen(void **state)
{
	static struct question question;
	float risk[STATISTICAL_BINS];
	struct forecast forecast;

	(void)state;
	question_make(&question, "io_p99<5ms");
	for (int i = 0; i < 100; i++) {
		statistical_push(&question.learned[SLI_IO_P99], 1.3f, i % 50 == 0);
		statistical_push(&question.learned[SLI_IO_P99], 0.55f, i % 20 == 0);
		statistical_push(&question.learned[SLI_IO_P99], 1.7f, i % 10);
	}
	for (int bin = 0; bin < STATISTICAL_BINS; bin++) {
		question.total[RESOURCE_IO] = ((float)bin + 0.5f) / 8;
		statistical_forecast(&question.view, &forecast);
		risk[bin] = forecast.risk[SLI_IO_P99][1];
		assert_true(bin == 0 || risk[bin] >= risk[bin - 1]);
	}
	assert_true(risk[9] < 0.05f);		/* 1.2 was never seen */
	assert_float_equal(risk[4], risk[10], 0.01);	/* 5 of 100 below, 2 of 100 above: one pool, two priors */
	assert_float_equal(risk[4], 7.0 / 200, 0.02);
	assert_true(risk[11] > risk[10] && risk[11] < 0.6f);
	assert_true(risk[13] > 0.8f && risk[15] > 0.8f);
}

/* Else who acts on fear alone would never let go, and never learn. */
static void fear_of_what_was_never_seen_fades_while_it_is_guarded_against(void **state)
{
	static struct question question;
	struct forecast before, after, hurt;

	(void)state;
	question_make(&question, "io_p99<5ms");
	question.total[RESOURCE_IO] = 1.5f;
	statistical_forecast(&question.view, &before);
	for (int i = 0; i < 40; i++)
		statistical_guard(&question.learned[SLI_IO_P99], 0.9f);
	statistical_forecast(&question.view, &after);
	assert_float_equal(after.risk[SLI_IO_P99][1], before.risk[SLI_IO_P99][1], 0);
	for (int i = 0; i < 40; i++)
		statistical_guard(&question.learned[SLI_IO_P99], 1.5f);
	statistical_forecast(&question.view, &after);
	assert_true(before.risk[SLI_IO_P99][1] > 0.4f && after.risk[SLI_IO_P99][1] < 0.2f);
	/* What has hurt is feared however long it is guarded against. */
	for (int i = 0; i < 5; i++)
		statistical_push(&question.learned[SLI_IO_P99], 1.5f, true);
	for (int i = 0; i < 400; i++)
		statistical_guard(&question.learned[SLI_IO_P99], 1.5f);
	statistical_forecast(&question.view, &hurt);
	assert_true(hurt.risk[SLI_IO_P99][1] > 0.7f);
}

static void what_hurt_at_a_higher_load_makes_a_lower_one_suspect(void **state)
{
	static struct question question;
	struct forecast before, after, calm;

	(void)state;
	question_make(&question, "io_p99<5ms");
	question.total[RESOURCE_IO] = 1.4f;
	for (int i = 0; i < 100; i++)
		statistical_guard(&question.learned[SLI_IO_P99], 1.4f);
	statistical_forecast(&question.view, &before);
	for (int i = 0; i < 5; i++)
		statistical_push(&question.learned[SLI_IO_P99], 3, true);
	statistical_forecast(&question.view, &after);
	assert_true(before.risk[SLI_IO_P99][1] < 0.2f && after.risk[SLI_IO_P99][1] > 0.6f);
	/* Until it was seen to be well itself. */
	for (int i = 0; i < 20; i++)
		statistical_push(&question.learned[SLI_IO_P99], 1.4f, false);
	statistical_forecast(&question.view, &calm);
	assert_true(calm.risk[SLI_IO_P99][1] < 0.1f);
}

/* Somebody is expected to want 40 % of each resource within 2 s; the host is 60 % full. */
static void expected_memory_adds_to_what_is_used_and_a_rate_to_ones_own(void **state)
{
	static struct question question;
	struct forecast forecast;

	(void)state;
	question_make(&question, "mem_some<2% io_p99<5ms");
	for (int i = 0; i < 40; i++) {
		statistical_push(&question.learned[SLI_MEM_SOME], 0.99f, true);
		statistical_push(&question.learned[SLI_IO_P99], 0.99f, true);
	}
	question.total[RESOURCE_MEMORY] = question.total[RESOURCE_IO] = 0.6f;
	question.demand[RESOURCE_MEMORY] = question.demand[RESOURCE_IO] = 0.1f;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		question.others.likeliest[r] = (struct expectation){ .demand = { 0, 0.4f, 0.4f, 0.4f },
								     .confidence = { 0, 1, 1, 1 } };
	statistical_forecast(&question.view, &forecast);
	assert_true(forecast.risk[SLI_MEM_SOME][0] < 0.1f);
	assert_true(forecast.risk[SLI_MEM_SOME][1] > 0.9f);	/* .6 + .4 is all there is */
	assert_true(forecast.risk[SLI_IO_P99][1] < 0.2f);	/* .1 + .4: its owner is part of the .6 */
	/* Who is expected holds it already: nothing comes on top. */
	question.others.likeliest_now[RESOURCE_MEMORY] = 0.4f;
	statistical_forecast(&question.view, &forecast);
	assert_true(forecast.risk[SLI_MEM_SOME][1] < 0.1f);
}

static void demand_is_never_beyond_capacity_and_its_quantiles_never_cross(void **state)
{
	static struct question question;
	struct forecast forecast;

	(void)state;
	question_make(&question, "tier=critical");
	for (int i = 0; i < 10; i++) {
		window_push(&question.window, &(struct observe_sample){ .moved = { .tx_bytes = i % 2 ? 0 : 1600 } });
		window_second(&question.window, &question.slo, NS_PER_SECOND);
	}
	question.own[RESOURCE_NET] = (struct expectation){ .demand = { 1, 1, 1, 1 }, .confidence = { 0.95f, 0, 0, 0 } };
	statistical_forecast(&question.view, &forecast);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		for (int h = 0; h < FORECAST_HORIZONS; h++)
			for (int q = 0; q < FORECAST_QUANTILES; q++) {
				assert_true(forecast.demand[r][h][q] >= 0 && forecast.demand[r][h][q] <= 1000);
				assert_true(!q || forecast.demand[r][h][q] >= forecast.demand[r][h][q - 1]);
			}
	assert_true(forecast.demand[RESOURCE_NET][0][1] >= 950);
	assert_true(forecast.demand[RESOURCE_NET][1][1] < 900);
	/* Memory was never measured. */
	assert_true(forecast.demand[RESOURCE_MEMORY][0][3] == 0);
}

static void late_answers_are_blamed_on_what_is_about_to_be_scarcest(void **state)
{
	struct question question;
	struct forecast forecast = { 0 };

	(void)state;
	question_make(&question, "resp_p99<5ms");
	question.total[RESOURCE_CPU] = 0.5f;
	question.total[RESOURCE_MEMORY] = 0.6f;
	statistical_forecast(&question.view, &forecast);
	assert_int_equal(forecast.scarcest, RESOURCE_CPU);
	/* Somebody who holds nothing yet is about to hold four tenths. */
	question.others.likeliest[RESOURCE_MEMORY].demand[1] = 0.4f;
	question.others.likeliest[RESOURCE_MEMORY].confidence[1] = 0.9f;
	statistical_forecast(&question.view, &forecast);
	assert_int_equal(forecast.scarcest, RESOURCE_MEMORY);
	question.others.likeliest_now[RESOURCE_MEMORY] = 0.4f;
	statistical_forecast(&question.view, &forecast);
	assert_int_equal(forecast.scarcest, RESOURCE_CPU);
	forecast.risk[SLI_RESP_P99][2] = 0.9f;
	forecast_blame(&forecast);
	assert_int_equal(forecast.impairment, RESOURCE_CPU);
}

static void persistence_repeats_today_and_the_blame_is_the_gravest(void **state)
{
	const float demand[RESOURCE_COUNT] = { 1, 2, 3, 4 };
	struct forecast forecast = { 0 };
	enum sli sli;

	(void)state;
	forecast_persist(demand, 7, 1u << SLI_IO_P99, &forecast);
	assert_int_equal(forecast.source, FORECAST_PERSISTENCE);
	assert_float_equal(forecast.demand[RESOURCE_IO][5][3], 3, 0);
	assert_float_equal(forecast_risk(&forecast, 0, &sli), 1, 0);
	assert_int_equal(sli, SLI_IO_P99);
	assert_int_equal(forecast.impairment, RESOURCE_IO);
	forecast.risk[SLI_IO_P99][2] = 0.5f;
	forecast.risk[SLI_MEM_FULL][2] = 0.6f;
	forecast_blame(&forecast);
	assert_int_equal(forecast.impairment, RESOURCE_MEMORY);
	forecast_persist(demand, 7, 0, &forecast);
	assert_int_equal(forecast.impairment, RESOURCE_COUNT);
	assert_float_equal(forecast_risk(&forecast, 0, &sli), 0, 0);
	assert_int_equal(sli, SLI_COUNT);
}

static void raw_output_becomes_monotone_risks_of_what_is_bound(void **state)
{
	const float capacity[RESOURCE_COUNT] = { 4, 1e9f, 1e8f, 1e7f }, now[RESOURCE_COUNT] = { 0.25f, 0.3f, 0.5f, -1 };
	float output[OUTPUT_COUNT] = { 0 };
	struct forecast forecast = { 0 };
	struct slo_error error;
	struct slo slo;

	(void)state;
	assert_int_equal(slo_parse("mem_full<2% io_p99<4ms", &slo, &error), 0);
	output[OUTPUT_DEMAND(0, RESOURCE_MEMORY, OUTPUT_MEDIAN)] = 0.5f;
	output[OUTPUT_DEMAND(0, RESOURCE_IO, OUTPUT_MEDIAN)] = -3;
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		output[OUTPUT_DEMAND(0, RESOURCE_CPU, q)] = q == OUTPUT_MEDIAN ? 0 : -20;
	output[OUTPUT_RISK(0, SLI_IO_P99)] = 2;
	output[OUTPUT_RISK(1, SLI_IO_P99)] = -2;
	output[OUTPUT_RISK(0, SLI_RUNQ_P99)] = 9;
	output[OUTPUT_RISK(1, OUTPUT_RISK_FAILURE)] = output[OUTPUT_RISK(2, OUTPUT_RISK_FAILURE)] = -2;
	output[OUTPUT_RISK(0, OUTPUT_RISK_FAILURE)] = -1;
	forecast_decode(output, now, capacity, &slo, &forecast);
	assert_int_equal(forecast.sli_id, SLI_MEM_FULL);
	assert_float_equal(forecast.sli[0][OUTPUT_MEDIAN], 0.02, 1e-6);
	/* A model that says nothing says that it stays so. */
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		assert_float_equal(forecast.demand[RESOURCE_CPU][0][q], 1, 1e-5);
	assert_float_equal(forecast.demand[RESOURCE_MEMORY][0][OUTPUT_MEDIAN], 1e9f * (0.3f + 0.5f / 10), 100);
	assert_true(forecast.demand[RESOURCE_MEMORY][0][0] < forecast.demand[RESOURCE_MEMORY][0][OUTPUT_MEDIAN]);
	assert_true(forecast.demand[RESOURCE_MEMORY][0][2] > forecast.demand[RESOURCE_MEMORY][0][OUTPUT_MEDIAN]);
	assert_float_equal(forecast.demand[RESOURCE_IO][0][OUTPUT_MEDIAN], 0, 0);
	assert_float_equal(forecast.demand[RESOURCE_NET][0][OUTPUT_MEDIAN], 0, 0);	/* not measured now */
	assert_float_equal(forecast.failure[0], 0.2689, 1e-3);
	assert_float_equal(forecast.failure[2], forecast.failure[0], 0);
	assert_float_equal(forecast.risk[SLI_IO_P99][0], 0.8808, 1e-3);
	assert_float_equal(forecast.risk[SLI_IO_P99][1], forecast.risk[SLI_IO_P99][0], 0);
	assert_float_equal(forecast.risk[SLI_RUNQ_P99][0], 0, 0);
	assert_int_equal(forecast.impairment, RESOURCE_IO);
	forecast.failure[2] = 0.95f;
	forecast_blame(&forecast);
	assert_int_equal(forecast.impairment, IMPAIRMENT_FAILURE);
	assert_string_equal(forecast_impairment_name(forecast.impairment), "failure");
}

static struct predictor *predictor_of(const char *annotation)
{
	struct predictor_config config = { .slots_max = 4, .host_cpus = 2, .second_ns = 10 * TICK_NS, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_STATISTICAL };
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = 1, .cgroup_id = 9 } };
	struct predictor *p = predictor_new(&config);
	struct slo_error error;

	assert_int_equal(slo_parse(annotation, &observation.instance.slo, &error), 0);
	observation.instance.slo.source = SLO_FROM_TRUSTED_XATTR;
	predictor_observe(p, &observation);
	return p;
}

/* Ten ticks with the same sample in each. */
static void second_run(struct predictor *p, const struct observe_sample *sample, uint64_t *now_ns)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE, .sample = *sample };
	bool is_second = false;

	observation.sample.slot = 1;
	for (int i = 0; i < 10; i++) {
		predictor_observe(p, &observation);
		is_second = predictor_tick(p, *now_ns += TICK_NS);
	}
	assert_true(is_second);
}

static void a_violation_is_of_the_sli_that_broke_and_is_blamed(void **state)
{
	struct predictor *p = predictor_of("runq_p99<5ms mem_some<2%");
	const struct predictor_instance *instance = &p->instance[1];
	struct observe_sample sample = { .psi_known = 1u << PSI_MEMORY_SOME, .psi_ns[PSI_MEMORY_SOME] = 10000000 };
	uint64_t now_ns = TICK_NS;

	(void)state;
	predictor_tick(p, now_ns);
	second_run(p, &sample, &now_ns);
	assert_int_equal(instance->violated, 1u << SLI_MEM_SOME);
	assert_true(instance->foresight->forecast.risk[SLI_MEM_SOME][0] >= 0.8f);
	assert_true(instance->foresight->forecast.risk[SLI_RUNQ_P99][0] < 0.5f);
	assert_int_equal(instance->foresight->forecast.impairment, RESOURCE_MEMORY);
	predictor_free(p);
}

/* Tells that the only instance holds so much, and how much the host has left of a GB. */
static void holds(struct predictor *p, uint64_t bytes, uint64_t available, uint64_t *now_ns)
{
	struct observe_sample sample = { .has_memory = true, .memory_bytes = bytes, .psi_known = 1u << PSI_MEMORY_SOME };
	struct observation host = { .kind = OBSERVE_HOST_MEMORY, .host_memory = { 1000000000, available, 0 } };

	predictor_observe(p, &host);
	second_run(p, &sample, now_ns);
}

static void who_is_held_at_memory_high_wants_what_it_had_before(void **state)
{
	struct predictor *p = predictor_of("mem_some<2%");
	struct observation limits = { .kind = OBSERVE_LIMITS, .limits = { .slot = 1, LIMITS_NONE } };
	const struct predictor_instance *instance = &p->instance[1];
	uint64_t now_ns = TICK_NS;

	(void)state;
	predictor_tick(p, now_ns);
	holds(p, 500000000, 400000000, &now_ns);
	holds(p, 100000000, 800000000, &now_ns);
	assert_float_equal(instance->demand[RESOURCE_MEMORY], 0.1, 1e-5);
	limits.limits.memory_high = 300000000;
	predictor_observe(p, &limits);
	holds(p, 200000000, 700000000, &now_ns);
	assert_float_equal(instance->demand[RESOURCE_MEMORY], 0.2, 1e-5);
	holds(p, 295000000, 600000000, &now_ns);
	assert_float_equal(instance->demand[RESOURCE_MEMORY], 0.5, 1e-2);
	predictor_free(p);
}

/* Of memory the load is what is in use, whoever keeps it so; of CPU it is what is wanted, of which an action keeps some away. */
static void calm_under_our_own_action_teaches_of_memory_alone(void **state)
{
	struct predictor *p = predictor_of("mem_some<2% cpu_some<5%");
	struct observation acted = { .kind = OBSERVE_ACTED };
	const struct statistical *learned = p->memory.statistical[1];
	float seen[2] = { 0 };
	uint64_t now_ns = TICK_NS;

	(void)state;
	predictor_tick(p, now_ns);
	acted.time_ns = now_ns + NS_PER_SECOND;
	predictor_observe(p, &acted);
	holds(p, 100000000, 100000000, &now_ns);
	for (int bin = 0; bin < STATISTICAL_BINS; bin++) {
		seen[0] += learned[SLI_MEM_SOME].seen[bin];
		seen[1] += learned[SLI_CPU_SOME].seen[bin];
	}
	assert_float_equal(seen[0], 1, 0);
	assert_float_equal(seen[1], 0, 0);
	predictor_free(p);
}

static void what_a_disk_can_do_is_learned_from_what_it_did(void **state)
{
	struct predictor *p = predictor_of("io_p99<5ms");
	struct observe_sample sample = { .moved = { .io_done = 100, .io_read_bytes = 5000000 } };
	struct observation memory = { .kind = OBSERVE_HOST_MEMORY, .host_memory = { 1000000000, 250000000, 0 } };
	float before = p->host.capacity[RESOURCE_IO], rate = 5e7f + 1000.0f * RESOURCE_IO_REQUEST_BYTES;
	uint64_t now_ns = TICK_NS;

	(void)state;
	predictor_observe(p, &memory);
	predictor_tick(p, now_ns);
	second_run(p, &sample, &now_ns);
	assert_true(p->host.capacity[RESOURCE_IO] > before);
	assert_float_equal(p->host.capacity[RESOURCE_IO], rate, rate * 1e-4);
	assert_float_equal(p->host.total[RESOURCE_IO], 1, 1e-5);
	assert_float_equal(p->host.capacity[RESOURCE_MEMORY], 1e9, 1);
	assert_float_equal(p->host.total[RESOURCE_MEMORY], 0.75, 1e-5);
	predictor_free(p);
}

static void the_model_says_nothing_of_an_application(void **state)
{
	const float capacity[RESOURCE_COUNT] = { 4, 1e9f, 1e8f, 1e7f }, now[RESOURCE_COUNT] = { 0.25f, 0.3f, 0.5f, -1 };
	float output[OUTPUT_COUNT] = { 0 };
	struct forecast forecast = { 0 };
	struct slo_error error;
	struct slo slo;

	(void)state;
	assert_int_equal(OUTPUT_COUNT, FORECAST_HORIZONS * ((RESOURCE_COUNT + 1) * FORECAST_QUANTILES + 7 + 1));
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		output[OUTPUT_RISK(h, OUTPUT_RISK_FAILURE)] = -9;
	assert_int_equal(slo_parse("app.depth<5", &slo, &error), 0);
	forecast.sli[0][0] = 4.5f;
	forecast.risk[SLI_APP][0] = 0.75f;
	forecast_decode(output, now, capacity, &slo, &forecast);
	assert_int_equal(forecast.sli_id, SLI_APP);
	assert_float_equal(forecast.sli[0][0], 4.5, 0);
	assert_float_equal(forecast.risk[SLI_APP][0], 0.75, 0);
	assert_int_equal(forecast.impairment, RESOURCE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_is_that_of_the_resource_and_of_memory_the_last_quarter),
		cmocka_unit_test(only_bound_slis_have_a_risk),
		cmocka_unit_test(risk_follows_what_was_learned_at_that_load),
		cmocka_unit_test(risk_never_falls_with_load_and_rests_on_all_that_was_seen),
		cmocka_unit_test(fear_of_what_was_never_seen_fades_while_it_is_guarded_against),
		cmocka_unit_test(what_hurt_at_a_higher_load_makes_a_lower_one_suspect),
		cmocka_unit_test(expected_memory_adds_to_what_is_used_and_a_rate_to_ones_own),
		cmocka_unit_test(demand_is_never_beyond_capacity_and_its_quantiles_never_cross),
		cmocka_unit_test(late_answers_are_blamed_on_what_is_about_to_be_scarcest),
		cmocka_unit_test(persistence_repeats_today_and_the_blame_is_the_gravest),
		cmocka_unit_test(raw_output_becomes_monotone_risks_of_what_is_bound),
		cmocka_unit_test(a_violation_is_of_the_sli_that_broke_and_is_blamed),
		cmocka_unit_test(who_is_held_at_memory_high_wants_what_it_had_before),
		cmocka_unit_test(calm_under_our_own_action_teaches_of_memory_alone),
		cmocka_unit_test(what_a_disk_can_do_is_learned_from_what_it_did),
		cmocka_unit_test(the_model_says_nothing_of_an_application),
	};

	return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
