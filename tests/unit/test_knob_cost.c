/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line of a disk in io.cost.qos: ours, none, and what only somebody else would have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "act/knob.h"

#define DISK (8u << 20 | 16u)
#define ON "enable=1 ctrl=user rpct=95.00 rlat=3000 wpct=95.00 wlat=3000 min=10.00 max=10000.00"
#define OFF "enable=0 ctrl=auto"

static void assert_parses(const char *text, uint64_t value, uint64_t aux)
{
	struct knob_value read = { 0 };

	assert_int_equal(knob_parse(KNOB_IO_COST, DISK, text, &read), 0);
	assert_true(read.value == value);
	assert_true(read.aux == aux);
}

static void the_line_of_the_disk_is_found(void **state)
{
	(void)state;
	assert_parses("", KNOB_MAX, 0);
	assert_parses("8:1 " ON "\n", KNOB_MAX, 0);
	assert_parses("8:1 " ON "\n8:16 " OFF " rpct=95.00 rlat=25000 wpct=95.00 wlat=25000\n", KNOB_MAX, 0);
	assert_parses("8:1 " OFF "\n8:16 " ON "\n", 3000, 0);
}

static void what_we_would_not_write_is_somebody_elses(void **state)
{
	(void)state;
	assert_parses("8:16 enable=0 ctrl=user rpct=0.00 rlat=5000 wpct=0.00 wlat=5000 min=90.00 max=90.00\n", KNOB_MAX, 1);
	assert_parses("8:16 enable=1 ctrl=auto rpct=0.00 rlat=3000 wpct=0.00 wlat=3000 min=10.00 max=10000.00\n", KNOB_MAX, 1);
	assert_parses("8:16 enable=1 ctrl=user rpct=95.00 rlat=3000 wpct=95.00 wlat=4000 min=10.00 max=10000.00\n", KNOB_MAX, 1);
}

static void assert_round_trip(struct knob_value value, const char *line, const char *word)
{
	struct knob_value back = { 0 };
	char text[KNOB_TEXT_MAX];

	if (line) {
		assert_true(knob_format(KNOB_IO_COST, DISK, &value, text, sizeof(text)) > 0);
		assert_string_equal(text, line);
		assert_parses(text, value.value, value.aux);
	}
	assert_true(knob_word_format(KNOB_IO_COST, &value, text, sizeof(text)) > 0);
	assert_string_equal(text, word);
	assert_int_equal(knob_word_parse(KNOB_IO_COST, text, &back), 0);
	assert_true(knob_equal(KNOB_IO_COST, &value, &back));
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	assert_round_trip((struct knob_value){ .value = 3000 }, "8:16 " ON, "3000");
	assert_round_trip((struct knob_value){ .value = KNOB_MAX }, "8:16 " OFF, "max");
	assert_round_trip((struct knob_value){ .value = KNOB_MAX, .aux = 1 }, NULL, "other");
}

static void a_target_that_no_disk_reaches_is_refused(void **state)
{
	(void)state;
	assert_non_null(knob_fault(KNOB_IO_COST, &(struct knob_value){ .value = 99 }));
	assert_null(knob_fault(KNOB_IO_COST, &(struct knob_value){ .value = 100 }));
	assert_null(knob_fault(KNOB_IO_COST, &(struct knob_value){ .value = KNOB_MAX }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_the_disk_is_found),
		cmocka_unit_test(what_we_would_not_write_is_somebody_elses),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_target_that_no_disk_reaches_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
