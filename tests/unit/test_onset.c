/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bench_forecast makes of scores: labels of onset, and alarms held against what began. */
#include "unit.h"

#include <math.h>

#include "../bench/forecast.h"

#define STEPS 4000	/* a little more than an hour */
#define BEGINS 1000
#define LASTS 10

/* One bound that is violated from BEGINS on for a while; the last speaker of each test says what the test wants. */
static struct life make_life(void)
{
	struct life life = { .is_scored = true, .steps = STEPS, .bound = 1u << SLI_RUNQ_P99 };

	life.truth = calloc(STEPS, sizeof(*life.truth));
	life.score = calloc(STEPS, sizeof(*life.score));
	life.said = calloc(STEPS, sizeof(*life.said));
	for (uint32_t t = 0; t < STEPS; t++) {
		life.truth[t].now.violated = t >= BEGINS && t < BEGINS + LASTS ? 1u << SLI_RUNQ_P99 : 0;
		life.truth[t].now.known = TRAIN_KNOWS_VIOLATED(SLI_RUNQ_P99);
	}
	train_truth_fill(life.truth, STEPS);
	return life;
}

static void life_done(struct life *life)
{
	free(life->truth);
	free(life->score);
	free(life->said);
}

static void say(struct life *life, uint32_t from, uint32_t to, float score)
{
	for (uint32_t t = from; t < to; t++)
		life->score[t][SPEAKS_INT8][MAIN_HORIZON] = score;
}

static struct onset_figures measured(struct life *life)
{
	struct corpus corpus = { .life = life, .count = 1 };

	return onset_measure(&corpus, -1, SPEAKS_INT8, MAIN_HORIZON);
}

static void onset_is_a_violation_ahead_of_the_healthy(void **state)
{
	struct life life = make_life();

	(void)state;
	assert_int_equal(life_onset(&life, BEGINS - 6, 2), 0);
	assert_int_equal(life_onset(&life, BEGINS - 5, 2), 1);
	assert_int_equal(life_onset(&life, BEGINS, 2), -1);		/* not healthy */
	assert_int_equal(life_onset(&life, STEPS - 3, 2), -1);	/* the end is not known */
	life.bound |= 1u << SLI_IO_P99;
	assert_int_equal(life_onset(&life, BEGINS - 6, 2), -1);	/* nor is the other bound */
	assert_int_equal(life_onset(&life, BEGINS - 5, 2), 1);
	life_done(&life);
}

static void who_knows_finds_all_ahead(void **state)
{
	struct life life = make_life();
	struct onset_figures f;

	(void)state;
	say(&life, BEGINS - 5, BEGINS, 0.9f);
	f = measured(&life);
	assert_float_equal(f.auprc, 1, 1e-6);
	assert_int_equal(f.events, 1);
	assert_float_equal(f.recall, 1, 1e-6);
	assert_float_equal(f.lead_median_s, 5, 1e-6);
	life_done(&life);
}

static void who_cries_too_often_finds_nothing(void **state)
{
	struct life life = make_life();

	(void)state;
	say(&life, BEGINS - 5, BEGINS, 0.5f);
	say(&life, 100, 110, 0.9f);	/* one an hour is allowed */
	assert_float_equal(measured(&life).recall, 1, 1e-6);
	say(&life, 2000, 2010, 0.9f);
	assert_float_equal(measured(&life).recall, 0, 1e-6);
	assert_true(measured(&life).auprc < 0.3);
	life_done(&life);
}

static void who_says_always_the_same_is_a_guess(void **state)
{
	struct life life = make_life();
	struct onset_figures f;

	(void)state;
	say(&life, 0, STEPS, 0.25f);
	f = measured(&life);
	assert_float_equal(f.auprc, f.prevalence, 1e-6);
	assert_float_equal(f.ece_any, 0.25 - f.prevalence, 1e-4);
	life_done(&life);
}

/* One of two bounds is never violated and never thought to be; of the other a quarter is said of each second ahead of it. */
static void each_bound_is_held_against_itself(void **state)
{
	struct life life = make_life();
	struct onset_figures f;

	(void)state;
	life.bound |= 1u << SLI_IO_P99;
	for (uint32_t t = 0; t < STEPS; t++)
		life.truth[t].now.known |= TRAIN_KNOWS_VIOLATED(SLI_IO_P99);
	train_truth_fill(life.truth, STEPS);
	for (uint32_t t = BEGINS - 5; t < BEGINS + LASTS; t++)
		life.said[t][SPEAKS_INT8][SLI_RUNQ_P99] = 0.25f;
	f = measured(&life);
	/* Five seconds of .25 where 1 was due, in all seconds of both bounds but those of the violation and the unknown last. */
	assert_float_equal(f.ece, 5 * 0.75 / (2 * (STEPS - LASTS - 5)), 1e-6);
	/* The score says nothing of any bound. */
	assert_float_equal(f.ece_any, 5. / (STEPS - LASTS - 5), 1e-6);
	life_done(&life);
}

/* 0 to .4 is said of a wire that carries nothing in one second and half of what it can in the next. */
static void what_is_at_the_end_of_an_interval_is_within(void **state)
{
	struct life life = make_life();
	struct corpus corpus = { .life = &life, .count = 1 };
	struct demand_figures f;

	(void)state;
	life.spoken = calloc(STEPS, sizeof(*life.spoken));
	for (uint32_t t = 0; t < STEPS; t++) {
		life.truth[t].now.known |= TRAIN_KNOWS_DEMAND(RESOURCE_NET);
		life.truth[t].now.demand[RESOURCE_NET] = t % 2 ? 0.5f : 0;
		life.spoken[t].demand[RESOURCE_NET][0][2] = life.spoken[t].demand[RESOURCE_NET][0][3] = 0.4f;
	}
	train_truth_fill(life.truth, STEPS);
	f = demand_measure(&corpus, -1, RESOURCE_NET, 0);
	assert_int_equal((int)f.count, STEPS - 2);	/* the first has not moved, after the last nothing is known */
	assert_float_equal(f.cover80 / f.count, 0.5, 1e-3);
	free(life.spoken);
	life_done(&life);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(onset_is_a_violation_ahead_of_the_healthy),
		cmocka_unit_test(who_knows_finds_all_ahead),
		cmocka_unit_test(who_cries_too_often_finds_nothing),
		cmocka_unit_test(who_says_always_the_same_is_a_guess),
		cmocka_unit_test(each_bound_is_held_against_itself),
		cmocka_unit_test(what_is_at_the_end_of_an_interval_is_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
