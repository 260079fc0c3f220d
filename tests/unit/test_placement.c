/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide/placement.h"

#define SECOND 1000000000ull

static struct placement scene(uint32_t seats, float free)
{
	struct placement placement = { .seat_count = seats, .host_free = 100, .host_memory_free = INFINITY, .piece = 0.1f, .risk_max = 0.25f };

	for (uint32_t i = 0; i < seats; i++)
		placement.seat[i].free = free;
	return placement;
}

static void equals_get_equal_parts(void **state)
{
	struct placement placement = scene(3, 2);

	(void)state;
	assert_int_equal(placement_choose(&placement, 12), 12);
	for (int i = 0; i < 3; i++)
		assert_int_equal(placement.seat[i].count, 4);
	assert_int_equal(placement.seat[0].why, PLACEMENT_TAKES);
}

static void risk_sends_work_elsewhere_and_bars_in_the_end(void **state)
{
	struct placement placement = scene(3, 2);

	(void)state;
	placement.seat[1].risk = 0.2f;
	placement.seat[2].risk = 0.3f;
	assert_int_equal(placement_choose(&placement, 12), 12);
	assert_true(placement.seat[0].count > placement.seat[1].count && placement.seat[1].count > 0);
	assert_int_equal(placement.seat[2].count, 0);
	assert_int_equal(placement.seat[2].why, PLACEMENT_AT_RISK);
}

static void who_is_violated_gets_nothing_though_no_risk_was_foreseen(void **state)
{
	struct placement placement = scene(2, 2);

	(void)state;
	placement.seat[0].is_violated = true;
	assert_int_equal(placement_choose(&placement, 4), 4);
	assert_int_equal(placement.seat[1].count, 4);
	assert_int_equal(placement.seat[0].why, PLACEMENT_VIOLATED);
}

static void no_more_is_placed_than_half_of_what_is_free_before_it_shows(void **state)
{
	struct placement placement = scene(2, 1);

	(void)state;
	assert_int_equal(placement_choose(&placement, 100), 10);
	assert_int_equal(placement.seat[0].count, 5);
	assert_int_equal(placement.seat[0].why, PLACEMENT_TOO_FAST);
	placement.seat[0].recent = 0.5f;
	placement.seat[1].free = 0.05f;
	assert_int_equal(placement_choose(&placement, 100), 0);
	assert_int_equal(placement.seat[0].why, PLACEMENT_TOO_FAST);
	assert_int_equal(placement.seat[1].why, PLACEMENT_FULL);
}

static void the_host_is_shared_by_all(void **state)
{
	struct placement placement = scene(4, 2);

	(void)state;
	placement.host_free = 1;
	assert_int_equal(placement_choose(&placement, 100), 5);
	assert_int_equal(placement.seat[3].why, PLACEMENT_TOO_FAST);
	placement.host_free = 0;
	assert_int_equal(placement_choose(&placement, 100), 0);
	assert_int_equal(placement.seat[3].why, PLACEMENT_FULL);
}

static const struct placement_work NONE;

static float recent_cpus(const struct placement_memory *memory, uint64_t cgroup_id, uint64_t seconds, float used)
{
	return placement_recent(memory, cgroup_id, seconds * SECOND, (struct placement_work){ .cpus = used }).cpus;
}

static void what_was_placed_counts_less_and_less_until_it_shows(void **state)
{
	struct placement_memory memory = { 0 };
	struct placement_work one = { .cpus = 1 };

	(void)state;
	placement_note(&memory, 7, 100 * SECOND, NONE, one, 0);
	assert_true(recent_cpus(&memory, 7, 100, 0) == 1);
	assert_true(fabsf(recent_cpus(&memory, 7, 101, 0) - 2.0f / 3) < 1e-5f);
	placement_note(&memory, 7, 101 * SECOND, NONE, one, 0);
	assert_true(fabsf(recent_cpus(&memory, 7, 101, 0) - 5.0f / 3) < 1e-5f);
	assert_true(recent_cpus(&memory, 7, 104, 0) == 0);
	assert_true(recent_cpus(&memory, 8, 101, 0) == 0);
	assert_true(recent_cpus(&memory, 7, 99, 0) == 0);
}

static void work_that_says_how_long_it_takes_counts_until_then(void **state)
{
	struct placement_memory memory = { 0 };
	struct placement_work before = { .cpus = 0.5f, .bytes = 1e6f }, work = { .cpus = 1, .bytes = 8e6f, .pieces = 4 }, recent;

	(void)state;
	placement_note(&memory, 7, 100 * SECOND, before, work, 20 * SECOND);
	recent = placement_recent(&memory, 7, 119 * SECOND, before);
	assert_true(recent.cpus == 1 && recent.bytes == 8e6f && recent.pieces == 4);
	/* What has come to show counts once. */
	recent = placement_recent(&memory, 7, 119 * SECOND, (struct placement_work){ .cpus = 1.25f, .bytes = 9e6f });
	assert_true(recent.cpus == 0.25f && recent.bytes == 0 && recent.pieces == 4);
	recent = placement_recent(&memory, 7, 120 * SECOND, before);
	assert_true(recent.cpus == 0 && recent.bytes == 0 && recent.pieces == 0);
	/* More than can be told apart end together, and none is lost. */
	for (uint64_t i = 0; i < 2 * PLACEMENT_BATCHES; i++)
		placement_note(&memory, 7, (200 + i) * SECOND, before, work, 60 * SECOND);
	assert_true(placement_recent(&memory, 7, 216 * SECOND, before).pieces == 4 * 2 * PLACEMENT_BATCHES);
	assert_true(placement_recent(&memory, 7, 276 * SECOND, before).pieces == 0);
}

static void nobody_gets_more_than_it_works_on_at_once(void **state)
{
	struct placement placement = scene(2, 10);

	(void)state;
	placement.seat[0].pieces_max = 5;
	placement.seat[0].pieces = 2;
	placement.seat[1].free = 0;
	assert_int_equal(placement_choose(&placement, 100), 3);
	assert_int_equal(placement.seat[0].why, PLACEMENT_BUSY);
}

static void what_a_piece_holds_has_to_fit(void **state)
{
	struct placement placement = scene(2, 10);

	(void)state;
	for (int i = 0; i < 2; i++) {
		placement.seat[i].piece_bytes = 1e6f;
		placement.seat[i].memory_free = i ? INFINITY : 2.5e6f;
	}
	placement.host_memory_free = 7.5e6f;
	assert_int_equal(placement_choose(&placement, 100), 7);
	assert_int_equal(placement.seat[0].count, 2);
	assert_int_equal(placement.seat[1].count, 5);
	assert_int_equal(placement.seat[1].why, PLACEMENT_NO_MEMORY);
}

/* The sum of the values of all pieces, each worth what it was when it was placed. */
static double worth(const struct placement *placement, const uint32_t *count)
{
	double sum = 0;

	for (uint32_t i = 0; i < placement->seat_count; i++)
		for (uint32_t k = 1; k <= count[i]; k++)
			sum += (1 - placement->seat[i].risk) *
			       (placement->seat[i].free - placement->seat[i].recent - (float)k * placement->piece);
	return sum;
}

static double best_worth(const struct placement *placement, uint32_t pieces, uint32_t seat, uint32_t *count)
{
	double best = -INFINITY;

	if (seat + 1 == placement->seat_count) {
		count[seat] = pieces;
		return worth(placement, count);
	}
	for (uint32_t k = 0; k <= pieces; k++) {
		double other;

		count[seat] = k;
		other = best_worth(placement, pieces - k, seat + 1, count);
		best = other > best ? other : best;
	}
	return best;
}

static void no_other_way_to_place_them_is_worth_more(void **state)
{
	unsigned int seed = 41;

	(void)state;
	for (int turn = 0; turn < 200; turn++) {
		struct placement placement = scene(4, 0);
		uint32_t count[4], other[4];

		for (int i = 0; i < 4; i++) {
			placement.seat[i].free = 2.5f + (float)(rand_r(&seed) % 100) / 50;
			placement.seat[i].risk = (float)(rand_r(&seed) % 25) / 100;
			placement.seat[i].recent = (float)(rand_r(&seed) % 10) / 100;
		}
		assert_int_equal(placement_choose(&placement, 9), 9);
		for (int i = 0; i < 4; i++)
			count[i] = placement.seat[i].count;
		assert_true(worth(&placement, count) >= best_worth(&placement, 9, 0, other) - 1e-4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_get_equal_parts),
		cmocka_unit_test(risk_sends_work_elsewhere_and_bars_in_the_end),
		cmocka_unit_test(who_is_violated_gets_nothing_though_no_risk_was_foreseen),
		cmocka_unit_test(no_more_is_placed_than_half_of_what_is_free_before_it_shows),
		cmocka_unit_test(the_host_is_shared_by_all),
		cmocka_unit_test(what_was_placed_counts_less_and_less_until_it_shows),
		cmocka_unit_test(work_that_says_how_long_it_takes_counts_until_then),
		cmocka_unit_test(nobody_gets_more_than_it_works_on_at_once),
		cmocka_unit_test(what_a_piece_holds_has_to_fit),
		cmocka_unit_test(no_other_way_to_place_them_is_worth_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
