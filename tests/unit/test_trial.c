/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small limits to learn from: what they teach, and that they stay within their bounds whatever happens. */
#include "plan_scene.h"

#include "decide/lot.h"
#include "decide/mind.h"
#include "predict/respond.h"

enum { SERVER = 1, BATCH, SLOTS };

/* One CPU, of which a server always wants .3 and a batch always .6: nothing ever varies by itself. */
struct world {
	struct mind *mind;
	struct plan plan;
	uint64_t now_ns;
	float batch;		/* CPUs that the batch got in the tick */
	float busy;		/* in this second so far, CPU seconds */
	uint32_t probed;	/* ticks with a limit of this reason */
};

static void tell_instance(struct world *world, uint32_t slot, const char *path, const char *annotation)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = { .slot = slot, .cgroup_id = 100 + slot } };
	struct observation limits = { .kind = OBSERVE_LIMITS, .limits = { .slot = slot, .weight = 100, .has = 0xff, LIMITS_NONE } };
	struct slo_error problem;

	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", path);
	assert_int_equal(slo_parse(annotation, &observation.instance.slo, &problem), 0);
	observation.instance.slo.source = SLO_FROM_CONFIG;
	predictor_observe(world->mind->predictor, &observation);
	predictor_observe(world->mind->predictor, &limits);
}

static void world_open(struct world *world, uint32_t probe, const char *batch)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 1, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_PERSISTENCE };
	struct plan_policy policy;

	plan_policy_init(&policy);
	assert_int_equal(policy.probe, 0);
	policy.probe = probe;
	memset(world, 0, sizeof(*world));
	world->mind = mind_new(&config, &policy);
	world->now_ns = 10 * NS_PER_SECOND;
	world->batch = 0.6f;
	tell_instance(world, SERVER, "/app/server", "runq_p99<4ms tier=critical");
	tell_instance(world, BATCH, "/app/batch", batch);
}

static void ran(struct world *world, uint32_t slot, float cpus, uint64_t late)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE, .sample = { .slot = slot } };

	observation.sample.moved.oncpu_ns = (uint64_t)(cpus * TICK_NS);
	observation.sample.moved.switches = 1000;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 1000 - late;
	observation.sample.moved.verdict[WIRE_DELAY_QUEUE].bad = late;
	predictor_observe(world->mind->predictor, &observation);
}

/* What the hands do of the plan: the batch gets what its limit leaves. */
static void hands_work(struct world *world)
{
	struct observation held = { .kind = OBSERVE_HELD, .time_ns = world->now_ns };

	world->batch = 0.6f;
	for (uint32_t i = 0; i < world->plan.count; i++) {
		const struct plan_action *action = &world->plan.action[i];

		if (action->reason != REASON_PROBE)
			continue;
		assert_int_equal(action->slot, BATCH);
		assert_int_equal(action->knob, KNOB_CPU_MAX);
		world->batch = (float)action->value / (float)action->period_us;
		world->probed++;
	}
	held.kind = plan_answers(&world->plan) ? OBSERVE_ACTED : OBSERVE_HELD;
	if (world->plan.count)
		predictor_observe(world->mind->predictor, &held);
}

static void world_run(struct world *world, uint32_t seconds)
{
	for (uint32_t i = 0; i < 10 * seconds; i++) {
		float busy = 0.3f + world->batch;

		world->now_ns += TICK_NS;
		world->busy += busy / 10;
		/* Of a thousand waits eight are late when nine tenths are busy, two when it is less. */
		ran(world, SERVER, 0.3f, busy > 0.85f ? 8 : 2);
		ran(world, BATCH, world->batch, 0);
		if (i % 10 == 9) {
			struct observation host = { .kind = OBSERVE_HOST, .host = { .time_ns = world->now_ns, .elapsed_ns = NS_PER_SECOND,
										    .busy_ns = (uint64_t)(world->busy * 1e9f) } };

			predictor_observe(world->mind->predictor, &host);
			world->busy = 0;
		}
		mind_tick(world->mind, world->now_ns, &world->plan);
		hands_work(world);
	}
}

static const struct response *model_of(const struct world *world)
{
	const struct predictor *p = world->mind->predictor;

	return respond_model(p, &p->instance[SERVER], SLI_RUNQ_P99, RESOURCE_CPU);
}

static void a_past_that_never_varied_is_identified_by_probes_alone(void **state)
{
	struct response_curve curve;
	struct world world;

	(void)state;
	world_open(&world, 0, "tier=best-effort");
	world_run(&world, 400);
	assert_true(response_has_learned(model_of(&world)));
	assert_false(response_is_identified(model_of(&world)));
	assert_int_equal(world.probed, 0);
	mind_free(world.mind);
	world_open(&world, 1, "tier=best-effort");
	world_run(&world, 400);
	assert_true(world.probed > 0);
	assert_true(response_is_identified(model_of(&world)));
	curve = response_fit(model_of(&world));
	assert_true(response_bad(&curve, 0.55f) < 0.005f);
	assert_true(response_bad(&curve, 0.75f) > 0.006f);
	/* Its error is published, and small enough to be followed. */
	assert_true(model_of(&world)->error < 0.01f && response_trust(model_of(&world)) > 0.9f);
	assert_true(world.mind->trial.ended[TRIAL_WHOLE] > 0);
	assert_true(world.mind->trial.taken[RESOURCE_CPU] > 0);
	assert_true(world.mind->trial.taken[RESOURCE_CPU] <= (double)TRIAL_CUT_MAX * 0.6 * world.probed / 10 + 1e-3);
	/* What is identified is left alone. */
	world.probed = 0;
	world_run(&world, 200);
	assert_int_equal(world.probed, 0);
	mind_free(world.mind);
}

static void an_annotation_forbids_it(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1, "tier=best-effort probe=no");
	world_run(&world, 200);
	assert_int_equal(world.probed, 0);
	mind_free(world.mind);
}

/* A scene in which all would be learned from. */
struct lab {
	struct stage stage;
	struct trial trial;
	uint64_t draw;
	uint32_t running;	/* ticks of the trial that runs */
	uint64_t ended_ns;	/* of the last */
	uint64_t giver;
	float used[RESOURCE_COUNT];	/* by the giver when it began */
	uint32_t count;
};

static float drawn(struct lab *lab) { return lot_unit(lab->draw = lot_mix(lab->draw)); }

static void lab_init(struct lab *lab, uint64_t seed)
{
	memset(lab, 0, sizeof(*lab));
	scene_init(&lab->stage);
	lab->stage.policy.probe = 1;
	lab->stage.policy.seed = seed;
	lab->draw = seed;
	lab->stage.server.cgroup_id = 101;
	lab->stage.batch.cgroup_id = 102;
	lab->stage.stranger.cgroup_id = 103;
	lab->stage.server.unidentified = ~0u;
	lab->stage.batch.ran = 0.6f;
	lab->stage.batch.need[RESOURCE_CPU].demand = 0.6f;
}

static void lab_tick(struct lab *lab)
{
	struct stage *stage = &lab->stage;

	stage->host.is_second = stage->now_ns / TICK_NS % 10 == 0;
	stage->plan.time_ns = stage->now_ns + TICK_NS;
	scene_tick(stage);
	trial_plan(&lab->trial, &stage->policy, &stage->host, stage->views, 3, TICK_NS, true, &stage->plan);
}

static const struct plan_action *probe_of(const struct lab *lab)
{
	for (uint32_t i = 0; i < lab->stage.plan.count; i++)
		if (lab->stage.plan.action[i].reason == REASON_PROBE)
			return &lab->stage.plan.action[i];
	return NULL;
}

static void until_probed(struct lab *lab)
{
	for (int i = 0; i < 1000 && !probe_of(lab); i++)
		lab_tick(lab);
	assert_non_null(probe_of(lab));
}

static void the_first_sign_of_danger_ends_it(void **state)
{
	struct lab lab;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		lab_init(&lab, 5);
		until_probed(&lab);
		assert_false(plan_answers(&lab.stage.plan));
		lab.stage.server.need[RESOURCE_IO].bad = kind == 0 ? 0.05f : 0;
		lab.stage.server.need[RESOURCE_IO].risk = kind == 1 ? 0.25f : 0;
		lab.stage.server.need[RESOURCE_IO].announced = kind == 2 ? 1 : 0;
		lab.stage.batch.no_probe = kind == 3;
		lab_tick(&lab);
		assert_null(probe_of(&lab));
		assert_int_equal(lab.trial.ended[TRIAL_CUT_SHORT], 1);
	}
}

static void it_gives_up_what_cannot_be_learned(void **state)
{
	uint32_t begun = 0;
	struct lab lab;

	(void)state;
	lab_init(&lab, 5);
	lab.stage.server.unidentified = 1u << RESOURCE_CPU;
	for (int i = 0; i < 10 * 3000; i++) {
		bool was_running = lab.trial.began_ns;

		lab_tick(&lab);
		begun += !was_running && lab.trial.began_ns;
	}
	assert_int_equal(begun, TRIAL_TRIES_MAX);
}

/* Anything may happen between two ticks. */
static void world_shake(struct lab *lab)
{
	struct stage *stage = &lab->stage;

	for (int i = 0; i < 3; i++) {
		struct plan_view *view = stage->views[i];

		if (drawn(lab) < 0.002f) {
			view->tier = (uint32_t)(drawn(lab) * TIER_COUNT);
			view->is_bound = drawn(lab) < 0.5f;
			view->no_probe = drawn(lab) < 0.2f;
			view->cgroup_id += drawn(lab) < 0.2f ? 10 : 0;
			view->has = drawn(lab) < 0.8f ? 0xff : 0;
			view->unidentified = drawn(lab) < 0.8f ? ~0u : 0;
		}
		for (int r = 0; r < RESOURCE_COUNT && drawn(lab) < 0.1f; r++) {
			view->need[r].demand = drawn(lab) * (float)stage->host.capacity[r];
			view->need[r].bad = drawn(lab) < 0.002f ? drawn(lab) : 0;
			view->need[r].risk = drawn(lab) < 0.002f ? drawn(lab) : 0;
			view->ran = view->need[RESOURCE_CPU].demand;
		}
	}
}

static void bounds_check(struct lab *lab)
{
	const struct stage *stage = &lab->stage;
	const struct plan_action *probe = probe_of(lab);

	if (!probe) {
		lab->ended_ns = lab->running ? stage->now_ns : lab->ended_ns;
		lab->running = 0;
		return;
	}
	for (int i = 0; i < 3; i++) {
		const struct plan_view *view = stage->views[i];

		if (view->slot == probe->slot && !lab->running) {
			lab->giver = view->cgroup_id;
			lab->count++;
			for (int r = 0; r < RESOURCE_COUNT; r++)
				lab->used[r] = view->need[r].demand;
			assert_true(!lab->ended_ns || stage->now_ns - lab->ended_ns >= TRIAL_PAUSE_NS);
			assert_true(view->tier == TIER_BEST_EFFORT && !view->is_bound);
		}
		assert_true(view->slot != probe->slot || (view->cgroup_id == lab->giver && !view->no_probe));
		for (int r = 0; view->is_bound && r < RESOURCE_COUNT; r++)
			assert_true(view->need[r].bad < stage->policy.bad_act && view->need[r].risk < stage->policy.risk_act);
	}
	assert_true(++lab->running <= TRIAL_NS / TICK_NS);
	for (uint32_t i = 0; i < stage->plan.count; i++) {
		const struct plan_action *action = &stage->plan.action[i];
		float least;

		if (action->reason != REASON_PROBE)
			continue;
		assert_int_equal(action->slot, probe->slot);
		assert_true(action->resource != RESOURCE_MEMORY && action->knob != KNOB_MEMORY_HIGH && action->knob != KNOB_MEMORY_RECLAIM);
		least = lab->used[action->resource] * (1 - TRIAL_CUT_MAX) * 0.999f;
		assert_true(action->expected >= least && action->expected >= stage->policy.giver_min[action->resource] * 0.999f);
		if (action->knob == KNOB_CPU_MAX)
			assert_true((float)action->value >= least * (float)action->period_us - 1 && action->value >= 1000);
	}
}

static void no_bound_is_ever_exceeded(void **state)
{
	uint32_t count = 0;
	struct lab lab;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		lab_init(&lab, seed);
		if (seed % 2) {
			lab.stage.policy.giver_min[RESOURCE_CPU] = 0.4f;
			lab.stage.policy.giver_min[RESOURCE_IO] = 30e6f;
		}
		for (int i = 0; i < 10 * 600; i++) {
			world_shake(&lab);
			lab_tick(&lab);
			bounds_check(&lab);
		}
		count += lab.count;
	}
	print_message("# %u probes in 40 worlds of ten minutes\n", count);
	assert_true(count > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_past_that_never_varied_is_identified_by_probes_alone),
		cmocka_unit_test(an_annotation_forbids_it),
		cmocka_unit_test(the_first_sign_of_danger_ends_it),
		cmocka_unit_test(it_gives_up_what_cannot_be_learned),
		cmocka_unit_test(no_bound_is_ever_exceeded),
	};

	return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
