/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "act/nft_table.h"

static void assert_order(const struct shares *shares, const struct share *wanted, uint32_t count)
{
	assert_int_equal(shares->count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(shares->share[i].front, wanted[i].front);
		assert_int_equal(shares->share[i].port, wanted[i].port);
		assert_int_equal(shares->share[i].weight, wanted[i].weight);
	}
}

static void those_of_one_port_stand_together_in_the_order_they_came(void **state)
{
	static const struct share WANTED[] = { { 80, 1, 5 }, { 80, 2, 6 }, { 80, 3, 7 }, { 90, 1, 8 }, { 90, 2, 9 } };
	struct shares shares = { 0 };

	(void)state;
	assert_int_equal(shares_set(&shares, 80, 1, 5), 0);
	assert_int_equal(shares_set(&shares, 90, 1, 8), 0);
	assert_int_equal(shares_set(&shares, 80, 2, 6), 0);
	assert_int_equal(shares_set(&shares, 90, 2, 9), 0);
	assert_int_equal(shares_set(&shares, 80, 3, 7), 0);
	assert_order(&shares, WANTED, 5);
	assert_int_equal(shares_get(&shares, 80, 2), 6);
	assert_int_equal(shares_get(&shares, 90, 3), 0);
}

static void a_weight_changes_in_place_and_with_0_goes(void **state)
{
	static const struct share WANTED[] = { { 80, 1, 50 }, { 90, 1, 8 } };
	struct shares shares = { 0 };

	(void)state;
	shares_set(&shares, 80, 1, 5);
	shares_set(&shares, 80, 2, 6);
	shares_set(&shares, 90, 1, 8);
	assert_int_equal(shares_set(&shares, 80, 1, 50), 0);
	assert_int_equal(shares_set(&shares, 80, 2, 0), 0);
	assert_int_equal(shares_set(&shares, 80, 2, 0), 0);
	assert_order(&shares, WANTED, 2);
}

static void a_full_table_takes_changes_but_no_more(void **state)
{
	struct shares shares = { 0 }, before;

	(void)state;
	for (uint16_t i = 1; i <= SHARES_MAX; i++)
		assert_int_equal(shares_set(&shares, i % 3, i, i), 0);
	before = shares;
	assert_int_equal(shares_set(&shares, 7, 7, 7), -ENOSPC);
	assert_memory_equal(&shares, &before, sizeof(shares));
	assert_int_equal(shares_set(&shares, 1, 1, 99), 0);
	assert_int_equal(shares_get(&shares, 1, 1), 99);
}

static void of_two_priorities_the_deeper_comes_later(void **state)
{
	static struct table_content content;

	(void)state;
	for (uint64_t id = 1; id <= MARKS_MAX; id++)
		assert_int_equal(marks_set(&content, &(struct mark){ id, (uint32_t)(MARKS_MAX - id), 6 }), 0);
	assert_int_equal(marks_set(&content, &(struct mark){ 99, 1, 6 }), -ENOSPC);
	assert_int_equal(marks_set(&content, &(struct mark){ 7, MARKS_MAX - 7, 3 }), 0);
	for (uint32_t i = 1; i < content.mark_count; i++)
		assert_true(content.mark[i - 1].level < content.mark[i].level);
	assert_int_equal(content.mark_count, MARKS_MAX);
	assert_int_equal(marks_get(&content, 7), 3);
	assert_int_equal(marks_set(&content, &(struct mark){ 7, MARKS_MAX - 7, 0 }), 0);
	assert_int_equal(marks_set(&content, &(struct mark){ 7, MARKS_MAX - 7, 0 }), 0);
	assert_int_equal(content.mark_count, MARKS_MAX - 1);
	assert_int_equal(marks_get(&content, 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_one_port_stand_together_in_the_order_they_came),
		cmocka_unit_test(a_weight_changes_in_place_and_with_0_goes),
		cmocka_unit_test(of_two_priorities_the_deeper_comes_later),
		cmocka_unit_test(a_full_table_takes_changes_but_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
