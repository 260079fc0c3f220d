/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "decide/policy.h"
#include "setup/config.h"

static int settings_parse(struct config *config, const char *text, char problem[CONFIG_PROBLEM_MAX])
{
	config_init(config);
	problem[0] = '\0';
	return config_parse(config, "forestall.conf", false, text, problem);
}

static int instances_parse(struct config *config, const char *text, char problem[CONFIG_PROBLEM_MAX])
{
	config_init(config);
	problem[0] = '\0';
	return config_parse(config, "a.conf", true, text, problem);
}

static void settings_reach_their_fields(void **state)
{
	char problem[CONFIG_PROBLEM_MAX];
	struct config config;

	(void)state;
	assert_int_equal(settings_parse(&config,
					"# comment\n[mind]\n tick_ms = 50\n"
					"instances_max=4096\nforecaster = statistical\n"
					"model = /m ; why\n[plan]\npolicy = headroom\nrisk_act = 0.4\nact_horizon_s = 5\nbad_act=0.1\n"
					"quality_min=0.25\nheadroom=0.2\nmemory_headroom=0.3\nio_headroom=0.4\nnet_headroom=0.5\ngiver_min=0.1\nrelax_per_s=0.5\nstep=0.2\nmemory_step=0.3\nio_step=0.4\nnet_step=0.5\nchurn=0.15\nchanges_max=7\nhold_ms=3000\n"
					"period_us=20000\nlease_ms=1500\nno_action=0.05\nprobe=yes\nio_cost=yes\ncanary=reactive\ncanary_share=0.25\ncanary_block_s=30\ncanary_hours=2\n"
					"[learn]\nhistory_mb=64\nmodels_max=5\nshadow_min=30\nevery_h=12\ndrift=no\npromote=yes\ncpu_s=300\n"
					"memory_mb=256\ndeadline_min=90\ncpu_share=0.25\n", problem), 0);
	assert_int_equal(config.tick_ms, 50);
	assert_int_equal(config.instances_max, 4096);
	assert_int_equal(config.forecaster, FORECAST_STATISTICAL);
	assert_string_equal(config.model, "/m");
	assert_float_equal(config.policy.risk_act, 0.4, 1e-6);
	assert_string_equal(policy_name(config.policy.policy), "headroom");
	assert_int_equal(config.policy.act_horizon, 2);
	assert_float_equal(config.policy.quality_min, 0.25, 1e-6);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		assert_float_equal(config.policy.headroom[r], 0.2 + 0.1 * r, 1e-6);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		assert_float_equal(config.policy.step[r], 0.2 + 0.1 * r, 1e-6);
	assert_float_equal(config.policy.churn, 0.15, 1e-6);
	assert_int_equal(config.policy.changes_max, 7);
	assert_float_equal(config.policy.giver_min[RESOURCE_CPU], 0.1, 1e-6);
	assert_int_equal(config.policy.hold_ns, 3000000000);
	assert_int_equal(config.policy.period_us, 20000);
	assert_int_equal(config.policy.lease_ms, 1500);
	assert_float_equal(config.policy.no_action, 0.05, 1e-6);
	assert_int_equal(config.policy.probe, 1);
	assert_int_equal(config.policy.io_cost, 1);
	assert_string_equal(policy_name(config.canary.policy), "reactive");
	assert_float_equal(config.canary.share, 0.25, 1e-6);
	assert_int_equal(config.canary.block_ns, 30 * NS_PER_SECOND);
	assert_int_equal(config.canary.max_ns, 7200 * NS_PER_SECOND);
	assert_int_equal(config.learn.history_mb, 64);
	assert_int_equal(config.learn.models_max, 5);
	assert_int_equal(config.learn.shadow_min, 30);
	assert_int_equal(config.learn.every_h, 12);
	assert_int_equal(config.learn.drift, 0);
	assert_int_equal(config.learn.promote, 1);
	assert_int_equal(config.learn.cpu_s, 300);
	assert_int_equal(config.learn.memory_mb, 256);
	assert_int_equal(config.learn.deadline_min, 90);
	assert_float_equal(config.learn.cpu_share, 0.25, 1e-6);
}

struct bad {
	const char *text, *problem;	/* how the problem begins */
};

static void bad_settings_name_their_line(void **state)
{
	static const struct bad cases[] = {
		{ "[bogus]\n", "forestall.conf:1: no section [bogus]" },
		{ "[learn]\npromote = maybe\n", "forestall.conf:2: promote must be yes or no; 'maybe' is not" },
		{ "[mind]\nbogus = 1\n", "forestall.conf:2: [mind] has no key 'bogus'" },
		{ "[mind]\n\n# c\ntick_ms = 5\n", "forestall.conf:4: tick_ms must be a whole number from 20 to 1000" },
		{ "[mind]\ntick_ms = 50.5\n", "forestall.conf:2: tick_ms" },
		{ "[mind]\ntick_ms = 0x50\n", "forestall.conf:2: tick_ms" },
		{ "[mind]\ntick_ms =\n", "forestall.conf:2: tick_ms" },
		{ "[mind]\ntick_ms = 50\ntick_ms = 60\n", "forestall.conf:3: tick_ms is given twice" },
		{ "[mind]\nforecaster = oracle\n", "forestall.conf:2: forecaster must be" },
		{ "[mind]\nmodel = m\n", "forestall.conf:2: model must be" },
		{ "[plan]\npolicy = best\n", "forestall.conf:2: policy must be one of forestall, reactive, pressure, headroom, static, none, senpai, vpa, captain" },
		{ "[plan]\nrisk_act = nan\n", "forestall.conf:2: risk_act" },
		{ "[plan]\nact_horizon_s = 3\n", "forestall.conf:2: act_horizon_s must be" },
		{ "[mind]\nnonsense\n", "forestall.conf:2: neither [section] nor key = value" },
		{ "tick_ms = 50\n", "forestall.conf:1: 'tick_ms' stands before any section" },
		{ "[mind\ntick_ms = 50\n", "forestall.conf:1: the section has no closing ']'" },
		{ "[mind] x\n", "forestall.conf:1: something stands after" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char problem[CONFIG_PROBLEM_MAX];
		struct config config;

		if (!settings_parse(&config, cases[i].text, problem) ||
		    strncmp(problem, cases[i].problem, strlen(cases[i].problem)))
			fail_msg("'%s' gave '%s'", cases[i].text, problem);
		config_done(&config);
	}
}

static void last_matching_rule_wins(void **state)
{
	char problem[CONFIG_PROBLEM_MAX];
	struct config config;

	(void)state;
	assert_int_equal(instances_parse(&config,
					 "[/system.slice/*.service]\nslo = tier=best-effort\n"
					 "[/system.slice/web[0-9].service]\n  slo = runq_p99<5ms tier=critical\n",
					 problem), 0);
	assert_int_equal(config.rule_count, 2);
	assert_int_equal(config_find(&config, "/system.slice/db.service")->slo.tier, TIER_BEST_EFFORT);
	assert_int_equal(config_find(&config, "/system.slice/web1.service")->slo.tier, TIER_CRITICAL);
	assert_int_equal(config_find(&config, "/system.slice/web1.service")->slo.source, SLO_FROM_CONFIG);
	assert_null(config_find(&config, "/system.slice/a/b.service"));
	assert_null(config_find(&config, "/user.slice"));
	config_done(&config);
	config_done(&config);
}

static void bad_rules_name_their_line(void **state)
{
	static const struct bad cases[] = {
		{ "slo = tier=critical\n", "a.conf:1: 'slo' stands before any section" },
		{ "[web]\nslo = tier=critical\n", "a.conf:1: [web] starts with no '/'" },
		{ "[/web/]\nslo = tier=critical\n", "a.conf:1: [/web/] ends in '/'" },
		{ "[//web]\nslo = tier=critical\n", "a.conf:1: [//web] has '//'" },
		{ "[/web[]\nslo = tier=critical\n", "a.conf:1: the section has no closing ']'" },
		{ "[/web]\ntier = critical\n", "a.conf:2: [/web] has no key 'tier'" },
		{ "[/web]\n\nslo = runq_p99<5ms tier=gold\n", "a.conf:3: slo, column 14: 'tier=gold'" },
		{ "[/web]\nslo = tier=critical\nslo = tier=standard\n", "a.conf:3: [/web] has an slo already" },
		{ "[/a]\nslo = tier=critical\n[/a]\nslo = tier=critical\n", "a.conf:4: [/a] has an slo already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char problem[CONFIG_PROBLEM_MAX];
		struct config config;

		if (!instances_parse(&config, cases[i].text, problem) ||
		    strncmp(problem, cases[i].problem, strlen(cases[i].problem)))
			fail_msg("'%s' gave '%s'", cases[i].text, problem);
		config_done(&config);
	}
}

static void long_lines_are_refused_not_cut(void **state)
{
	char text[512], problem[CONFIG_PROBLEM_MAX];
	struct config config;

	(void)state;
	snprintf(text, sizeof(text), "[/web]\nslo = tier=critical%300s\n", "");
	assert_int_not_equal(instances_parse(&config, text, problem), 0);
	assert_memory_equal(problem, "a.conf:2: the line", 18);
	snprintf(text, sizeof(text), "[/%0150d]\nslo = tier=critical\n", 7);
	assert_int_equal(instances_parse(&config, text, problem), 0);
	assert_int_equal(strlen(config.rule[0].glob), 151);
	config_done(&config);
}

static void file_write(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void file_remove(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	remove(path);
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
	char dir[] = "/tmp/test_config.XXXXXX", sub[64], problem[CONFIG_PROBLEM_MAX];
	struct config config;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(config_load(dir, &config, problem), 0);
	assert_int_equal(config.tick_ms, 100);
	snprintf(sub, sizeof(sub), "%s/instances.d", dir);
	mkdir(sub, 0755);
	file_write(dir, "instances.d/20.conf", "[/*]\nslo = tier=critical\n");
	file_write(dir, "instances.d/10.conf", "[/a]\nslo = tier=best-effort\n");
	file_write(dir, "instances.d/30.conf~", "nonsense\n");
	assert_int_equal(config_load(dir, &config, problem), 0);
	assert_int_equal(config_find(&config, "/a")->slo.tier, TIER_CRITICAL);
	config_done(&config);
	file_write(dir, "forestall.conf", "[mind]\ntick_ms = 200\n[plan]\nlease_ms = 500\n");
	assert_int_not_equal(config_load(dir, &config, problem), 0);
	assert_non_null(strstr(problem, "a lease must last three ticks"));
	assert_int_equal(config.tick_ms, 100);
	file_remove(dir, "instances.d/10.conf");
	file_remove(dir, "instances.d/20.conf");
	file_remove(dir, "instances.d/30.conf~");
	file_remove(dir, "instances.d");
	file_remove(dir, "forestall.conf");
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_reach_their_fields),
		cmocka_unit_test(bad_settings_name_their_line),
		cmocka_unit_test(last_matching_rule_wins),
		cmocka_unit_test(bad_rules_name_their_line),
		cmocka_unit_test(long_lines_are_refused_not_cut),
		cmocka_unit_test(files_are_read_in_the_order_of_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
