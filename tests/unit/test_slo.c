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
	struct slo slo = parsed(" runq_p99<5ms\tcpu_some<10% mem_some<3% mem_full<0.5% io_p99<8ms resp_p99<20ms retrans<1% "
				"window=5m budget=0.5% tier=critical kind=latency cpu=0.5..4 memory=256M..2G io=..200M "
				"net=1.5mbit..100mbit data=64M duration=20s concurrency=8 share=80:65535\n");

	(void)state;
	assert_int_equal(slo.bound[SLI_RUNQ_P99], 5000000);
	assert_int_equal(slo.bound[SLI_CPU_SOME], 100000);
	assert_int_equal(slo.bound[SLI_MEM_SOME], 30000);
	assert_int_equal(slo.bound[SLI_MEM_FULL], 5000);
	assert_int_equal(slo.bound[SLI_IO_P99], 8000000);
	assert_int_equal(slo.bound[SLI_RESP_P99], 20000000);
	assert_int_equal(slo.bound[SLI_RETRANS], 10000);
	assert_int_equal(slo.window_ns, 300000000000);
	assert_int_equal(slo.budget_ppm, 5000);
	assert_int_equal(slo.tier, TIER_CRITICAL);
	assert_int_equal(slo.kind, KIND_LATENCY);
	assert_int_equal(slo.range[RESOURCE_CPU].min, 500);
	assert_int_equal(slo.range[RESOURCE_CPU].max, 4000);
	assert_int_equal(slo.range[RESOURCE_MEMORY].min, 256 << 20);
	assert_int_equal(slo.range[RESOURCE_MEMORY].max, 2ull << 30);
	assert_int_equal(slo.range[RESOURCE_IO].min, 0);
	assert_int_equal(slo.range[RESOURCE_IO].max, 200 << 20);
	assert_int_equal(slo.range[RESOURCE_NET].min, 187500);
	assert_int_equal(slo.range[RESOURCE_NET].max, 12500000);
	assert_int_equal(slo.data_bytes, 64 << 20);
	assert_int_equal(slo.duration_ns, 20000000000);
	assert_int_equal(slo.concurrency, 8);
	assert_int_equal(slo.share, 80 << 16 | 65535);
}

static void an_application_has_two_slis_of_its_own(void **state)
{
	struct slo slo = parsed("app.queue-length<200 runq_p99<5ms app.checkout_ms<0.25"), over;
	struct slo_error error;

	(void)state;
	assert_string_equal(slo_sli_name(&slo, SLI_APP), "app.queue-length");
	assert_int_equal(slo.bound[SLI_APP], 200000000);
	assert_string_equal(slo_sli_name(&slo, SLI_APP + 1), "app.checkout_ms");
	assert_int_equal(slo.bound[SLI_APP + 1], 250000);
	assert_int_equal(slo_leading(&slo), SLI_RUNQ_P99);
	assert_int_equal(slo_parse_over(&slo, "app.checkout_ms<0.5", &over, &error), 0);
	assert_int_equal(over.bound[SLI_APP + 1], 500000);
	assert_int_not_equal(slo_parse_over(&slo, "app.third<1", &over, &error), 0);
	slo = parsed("app.x<1");
	assert_int_equal(slo_leading(&slo), SLI_APP);
	assert_int_equal(slo_leading_learned(&slo), SLI_RUNQ_P99);
	assert_int_not_equal(slo_parse("app.<1", &slo, &error), 0);
	assert_int_not_equal(slo_parse("app.a$<1", &slo, &error), 0);
	assert_int_not_equal(slo_parse("app.a<1ms", &slo, &error), 0);
	assert_int_not_equal(slo_parse("app.a<0", &slo, &error), 0);
	assert_int_not_equal(slo_parse("app.abcdefghijklmnopqrstuvwxyz01<1", &slo, &error), 0);
	assert_int_equal(slo_parse("app.abcdefghijklmnopqrstuvwxyz0<1", &slo, &error), 0);
}

static void the_first_bound_of_the_table_leads(void **state)
{
	struct slo slo = parsed("resp_p99<20ms mem_full<1%");

	(void)state;
	assert_int_equal(slo_leading(&slo), SLI_MEM_FULL);
	slo = parsed("tier=critical");
	assert_int_equal(slo_leading(&slo), SLI_RUNQ_P99);
	assert_false(slo_is_bound(&slo));
	slo = parsed("retrans<1%");
	assert_int_equal(slo_leading(&slo), SLI_RETRANS);
	assert_true(slo_is_bound(&slo));
	assert_string_equal(resource_name(sli_resource(SLI_RETRANS)), "net");
	assert_string_equal(resource_name(sli_resource(SLI_RESP_P99)), "none");
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
	assert_int_equal(parsed("cpu=1..2").range[RESOURCE_CPU].max, 2000);
	assert_int_equal(parsed("cpu=..0.25").range[RESOURCE_CPU].max, 250);
	assert_int_equal(parsed("memory=32M..").range[RESOURCE_MEMORY].min, 32 << 20);
	assert_int_equal(parsed("memory=32M..").range[RESOURCE_MEMORY].max, 0);
	assert_int_equal(parsed("memory=..1.5K").range[RESOURCE_MEMORY].max, 1536);
	assert_int_equal(parsed("memory=..2T").range[RESOURCE_MEMORY].max, 2ull << 40);
	assert_int_equal(parsed("io=4096..8192").range[RESOURCE_IO].min, 4096);
	assert_int_equal(parsed("net=..8kbit").range[RESOURCE_NET].max, 1000);
	assert_int_equal(parsed("net=..10gbit").range[RESOURCE_NET].max, 1250000000);
	assert_int_equal(parsed("net=..1M").range[RESOURCE_NET].max, 1 << 20);
}

static void errors_name_the_column_and_leave_the_output(void **state)
{
	static const struct {
		const char *text;
		uint32_t column;
	} cases[] = {
		{ "bogus", 1 }, { "runq_p99<5ms bogus=1", 14 }, { "  runq_p99<5", 3 }, { "runq_p99<5.ms", 1 },
		{ "runq_p99<0ms", 1 }, { "runq_p99<-1ms", 1 }, { "cpu_some<101%", 1 }, { "cpu_some<10", 1 },
		{ "latency<5ms", 1 }, { "tier=gold", 1 }, { "kind=x", 1 }, { "probe=maybe", 1 }, { "cpu=4..2", 1 }, { "cpu=4", 1 },
		{ "cpu=..", 1 }, { "cpu=0..", 1 }, { "cpu=..0", 1 }, { "cpu=1M..2M", 1 }, { "memory=1mbit..2mbit", 1 },
		{ "io=..8kbit", 1 }, { "memory=1Q..", 1 }, { "memory=1..2..3", 1 }, { "memory=..1000T", 1 }, { "net=..M", 1 },
		{ "mem_some<5ms", 1 }, { "io_p99<5%", 1 }, { "tier=critical io=5", 15 }, { "io=..1M io=..2M", 9 },
		{ "budget=0%", 1 }, { "window=", 1 }, { "=1m", 1 }, { "<5ms", 1 },
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

static void errors_name_the_word_and_the_remedy(void **state)
{
	static const struct {
		const char *text, *words[3];
	} cases[] = {
		{ "runq_p9<5ms", { "runq_p9<5ms", "no SLI", "mem_full io_p99 resp_p99 retrans" } },
		{ "io_p99<5%", { "io_p99<5%", "duration", "5ms" } }, { "retrans<1", { "retrans<1", "share", "10%" } },
		{ "cpu=1M..2M", { "cpu=1M..2M", "CPUs", "0.5..4" } }, { "memory=2", { "memory=2", "bytes", "256M..2G" } },
		{ "io=..", { "io=..", "bytes/s", "..200M" } }, { "net=..1Mbit", { "net=..1Mbit", "rates", "..100mbit" } },
		{ "disk=1", { "disk=1", "no known key", "cpu memory io net data duration concurrency share" } },
		{ "cpu=4..2", { "cpu=4..2", "MIN above its MAX", "swap" } }, { "net=1M..1kbit", { "net=", "MIN above its MAX", "swap" } },
		{ "data=0", { "data=0", "bytes", "64M" } }, { "data=1..2", { "data=1..2", "bytes", "64M" } },
		{ "duration=20", { "duration=20", "duration", "20s" } }, { "concurrency=", { "concurrency=", "whole", "1 to" } },
		{ "concurrency=0", { "concurrency=0", "whole", "1 to" } }, { "concurrency=1.5", { "concurrency=1.5", "whole", "1 to" } },
		{ "share=80", { "share=80", "two TCP ports", "80:8081" } }, { "share=0:1", { "share=0:1", "two TCP ports", "80:8081" } },
		{ "share=80:65536", { "share=80:65536", "two TCP ports", "80:8081" } }, { "share=80:1.5", { "share=80:1.5", "two TCP ports", "80:8081" } },
		{ "concurrency=2000000", { "concurrency=2000000", "whole", "1000000" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slo_error error = { 0 };
		struct slo slo;

		assert_int_not_equal(slo_parse(cases[i].text, &slo, &error), 0);
		for (int word = 0; word < 3; word++)
			if (!strstr(error.reason, cases[i].words[word]))
				fail_msg("'%s': \"%s\" lacks '%s'", cases[i].text, error.reason, cases[i].words[word]);
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
	for (int i = 0; i < SLI_LEARNED_COUNT; i++)
		if (random_below(seed, 3))
			slo.bound[i] = 1 + random_below(seed, sli_unit((enum sli)i) == SLI_UNIT_SHARE ? 1000000 :
								   random_below(seed, 2) ? 20000000 : 18000000000000);
	for (uint64_t i = 0, apps = random_below(seed, SLO_APP_MAX + 1); i < apps; i++) {
		snprintf(slo.app[i], sizeof(slo.app[i]), "app.%.*s%d", (int)random_below(seed, 26), "abcdefghijklmnopqrst_uvw.xyz", (int)i);
		slo.bound[SLI_APP + i] = 1 + random_below(seed, random_below(seed, 2) ? 20000000 : SLO_NUMBER_MAX * 1000000);
	}
	slo.window_ns = 1 + random_below(seed, random_below(seed, 2) ? 5000000000 : 18000000000000);
	slo.budget_ppm = (uint32_t)(1 + random_below(seed, 1000000));
	slo.tier = (uint32_t)random_below(seed, TIER_COUNT);
	slo.kind = (uint16_t)random_below(seed, KIND_COUNT);
	slo.no_probe = (uint16_t)random_below(seed, 2);
	for (int i = 0; i < RESOURCE_COUNT; i++) {
		uint64_t most = random_below(seed, 2) ? 1000000000000000 : 10000000, unit = 1ull << 10 * random_below(seed, 3);

		if (random_below(seed, 2))
			slo.range[i].max = 1 + random_below(seed, most - 1);
		if (slo.range[i].max > unit)
			slo.range[i].max -= slo.range[i].max % unit;
		if (random_below(seed, 2))
			slo.range[i].min = random_below(seed, slo.range[i].max ? slo.range[i].max + 1 : most);
	}
	if (random_below(seed, 2))
		slo.data_bytes = 1 + random_below(seed, random_below(seed, 2) ? 999999999999999 : 10000000);
	if (random_below(seed, 2))
		slo.duration_ns = 1 + random_below(seed, 18000000000000);
	if (random_below(seed, 2))
		slo.concurrency = 1 + (uint32_t)random_below(seed, 1000000);
	if (random_below(seed, 2))
		slo.share = (uint32_t)(1 + random_below(seed, 65535)) << 16 | (uint32_t)(1 + random_below(seed, 65535));
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
		assert_true(length < SLO_TEXT_MAX - 1);
		again = parsed(text);
		if (memcmp(&slo, &again, sizeof(slo)))
			fail_msg("'%s' does not come back", text);
	}
}

static void format_is_what_people_write(void **state)
{
	struct slo slo = parsed("net=..1gbit memory=262144K..2048M cpu=0.5..4 kind=latency retrans<1% io=1M.. "
				"tier=critical budget=1% window=60s cpu_some<10% runq_p99<5000us concurrency=4 duration=1500ms data=1024K");
	char text[SLO_TEXT_MAX];

	(void)state;
	slo_format(&slo, text);
	assert_string_equal(text,
			    "runq_p99<5ms cpu_some<10% retrans<1% window=1m budget=1% tier=critical kind=latency "
			    "cpu=0.5..4 memory=256M..2G io=1M.. net=..1gbit data=1M duration=1500ms concurrency=4");
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
		assert_int_equal(after.data_bytes, before.data_bytes);
		assert_int_equal(after.duration_ns, before.duration_ns);
		assert_true(after.concurrency <= before.concurrency);
		assert_true(!after.concurrency == !before.concurrency);
		assert_int_equal(after.share, before.share);
		for (int r = 0; r < RESOURCE_COUNT; r++) {
			assert_true(after.range[r].min <= before.range[r].min);
			assert_true(after.range[r].max <= before.range[r].max);
			assert_true(!after.range[r].max == !before.range[r].max);
			assert_true(after.range[r].min <= after.range[r].max || !after.range[r].max);
		}
		assert_int_equal(after.source, before.source);
		if (is_whole) {
			wish.source = after.source;
			assert_memory_equal(&after, &wish, sizeof(after));
		}
	}
}

static void wish_over_the_grant_keeps_what_it_does_not_name(void **state)
{
	struct slo granted = parsed("runq_p99<5ms tier=critical cpu=1..4 memory=1G.."), wish;
	struct slo_error error;

	(void)state;
	assert_int_equal(slo_parse_over(&granted, "runq_p99<2ms", &wish, &error), 0);
	assert_true(slo_tighten(&granted, &wish));
	assert_int_equal(granted.bound[SLI_RUNQ_P99], 2000000);
	assert_int_equal(granted.tier, TIER_CRITICAL);
	assert_int_equal(granted.range[RESOURCE_CPU].max, 4000);
	assert_int_equal(granted.range[RESOURCE_MEMORY].min, 1 << 30);
}

static void wish_for_more_is_not_granted(void **state)
{
	static const char *const wishes[] = { "runq_p99<6ms", "cpu_some<1%", "tier=critical", "cpu=1..5", "cpu=2..4",
					      "cpu=1..", "memory=2G..", "memory=1G..4G", "io=..1M", "net=1M..",
					      "budget=2%", "window=2m", "data=1M", "duration=1s", "concurrency=2", "share=80:81" };

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct slo granted = parsed("runq_p99<5ms tier=standard cpu=1..4 memory=1G.."), before = granted, wish;
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
		cmocka_unit_test(an_application_has_two_slis_of_its_own),
		cmocka_unit_test(the_first_bound_of_the_table_leads),
		cmocka_unit_test(empty_text_gives_the_defaults),
		cmocka_unit_test(parse_scales_units_and_fractions),
		cmocka_unit_test(errors_name_the_column_and_leave_the_output),
		cmocka_unit_test(errors_name_the_word_and_the_remedy),
		cmocka_unit_test(parse_refuses_what_is_too_long),
		cmocka_unit_test(format_parses_back_to_the_same),
		cmocka_unit_test(format_is_what_people_write),
		cmocka_unit_test(tighten_never_loosens),
		cmocka_unit_test(wish_over_the_grant_keeps_what_it_does_not_name),
		cmocka_unit_test(wish_for_more_is_not_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
