/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "decide/knee.h"

#define BAD_ACT 0.05f

static void second(struct knee *knee, float bad, float rate, bool is_held)
{
	for (int i = 0; i < 10; i++)
		knee_tick(knee, bad, BAD_ACT);
	knee_second(knee, rate, 100, is_held);
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
	knee_second(&knee, 30, 100, false);
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
	knee_second(knee, rate, 100, true);
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
	};

	return cmocka_run_group_tests_name("knee", tests, NULL, NULL);
}
