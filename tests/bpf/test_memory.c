/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory signals of one cgroup against its memory.events and memory.stat. Needs the memory controller, as in a guest. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define MIB (1024 * 1024)

static void world_open_memory(struct world *world)
{
	world_open(world, 1 << 18);
	if (cgroup_lacks(world, "memory.events") || !has_disk())
		world_skip(world, "needs the memory controller and " DISK ", as in a guest");
}

/* More page cache than the cgroup may have. */
static void disk_read(void *unused)
{
	static char block[MIB];
	int fd = open(DISK, O_RDONLY | O_CLOEXEC);

	(void)unused;
	for (int i = 0; i < 96; i++)
		if (pread(fd, block, sizeof(block), (off_t)i * MIB) != (ssize_t)sizeof(block))
			_exit(96);
}

static void reclaims_check(const char *limit, const char *event)
{
	struct world world;

	world_open_memory(&world);
	cgroup_write(&world, limit, "16777216");
	assert_int_equal(in_cgroup(&world, disk_read, NULL), 0);
	print_message("# %llu reclaims, %.1f ms in them, memory.pressure some %.1f\n",
		      (unsigned long long)TOTAL(&world, reclaims), (double)TOTAL(&world, reclaim_ns) / 1e6,
		      (double)cgroup_read(&world, "memory.pressure", "total=") / 1e3);
	assert_true(TOTAL(&world, reclaims) > 0 && TOTAL(&world, reclaim_ns) > 0);
	assert_int_equal(TOTAL(&world, reclaims), cgroup_read(&world, "memory.events", event));
	world_close(&world);
}

static void reclaims_at_memory_max_are_its_events(void **state)
{
	(void)state;
	reclaims_check("memory.max", "\nmax ");
}

static void reclaims_at_memory_high_are_its_events(void **state)
{
	(void)state;
	reclaims_check("memory.high", "\nhigh ");
}

static void disk_map(void *unused)
{
	int fd = open(DISK, O_RDONLY | O_CLOEXEC);
	volatile char *at = mmap(NULL, 64 * MIB, PROT_READ, MAP_SHARED, fd, 0);

	(void)unused;
	if (at == MAP_FAILED || madvise((void *)at, 64 * MIB, MADV_RANDOM))
		_exit(96);
	for (size_t i = 0; i < 64 * MIB; i += 65536)
		(void)at[i];
}

static void major_faults_are_those_of_memory_stat(void **state)
{
	struct world world;

	(void)state;
	world_open_memory(&world);
	if (system("echo 3 >/proc/sys/vm/drop_caches"))
		fail();
	assert_int_equal(in_cgroup(&world, disk_map, NULL), 0);
	print_message("# %llu major faults\n", (unsigned long long)TOTAL(&world, major_faults));
	assert_true(TOTAL(&world, major_faults) >= 1024);
	assert_int_equal(TOTAL(&world, major_faults), cgroup_read(&world, "memory.stat", "pgmajfault "));
	world_close(&world);
}

static void too_much(void *unused)
{
	char *at = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	memset(at, 1, 64 * MIB);
}

static void oom_kills_are_counted_and_told_by_name(void **state)
{
	struct world world;
	int status;

	(void)state;
	world_open_memory(&world);
	if (!nerve_has(world.nerve, NERVE_OOM))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_OOM));
	cgroup_write(&world, "memory.max", "16777216");
	if (!cgroup_lacks(&world, "memory.swap.max"))
		cgroup_write(&world, "memory.swap.max", "0");
	status = in_cgroup(&world, too_much, NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	assert_int_equal(TOTAL(&world, oom_kills), cgroup_read(&world, "memory.events", "oom_kill "));
	assert_int_equal(TOTAL(&world, oom_kills), 1);
	assert_string_equal(world.seen.victim_name, "test_memory");
	assert_true(world.seen.delivered[WIRE_OOM] > 0);
	accounting_check(&world);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reclaims_at_memory_max_are_its_events),
		cmocka_unit_test(reclaims_at_memory_high_are_its_events),
		cmocka_unit_test(major_faults_are_those_of_memory_stat),
		cmocka_unit_test(oom_kills_are_counted_and_told_by_name),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
