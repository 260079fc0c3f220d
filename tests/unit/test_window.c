/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "predict/hist.h"
#include "predict/window.h"

static void every_value_falls_between_the_floors_of_its_bucket(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < (1ull << 36); ns += ns / 7 + 1) {
		uint32_t bucket = hist_bucket(ns);

		assert_true(bucket < WIRE_HIST_COUNT);
		assert_true(hist_bucket_floor(bucket) <= ns);
		if (bucket + 1 < WIRE_HIST_COUNT)
			assert_true(ns < hist_bucket_floor(bucket + 1));
	}
}

static void quantile_is_within_one_sub_bucket(void **state)
{
	struct hist hist;

	(void)state;
	hist_reset(&hist);
	for (uint64_t us = 1; us <= 10000; us++)
		hist_add(&hist, hist_bucket(us * 1000), 1);
	for (double q = 0.1; q < 1; q += 0.1) {
		double truth = q * 1e7, said = (double)hist_quantile(&hist, q);

		assert_true(said > truth / 1.125 && said < truth * 1.125);
	}
	hist_reset(&hist);
	assert_int_equal(hist_quantile(&hist, 0.99), 0);
}

static struct observe_sample sample_of(uint64_t oncpu_ns, uint32_t bucket, uint32_t count, uint64_t good, uint64_t bad)
{
	struct observe_sample sample = { .slot = 1 };

	sample.moved.oncpu_ns = oncpu_ns;
	sample.moved.switches = count;
	sample.moved.good = good;
	sample.moved.bad = bad;
	sample.bucket_count = count ? 1 : 0;
	sample.bucket[0] = (struct observe_bucket){ .idx = (uint16_t)bucket, .count = count };
	return sample;
}

static void second_says_what_moved_in_it(void **state)
{
	static struct window window;
	struct observe_sample sample = sample_of(500000000, hist_bucket(3000000), 100, 99, 1);
	const struct window_second *second;

	(void)state;
	window_reset(&window);
	sample.has_psi = 1;
	sample.psi_some_ns = 100000000;
	window_push(&window, &sample);
	window_second(&window, NS_PER_SECOND);
	second = window_at(&window, 0);
	assert_non_null(second);
	assert_true(second->cpu > 0.499f && second->cpu < 0.501f);
	assert_true(second->sli_ns > 2.6e6f && second->sli_ns < 3.4e6f);
	assert_true(second->bad_share > 0.0099f && second->bad_share < 0.0101f);
	assert_true(second->psi_some > 0.099f && second->psi_some < 0.101f);
	assert_null(window_at(&window, 1));
}

static void few_samples_are_missing_not_zero(void **state)
{
	static struct window window;
	struct observe_sample sample = sample_of(1000, 5, HIST_P99_SAMPLES_MIN - 1, 0, 0);

	(void)state;
	window_reset(&window);
	window_push(&window, &sample);
	window_second(&window, NS_PER_SECOND);
	assert_true(window_at(&window, 0)->sli_ns < 0);
	assert_true(window_at(&window, 0)->bad_share < 0);
	assert_true(window_at(&window, 0)->psi_some < 0);
}

static void second_does_not_leak_into_the_next(void **state)
{
	static struct window window;
	struct observe_sample sample = sample_of(700000000, 40, 50, 50, 0);

	(void)state;
	window_reset(&window);
	window_push(&window, &sample);
	window_second(&window, NS_PER_SECOND);
	window_second(&window, NS_PER_SECOND);
	assert_true(window_at(&window, 0)->cpu == 0);
	assert_true(window_at(&window, 0)->sli_ns < 0);
	assert_true(window_at(&window, 1)->cpu > 0.69f);
}

static void bad_share_forgets_ticks_that_are_over(void **state)
{
	static struct window window;
	struct observe_sample bad = sample_of(1, 1, 0, 0, 30), good = sample_of(1, 1, 0, 30, 0);

	(void)state;
	window_reset(&window);
	window_push(&window, &bad);
	assert_true(window_bad_share(&window, 1, 20) == 1.0f);
	window_tick(&window);
	window_push(&window, &good);
	assert_true(window_bad_share(&window, 1, 20) == 0);
	assert_true(window_bad_share(&window, 2, 20) == 0.5f);
	assert_true(window_bad_share(&window, 1, 31) < 0);
	for (int i = 0; i < WINDOW_TICKS; i++)
		window_tick(&window);
	assert_true(window_bad_share(&window, WINDOW_TICKS, 1) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_falls_between_the_floors_of_its_bucket),
		cmocka_unit_test(quantile_is_within_one_sub_bucket),
		cmocka_unit_test(second_says_what_moved_in_it),
		cmocka_unit_test(few_samples_are_missing_not_zero),
		cmocka_unit_test(second_does_not_leak_into_the_next),
		cmocka_unit_test(bad_share_forgets_ticks_that_are_over),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
