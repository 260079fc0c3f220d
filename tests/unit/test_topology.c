/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may be confined where, on machines that hwloc makes up. */
#include <errno.h>
#include <unistd.h>

#include "sense/topology.h"
#include "unit.h"

static struct topology machine(const char *synthetic)
{
	struct topology topology;

	assert_int_equal(topology_read(synthetic, &topology), 0);
	return topology;
}

static void half_of_one_cache_is_set_apart(void **state)
{
	struct topology topology = machine("numa:1 l3:1 core:4 pu:1");

	(void)state;
	assert_int_equal(topology.cpus, 4);
	assert_int_equal(topology.cores, 4);
	assert_int_equal(topology.l3_groups, 1);
	assert_int_equal(topology.numa_nodes, 1);
	assert_int_equal(topology.giver_cpus, 0xc);
}

static void hardware_threads_of_a_core_stay_together(void **state)
{
	(void)state;
	assert_int_equal(machine("l3:1 core:2 pu:2").giver_cpus, 0xc);
	assert_int_equal(machine("l3:1 core:3 pu:2").giver_cpus, 0x3c);
	/* Siblings numbered far apart, as many x86 machines do: core 0 is CPU 0 and 2, core 1 is CPU 1 and 3. */
	assert_int_equal(machine("l3:1 core:2 pu:2(indexes=0,2,1,3)").giver_cpus, 0xa);
}

static void only_the_last_of_several_caches_gives(void **state)
{
	struct topology topology = machine("numa:2 l3:2 core:4 pu:2");

	(void)state;
	assert_int_equal(topology.cpus, 32);
	assert_int_equal(topology.cores, 16);
	assert_int_equal(topology.l3_groups, 4);
	assert_int_equal(topology.numa_nodes, 2);
	assert_int_equal(topology.giver_cpus, 0xf0000000);
}

static void machine_without_l3_or_cores_is_one_group_of_cpus(void **state)
{
	(void)state;
	assert_int_equal(machine("core:4 pu:1").giver_cpus, 0xc);
	assert_int_equal(machine("pu:4").giver_cpus, 0xc);
	assert_int_equal(machine("pu:4").l3_groups, 1);
}

/* Elsewhere than where CPUs come and go (tests/vm/guest_hotplug.sh) it is what was read once. */
static void who_asks_often_hears_what_is_read(void **state)
{
	struct topology topology;

	(void)state;
	assert_int_equal(topology_read(NULL, &topology), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(topology_giver_cpus(), topology.giver_cpus);
}

static void nothing_is_set_apart_where_there_is_nothing_to_keep(void **state)
{
	(void)state;
	assert_int_equal(machine("core:1 pu:2").giver_cpus, 0);
	assert_int_equal(machine("l3:2 core:20 pu:2").giver_cpus, 0);
	assert_int_equal(machine("l3:2 core:16 pu:2").giver_cpus, 0xffff000000000000);
}

static void nonsense_is_refused(void **state)
{
	struct topology topology;

	(void)state;
	assert_true(topology_read("core:pu", &topology) < 0);
}

static struct topology_part part(const char *synthetic, const char *word)
{
	struct topology_part ret;

	assert_int_equal(topology_part_read(synthetic, word, &ret), 0);
	return ret;
}

static void a_part_of_a_machine_is_named_by_its_number(void **state)
{
	static const char MACHINE[] = "package:2 numa:1 l3:2 core:2 pu:2";

	(void)state;
	assert_int_equal(part(MACHINE, "core:1").cpus, 0xc);
	assert_int_equal(part(MACHINE, "core:1").nodes, 1);
	assert_int_equal(part(MACHINE, "l3:3").cpus, 0xf000);
	assert_int_equal(part(MACHINE, "l3:3").nodes, 2);
	assert_int_equal(part(MACHINE, "node:1").cpus, 0xff00);
	assert_int_equal(part(MACHINE, "node:1").nodes, 2);
	assert_int_equal(part(MACHINE, "package:0").cpus, 0xff);
	assert_int_equal(part("l3:1 core:2 pu:2(indexes=0,2,1,3)", "core:0").cpus, 0x5);
}

static void a_part_that_is_not_there_is_refused(void **state)
{
	static const char *const ODD[] = { "", "core", "core:", "core:x", "core:1x", "core:-1", "cor:1", "cores:1", "1:core" };
	struct topology_part ret;

	(void)state;
	for (size_t i = 0; i < sizeof(ODD) / sizeof(*ODD); i++)
		assert_int_equal(topology_part_read("core:4 pu:1", ODD[i], &ret), -EINVAL);
	assert_int_equal(topology_part_read("core:4 pu:1", "core:4", &ret), -ENOENT);
	assert_int_equal(topology_part_read("core:4 pu:1", "l3:0", &ret), -ENOENT);
	assert_int_equal(topology_part_read("l3:2 core:20 pu:2", "l3:1", &ret), -ERANGE);
}

static void this_machine_has_the_cpus_that_the_kernel_says(void **state)
{
	struct topology topology = machine(NULL);

	(void)state;
	assert_int_equal(topology.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(topology.cores >= 1 && topology.cores <= topology.cpus);
	assert_true(topology.numa_nodes >= 1 && topology.l3_groups >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_one_cache_is_set_apart),
		cmocka_unit_test(hardware_threads_of_a_core_stay_together),
		cmocka_unit_test(only_the_last_of_several_caches_gives),
		cmocka_unit_test(machine_without_l3_or_cores_is_one_group_of_cpus),
		cmocka_unit_test(who_asks_often_hears_what_is_read),
		cmocka_unit_test(nothing_is_set_apart_where_there_is_nothing_to_keep),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_part_of_a_machine_is_named_by_its_number),
		cmocka_unit_test(a_part_that_is_not_there_is_refused),
		cmocka_unit_test(this_machine_has_the_cpus_that_the_kernel_says),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
