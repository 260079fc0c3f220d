/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A CPU goes offline and comes back, as tests/vm/guest_hotplug.sh lets it: what ran there stays counted, what runs there is seen. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define CPU 1
#define ONLINE "/sys/devices/system/cpu/cpu1/online"
#define SEEN_NS 150000000u	/* more than one period of the flush */

static void cpu_switch(const char *state)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, state, 1) != 1)
		fail_msg("%s: not to be written", ONLINE);
	close(fd);
}

/* Alone on its CPU it never switches: only the flush sees it. */
static void hog(void *unused)
{
	cpu_set_t cpus;

	(void)unused;
	CPU_ZERO(&cpus);
	CPU_SET(CPU, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		_exit(95);
	for (;;)
		;
}

static uint64_t on_cpu(const struct world *world, uint32_t cpu)
{
	return nerve_row(world->nerve, cpu, SLOT)->now.oncpu_ns;
}

/* Number of the last flush of a CPU: without its clock a hog is seen when it switches, and no sooner. */
static uint32_t flush_of(const struct world *world, uint32_t cpu)
{
	return nerve_row(world->nerve, cpu, WIRE_SLOT_OTHER)->flush;
}

/*
 * Looks like the agent does; false when the CPU's row has not grown by SEEN_NS, or its clock has not counted, in a minute. A total that
 * shrinks fails.
 */
static bool is_seen_on(struct world *world, uint32_t cpu)
{
	uint64_t start_ns = on_cpu(world, cpu), total_ns = TOTAL(world, oncpu_ns);
	uint32_t flush = flush_of(world, cpu);

	for (int i = 0; i < 600 && (on_cpu(world, cpu) < start_ns + SEEN_NS || flush_of(world, cpu) - flush < 2); i++) {
		usleep(100000);
		if (i % 10 == 0)
			nerve_second(world->nerve);
		nerve_consume(world->nerve);
		assert_true(TOTAL(world, oncpu_ns) >= total_ns);
		total_ns = TOTAL(world, oncpu_ns);
	}
	return on_cpu(world, cpu) >= start_ns + SEEN_NS && flush_of(world, cpu) - flush >= 2;
}

static uint64_t cpu_time_ns(const struct world *world)
{
	const struct rusage *usage = &world->usage;

	return ((uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
		(uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec)) * 1000;
}

static void world_open_hotplug(struct world *world)
{
	if (!getenv("FORESTALL_MUST_RUN") || access(ONLINE, W_OK))
		skip_because("takes a CPU away: in a guest of two");
	world_open(world, 1 << 18);
}

/* used_ns: what the first hog used, which ends first. */
static void hotplug_check(struct world *world, uint64_t used_ns, pid_t second)
{
	in_cgroup_end(world, second);
	used_ns += cpu_time_ns(world);
	print_message("# %.0f ms counted, %.0f used\n", (double)TOTAL(world, oncpu_ns) / 1e6, (double)used_ns / 1e6);
	/* The way in and out of the cgroup is not its own; had a CPU been lost, a third or more would be missing. */
	assert_in_range(TOTAL(world, oncpu_ns), used_ns * 85 / 100, used_ns * 103 / 100 + 20000000);
	nerve_stop(world->nerve);
	nerve_consume(world->nerve);
	accounting_check(world);
	world_close(world);
}

static void a_cpu_that_goes_and_comes_is_followed(void **state)
{
	struct world world;
	uint64_t used_ns;
	pid_t pid;

	(void)state;
	world_open_hotplug(&world);
	pid = in_cgroup_start(&world, hog, NULL);
	assert_true(is_seen_on(&world, CPU));
	cpu_switch("0");
	assert_true(is_seen_on(&world, 0));
	in_cgroup_end(&world, pid);
	used_ns = cpu_time_ns(&world);
	cpu_switch("1");
	pid = in_cgroup_start(&world, hog, NULL);
	assert_true(is_seen_on(&world, CPU));
	hotplug_check(&world, used_ns, pid);
}

/* Between two looks: the list of CPUs reads the same as before, and the clock is gone. */
static void a_cpu_that_was_away_for_a_moment_is_followed(void **state)
{
	struct world world;
	pid_t pid;

	(void)state;
	world_open_hotplug(&world);
	nerve_second(world.nerve);
	cpu_switch("0");
	cpu_switch("1");
	pid = in_cgroup_start(&world, hog, NULL);
	assert_true(is_seen_on(&world, CPU));
	hotplug_check(&world, 0, pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpu_that_goes_and_comes_is_followed),
		cmocka_unit_test(a_cpu_that_was_away_for_a_moment_is_followed),
	};

	return cmocka_run_group_tests_name("hotplug", tests, NULL, NULL);
}
