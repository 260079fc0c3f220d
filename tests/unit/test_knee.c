/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <math.h>

#include "decide/knee.h"

#define BAD_ACT 0.05f

static void second(struct knee *knee, float bad, float rate, bool is_held)
{
	for (int i = 0; i < 10; i++)
		knee_tick(knee, bad, BAD_ACT);
	knee_second(knee, &(struct knee_use){ .rate = rate, .capacity = 100, .proven = INFINITY, .is_held = is_held });
}

static void nobody_hurt_is_no_knee(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	second(&knee, 0, 50, false);
	second(&knee, -1, 90, false);
	assert_float_equal(knee_capacity(&knee, 100), 100, 0);
}

static void the_rate_that_hurt_is_what_there_is(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	second(&knee, 0.5f, 60, false);
	assert_float_equal(knee_capacity(&knee, 100), 60, 1e-4);
	/* Missed altogether, it hurts at the same rate or above: that says nothing new. */
	second(&knee, 0.5f, 80, false);
	assert_float_equal(knee.rate, 60, 1e-4);
}

static void a_moment_is_no_second(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++)
		knee_tick(&knee, i < 5 ? 1 : 0, BAD_ACT);
	knee_second(&knee, &(struct knee_use){ .rate = 30, .capacity = 100, .proven = INFINITY });
	assert_float_equal(knee.rate, 0, 0);
}

static void a_limit_that_was_not_enough_lowers_it_by_a_step(void **state)
{
	struct knee knee = { .rate = 100, .is_found = true };

	(void)state;
	second(&knee, 0.5f, 95, true);
	assert_float_equal(knee.rate, 90, 1e-3);
	/* A disk that stalls is no disk that can do nothing. */
	second(&knee, 0.5f, 1, true);
	assert_float_equal(knee.rate, 63, 1e-3);
	knee.is_tightened = true;
	second(&knee, 0.5f, 50, true);
	assert_float_equal(knee.rate, 63, 1e-3);
	assert_false(knee.is_tightened);
}

/* So many ticks that hurt, then a limit under which nobody is hurt. */
static void second_limited_after(struct knee *knee, int hurt, float rate)
{
	for (int i = 0; i < 10; i++) {
		knee_tick(knee, i < hurt ? 1 : 0, BAD_ACT);
		knee->is_tightened |= i + 1 == hurt;
	}
	knee_second(knee, &(struct knee_use){ .rate = rate, .capacity = 100, .proven = INFINITY, .is_held = true });
}

static void a_limit_late_in_a_second_hides_no_harm(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	/* 48 were done in eight tenths of it. */
	second_limited_after(&knee, 8, 48);
	assert_true(knee.is_found);
	assert_float_equal(knee.rate, 60, 1e-3);
	/* It never did more than it has shown. */
	knee = (struct knee){ 0 };
	second_limited_after(&knee, 6, 90);
	assert_float_equal(knee.rate, 100, 1e-3);
	/* One that comes soon has ended it. */
	knee = (struct knee){ 0 };
	second_limited_after(&knee, 3, 48);
	assert_false(knee.is_found);
}

static void calm_under_a_limit_raises_it_slowly(void **state)
{
	struct knee knee = { .rate = 100, .is_found = true };

	(void)state;
	second(&knee, 0, 50, true);
	assert_float_equal(knee.rate, 102, 1e-3);
	second(&knee, 0, 50, false);
	assert_float_equal(knee.rate, 102, 1e-3);
	second(&knee, -1, 150, false);
	assert_float_equal(knee.rate, 102, 1e-3);
	second(&knee, 0, 150, false);
	assert_float_equal(knee.rate, 150, 1e-3);
}

/* What was limited before it could show what it does: a wire of 300 of which 100 were seen. */
static void before_it_is_found_it_rises_fast(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	second(&knee, 0, 70, true);
	assert_float_equal(knee_capacity(&knee, 100), 110, 1e-3);
	second(&knee, 0, 77, true);
	assert_float_equal(knee_capacity(&knee, 100), 121, 1e-3);
	second(&knee, 0.5f, 101, true);
	assert_float_equal(knee.rate, 101, 1e-3);
	second(&knee, 0, 70, true);
	assert_float_equal(knee.rate, 103.02, 1e-3);
}

static void it_rises_no_farther_than_was_proven(void **state)
{
	struct knee knee = { .rate = 200 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		knee_tick(&knee, 0, BAD_ACT);
		knee_second(&knee, &(struct knee_use){ .rate = 90, .capacity = 100, .proven = 150, .is_held = true });
		assert_float_equal(knee.rate, 200, 0);
	}
	for (int i = 0; i < 20; i++) {
		knee_tick(&knee, 0, BAD_ACT);
		knee_second(&knee, &(struct knee_use){ .rate = 150, .capacity = 100, .proven = 200, .is_held = true });
	}
	assert_float_equal(knee.rate, 250, 1e-3);
}

/* Harm in the first ticks of a second, which a limit ends if it is held. */
static void moment(struct knee *knee, bool is_held)
{
	for (int i = 0; i < 10; i++) {
		knee_tick(knee, i < 3 ? 1 : 0, BAD_ACT);
		knee->is_tightened |= is_held && i == 1;
	}
	knee_second(knee, &(struct knee_use){ .rate = 40, .capacity = 100, .proven = INFINITY, .is_held = is_held });
}

static void a_moment_that_a_limit_ended_twice_is_known(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	moment(&knee, true);
	second(&knee, 0, 60, true);
	assert_false(knee_stands(&knee));
	for (int i = 0; i < 60; i++)
		second(&knee, 0, 10, false);
	moment(&knee, true);
	assert_true(knee_stands(&knee));
	assert_false(knee.is_found);
	/* How much it is is still to be found. */
	second(&knee, 0, 70, true);
	assert_float_equal(knee.rate, 121, 1e-3);
}

static void harm_that_ends_in_the_second_after_the_limit_counts_once(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (int tick = 0; tick < 10; tick++) {
			knee_tick(&knee, tick > 6 ? 1 : 0, BAD_ACT);
			knee.is_tightened |= tick == 9;
		}
		knee_second(&knee, &(struct knee_use){ .rate = 60, .capacity = 100, .proven = INFINITY, .is_held = true });
		assert_int_equal(knee.ended, i);
		for (int calm = 0; calm < 3; calm++)
			second(&knee, 0, 60, true);
		assert_int_equal(knee.ended, i + 1);
	}
}

static void what_ends_by_itself_or_comes_under_a_limit_tells_nothing(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		moment(&knee, false);
		second(&knee, 0, 40, false);
		second(&knee, 0, 40, true);
	}
	assert_int_equal(knee.ended, 0);
	for (int i = 0; i < 10; i++) {
		for (int tick = 0; tick < 10; tick++)
			knee_tick(&knee, tick < 2 ? 1 : 0, BAD_ACT);
		knee_second(&knee, &(struct knee_use){ .rate = 40, .capacity = 100, .proven = INFINITY, .is_held = true });
		second(&knee, 0, 40, true);
	}
	assert_int_equal(knee.ended, 0);
}

static void one_late_request_is_no_harm_that_a_limit_ended(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		for (int tick = 0; tick < 10; tick++) {
			knee_tick(&knee, tick < 2 ? 0.05f : 0, BAD_ACT);
			knee.is_tightened |= tick == 1;
		}
		knee_second(&knee, &(struct knee_use){ .rate = 40, .capacity = 100, .proven = INFINITY, .is_held = true });
		second(&knee, 0, 40, true);
	}
	assert_int_equal(knee.ended, 0);
}

static void a_moment_under_a_limit_is_a_step_back_and_slows_the_search(void **state)
{
	struct knee knee = { .rate = 200 };
	float before;

	(void)state;
	for (int tick = 0; tick < 10; tick++)
		knee_tick(&knee, tick < 3 ? 1 : 0, BAD_ACT);
	knee_second(&knee, &(struct knee_use){ .rate = 140, .capacity = 100, .proven = INFINITY, .is_held = true });
	assert_float_equal(knee.rate, 180, 1e-3);
	assert_false(knee.is_found);
	second(&knee, 0, 130, true);
	assert_float_equal(knee.rate, 183.6, 1e-3);
	for (int i = 0; i < 9; i++)
		second(&knee, 0, 130, true);
	before = knee.rate;
	assert_true(before < 230);
	second(&knee, 0, 130, true);
	assert_float_equal(knee.rate, before * 1.1f, 1e-3);
}

static void while_limits_stand_one_that_becomes_tighter_was_there_before(void **state)
{
	struct knee knee = { .rate = 100, .ended = 2, .rate_ended = 100 };

	(void)state;
	/* Little was done of what may be. */
	for (int tick = 0; tick < 10; tick++) {
		knee_tick(&knee, tick > 2 && tick < 6 ? 1 : 0, BAD_ACT);
		knee.is_tightened |= tick == 3;
	}
	knee_second(&knee, &(struct knee_use){ .rate = 40, .capacity = 100, .proven = 60, .is_held = true });
	assert_float_equal(knee.rate, 100, 1e-3);
	second_limited_after(&knee, 4, 80);
	assert_float_equal(knee.rate, 90, 1e-3);
	assert_false(knee.is_found);
	for (int tick = 0; tick < 10; tick++) {
		knee_tick(&knee, tick < 8 ? 1 : 0, BAD_ACT);
		knee.is_tightened |= tick == 1;
	}
	knee_second(&knee, &(struct knee_use){ .rate = 70, .capacity = 100, .proven = INFINITY, .is_held = true });
	assert_true(knee.is_found);
	assert_float_equal(knee.rate, 70, 1e-3);
}

static void four_times_as_much_that_hurts_nobody_says_that_it_was_something_else(void **state)
{
	struct knee knee = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		moment(&knee, true);
		second(&knee, 0, 60, true);
	}
	second(&knee, 0, 399, false);
	assert_true(knee_stands(&knee));
	second(&knee, 0, 401, false);
	assert_false(knee_stands(&knee));
	moment(&knee, true);
	assert_false(knee_stands(&knee));
}

static void a_second_that_broke_a_bound_by_a_few_late_ones_takes_a_step_back(void **state)
{
	struct knee knee = { .rate = 100, .is_found = true };
	struct knee_use use = { .rate = 90, .capacity = 120, .proven = INFINITY, .is_held = true, .is_violated = true };

	(void)state;
	for (int i = 0; i < 10; i++)
		knee_tick(&knee, i < 2 ? 1 : 0, BAD_ACT);
	knee_second(&knee, &use);
	assert_float_equal(knee.rate, 90, 1e-3);
	/* Not where no limit was used up, nor where one had just become tighter: it has shown nothing yet. */
	use.is_held = false;
	knee_tick(&knee, 1, BAD_ACT);
	knee_second(&knee, &use);
	assert_float_equal(knee.rate, 90, 1e-3);
	use.is_held = true;
	knee.is_tightened = true;
	knee_tick(&knee, 1, BAD_ACT);
	knee_second(&knee, &use);
	assert_float_equal(knee.rate, 90, 1e-3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_hurt_is_no_knee),
		cmocka_unit_test(the_rate_that_hurt_is_what_there_is),
		cmocka_unit_test(a_moment_is_no_second),
		cmocka_unit_test(a_limit_that_was_not_enough_lowers_it_by_a_step),
		cmocka_unit_test(a_limit_late_in_a_second_hides_no_harm),
		cmocka_unit_test(before_it_is_found_it_rises_fast),
		cmocka_unit_test(calm_under_a_limit_raises_it_slowly),
		cmocka_unit_test(it_rises_no_farther_than_was_proven),
		cmocka_unit_test(a_moment_that_a_limit_ended_twice_is_known),
		cmocka_unit_test(harm_that_ends_in_the_second_after_the_limit_counts_once),
		cmocka_unit_test(what_ends_by_itself_or_comes_under_a_limit_tells_nothing),
		cmocka_unit_test(one_late_request_is_no_harm_that_a_limit_ended),
		cmocka_unit_test(a_moment_under_a_limit_is_a_step_back_and_slows_the_search),
		cmocka_unit_test(while_limits_stand_one_that_becomes_tighter_was_there_before),
		cmocka_unit_test(four_times_as_much_that_hurts_nobody_says_that_it_was_something_else),
		cmocka_unit_test(a_second_that_broke_a_bound_by_a_few_late_ones_takes_a_step_back),
	};

	return cmocka_run_group_tests_name("knee", tests, NULL, NULL);
}
