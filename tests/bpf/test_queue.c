/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only the flush can see: tasks that wait and do not come to run, who runs meanwhile, what is runnable, switches that nobody told of. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

static void spin(void *none)
{
	(void)none;
	stage_enter();
	for (;;)
		;
}

/* A real-time hog lets nobody else run: only the flush can see who waits. Then that wait is not counted again. */
static void a_starved_task_is_seen_while_it_waits_and_counted_once(void **state)
{
	struct nerve_runner runner[8] = { 0 };
	struct stage stage;
	bool is_seen = false, is_told = false;
	uint64_t wait = 0, switches = 0, total_ns;
	pid_t pid;

	(void)state;
	stage_open(&stage);
	pid = in_cgroup_start(&stage.world, spin, NULL);
	/* What it waits before it is in its cgroup is told of the one that it comes from; the reference counts it here. */
	for (int i = 0; i < 600 && !TOTAL(&stage.world, switches); i++)
		usleep(50000);
	hog_start(&stage, SCHED_FIFO);
	/* There may be one CPU alone: who looks on must not starve as well. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 2 });
	for (int i = 0; i < 600 && !is_seen; i++) {
		uint64_t waited = TOTAL(&stage.world, wait_ns);

		/* In this order: a switch is counted before its wait. */
		if (TOTAL(&stage.world, switches) != switches) {
			switches = TOTAL(&stage.world, switches);
			wait = TOTAL(&stage.world, wait_ns);
		}
		is_seen = waited > wait + 150000000;
		is_told = is_told || nerve_starved(stage.world.nerve, SLOT) == 1;
		usleep(50000);
	}
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	assert_true(is_seen && is_told);
	assert_true(nerve_runners(stage.world.nerve, stage.world.cgroup_id, runner, 8, &total_ns) > 0);
	assert_int_equal(runner[0].cgroup_id, id_of(stage.hog_cgroup));
	switches = TOTAL(&stage.world, switches);
	hog_end(&stage);
	/* A wait counts when the task leaves the CPU after it; that of one which is killed before it runs again does not. */
	for (int i = 0; i < 100 && TOTAL(&stage.world, switches) == switches; i++)
		usleep(50000);
	in_cgroup_end(&stage.world, pid);
	if (!stage.reference->bss->lost)
		within("wait", TOTAL(&stage.world, wait_ns), stage.reference->bss->wait_ns, 0.01, stage.reference->bss->wait_ns);
	stage_close(&stage);
}

static void spin_for_a_while(void *none)
{
	(void)none;
	stage_enter();
	burn(300000000);
}

static void who_ran_in_long_waits_is_named(void **state)
{
	struct nerve_runner runner[8] = { 0 };
	struct stage stage;
	uint64_t total_ns, sum_ns = 0;
	uint32_t count, hog = 0;

	(void)state;
	stage_open(&stage);
	hog_start(&stage, SCHED_OTHER);
	in_cgroup(&stage.world, spin_for_a_while, NULL);
	count = nerve_runners(stage.world.nerve, stage.world.cgroup_id, runner, 8, &total_ns);
	assert_in_range(count, 1, 8);
	/* Whatever else this machine does meanwhile may have run more. */
	while (hog < count && runner[hog].cgroup_id != id_of(stage.hog_cgroup))
		hog++;
	assert_true(hog < count);
	for (uint32_t i = 1; i < count; i++)
		assert_true(runner[i].ns <= runner[i - 1].ns);
	for (uint32_t i = 0; i < count; i++)
		sum_ns += runner[i].ns;
	assert_true(count == 8 ? total_ns >= sum_ns : total_ns == sum_ns);
	stage_close(&stage);
}

static void what_is_runnable_now_is_counted(void **state)
{
	struct world world;
	bool is_seen = false;
	pid_t pid[3];

	(void)state;
	world_open(&world, 1 << 18);
	for (int i = 0; i < 3; i++)
		pid[i] = in_cgroup_start(&world, spin, NULL);
	for (int i = 0; i < 600 && !is_seen; i++) {
		usleep(50000);
		is_seen = nerve_runnable(world.nerve, SLOT) == 3;
	}
	for (int i = 0; i < 3; i++)
		in_cgroup_end(&world, pid[i]);
	assert_true(is_seen);
	for (int i = 0; i < 600 && nerve_runnable(world.nerve, SLOT); i++)
		usleep(50000);
	assert_int_equal(nerve_runnable(world.nerve, SLOT), 0);
	world_close(&world);
}

/* Of /proc/stat: all switches of all CPUs. */
static uint64_t host_switches(void)
{
	FILE *file = fopen("/proc/stat", "re");
	char line[4096];
	uint64_t count = 0;

	while (file && !count && fgets(line, sizeof(line), file))
		if (!strncmp(line, "ctxt ", 5))
			count = strtoull(line + 5, NULL, 10);
	assert_true(count);
	fclose(file);
	return count;
}

/* The kernel's count is somewhere between the two: a flush of each CPU lies between them. */
struct coverage {
	uint64_t before, after;
	struct wire_loss loss;
};

static struct coverage coverage_read(const struct nerve *nerve)
{
	struct coverage coverage = { .before = host_switches() };

	usleep(500000);
	nerve_losses(nerve, &coverage.loss);
	coverage.after = host_switches();
	return coverage;
}

/* All that the kernel switched between the two was told, or is said not to have been. Returns how many were not. */
static uint64_t coverage_check(const struct coverage *a, const struct coverage *b)
{
	uint64_t told = b->loss.switches - a->loss.switches, unseen = b->loss.switches_unseen - a->loss.switches_unseen;

	print_message("%lu switches told, %lu not; the kernel made %lu to %lu\n", told, unseen, b->before - a->after, b->after - a->before);
	assert_in_range(told + unseen, b->before - a->after, b->after - a->before);
	return unseen;
}

static void yield(void *argument)
{
	(void)argument;
	stage_enter();
	for (;;)
		usleep(100);
}

static void switches_that_the_kernel_does_not_tell_are_counted(void **state)
{
	struct coverage begin, quiet, end;
	struct stage stage;
	pid_t pid;

	(void)state;
	stage_open(&stage);
	pid = in_cgroup_start(&stage.world, yield, NULL);
	usleep(500000);
	begin = coverage_read(stage.world.nerve);
	sleep(2);
	quiet = coverage_read(stage.world.nerve);
	/* Nobody comes or goes here; elsewhere on this host somebody may, and some kernels never tell of some tasks. */
	assert_true(coverage_check(&begin, &quiet) * 20 <= quiet.loss.switches - begin.loss.switches);
	/* 6.1 refuses a program that left a moment ago: then there is one round. */
	for (int i = 0, r = 0; i < 30 && !r; i++) {
		reference_bpf__detach(stage.reference);
		r = reference_bpf__attach(stage.reference);
	}
	end = coverage_read(stage.world.nerve);
	coverage_check(&quiet, &end);
	in_cgroup_end(&stage.world, pid);
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_starved_task_is_seen_while_it_waits_and_counted_once),
		cmocka_unit_test(who_ran_in_long_waits_is_named),
		cmocka_unit_test(what_is_runnable_now_is_counted),
		cmocka_unit_test(switches_that_the_kernel_does_not_tell_are_counted),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
