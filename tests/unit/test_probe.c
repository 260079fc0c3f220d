/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probes over trees of files that stand for hosts: tests/fixtures/doctor. */
#include "unit.h"
#include "sense/probe.h"

#define FIXTURES "tests/fixtures/doctor"

static struct probe_result probed(const char *host, const char *name)
{
	char proc[128], sys[128], run[128], etc[128];
	const struct probe_roots roots = { proc, sys, run, etc };
	struct probe_result result;
	size_t idx = probe_find(name);

	snprintf(proc, sizeof(proc), FIXTURES "/%s/proc", host);
	snprintf(sys, sizeof(sys), FIXTURES "/%s/sys", host);
	snprintf(run, sizeof(run), FIXTURES "/%s/run", host);
	snprintf(etc, sizeof(etc), FIXTURES "/%s/etc", host);
	assert_true(idx < probe_count());
	assert_false(probe_asks_kernel(idx));
	probe_run(idx, &roots, &result);
	return result;
}

static void expect_state(const char *host, const char *name, enum probe_state state)
{
	struct probe_result result = probed(host, name);

	if (result.state != state)
		fail_msg("%s: %s is %s: %s", host, name, probe_state_name(result.state), result.reason);
	assert_true(result.reason[0]);
	assert_int_equal(result.state == PROBE_OK, !result.remedy[0]);
}

static void unified_host_lacks_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_count(); i++)
		if (!probe_asks_kernel(i))
			expect_state("unified", probe_name(i), PROBE_OK);
}

static void hybrid_host_says_who_holds_cpu_and_what_to_boot_with(void **state)
{
	struct probe_result result;

	(void)state;
	expect_state("hybrid", "cgroup2", PROBE_OK);
	expect_state("hybrid", "psi.cgroup", PROBE_OK);
	expect_state("hybrid", "cgroup2.enabled", PROBE_MISSING);
	expect_state("hybrid", "knobs", PROBE_MISSING);
	expect_state("hybrid", "knobs.memory", PROBE_MISSING);
	expect_state("hybrid", "run.tmpfs", PROBE_DEGRADED);
	expect_state("hybrid", "bpffs", PROBE_MISSING);
	result = probed("hybrid", "cgroup2.controllers");
	assert_int_equal(result.state, PROBE_MISSING);
	assert_non_null(strstr(result.reason, "none"));
	assert_non_null(strstr(result.remedy, "/sys/fs/cgroup/cpu,cpuacct holds it"));
	assert_non_null(strstr(result.remedy, "systemd.unified_cgroup_hierarchy=1"));
	result = probed("hybrid", "cgroup1");
	assert_int_equal(result.state, PROBE_MISSING);
	assert_string_equal(result.reason,
			    "cgroup v1 holds cpu at /sys/fs/cgroup/cpu,cpuacct, cpuset at /sys/fs/cgroup/cpuset");
}

static void hybrid_host_can_be_observed(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_count(); i++)
		if (!probe_asks_kernel(i) && probe_need(i) == PROBE_FOR_OBSERVE)
			assert_int_not_equal(probed("hybrid", probe_name(i)).state, PROBE_MISSING);
}

static void available_but_not_enabled_controller_is_told_apart(void **state)
{
	struct probe_result result = probed("disabled", "cgroup2.enabled");

	(void)state;
	expect_state("disabled", "cgroup2.controllers", PROBE_OK);
	assert_int_equal(result.state, PROBE_MISSING);
	assert_string_equal(result.remedy, "echo +cpu > /sys/fs/cgroup/cgroup.subtree_control");
}

static void half_a_host_is_degraded(void **state)
{
	struct probe_result result = probed("disabled", "capabilities");

	(void)state;
	assert_int_equal(result.state, PROBE_DEGRADED);
	assert_string_equal(result.reason, "without CAP_BPF CAP_PERFMON");
	expect_state("disabled", "knobs", PROBE_DEGRADED);
	result = probed("disabled", "knobs.io");
	assert_int_equal(result.state, PROBE_MISSING);
	assert_non_null(strstr(result.reason, "io.max"));
	assert_non_null(strstr(result.remedy, "echo +io "));
	result = probed("disabled", "psi.cgroup");
	assert_int_equal(result.state, PROBE_MISSING);
	assert_non_null(strstr(result.reason, "memory.pressure"));
	result = probed("disabled", "knobs.rare");
	assert_int_equal(result.state, PROBE_DEGRADED);
	assert_string_equal(result.reason, "this kernel has no cpu.max.burst");
	assert_non_null(strstr(result.remedy, "Linux 5.14"));
	expect_state("disabled", "systemd", PROBE_DEGRADED);
	expect_state("disabled", "disabled", PROBE_MISSING);
	expect_state("disabled", "sched_info", PROBE_MISSING);
	expect_state("disabled", "psi", PROBE_MISSING);
}

static void bare_host_is_missing_what_observing_needs(void **state)
{
	static const char *const names[] = { "btf", "capabilities", "sched_info", "psi", "psi.cgroup", "cgroup2",
					     "xattr",
					     "cgroup2.controllers", "cgroup2.enabled", "knobs", "knobs.memory",
					     "knobs.io", "knobs.cpuset", "run" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_state("bare", names[i], PROBE_MISSING);
	expect_state("bare", "cgroup1", PROBE_OK);
}

static void a_host_with_more_cpus_than_a_mask_has_says_that_nobody_is_confined(void **state)
{
	struct probe_result result = probed("large", "knobs.cpuset");

	(void)state;
	assert_int_equal(result.state, PROBE_DEGRADED);
	assert_non_null(strstr(result.reason, "CPU 95"));
	assert_true(result.remedy[0]);
}

static void every_probe_is_described(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_count(); i++) {
		assert_true(probe_name(i)[0] && probe_purpose(i)[0]);
		assert_true(probe_need(i) < PROBE_NEED_COUNT);
		assert_int_equal(probe_find(probe_name(i)), i);
	}
	assert_int_equal(probe_find("bogus"), probe_count());
}

static void probes_of_this_kernel_answer(void **state)
{
	const struct probe_roots roots = PROBE_ROOTS_HOST;

	(void)state;
	for (size_t i = 0; i < probe_count(); i++) {
		struct probe_result result;

		probe_run(i, &roots, &result);
		assert_true(result.state < PROBE_STATE_COUNT && result.reason[0]);
		assert_true(result.state == PROBE_OK || result.remedy[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unified_host_lacks_nothing),
		cmocka_unit_test(hybrid_host_says_who_holds_cpu_and_what_to_boot_with),
		cmocka_unit_test(hybrid_host_can_be_observed),
		cmocka_unit_test(available_but_not_enabled_controller_is_told_apart),
		cmocka_unit_test(half_a_host_is_degraded),
		cmocka_unit_test(bare_host_is_missing_what_observing_needs),
		cmocka_unit_test(a_host_with_more_cpus_than_a_mask_has_says_that_nobody_is_confined),
		cmocka_unit_test(every_probe_is_described),
		cmocka_unit_test(probes_of_this_kernel_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
