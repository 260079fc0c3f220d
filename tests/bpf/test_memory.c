/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory signals of one cgroup against its memory.events and memory.stat. Needs the memory controller, as in a guest. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sense/cgroupfile.h"
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

/* more: events without a reclaim, on kernels that tests/vm/known.sh names. */
static void reclaims_check(const char *limit, const char *event, uint64_t more)
{
	uint64_t events, pressure_us;
	struct world world;

	world_open_memory(&world);
	cgroup_write(&world, limit, "16777216");
	assert_int_equal(in_cgroup(&world, disk_read, NULL), 0);
	pressure_us = cgroup_read(&world, "memory.pressure", "total=");
	print_message("# %llu reclaims, %.1f ms in them, memory.pressure some %.1f\n",
		      (unsigned long long)TOTAL(&world, reclaims), (double)TOTAL(&world, reclaim_ns) / 1e6,
		      (double)pressure_us / 1e3);
	assert_true(TOTAL(&world, reclaims) > 0 && pressure_us > 0);
	/* One task that waits for nothing else: all its pressure is reclaim, but for the way in and out, where interrupts come too. */
	if (!nerve_skipped(world.nerve) || nerve_skipped(world.nerve) == UINT64_MAX)
		near(TOTAL(&world, reclaim_ns), pressure_us * 1000, 15);
	events = cgroup_read(&world, "memory.events", event);
	counted_check(&world, TOTAL(&world, reclaims), events - (events == TOTAL(&world, reclaims) + more ? more : 0));
	world_close(&world);
}

static void reclaims_at_memory_max_are_its_events(void **state)
{
	(void)state;
	reclaims_check("memory.max", "\nmax ", getenv("FORESTALL_MAX_MORE") != NULL);
}

static void reclaims_at_memory_high_are_its_events(void **state)
{
	(void)state;
	reclaims_check("memory.high", "\nhigh ", 0);
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
	/* What memory.stat of the kernel that tests/vm/known.sh names leaves out is the first. */
	assert_int_equal(cgroup_read(&world, "memory.stat", "pgmajfault ") + (getenv("FORESTALL_FAULT_UNTOLD") != NULL),
			 TOTAL(&world, major_faults));
	world_close(&world);
}

static void too_much(void *ret_pid)
{
	char *at = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*(volatile pid_t *)ret_pid = getpid();
	memset(at, 1, 64 * MIB);
}

/* All that the guest has. */
static void all_of_it(void *ret_pid)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	*(volatile pid_t *)ret_pid = getpid();
	if (write(fd, "1000", 4) != 4)
		_exit(96);
	for (char *at; (at = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED;)
		memset(at, 1, 16 * MIB);
}

enum short_of { OWN_LIMIT, LIMIT_ABOVE, HOST_MEMORY };

static void oom_check(enum short_of what)
{
	pid_t *pid = mmap(NULL, sizeof(*pid), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct world world;
	uint64_t limit_id;
	int status;

	world_open_memory(&world);
	if (!nerve_has(world.nerve, NERVE_OOM))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_OOM));
	if (what != HOST_MEMORY)
		cgroup_write(&world, "memory.max", "16777216");
	if (!cgroup_lacks(&world, "memory.swap.max"))
		cgroup_write(&world, "memory.swap.max", "0");
	limit_id = what == HOST_MEMORY ? WIRE_CGROUP_ROOT : world.cgroup_id;
	if (what == LIMIT_ABOVE)
		world_follow(&world, "/inner");
	status = in_cgroup(&world, what == HOST_MEMORY ? all_of_it : too_much, pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	assert_int_equal(TOTAL(&world, oom_kills), 1);
	/* It had to reclaim for the host as well before there was nothing left. */
	assert_true(what != HOST_MEMORY || TOTAL(&world, reclaims) > 0);
	if (what != LIMIT_ABOVE)
		assert_int_equal(TOTAL(&world, oom_kills), cgroup_read(&world, "memory.events", "oom_kill "));
	assert_int_equal(world.seen.delivered[WIRE_OOM], 1);
	assert_string_equal(world.seen.oom.victim.comm, "test_memory");
	assert_int_equal(world.seen.oom.victim.pid, *pid);
	assert_int_equal(world.seen.oom.victim.head.cgroup_id, world.cgroup_id);
	assert_int_equal(world.seen.oom.limit_id, nerve_has(world.nerve, NERVE_OOM_LIMIT) ? limit_id : 0);
	accounting_check(&world);
	munmap(pid, sizeof(*pid));
	world_close(&world);
}

static void oom_kills_are_counted_and_told_by_name_and_limit(void **state)
{
	(void)state;
	oom_check(OWN_LIMIT);
}

static void an_oom_kill_below_the_limit_says_whose_limit(void **state)
{
	(void)state;
	oom_check(LIMIT_ABOVE);
}

static void an_oom_kill_for_the_hosts_memory_says_so(void **state)
{
	(void)state;
	oom_check(HOST_MEMORY);
}

/* Twice over more than the cgroup may have. */
#define SWAPPED_MIB 48
static void memory_cycle(void *unused)
{
	char *at = mmap(NULL, SWAPPED_MIB * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < SWAPPED_MIB * MIB; i += 4096)
			at[i]++;
}

static uint64_t vmstat(const char *key)
{
	static char text[65536];
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* The only one that swaps, so the host's own counts are its. */
static void swap_is_that_of_vmstat(void **state)
{
	struct observe_memory memory = { 0 };
	struct cgroup_files files = { 0 };
	const char *device = getenv("FORESTALL_SWAP");
	uint64_t ins, outs;
	struct world world;
	int fd;

	(void)state;
	world_open_memory(&world);
	if (!device)
		world_skip(&world, "needs a device for swap, as tests/vm/guest_signals.sh makes one");
	assert_int_equal(swapon(device, 0), 0);
	cgroup_write(&world, "memory.max", "33554432");
	fd = open(world.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cgroup_files_open_all(&files, fd);
	ins = vmstat("\npswpin ");
	outs = vmstat("\npswpout ");
	assert_int_equal(in_cgroup(&world, memory_cycle, NULL), 0);
	ins = vmstat("\npswpin ") - ins;
	outs = vmstat("\npswpout ") - outs;
	assert_int_equal(cgroup_files_memory_stat(&files, &memory), 0);
	print_message("# %llu pages in, file %llu; %llu out, hook %llu, file %llu (%s)\n", (unsigned long long)ins,
		      (unsigned long long)memory.swap_ins, (unsigned long long)outs,
		      (unsigned long long)TOTAL(&world, swap_outs), (unsigned long long)memory.swap_outs,
		      memory.has_swap ? "told" : "not told");
	assert_true(ins > 1000 && outs > 1000);
	if (memory.has_swap) {
		assert_int_equal(memory.swap_ins, ins);
		assert_int_equal(memory.swap_outs, outs);
	} else {
		/* A refault may be spared by the swap cache, and a page be given to swap twice. */
		assert_in_range(memory.swap_ins, ins * 99 / 100, ins);
		if (nerve_has(world.nerve, NERVE_SWAP))
			assert_in_range(TOTAL(&world, swap_outs), outs, outs + outs / 100);
	}
	cgroup_files_close(&files);
	close(fd);
	assert_int_equal(swapoff(device), 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reclaims_at_memory_max_are_its_events),
		cmocka_unit_test(reclaims_at_memory_high_are_its_events),
		cmocka_unit_test(major_faults_are_those_of_memory_stat),
		cmocka_unit_test(oom_kills_are_counted_and_told_by_name_and_limit),
		cmocka_unit_test(an_oom_kill_below_the_limit_says_whose_limit),
		cmocka_unit_test(an_oom_kill_for_the_hosts_memory_says_so),
		cmocka_unit_test(swap_is_that_of_vmstat),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
