/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pressure of the annotated: told at each tick where it has a bound, read only where it may have moved, and none of it lost. */
#include "world.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sense/host.h"
#include "sense/tree.h"
#include "setup/config.h"

#define TICKS 10
#define TICK_US 100000

struct told {
	uint32_t slot, samples, known, grown;
	uint64_t cpu_ns;
};

static void take(void *context, const struct observation *observation)
{
	const struct observe_sample *sample = &observation->sample;
	struct told *told = context;

	if (observation->kind != OBSERVE_SAMPLE || sample->slot != told->slot)
		return;
	told->samples++;
	told->known = sample->psi_known;
	told->grown += sample->psi_ns[PSI_CPU_SOME] > 0;
	told->cpu_ns += sample->psi_ns[PSI_CPU_SOME];
}

static struct tree *tree_of(struct world *world, struct told *told, const char *slo)
{
	static const struct config config = { .tick_ms = 100 };
	struct tree_setup setup = { .slots_max = SLOTS_MAX, .observe = take, .context = told, .config = &config };
	static char root[512];
	struct tree *tree;

	world_open(world, 1 << 18);
	snprintf(root, sizeof(root), "%s", world->cgroup);
	setup.root = root;
	setup.nerve = world->nerve;
	world_follow(world, "/job");
	assert_int_equal(setxattr(world->cgroup, "trusted.forestall.slo", slo, strlen(slo), 0), 0);
	assert_int_equal(tree_open(&setup, &tree), 0);
	tree_scan(tree, host_now_ns());
	told->slot = tree_slot(tree, world->cgroup_id);
	assert_true(told->slot);
	return tree;
}

static void pressure_is_told_at_each_tick_where_it_has_a_bound(void **state)
{
	const uint32_t bound = 1u << PSI_MEMORY_FULL, all = (1u << PSI_COUNT) - 1;
	struct told told = { 0 };
	struct world world;
	struct tree *tree;

	(void)state;
	tree = tree_of(&world, &told, "mem_full<1% runq_p99<5ms");
	tree_tick(tree, true);
	told.samples = 0;
	for (uint32_t tick = 1; tick <= 2 * TICKS; tick++) {
		bool is_due = tick % TICKS == told.slot % TICKS;

		tree_tick(tree, tick % TICKS == 0);
		assert_int_equal(told.samples, tick);
		assert_int_equal(told.known, is_due ? all : bound);
	}
	tree_close(tree);
	world_close(&world);
}

/* Two that want one CPU. */
static void contend(void *unused)
{
	cpu_set_t cpus;

	(void)unused;
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (!fork())
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		;
}

static uint64_t pressure_us(const struct world *world)
{
	char path[600], line[256];
	unsigned long long us = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cpu.pressure", world->cgroup);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "some avg10=%*f avg60=%*f avg300=%*f total=%llu", &us) == 1)
			break;
	fclose(file);
	return us;
}

/* Ticks of two seconds; how many of those in which only what is bounded is read told that pressure grew. */
static uint32_t ticks_run(struct tree *tree, struct told *told)
{
	uint32_t grown = 0;

	for (uint32_t tick = 1; tick <= 2 * TICKS; tick++) {
		uint32_t before = told->grown;

		usleep(TICK_US);
		tree_tick(tree, tick % TICKS == 0);
		if (tick % TICKS && tick % TICKS != told->slot % TICKS)
			grown += told->grown - before;
	}
	return grown;
}

static void cpu_pressure_is_told_as_it_comes_and_none_is_lost(void **state)
{
	struct told told = { 0 };
	struct world world;
	struct tree *tree;
	uint64_t from_us;
	uint32_t grown;
	pid_t pid;

	(void)state;
	tree = tree_of(&world, &told, "cpu_some<20%");
	ticks_run(tree, &told);
	from_us = pressure_us(&world);
	told.cpu_ns = 0;
	assert_int_equal(ticks_run(tree, &told), 0);
	pid = in_cgroup_start(&world, contend, NULL);
	grown = ticks_run(tree, &told);
	/* Two times eight of the ticks: the kernel's clock of pressure or a busy host may leave out some. */
	assert_in_range(grown, 8, 16);
	in_cgroup_end(&world, pid);
	ticks_run(tree, &told);
	assert_true(pressure_us(&world) - from_us > 1000000);
	assert_int_equal(told.cpu_ns / 1000, pressure_us(&world) - from_us);
	tree_close(tree);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pressure_is_told_at_each_tick_where_it_has_a_bound),
		cmocka_unit_test(cpu_pressure_is_told_as_it_comes_and_none_is_lost),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
