/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A day with a profile that has seen three like it: quiet nights, a steep morning, a busy noon, a job in the evening. */
#include "plan_scene.h"

#include <math.h>

#include "decide/phase.h"
#include "predict/profile.h"

#define DAY_S 86400
#define START_S 1767571200ll	/* a Monday */
#define MIN 0.2f
#define MAX 4.0f

static const struct slo_range range = { 200, 4000 };

/* CPUs at a second of the day. */
static float usual(int64_t second)
{
	float hour = (float)(second % DAY_S) / 3600;

	if (hour >= 20 && hour < 21)
		return 2.5f;
	if (hour < 8 || hour >= 18)
		return 0.3f;
	return hour < 9 ? 0.3f + 1.7f * (hour - 8) : 2;
}

/* Of another day a little more or less, the same for minutes. */
static float used(int64_t second)
{
	uint64_t x = (uint64_t)(second / 300) * 0x9e3779b97f4a7c15ull;

	return usual(second) * (0.9f + 0.2f * (float)(x >> 40) * 0x1p-24f);
}

static struct profile_clock clock_at(int64_t second) { return (struct profile_clock){ .unix_s = START_S + second }; }

static void profile_learn(struct profile *profile, int64_t from, int64_t seconds)
{
	for (int64_t s = from; s < from + seconds; s += 60)
		profile_push(profile, clock_at(s), (float[RESOURCE_COUNT]){ used(s) }, 60);
}

/* As sense/outlook tells it. */
static struct observe_profile told(const struct profile *profile, int64_t second)
{
	struct observe_profile ret = { .turns_ns = (uint64_t)(second / PROFILE_SLOT_S + 1) * PROFILE_SLOT_S * NS_PER_SECOND };

	for (int i = 0; i < OBSERVE_QUARTERS; i++) {
		struct profile_need need;

		assert_true(profile_need(profile, RESOURCE_CPU, clock_at(i ? (second / PROFILE_SLOT_S + i) * PROFILE_SLOT_S : second), &need));
		ret.usual[i] = need.quantile[1];
		ret.high[i] = need.quantile[2];
		ret.highest[i] = need.quantile[3];
	}
	return ret;
}

/* What came of a day. */
struct day {
	float held;	/* mean */
	float short_s;	/* seconds in which more was used than was ready */
	uint32_t moves;	/* by more than a tenth */
	float night, noon;	/* at 3 and at 14 o'clock */
};

/* The fourth day, `factor` times as busy as it should be. */
static struct day day_live(uint32_t tier, float factor)
{
	static struct profile profile;
	struct observe_profile words = { 0 };
	struct phase phase = { 0 };
	struct day day = { 0 };
	float last = 0;

	profile_reset(&profile);
	profile_learn(&profile, 0, 3 * DAY_S);
	for (int64_t s = 3 * DAY_S; s < 4 * DAY_S; s++) {
		float use = used(s) * factor;

		if (s % 60 == 0) {
			profile_push(&profile, clock_at(s), (float[RESOURCE_COUNT]){ use }, 60);
			words = told(&profile, s);
		}
		phase_second(&phase, &words, &range, 1e-3f, tier, use, (uint64_t)s * NS_PER_SECOND);
		assert_true(phase.amount >= MIN && phase.amount <= MAX);
		day.held += phase.amount / DAY_S;
		day.short_s += use > phase.amount;
		if (fabsf(phase.amount - last) > 0.1f * last) {
			day.moves++;
			last = phase.amount;
		}
		day.night = s % DAY_S == 3 * 3600 ? phase.amount : day.night;
		day.noon = s % DAY_S == 14 * 3600 ? phase.amount : day.noon;
	}
	return day;
}

static void what_is_ready_follows_the_day_and_is_there_before_the_demand(void **state)
{
	struct day day = day_live(TIER_STANDARD, 1);

	(void)state;
	assert_true(day.night < 0.6f && day.noon > 2);
	assert_true(day.held < MAX * 0.4f);
	/* The .9 quantile: a minute in twenty-four. */
	assert_true(day.short_s < DAY_S / 24);
	assert_true(day.moves < 200);
}

static void a_higher_tier_has_more_ready(void **state)
{
	struct day best_effort = day_live(TIER_BEST_EFFORT, 1), standard = day_live(TIER_STANDARD, 1), critical = day_live(TIER_CRITICAL, 1);

	(void)state;
	assert_true(best_effort.held < standard.held && standard.held < critical.held);
	assert_true(critical.short_s < standard.short_s && standard.short_s < best_effort.short_s);
	assert_true(critical.short_s < DAY_S / 96);
}

static struct observe_profile flat(float usual_cpus, float high, uint64_t turns_s)
{
	struct observe_profile words = { .turns_ns = turns_s * NS_PER_SECOND };

	for (int i = 0; i < OBSERVE_QUARTERS; i++) {
		words.usual[i] = usual_cpus;
		words.high[i] = words.highest[i] = high;
	}
	return words;
}

static void phase_live(struct phase *phase, const struct observe_profile *words, uint64_t from_s, uint64_t seconds, float use)
{
	for (uint64_t s = from_s; s < from_s + seconds; s++)
		phase_second(phase, words, &range, 1e-3f, TIER_STANDARD, use, s * NS_PER_SECOND);
}

static void what_was_predicted_wrong_is_corrected(void **state)
{
	struct observe_profile words = flat(1, 1.2f, 900);
	struct phase phase = { 0 };

	(void)state;
	/* Between median and quantile nothing is off. */
	phase_live(&phase, &words, 0, 300, 1.1f);
	assert_float_equal(phase.amount, 1.2f, 1e-4);
	phase_live(&phase, &words, 300, 120, 2.4f);
	assert_true(phase.amount > 2.2f && phase.amount < 2.6f);
	/* And back, slowly. */
	phase_live(&phase, &words, 420, 60, 0.1f);
	assert_true(phase.amount > 1.6f);
	phase_live(&phase, &words, 480, 900, 0.1f);
	assert_true(phase.amount < 0.6f);
}

static void it_grows_ahead_and_shrinks_only_for_a_fifth(void **state)
{
	struct observe_profile words = flat(1, 1, 900);
	struct phase phase = { 0 };

	(void)state;
	words.usual[1] = words.high[1] = words.highest[1] = 3;
	/* The middle of the first quarter is past at 450 s, and looked at from 150 s on. */
	phase_live(&phase, &words, 0, 140, 1);
	assert_float_equal(phase.amount, 1, 1e-4);
	phase_live(&phase, &words, 140, 310, 1);
	assert_in_range((uint32_t)(phase.amount * 100), 160, 170);
	phase = (struct phase){ 0 };
	words = flat(1, 1, 900);
	phase_live(&phase, &words, 0, 10, 1);
	words = flat(0.85f, 0.85f, 900);
	phase_live(&phase, &words, 10, 300, 0.85f);
	assert_float_equal(phase.amount, 1, 1e-4);
	words = flat(0.75f, 0.75f, 900);
	phase_live(&phase, &words, 310, 1, 0.75f);
	assert_float_equal(phase.amount, 0.99f, 1e-3);
	phase_live(&phase, &words, 311, 1500, 0.75f);
	assert_true(phase.amount >= 0.75f && phase.amount < 0.81f);
}

static void of_what_nobody_knows_nothing_is_held(void **state)
{
	const struct slo_range open = { 200, 0 };
	struct observe_profile words = flat(1, 1.2f, 900), none = { .turns_ns = 900 * NS_PER_SECOND };
	struct phase phase = { 0 };

	(void)state;
	phase_live(&phase, &words, 0, 10, 1);
	assert_true(phase.amount > 0);
	phase_second(&phase, &words, &open, 1e-3f, TIER_STANDARD, 1, 10 * NS_PER_SECOND);
	assert_float_equal(phase.amount, 0, 0);
	phase_live(&phase, &words, 0, 10, 1);
	phase_live(&phase, &none, 10, 1, 1);
	assert_float_equal(phase.amount, 0, 0);
	/* It was told long ago. */
	phase_live(&phase, &words, 0, 10, 1);
	phase_live(&phase, &words, 900 + 1350, 1, 1);
	assert_float_equal(phase.amount, 0, 0);
}

/* What is held ready is kept from others, and a quota of its own is as wide. */
static void what_is_ready_is_reserved_and_granted(void **state)
{
	struct stage scene;

	(void)state;
	scene_init(&scene);
	scene.batch.path = "/other/batch";
	scene.batch.need[RESOURCE_CPU].min = 0;
	scene.policy.step[RESOURCE_CPU] = 1;
	scene.server.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.2f, .demand_high = 0.2f, .bad = 0.5f, .min = 0.1f, .max = 0.8f,
							      .most = 0.8f, .phase = 0.5f };
	scene.server.quota = 0.3f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 2, KNOB_CPU_MAX)->value, 3990, 4010);
	/* A fifth more than what is to be ready, before it is needed; all that is granted when it needs more. */
	assert_in_range(action_of(&scene, 1, KNOB_CPU_MAX)->value, 6240, 6260);
	scene.server.need[RESOURCE_CPU].demand = 0.55f;
	scene_tick(&scene);
	assert_int_equal(action_of(&scene, 1, KNOB_CPU_MAX)->value, 8000);
	scene_init(&scene);
	scene.server.need[RESOURCE_MEMORY].phase = 360e6f;
	scene.server.need[RESOURCE_MEMORY].bad = 0.5f;
	scene.batch.need[RESOURCE_MEMORY].demand = 400e6f;
	scene_tick(&scene);
	assert_in_range(action_of(&scene, 1, KNOB_MEMORY_LOW)->value, 360000000, 360000000 + (16 << 20));
	/* 200 MB free less 60 that the server will need, .08 of headroom, and 4 MB of slack. */
	assert_in_range(action_of(&scene, 2, KNOB_MEMORY_HIGH)->value, 463000000, 465000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ready_follows_the_day_and_is_there_before_the_demand),
		cmocka_unit_test(a_higher_tier_has_more_ready),
		cmocka_unit_test(what_was_predicted_wrong_is_corrected),
		cmocka_unit_test(it_grows_ahead_and_shrinks_only_for_a_fifth),
		cmocka_unit_test(of_what_nobody_knows_nothing_is_held),
		cmocka_unit_test(what_is_ready_is_reserved_and_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
