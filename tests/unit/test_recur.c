/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "predict/announce.h"
#include "predict/recur.h"

/* Bursts of `width` seconds each `period` seconds, the first at second 5. */
static float burst(uint32_t t, uint32_t period, uint32_t width)
{
	return t >= 5 && (t - 5) % period < width ? 1.0f : 0.0f;
}

static void period_is_found_after_its_third_burst(void **state)
{
	static struct recur recur;

	(void)state;
	for (uint32_t period = 6; period <= 25; period++) {
		uint32_t seconds = 5 + 2 * period + 3;

		recur_reset(&recur);
		for (uint32_t t = 0; t < seconds; t++)
			recur_push(&recur, burst(t, period, 2));
		assert_int_equal(recur.period_s, period);
		assert_true(recur.confidence > 0.3f);
	}
}

static void next_burst_is_expected_and_the_calm_is_not(void **state)
{
	static struct recur recur;
	uint32_t t = 0;

	(void)state;
	recur_reset(&recur);
	for (; t < 60; t++)
		recur_push(&recur, burst(t, 10, 2));
	/* Last pushed second is 59; bursts at 55,56 and 65,66. */
	assert_true(recur_expect(&recur, 6, 6) > 0.9f);
	assert_true(recur_expect(&recur, 6, 15) > 0.9f);
	assert_true(recur_expect(&recur, 1, 3) < 0.1f);
}

static void noise_and_silence_have_no_period(void **state)
{
	static struct recur recur;
	uint32_t seed = 1, believed = 0;

	(void)state;
	recur_reset(&recur);
	for (int t = 0; t < 500; t++) {
		seed = seed * 1664525u + 1013904223u;
		recur_push(&recur, (float)(seed >> 8) / (1 << 24));
		believed += recur.confidence > 0.3f;
	}
	assert_true(believed < 50);
	recur_reset(&recur);
	for (int t = 0; t < 100; t++)
		recur_push(&recur, 0.3f);
	assert_int_equal(recur.period_s, 0);
	assert_true(recur_expect(&recur, 1, 15) == 0);
}

#define BACKUP 77u

/* One announcement, load of `height` three seconds later for two seconds, then calm up to `gap`. */
static void announced_burst(struct announce *announce, float height, int gap)
{
	announce_event(announce, BACKUP, 1);
	for (int t = 0; t < gap; t++)
		announce_second(announce, t == 3 || t == 4 ? height : 0);
}

static void load_is_expected_after_its_event_was_seen_once(void **state)
{
	struct announce announce;
	float confidence;

	(void)state;
	announce_reset(&announce);
	announced_burst(&announce, 1, 20);
	assert_true(announce_expect(&announce, 1, 15, &confidence) == 0);
	announce_event(&announce, BACKUP, 2);
	announce_second(&announce, 0);
	/* The event was in the second just closed; load comes three seconds after it. */
	assert_true(announce_expect(&announce, 3, 3, &confidence) > 0.9f);
	assert_true(confidence >= 0.5f);
	assert_true(announce_expect(&announce, 1, 1, &confidence) < 0.1f);
}

static void confidence_grows_with_every_event_that_was_followed(void **state)
{
	struct announce announce;
	float before = 0, confidence;

	(void)state;
	announce_reset(&announce);
	for (int i = 0; i < 4; i++) {
		announced_burst(&announce, 1, 20);
		announce_event(&announce, BACKUP, 2);
		announce_second(&announce, 0);
		announce_expect(&announce, 3, 3, &confidence);
		assert_true(confidence > before);
		before = confidence;
		for (int t = 1; t < 20; t++)
			announce_second(&announce, t == 3 || t == 4);
	}
}

static void an_event_that_nothing_follows_announces_nothing(void **state)
{
	struct announce announce;
	float confidence;

	(void)state;
	announce_reset(&announce);
	for (int i = 0; i < 5; i++)
		announced_burst(&announce, 0, 20);
	announce_event(&announce, BACKUP, 9);
	announce_second(&announce, 0);
	announce_expect(&announce, 1, 15, &confidence);
	assert_true(confidence == 0);
}

static void a_storm_of_one_kind_is_one_event(void **state)
{
	struct announce announce;
	uint32_t pending = 0;

	(void)state;
	announce_reset(&announce);
	for (int i = 0; i < 50; i++)
		announce_event(&announce, BACKUP, (uint64_t)i + 1);
	for (int i = 0; i < ANNOUNCE_PENDING; i++)
		pending += announce.pending[i].age_s <= ANNOUNCE_AGES;
	assert_int_equal(pending, 1);
}

static void many_kinds_replace_the_oldest_without_harm(void **state)
{
	struct announce announce;
	float confidence;

	(void)state;
	announce_reset(&announce);
	for (uint32_t i = 1; i < 500; i++) {
		announce_event(&announce, i, i);
		announce_second(&announce, (float)(i % 3));
		announce_expect(&announce, 1, 15, &confidence);
		assert_true(confidence >= 0 && confidence <= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(period_is_found_after_its_third_burst),
		cmocka_unit_test(next_burst_is_expected_and_the_calm_is_not),
		cmocka_unit_test(noise_and_silence_have_no_period),
		cmocka_unit_test(load_is_expected_after_its_event_was_seen_once),
		cmocka_unit_test(confidence_grows_with_every_event_that_was_followed),
		cmocka_unit_test(an_event_that_nothing_follows_announces_nothing),
		cmocka_unit_test(a_storm_of_one_kind_is_one_event),
		cmocka_unit_test(many_kinds_replace_the_oldest_without_harm),
	};

	return cmocka_run_group_tests_name("recur", tests, NULL, NULL);
}
