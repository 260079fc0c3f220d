/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "sense/logline.h"

#define ID "0123456789abcdef0123456789abcdef"

static void the_distance_of_two_cursors_is_how_many_lines_lie_between(void **state)
{
	(void)state;
	assert_int_equal(logline_cursor_distance("s=" ID ";i=ff;b=1;m=2;t=3;x=4", "s=" ID ";i=101;b=1;m=2;t=3;x=4"), 2);
	assert_int_equal(logline_cursor_distance("s=" ID ";i=101;b=1", "s=" ID ";i=101;b=1"), 0);
}

static void cursors_that_cannot_be_compared_have_no_distance(void **state)
{
	static const char *const pair[][2] = {
		{ "s=" ID ";i=5;b=1", "s=1" ID ";i=9;b=1" },
		{ "s=" ID ";i=5;b=1", "s=ffff;i=9;b=1" },
		{ "s=" ID ";i=9;b=1", "s=" ID ";i=5;b=1" },
		{ "s=" ID ";i=5;b=1", "i=9;s=" ID },
		{ "", "s=" ID ";i=9;b=1" },
		{ "s=" ID ";i=x;b=1", "s=" ID ";i=9;b=1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		assert_int_equal(logline_cursor_distance(pair[i][0], pair[i][1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_of_two_cursors_is_how_many_lines_lie_between),
		cmocka_unit_test(cursors_that_cannot_be_compared_have_no_distance),
	};

	return cmocka_run_group_tests_name("logline", tests, NULL, NULL);
}
