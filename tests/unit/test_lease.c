/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "act/lease.h"

static struct lease_table table;
static struct hands_off off;

static int table_reset(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	memset(&off, 0, sizeof(off));
	return 0;
}

static struct hold *hold_add(uint64_t id, enum knob knob, uint64_t seq, uint64_t expiry_ns)
{
	struct hold *hold = lease_add(&table);

	assert_non_null(hold);
	hold->cgroup_id = id;
	hold->knob = knob;
	hold->seq = seq;
	hold->expiry_ns = expiry_ns;
	return hold;
}

static void find_tells_knobs_and_cgroups_apart(void **state)
{
	(void)state;
	hold_add(7, KNOB_CPU_WEIGHT, 1, 10);
	hold_add(7, KNOB_CPU_MAX, 2, 10);
	hold_add(8, KNOB_CPU_WEIGHT, 3, 10);
	assert_int_equal(lease_find(&table, 7, KNOB_CPU_MAX, 0)->seq, 2);
	assert_int_equal(lease_find(&table, 8, KNOB_CPU_WEIGHT, 0)->seq, 3);
	assert_null(lease_find(&table, 8, KNOB_CPU_MAX, 0));
	assert_null(lease_find(&table, 9, KNOB_CPU_WEIGHT, 0));
}

static void find_tells_disks_apart(void **state)
{
	(void)state;
	hold_add(7, KNOB_IO_RBPS, 1, 10)->device = 8 << 20;
	hold_add(7, KNOB_IO_RBPS, 2, 10)->device = 8 << 20 | 16;
	assert_int_equal(lease_find(&table, 7, KNOB_IO_RBPS, 8 << 20 | 16)->seq, 2);
	assert_int_equal(lease_find(&table, 7, KNOB_IO_RBPS, 8 << 20)->seq, 1);
	assert_null(lease_find(&table, 7, KNOB_IO_RBPS, 9 << 20));
	assert_null(lease_find(&table, 7, KNOB_IO_WBPS, 8 << 20));
}

static void a_watch_is_known_as_long_as_one_hold_has_it(void **state)
{
	(void)state;
	hold_add(7, KNOB_IO_RBPS, 1, 10)->watch = 4;
	hold_add(7, KNOB_IO_WBPS, 2, 10)->watch = 4;
	lease_remove(&table, lease_find(&table, 7, KNOB_IO_RBPS, 0));
	assert_int_equal(lease_find_watch(&table, 4)->seq, 2);
	lease_remove(&table, lease_find(&table, 7, KNOB_IO_WBPS, 0));
	assert_null(lease_find_watch(&table, 4));
}

static void hands_stay_off_one_disk_only(void **state)
{
	struct hold hold = { .cgroup_id = 7, .knob = KNOB_IO_RBPS, .device = 8 << 20 };

	(void)state;
	hands_off_add(&off, &hold, 500);
	assert_true(hands_off_holds(&off, 7, KNOB_IO_RBPS, 8 << 20, 1));
	assert_false(hands_off_holds(&off, 7, KNOB_IO_RBPS, 9 << 20, 1));
}

static void a_new_hold_is_blank(void **state)
{
	struct hold *hold = hold_add(7, KNOB_CPU_MAX, 5, 10);

	(void)state;
	hold->undo_begun = true;
	hold->watch = 3;
	lease_remove(&table, hold);
	hold = lease_add(&table);
	assert_false(hold->undo_begun);
	assert_int_equal(hold->watch, -1);
	assert_int_equal(hold->child.pid_fd, -1);
	assert_int_equal(hold->seq, 0);
}

static void a_full_table_takes_no_more(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < HOLDS_MAX; i++)
		hold_add(i, KNOB_CPU_MAX, i + 1, 10);
	assert_null(lease_add(&table));
	lease_remove(&table, lease_find(&table, 5, KNOB_CPU_MAX, 0));
	assert_non_null(lease_add(&table));
}

static void remove_keeps_the_others(void **state)
{
	(void)state;
	hold_add(1, KNOB_CPU_MAX, 1, 10);
	hold_add(2, KNOB_CPU_MAX, 2, 10);
	hold_add(3, KNOB_CPU_MAX, 3, 10);
	lease_remove(&table, lease_find(&table, 1, KNOB_CPU_MAX, 0));
	assert_int_equal(table.count, 2);
	assert_null(lease_find(&table, 1, KNOB_CPU_MAX, 0));
	assert_int_equal(lease_find(&table, 2, KNOB_CPU_MAX, 0)->seq, 2);
	assert_int_equal(lease_find(&table, 3, KNOB_CPU_MAX, 0)->seq, 3);
}

static void a_lease_ends_at_its_time_and_not_before(void **state)
{
	(void)state;
	hold_add(1, KNOB_CPU_MAX, 1, 100);
	assert_null(lease_expired(&table, 99));
	assert_non_null(lease_expired(&table, 100));
	assert_int_equal(lease_next_expiry_ns(&table), 100);
}

static void nothing_held_never_expires(void **state)
{
	(void)state;
	assert_null(lease_expired(&table, UINT64_MAX));
	assert_true(lease_next_expiry_ns(&table) == UINT64_MAX);
}

static void the_most_recent_change_expires_first(void **state)
{
	(void)state;
	hold_add(1, KNOB_CPU_MAX, 4, 100);
	hold_add(2, KNOB_CPU_MAX, 9, 100);
	hold_add(3, KNOB_CPU_MAX, 6, 100);
	hold_add(4, KNOB_CPU_MAX, 12, 200);
	assert_int_equal(lease_expired(&table, 150)->seq, 9);
	assert_int_equal(lease_latest(&table)->seq, 12);
}

static void before_and_after_walk_by_seq(void **state)
{
	(void)state;
	hold_add(1, KNOB_CPU_MAX, 4, 100);
	hold_add(2, KNOB_CPU_MAX, 9, 100);
	hold_add(3, KNOB_CPU_MAX, 6, 100);
	assert_int_equal(lease_after(&table, 0)->seq, 4);
	assert_int_equal(lease_after(&table, 4)->seq, 6);
	assert_null(lease_after(&table, 9));
	assert_int_equal(lease_before(&table, 9)->seq, 6);
	assert_null(lease_before(&table, 4));
}

static void off_add(uint64_t id, enum knob knob, uint64_t until_ns)
{
	struct hold hold = { .cgroup_id = id, .knob = knob };

	hands_off_add(&off, &hold, until_ns);
}

static void hands_stay_off_until_the_time_is_over(void **state)
{
	(void)state;
	off_add(7, KNOB_CPU_MAX, 500);
	assert_true(hands_off_holds(&off, 7, KNOB_CPU_MAX, 0, 499));
	assert_false(hands_off_holds(&off, 7, KNOB_CPU_MAX, 0, 500));
	assert_false(hands_off_holds(&off, 7, KNOB_CPU_WEIGHT, 0, 499));
	assert_false(hands_off_holds(&off, 8, KNOB_CPU_MAX, 0, 499));
}

static void a_second_foreign_write_starts_the_time_anew(void **state)
{
	(void)state;
	off_add(7, KNOB_CPU_MAX, 500);
	off_add(8, KNOB_CPU_MAX, 500);
	off_add(7, KNOB_CPU_MAX, 900);
	assert_true(hands_off_holds(&off, 7, KNOB_CPU_MAX, 0, 800));
	assert_false(hands_off_holds(&off, 8, KNOB_CPU_MAX, 0, 800));
}

static void a_full_list_drops_what_ends_first(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= HANDS_OFF_MAX + 1; i++)
		off_add(i, KNOB_CPU_MAX, 1000 + i);
	assert_false(hands_off_holds(&off, 1, KNOB_CPU_MAX, 0, 1));
	assert_true(hands_off_holds(&off, 2, KNOB_CPU_MAX, 0, 1));
	assert_true(hands_off_holds(&off, HANDS_OFF_MAX + 1, KNOB_CPU_MAX, 0, 1));
}

static void a_second_has_only_so_many_writes(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	for (int i = 0; i < WRITES_PER_S_MAX; i++)
		assert_true(rate_take(&rate, 5 * NS_PER_S + (uint64_t)i));
	assert_false(rate_take(&rate, 6 * NS_PER_S - 1));
	assert_true(rate_take(&rate, 6 * NS_PER_S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(find_tells_knobs_and_cgroups_apart, table_reset),
		cmocka_unit_test_setup(find_tells_disks_apart, table_reset),
		cmocka_unit_test_setup(a_watch_is_known_as_long_as_one_hold_has_it, table_reset),
		cmocka_unit_test_setup(hands_stay_off_one_disk_only, table_reset),
		cmocka_unit_test_setup(a_new_hold_is_blank, table_reset),
		cmocka_unit_test_setup(a_full_table_takes_no_more, table_reset),
		cmocka_unit_test_setup(remove_keeps_the_others, table_reset),
		cmocka_unit_test_setup(a_lease_ends_at_its_time_and_not_before, table_reset),
		cmocka_unit_test_setup(nothing_held_never_expires, table_reset),
		cmocka_unit_test_setup(the_most_recent_change_expires_first, table_reset),
		cmocka_unit_test_setup(before_and_after_walk_by_seq, table_reset),
		cmocka_unit_test_setup(hands_stay_off_until_the_time_is_over, table_reset),
		cmocka_unit_test_setup(a_second_foreign_write_starts_the_time_anew, table_reset),
		cmocka_unit_test_setup(a_full_list_drops_what_ends_first, table_reset),
		cmocka_unit_test_setup(a_second_has_only_so_many_writes, table_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
