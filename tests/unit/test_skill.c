/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is believed of what: a forecaster that was wrong here is not, and what is said comes to agree with what happens. */
#include "constant_model.h"

#include <math.h>

#include "predict/conform.h"
#include "predict/predictor.h"
#include "predict/trust.h"

#define TICK_NS (NS_PER_SECOND / 10)
#define SLOT 1
#define HORIZON 1	/* 2 s */

static uint64_t random_state = 1;

/* 0 <= x < 1 */
static float draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (float)(random_state >> 40) / (float)(1 << 24);
}

static void trust_goes_to_what_was_right(void **state)
{
	struct trust trust = { 0 };
	float errors[TRUST_LEVELS];

	(void)state;
	assert_int_equal(trust_best(&trust, TRUST_LEVELS), TRUST_NONE);	/* nothing shown yet: persistence */
	trust_errors(10, 20, 20, errors);
	for (int i = 0; i < 100; i++)
		trust_learn(&trust, 576, errors, TRUST_LEVELS);
	assert_int_equal(trust_best(&trust, TRUST_LEVELS), TRUST_ALL);
	trust_errors(10, 20, 15, errors);
	for (int i = 0; i < 576; i++)
		trust_learn(&trust, 576, errors, TRUST_LEVELS);
	assert_int_equal(trust_best(&trust, TRUST_LEVELS), TRUST_HALF);
	assert_float_equal(trust_between(TRUST_HALF, 10, 20), 15, 1e-6);
}

/* A model that is too sure by far, first about one series and then about one of ten times the spread. */
static void quantiles_come_to_hold_their_share(void **state)
{
	struct conform conform = { 0 };
	int below[FORECAST_QUANTILES] = { 0 }, counted = 0;

	(void)state;
	for (int t = 0; t < 8000; t++) {
		float spread = t < 4000 ? 1 : 10, outcome = 50 + spread * (draw() - 0.5f);
		float said[FORECAST_QUANTILES] = { 49.99f, 50, 50.01f, 50.02f };

		conform_apply(&conform, said);
		assert_true(said[0] <= said[1] && said[1] <= said[2] && said[2] <= said[3]);
		for (int q = 0; t % 4000 >= 2000 && q < FORECAST_QUANTILES; q++)
			below[q] += outcome <= said[q];
		counted += t % 4000 >= 2000;
		conform_learn(&conform, said, outcome);
	}
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		assert_float_equal((float)below[q] / (float)counted, forecast_quantile[q], 0.015);
}

static void risk_comes_to_mean_what_happens(void **state)
{
	static struct conform_risk risk;
	float before = -1;

	(void)state;
	for (float raw = 0; raw <= 1; raw += 0.05f)
		assert_float_equal(conform_risk_apply(&risk, raw), raw, 1e-4);
	for (int i = 0; i < 4000; i++) {
		bool is_grave = i % 2;

		conform_risk_learn(&risk, is_grave ? 0.8f : 0.3f, draw() < (is_grave ? 0.2f : 0.4f));
	}
	/* The graver of the two happened less often: isotonic, both mean what the two together came to. */
	assert_float_equal(conform_risk_apply(&risk, 0.8f), 0.3f, 0.05);
	assert_float_equal(conform_risk_apply(&risk, 0.3f), 0.3f, 0.05);
	for (float raw = 0; raw <= 1; raw += 0.01f) {
		assert_true(conform_risk_apply(&risk, raw) >= before);
		before = conform_risk_apply(&risk, raw);
	}
	assert_true(before <= 1);
}

/* --- in the predictor ----------------------------------------------------------------------------------------------------*/

/* Says P(runq_p99 violated) = .5 always, and of every demand far too much. */
static void make_weights(struct lstm_weights *ret)
{
	constant_model(ret);
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		ret->head_bias[OUTPUT_DEMAND(h, RESOURCE_CPU, 0)] = 0.8f;
	assert_int_equal(lstm_weights_derive(ret), 0);
}

struct world {
	struct predictor *predictor;
	uint64_t now_ns;
	bool is_idle;	/* the instance has nothing to wait for */
};

static void tell_instance(struct world *world, uint64_t cgroup_id)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE };

	slo_init(&observation.instance.slo);
	observation.instance.slot = SLOT;
	observation.instance.cgroup_id = cgroup_id;
	observation.instance.slo.bound[SLI_RUNQ_P99] = 5000000;
	observation.instance.slo.source = SLO_FROM_CONFIG;
	strcpy(observation.instance.path, "/a");
	predictor_observe(world->predictor, &observation);
}

static void world_open(struct world *world)
{
	static struct lstm_weights weights;
	struct predictor_config config = { .slots_max = 2, .host_cpus = 1, .second_ns = NS_PER_SECOND,
					   .tick_ns = TICK_NS, .forecaster = FORECAST_LSTM, .weights = &weights };

	make_weights(&weights);
	world->predictor = predictor_new(&config);
	assert_non_null(world->predictor);
	world->now_ns = NS_PER_SECOND;
	world->is_idle = false;
	tell_instance(world, 7);
}

/* A tick of a host whose one instance waits long, or not. */
static void tell_tick(struct world *world, bool is_bad, bool is_acted)
{
	static struct observation sample, host, acted;

	world->now_ns += TICK_NS;
	sample = (struct observation){ .kind = OBSERVE_SAMPLE };
	sample.sample.slot = SLOT;
	sample.sample.moved.oncpu_ns = TICK_NS / 10;
	if (!world->is_idle) {
		*(is_bad ? &sample.sample.moved.verdict[WIRE_DELAY_QUEUE].bad : &sample.sample.moved.verdict[WIRE_DELAY_QUEUE].good) = 100;
		sample.sample.bucket[0] = (struct observe_bucket){ .idx = is_bad ? 200 : 10, .count = 100 };
		sample.sample.bucket_count = 1;
	}
	sample.sample.psi_known = (1u << PSI_COUNT) - 1;
	predictor_observe(world->predictor, &sample);
	host = (struct observation){ .kind = OBSERVE_HOST };
	host.host = (struct observe_host){ .time_ns = world->now_ns, .busy_ns = TICK_NS / 10, .elapsed_ns = TICK_NS };
	predictor_observe(world->predictor, &host);
	acted = (struct observation){ .kind = OBSERVE_ACTED, .time_ns = world->now_ns };
	if (is_acted)
		predictor_observe(world->predictor, &acted);
	predictor_tick(world->predictor, world->now_ns);
}

static void pass(struct world *world, int seconds, bool is_bad, bool is_acted)
{
	for (int tick = 0; tick < seconds * 10; tick++)
		tell_tick(world, is_bad, is_acted);
}

static const struct predictor_instance *the_instance(const struct world *world)
{
	return &world->predictor->instance[SLOT];
}

static const struct skill *the_skill(const struct world *world)
{
	return &world->predictor->memory.skill[SLOT];
}

static float the_risk(const struct world *world)
{
	return the_instance(world)->foresight->forecast.risk[SLI_RUNQ_P99][HORIZON];
}

static void worries_that_never_come_true_are_no_longer_said(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	pass(&world, 12, false, false);
	assert_int_equal(the_instance(&world)->foresight->forecast.source, FORECAST_LSTM);
	assert_int_equal(skill_of_risk(the_skill(&world), HORIZON, SLI_RUNQ_P99).by, SKILL_UNPROVEN);
	assert_true(the_risk(&world) > 0.25f && the_risk(&world) < 0.48f);	/* it says .5, and nothing came of it so far */
	pass(&world, 300, false, false);
	assert_true(the_risk(&world) < 0.1f);
	assert_int_not_equal(skill_of_risk(the_skill(&world), HORIZON, SLI_RUNQ_P99).by, SKILL_UNPROVEN);
	predictor_free(world.predictor);
}

/* Were they none, only violations would be outcomes, and any risk of who is seldom asked would come to mean certainty. */
static void seconds_without_a_measurement_are_outcomes(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.is_idle = true;
	pass(&world, 60, false, false);
	assert_int_equal(the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99].count, 0);	/* it may be that nobody can measure it */
	world.is_idle = false;
	pass(&world, 2, false, false);
	world.is_idle = true;
	pass(&world, 300, false, false);
	assert_true(the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99].count > 200);
	assert_true(the_risk(&world) < 0.1f);
	predictor_free(world.predictor);
}

static void worries_that_came_true_are_said_again(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	for (int i = 0; i < 60; i++) {
		pass(&world, 5, false, false);
		pass(&world, 5, true, false);
	}
	assert_true(the_risk(&world) > 0.4f);
	predictor_free(world.predictor);
}

static void demand_is_not_moved_by_a_model_without_skill(void **state)
{
	struct world world;
	const struct forecast *forecast;

	(void)state;
	world_open(&world);
	pass(&world, 600, false, false);
	forecast = &the_instance(&world)->foresight->forecast;
	assert_float_equal(forecast->demand[RESOURCE_CPU][HORIZON][1], 0.1f, 0.01f);	/* the model says .8 */
	assert_true(forecast->demand[RESOURCE_CPU][HORIZON][2] < 0.4f);
	assert_true(skill_of_output(the_skill(&world), HORIZON, RESOURCE_CPU).by != SKILL_MODEL);
	predictor_free(world.predictor);
}

static void tell_cpu(struct world *world, float share)
{
	for (int tick = 0; tick < 10; tick++) {
		static struct observation sample;
		struct observation end = { .kind = OBSERVE_TICK, .time_ns = world->now_ns += TICK_NS };

		sample = (struct observation){ .kind = OBSERVE_SAMPLE };
		sample.sample.slot = SLOT;
		sample.sample.moved.oncpu_ns = (uint64_t)(share * TICK_NS);
		predictor_observe(world->predictor, &sample);
		predictor_tick(world->predictor, end.time_ns);
	}
}

/* A minute of rest, half a minute of anything, by turns. */
static void what_moves_has_quantiles_of_its_own(void **state)
{
	struct world world;
	int held = 0, counted = 0;

	(void)state;
	world_open(&world);
	for (int t = 0; t < 9000; t++) {
		float said[FORECAST_QUANTILES], cpu = t % 90 < 60 ? 0.1f : 0.1f + 0.8f * draw();

		if (t >= 3000)
			memcpy(said, the_instance(&world)->foresight->forecast.demand[RESOURCE_CPU][0], sizeof(said));
		tell_cpu(&world, cpu);
		if (t < 3000 || t % 90 < 65)
			continue;
		counted++;
		held += cpu > said[0] && cpu <= said[2];
	}
	print_message("# of %d seconds that moved the quantiles .1 and .9 held %.3f\n", counted, (double)held / counted);
	assert_float_equal((float)held / (float)counted, 0.8f, 0.08);
	predictor_free(world.predictor);
}

static void what_our_own_action_shaped_teaches_nothing(void **state)
{
	struct world world;
	uint32_t count;

	(void)state;
	world_open(&world);
	pass(&world, 12, false, false);
	count = the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99].count;
	assert_true(count > 0);
	pass(&world, 60, false, true);	/* what was said before it began is not settled by it either */
	assert_int_equal(the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99].count, count);
	predictor_free(world.predictor);
}

static void a_unit_that_restarts_keeps_what_was_learned_of_it(void **state)
{
	struct observation gone = { .kind = OBSERVE_GONE, .gone = { .slot = SLOT, .cgroup_id = 7 } };
	struct world world;
	struct trust before;

	(void)state;
	world_open(&world);
	pass(&world, 90, false, false);
	before = the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99];
	assert_true(before.count > SKILL_PROVEN);
	predictor_observe(world.predictor, &gone);
	pass(&world, 5, false, false);
	tell_instance(&world, 8);
	assert_memory_equal(&the_skill(&world)->risk[HORIZON][SLI_RUNQ_P99], &before, sizeof(before));
	assert_int_equal(the_skill(&world)->pending_count[HORIZON], 0);
	predictor_free(world.predictor);
}

static void another_model_has_shown_nothing_yet(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	pass(&world, 90, false, false);
	assert_int_not_equal(skill_of_risk(the_skill(&world), HORIZON, SLI_RUNQ_P99).by, SKILL_UNPROVEN);
	predictor_model(world.predictor, world.predictor->config.weights);
	pass(&world, 3, false, false);
	assert_int_equal(skill_of_risk(the_skill(&world), HORIZON, SLI_RUNQ_P99).by, SKILL_UNPROVEN);
	assert_int_equal(skill_of_output(the_skill(&world), HORIZON, RESOURCE_CPU).by, SKILL_UNPROVEN);
	predictor_free(world.predictor);
}

static void the_same_seconds_give_the_same_bytes(void **state)
{
	struct world world[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		world_open(&world[i]);
		for (int s = 0; s < 40; s++)
			pass(&world[i], 3, s % 7 == 3, false);
	}
	assert_memory_equal(the_skill(&world[0]), the_skill(&world[1]), sizeof(struct skill));
	assert_memory_equal(&the_instance(&world[0])->foresight->forecast, &the_instance(&world[1])->foresight->forecast, sizeof(struct forecast));
	for (int i = 0; i < 2; i++)
		predictor_free(world[i].predictor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust_goes_to_what_was_right),
		cmocka_unit_test(quantiles_come_to_hold_their_share),
		cmocka_unit_test(risk_comes_to_mean_what_happens),
		cmocka_unit_test(worries_that_never_come_true_are_no_longer_said),
		cmocka_unit_test(seconds_without_a_measurement_are_outcomes),
		cmocka_unit_test(worries_that_came_true_are_said_again),
		cmocka_unit_test(demand_is_not_moved_by_a_model_without_skill),
		cmocka_unit_test(what_moves_has_quantiles_of_its_own),
		cmocka_unit_test(what_our_own_action_shaped_teaches_nothing),
		cmocka_unit_test(a_unit_that_restarts_keeps_what_was_learned_of_it),
		cmocka_unit_test(another_model_has_shown_nothing_yet),
		cmocka_unit_test(the_same_seconds_give_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
