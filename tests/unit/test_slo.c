/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "predict/slo.h"

#define ROUNDS 20000

static struct slo parsed(const char *text)
{
	struct slo_error error = { 0 };
	struct slo slo;

	if (slo_parse(text, &slo, &error))
		fail_msg("'%s' column %u: %s", text, error.column, error.reason);
	return slo;
}

static void parse_knows_every_key(void **state)
{
	struct slo slo = parsed(" runq_p99<5ms\tcpu_some<10% "
				"window=5m budget=0.5% tier=critical kind=latency cpu=0.5..4\n");

	(void)state;
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 5000000);
	assert_int_equal(slo.bound[SLI_CPU_SOME], 100000);
	assert_int_equal(slo.window_ns, 300000000000);
	assert_int_equal(slo.budget_ppm, 5000);
	assert_int_equal(slo.tier, TIER_CRITICAL);
	assert_int_equal(slo.kind, KIND_LATENCY);
	assert_int_equal(slo.cpu_min_milli, 500);
	assert_int_equal(slo.cpu_max_milli, 4000);
}

static void empty_text_gives_the_defaults(void **state)
{
	struct slo slo = parsed("  "), defaults;

	(void)state;
	slo_init(&defaults);
	assert_memory_equal(&slo, &defaults, sizeof(slo));
	assert_false(slo_is_bound(&slo));
	assert_int_equal(slo.tier, TIER_STANDARD);
	assert_int_equal(slo.source, SLO_FROM_DEFAULT);
}

static void parse_scales_units_and_fractions(void **state)
{
	(void)state;
	assert_int_equal(parsed("runq_p99<1500us").bound[SLI_RUNQ_P99], 1500000);
	assert_int_equal(parsed("runq_p99<1.5ms").bound[SLI_RUNQ_P99], 1500000);
	assert_int_equal(parsed("runq_p99<250ns").bound[SLI_RUNQ_P99], 250);
	assert_int_equal(parsed("window=2h").window_ns, 7200000000000);
	assert_int_equal(parsed("cpu_some<0.0001%").bound[SLI_CPU_SOME], 1);
	assert_int_equal(parsed("cpu=1..2").cpu_max_milli, 2000);
}

static void errors_name_the_column_and_leave_the_output(void **state)
{
	static const struct {
		const char *text;
		uint32_t column;
	} cases[] = {
		{ "bogus", 1 }, { "runq_p99<5ms bogus=1", 14 }, { "  runq_p99<5", 3 }, { "runq_p99<5.ms", 1 },
		{ "runq_p99<0ms", 1 }, { "runq_p99<-1ms", 1 }, { "cpu_some<101%", 1 }, { "cpu_some<10", 1 },
		{ "latency<5ms", 1 }, { "tier=gold", 1 }, { "kind=x", 1 }, { "cpu=4..2", 1 }, { "cpu=4", 1 },
		{ "cpu=..4", 1 }, { "budget=0%", 1 }, { "window=", 1 }, { "=1m", 1 }, { "<5ms", 1 },
		{ "window=1m window=2m", 11 }, { "runq_p99<5ms tier=critical runq_p99<6ms", 28 },
		{ "tier=critical \033[2J", 15 }, { "tier=critical \xc3\xa4", 15 }, { "window=99999999999999h", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slo before, slo;
		struct slo_error error = { 0 };

		memset(&before, 0x5a, sizeof(before));
		slo = before;
		if (!slo_parse(cases[i].text, &slo, &error) || error.column != cases[i].column)
			fail_msg("'%s': column %u, %s", cases[i].text, error.column, error.reason);
		assert_memory_equal(&slo, &before, sizeof(slo));
		assert_true(error.reason[0]);
	}
}

static void parse_refuses_what_is_too_long(void **state)
{
	char text[SLO_TEXT_MAX + 1];
	struct slo_error error;
	struct slo slo;

	(void)state;
	memset(text, ' ', SLO_TEXT_MAX);
	text[SLO_TEXT_MAX] = '\0';
	assert_int_not_equal(slo_parse(text, &slo, &error), 0);
	text[SLO_TEXT_MAX - 1] = '\0';
	assert_int_equal(slo_parse(text, &slo, &error), 0);
}

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 20) % limit;
}

/* Anything slo_parse can give. */
static struct slo random_slo(uint64_t *seed)
{
	struct slo slo;

	slo_init(&slo);
	if (random_below(seed, 3))
		slo.bound[SLI_RUNQ_P99] = 1 + random_below(seed, random_below(seed, 2) ? 20000000 : 18000000000000);
	if (random_below(seed, 3))
		slo.bound[SLI_CPU_SOME] = 1 + random_below(seed, 1000000);
	slo.window_ns = 1 + random_below(seed, random_below(seed, 2) ? 5000000000 : 18000000000000);
	slo.budget_ppm = (uint32_t)(1 + random_below(seed, 1000000));
	slo.tier = (uint32_t)random_below(seed, TIER_COUNT);
	slo.kind = (uint32_t)random_below(seed, KIND_COUNT);
	if (random_below(seed, 2)) {
		slo.cpu_max_milli = (uint32_t)(1 + random_below(seed, UINT32_MAX));
		slo.cpu_min_milli = (uint32_t)random_below(seed, (uint64_t)slo.cpu_max_milli + 1);
	}
	return slo;
}

static void format_parses_back_to_the_same(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct slo slo = random_slo(&seed), again;
		char text[SLO_TEXT_MAX];
		int length = slo_format(&slo, text);

		assert_int_equal(length, strlen(text));
		again = parsed(text);
		if (memcmp(&slo, &again, sizeof(slo)))
			fail_msg("'%s' does not come back", text);
	}
}

static void format_is_what_people_write(void **state)
{
	struct slo slo = parsed("cpu=0.5..4 kind=latency "
				"tier=critical budget=1% window=60s cpu_some<10% runq_p99<5000us");
	char text[SLO_TEXT_MAX];

	(void)state;
	slo_format(&slo, text);
	assert_string_equal(text,
			    "runq_p99<5ms cpu_some<10% window=1m budget=1% tier=critical kind=latency cpu=0.5..4");
}

static void tighten_never_loosens(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct slo before = random_slo(&seed), wish = random_slo(&seed), after = before;
		bool is_whole = slo_tighten(&after, &wish);

		for (int sli = 0; sli < SLI_COUNT; sli++) {
			assert_true(after.bound[sli] <= before.bound[sli]);
			assert_true(!after.bound[sli] == !before.bound[sli]);
		}
		assert_true(after.tier <= before.tier);
		assert_true(after.budget_ppm <= before.budget_ppm);
		assert_int_equal(after.window_ns, before.window_ns);
		assert_true(after.cpu_min_milli <= before.cpu_min_milli);
		assert_true(after.cpu_max_milli <= before.cpu_max_milli);
		assert_true(!after.cpu_max_milli == !before.cpu_max_milli);
		assert_true(after.cpu_min_milli <= after.cpu_max_milli || !after.cpu_max_milli);
		assert_int_equal(after.source, before.source);
		if (is_whole) {
			wish.source = after.source;
			assert_memory_equal(&after, &wish, sizeof(after));
		}
	}
}

static void wish_over_the_grant_keeps_what_it_does_not_name(void **state)
{
	struct slo granted = parsed("runq_p99<5ms tier=critical cpu=1..4"), wish;
	struct slo_error error;

	(void)state;
	assert_int_equal(slo_parse_over(&granted, "runq_p99<2ms", &wish, &error), 0);
	assert_true(slo_tighten(&granted, &wish));
	assert_int_equal(granted.bound[SLI_RUNQ_P99], 2000000);
	assert_int_equal(granted.tier, TIER_CRITICAL);
	assert_int_equal(granted.cpu_max_milli, 4000);
}

static void wish_for_more_is_not_granted(void **state)
{
	static const char *const wishes[] = { "runq_p99<6ms", "cpu_some<1%", "tier=critical", "cpu=1..5", "cpu=2..4",
					      "budget=2%", "window=2m" };

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct slo granted = parsed("runq_p99<5ms tier=standard cpu=1..4"), before = granted, wish;
		struct slo_error error;

		assert_int_equal(slo_parse_over(&granted, wishes[i], &wish, &error), 0);
		assert_false(slo_tighten(&granted, &wish));
		assert_memory_equal(&granted, &before, sizeof(before));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_knows_every_key),
		cmocka_unit_test(empty_text_gives_the_defaults),
		cmocka_unit_test(parse_scales_units_and_fractions),
		cmocka_unit_test(errors_name_the_column_and_leave_the_output),
		cmocka_unit_test(parse_refuses_what_is_too_long),
		cmocka_unit_test(format_parses_back_to_the_same),
		cmocka_unit_test(format_is_what_people_write),
		cmocka_unit_test(tighten_never_loosens),
		cmocka_unit_test(wish_over_the_grant_keeps_what_it_does_not_name),
		cmocka_unit_test(wish_for_more_is_not_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
