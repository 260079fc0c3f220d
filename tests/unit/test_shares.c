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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_one_port_stand_together_in_the_order_they_came),
		cmocka_unit_test(a_weight_changes_in_place_and_with_0_goes),
		cmocka_unit_test(a_full_table_takes_changes_but_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
