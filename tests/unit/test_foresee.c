/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is foreseen: the annotated, and for a while who was asked for; and that it changes nothing for the annotated. */
#include "unit.h"

#include "predict/predictor.h"

#define STRANGER 1u
#define ANNOTATED 2u

static struct predictor *predictor_of(bool sees_all)
{
	struct predictor_config config = { .slots_max = 4, .host_cpus = 2, .second_ns = NS_PER_SECOND, .tick_ns = NS_PER_SECOND,
					   .forecaster = FORECAST_STATISTICAL, .sees_all = sees_all };
	struct predictor *p = predictor_new(&config);
	struct observation observation = { .kind = OBSERVE_INSTANCE };

	assert_non_null(p);
	for (uint32_t slot = STRANGER; slot <= ANNOTATED; slot++) {
		observation.instance = (struct observe_instance){ .slot = slot, .cgroup_id = 10 + slot };
		slo_init(&observation.instance.slo);
		if (slot == ANNOTATED) {
			observation.instance.slo.source = SLO_FROM_CONFIG;
			observation.instance.slo.bound[SLI_RUNQ_P99] = 5000000;
		}
		snprintf(observation.instance.path, OBSERVE_PATH_MAX, "/%u", slot);
		predictor_observe(p, &observation);
	}
	predictor_tick(p, NS_PER_SECOND);
	return p;
}

/* The stranger is busy each fifth second. */
static void second_pass(struct predictor *p, uint32_t at)
{
	static struct observation observation;

	for (uint32_t slot = STRANGER; slot <= ANNOTATED; slot++) {
		memset(&observation, 0, sizeof(observation));
		observation.kind = OBSERVE_SAMPLE;
		observation.sample.slot = slot;
		observation.sample.moved.oncpu_ns = slot == STRANGER && at % 5 == 1 ? NS_PER_SECOND : NS_PER_SECOND / 50;
		observation.sample.moved.switches = 30;
		observation.sample.bucket_count = 1;
		observation.sample.bucket[0] = (struct observe_bucket){ .idx = 40, .count = 30 };
		predictor_observe(p, &observation);
	}
	assert_true(predictor_tick(p, (at + 2) * NS_PER_SECOND));
}

static void ask(struct predictor *p, uint64_t cgroup_id)
{
	struct observation observation = { .kind = OBSERVE_ASKED, .asked = { .slot = STRANGER, .cgroup_id = cgroup_id } };

	predictor_observe(p, &observation);
}

static bool is_blank(const struct predictor *p, uint32_t slot)
{
	static const struct foresight blank_foresight;
	static const struct window_rare blank_rare;

	return !memcmp(&p->memory.foresight[slot], &blank_foresight, sizeof(blank_foresight)) &&
	       !memcmp(&p->memory.rare[slot], &blank_rare, sizeof(blank_rare));
}

static void a_stranger_costs_no_foresight_and_is_seen_by_the_annotated_all_the_same(void **state)
{
	struct predictor *some = predictor_of(false), *all = predictor_of(true);

	(void)state;
	for (uint32_t at = 0; at < 60; at++) {
		second_pass(some, at);
		second_pass(all, at);
		assert_memory_equal(&some->memory.foresight[ANNOTATED], &all->memory.foresight[ANNOTATED],
				    sizeof(struct foresight));
	}
	assert_true(is_blank(some, STRANGER));
	assert_false(is_blank(all, STRANGER));
	/* What it will use is known: the annotated one expects it. */
	assert_int_equal(some->memory.recur[RESOURCE_CPU][STRANGER].period_s, 5);
	assert_true(some->host.top[RESOURCE_CPU][1][0].demand > 0.4f);
	assert_true(some->instance[ANNOTATED].foresight->frame.value[FEATURE_OTHERS_CONFIDENCE] > 0.5f);
	predictor_free(some);
	predictor_free(all);
}

static void who_is_asked_for_is_foreseen_for_a_while(void **state)
{
	struct predictor *p = predictor_of(false);
	const struct predictor_instance *stranger = &p->instance[STRANGER];
	uint32_t at = 0;

	(void)state;
	while (at < 10)
		second_pass(p, at++);
	ask(p, 999);	/* of one that had the slot before */
	second_pass(p, at++);
	assert_false(stranger->foresight->has_frame);
	ask(p, stranger->info.cgroup_id);
	second_pass(p, at++);
	assert_true(stranger->foresight->has_frame);
	assert_int_equal(stranger->foresight->forecast.source, FORECAST_STATISTICAL);
	assert_non_null(window_at(&stranger->window, 0));
	assert_null(window_at(&stranger->window, 1));
	second_pass(p, at++);
	assert_non_null(window_at(&stranger->window, 1));
	for (int i = 2; i < PREDICTOR_ASKED_SECONDS - 1; i++)
		second_pass(p, at++);
	assert_true(stranger->foresight->has_frame);
	second_pass(p, at++);
	second_pass(p, at++);
	assert_false(stranger->foresight->has_frame);
	assert_false(predictor_uses(stranger, MEMORY_FORESIGHT));
	predictor_free(p);
}

/* One answer in each fifth of a second, so that none of these says anything: but all of them were late. */
static void who_answers_seldom_and_late_is_violated(void **state)
{
	static struct observation observation;
	struct predictor *p = predictor_of(false);

	(void)state;
	p->config.tick_ns = NS_PER_SECOND / 10;
	for (uint32_t late = 4; late <= 5; late++) {
		for (uint32_t tick = 1; tick <= 10; tick++) {
			memset(&observation, 0, sizeof(observation));
			observation.kind = OBSERVE_SAMPLE;
			observation.sample.slot = ANNOTATED;
			observation.sample.moved.verdict[WIRE_DELAY_QUEUE] = (struct wire_verdict){ .bad = tick % 2 && tick / 2 < late };
			predictor_observe(p, &observation);
			predictor_tick(p, (late - 3) * NS_PER_SECOND + tick * p->config.tick_ns);
		}
		assert_int_equal(p->instance[ANNOTATED].violated, late == 5 ? 1u << SLI_RUNQ_P99 : 0);
	}
	predictor_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_seldom_and_late_is_violated),
		cmocka_unit_test(a_stranger_costs_no_foresight_and_is_seen_by_the_annotated_all_the_same),
		cmocka_unit_test(who_is_asked_for_is_foreseen_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
