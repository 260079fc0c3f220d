/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <math.h>

#include "predict/profile.h"

#define MONDAY_S 1767571200ll	/* 2026-01-05 00:00 UTC */
#define DAY_S 86400
#define HOUR_S 3600

static struct profile profile;

static float noise(void)
{
	static uint32_t seed = 7;

	seed = seed * 1664525u + 1013904223u;
	return (float)(seed >> 8) / (1 << 24) - 0.5f;
}

/* Working hours of a working day, by the clock on the wall. */
static float office(int64_t local_s)
{
	int64_t day = (local_s - MONDAY_S) / DAY_S % 7, hour = local_s % DAY_S / HOUR_S;

	return day < 5 && hour >= 9 && hour < 17 ? 4 : 1;
}

static struct profile_clock clock_at(int64_t unix_s, int32_t offset_s)
{
	return (struct profile_clock){ .unix_s = unix_s, .offset_s = offset_s };
}

/* Minutes from `from` on, `days` of them; factor stretches what is usual. */
static void live(int64_t from, float days, int32_t offset_s, float factor)
{
	for (int64_t t = from; t < from + (int64_t)(days * DAY_S); t += 60) {
		float cpu = factor * office(t + offset_s) * (1 + 0.2f * noise());
		float demand[RESOURCE_COUNT] = { cpu, cpu * 1e9f, -1, 0 };

		profile_push(&profile, clock_at(t, offset_s), demand, 60);
	}
}

static struct profile_need ask(int64_t unix_s, int32_t offset_s)
{
	struct profile_need need = { 0 };

	assert_true(profile_need(&profile, RESOURCE_CPU, clock_at(unix_s, offset_s), &need));
	for (int q = 1; q < FORECAST_QUANTILES; q++)
		assert_true(need.quantile[q] >= need.quantile[q - 1]);
	return need;
}

static void hours_and_days_of_the_week_are_told_apart(void **state)
{
	const int64_t end = MONDAY_S + 21 * DAY_S;	/* Monday 0:00 */
	struct profile_need need;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 21, 0, 1);
	need = ask(end + 12 * HOUR_S, 0);
	assert_true(fabsf(need.quantile[1] - 4) < 0.3f && need.quantile[0] > 3.2f && need.quantile[2] < 5);
	need = ask(end + 3 * HOUR_S, 0);
	assert_true(fabsf(need.quantile[1] - 1) < 0.1f && need.quantile[3] < 1.5f);
	/* The eve of a weekend. */
	live(end, 5, 0, 1);
	need = ask(end + 5 * DAY_S + 12 * HOUR_S, 0);
	assert_true(fabsf(need.quantile[1] - 1) < 0.2f);
	assert_true(profile_need(&profile, RESOURCE_MEMORY, clock_at(end + 5 * DAY_S + HOUR_S, 0), &need));
	assert_true(fabsf(need.quantile[1] - 1e9f) < 1e8f);
	assert_false(profile_need(&profile, RESOURCE_IO, clock_at(end + 5 * DAY_S + HOUR_S, 0), &need));
	assert_true(profile_need(&profile, RESOURCE_NET, clock_at(end + 5 * DAY_S + HOUR_S, 0), &need));
	assert_true(need.quantile[1] < 1e-3f);
}

static void what_was_never_seen_is_masked_and_what_was_seen_once_is_wide(void **state)
{
	struct profile_need young, old;

	(void)state;
	profile_reset(&profile);
	assert_false(profile_need(&profile, RESOURCE_CPU, clock_at(MONDAY_S, 0), &young));
	live(MONDAY_S, 2.0f / 24, 0, 1);
	/* Two hours of history tell of two hours, not of the afternoon. */
	assert_true(profile_need(&profile, RESOURCE_CPU, clock_at(MONDAY_S + 3 * HOUR_S, 0), &young));
	assert_false(profile_need(&profile, RESOURCE_CPU, clock_at(MONDAY_S + 12 * HOUR_S, 0), &young));
	live(MONDAY_S + 2 * HOUR_S, 22.0f / 24, 0, 1);
	young = ask(MONDAY_S + DAY_S + 12 * HOUR_S, 0);
	live(MONDAY_S + DAY_S, 3, 0, 1);
	old = ask(MONDAY_S + 4 * DAY_S + 12 * HOUR_S, 0);
	assert_true(old.days > 1.5f * young.days);
	assert_true(old.quantile[3] - old.quantile[0] < young.quantile[3] - young.quantile[0]);
}

static void a_level_that_moved_is_followed(void **state)
{
	const int64_t end = MONDAY_S + 21 * DAY_S;
	float usual, near;

	(void)state;
	profile_reset(&profile);
	/* Days differ as wholes: what a morning is, the afternoon will be. */
	for (int day = 0; day < 21; day++)
		live(MONDAY_S + day * DAY_S, 1, 0, day % 3 == 0 ? 1.5f : day % 3 == 1 ? 1 : 0.7f);
	usual = ask(end + 10 * HOUR_S, 0).quantile[1];
	live(end, 9.5f / 24, 0, 2);
	near = ask(end + 10 * HOUR_S, 0).quantile[1];
	assert_true(near > 1.3f * usual);
	assert_true(near < 2.5f * usual);
}

static void summer_time_keeps_the_hours_of_the_wall(void **state)
{
	const int64_t end = MONDAY_S + 14 * DAY_S;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 14, HOUR_S, 1);	/* UTC + 1 */
	/* From Monday on the clock is two hours ahead of UTC: nine o'clock is at seven. */
	assert_true(fabsf(ask(end + 7 * HOUR_S + 1800, 2 * HOUR_S).quantile[1] - 4) < 0.4f);
	assert_true(ask(end + 7 * HOUR_S + 1800, HOUR_S).quantile[1] < 2);
	live(end, 1, 2 * HOUR_S, 1);
	assert_true(fabsf(ask(end + DAY_S + 7 * HOUR_S + 1800, 2 * HOUR_S).quantile[1] - 4) < 0.4f);
	assert_true(ask(end + DAY_S + 16 * HOUR_S, 2 * HOUR_S).quantile[1] < 2);
}

static void a_gap_is_a_gap(void **state)
{
	const int64_t back = MONDAY_S + 16 * DAY_S;
	struct profile_need need;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 14, 0, 1);
	live(back, 0.5f / 24, 0, 1);
	need = ask(back + 10 * HOUR_S, 0);
	assert_true(fabsf(need.quantile[1] - 4) < 0.5f);
	/* Two days were missed, none was invented. */
	assert_true(fabsf(profile_days(&profile) - 14) < 0.1f);
	/* After longer than it remembers, only what was seen since counts. */
	live(back + 60 * DAY_S, 1, 0, 3);
	assert_true(ask(back + 61 * DAY_S + HOUR_S, 0).quantile[1] > 2);
}

static void a_clock_set_back_is_not_believed_at_once(void **state)
{
	const int64_t end = MONDAY_S + 14 * DAY_S;
	struct profile before;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 14, 0, 1);
	before = profile;
	/* A boot without a clock: 1970 until NTP answers. */
	live(100, 0.3f / 24, 0, 9);
	live(end, 0.01f, 0, 1);
	assert_int_equal(profile.behind_s, 0);
	/* What was learned is as it was, and nothing of that time was. */
	for (uint32_t i = 0; i < PROFILE_SLOTS; i++)
		assert_true(profile.slot[i].number >= before.open || !memcmp(&before.slot[i], &profile.slot[i], sizeof(before.slot[i])));
	assert_true(fabsf(ask(end + 12 * HOUR_S, 0).quantile[1] - 4) < 0.5f);
}

static void a_clock_that_was_ahead_is_put_right(void **state)
{
	const int64_t end = MONDAY_S + 14 * DAY_S;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 14, 0, 1);
	/* Two days in a wrong month, then the right time again. */
	live(end + 20 * DAY_S, 2, 0, 5);
	live(end, 3.0f / 24, 0, 1);
	assert_true(profile.open * (int64_t)PROFILE_SLOT_S >= end && profile.open * (int64_t)PROFILE_SLOT_S < end + DAY_S);
	assert_true(fabsf(ask(end + 12 * HOUR_S, 0).quantile[1] - 4) < 0.5f);
}

static void quantiles_hold_what_they_say(void **state)
{
	uint32_t below[FORECAST_QUANTILES] = { 0 }, asked = 0;

	(void)state;
	profile_reset(&profile);
	for (int64_t t = MONDAY_S; t < MONDAY_S + 28 * DAY_S; t += PROFILE_SLOT_S) {
		float came = office(t) * expf(1.2f * noise()), demand[RESOURCE_COUNT] = { came, -1, -1, -1 };
		static struct profile_need need;

		profile_push(&profile, clock_at(t, 0), demand, 0);
		if (t > MONDAY_S + 10 * DAY_S && profile_need(&profile, RESOURCE_CPU, clock_at(t, 0), &need)) {
			asked++;
			for (int q = 0; q < FORECAST_QUANTILES; q++)
				below[q] += came <= need.quantile[q];
		}
		profile_push(&profile, clock_at(t, 0), demand, PROFILE_SLOT_S);
	}
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		assert_true(fabsf((float)below[q] / (float)asked - forecast_quantile[q]) < 0.04f);
}

static void not_a_number_teaches_nothing(void **state)
{
	float demand[RESOURCE_COUNT] = { NAN, -1, INFINITY, NAN };
	struct profile_need need;

	(void)state;
	profile_reset(&profile);
	for (int64_t t = MONDAY_S; t < MONDAY_S + DAY_S; t += 60)
		profile_push(&profile, clock_at(t, 0), demand, 60);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		assert_false(profile_need(&profile, (enum resource)r, clock_at(MONDAY_S + DAY_S, 0), &need));
}

static void a_record_comes_back_and_a_damaged_one_does_not(void **state)
{
	static struct profile_record record, bad;

	(void)state;
	profile_reset(&profile);
	live(MONDAY_S, 3, 0, 1);
	profile_format(&profile, "/a/b.service", &record);
	assert_null(profile_check(&record, sizeof(record)));
	assert_memory_equal(&record.profile, &profile, sizeof(profile));
	assert_non_null(profile_check(&record, sizeof(record) - 1));
	assert_non_null(profile_check(&record, 0));
	for (size_t at = 0; at < sizeof(record); at += 97) {
		bad = record;
		((uint8_t *)&bad)[at] ^= 0x10;
		assert_non_null(profile_check(&bad, sizeof(bad)));
	}
	/* With a checksum that fits. */
	profile.level[0].width[0][2] = NAN;
	profile_format(&profile, "/a/b.service", &record);
	assert_string_equal(profile_check(&record, sizeof(record)), "holds values that no history has");
	profile.level[0].width[0][2] = 1;
	profile.slot[5].week = PROFILE_WEEK_SLOTS;
	profile_format(&profile, "/a/b.service", &record);
	assert_non_null(profile_check(&record, sizeof(record)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hours_and_days_of_the_week_are_told_apart),
		cmocka_unit_test(what_was_never_seen_is_masked_and_what_was_seen_once_is_wide),
		cmocka_unit_test(a_level_that_moved_is_followed),
		cmocka_unit_test(summer_time_keeps_the_hours_of_the_wall),
		cmocka_unit_test(a_gap_is_a_gap),
		cmocka_unit_test(a_clock_set_back_is_not_believed_at_once),
		cmocka_unit_test(a_clock_that_was_ahead_is_put_right),
		cmocka_unit_test(quantiles_hold_what_they_say),
		cmocka_unit_test(not_a_number_teaches_nothing),
		cmocka_unit_test(a_record_comes_back_and_a_damaged_one_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
