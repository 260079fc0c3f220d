/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side on this machine's own kernel, with real tasks in real cgroups. Needs root, BTF and a cgroup v2 mount; else
 * every case is skipped and says so.
 */
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

static bool has_id(const uint64_t *ids, uint32_t count, uint64_t id)
{
	for (uint32_t i = 0; i < count && i < IDS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static uint64_t cpu_ns(const struct timeval *t) { return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_usec * 1000; }

/* In CPU time, not wall time: what a loaded host grants does not matter. */
static void spin_300(void *none)
{
	(void)none;
	burn(300000000);
}

static void sleep_often(void *none)
{
	(void)none;
	for (int i = 0; i < 500; i++)
		usleep(500);
}

static void exec_false(void *none)
{
	(void)none;
	execl("/bin/false", "false", (char *)NULL);
}

static void *end_at_once(void *none) { return none; }

static void on_cpu_time_of_a_cgroup_is_what_its_task_used(void **state)
{
	struct world world;
	uint64_t used_ns;

	(void)state;
	world_open(&world, 1 << 18);
	in_cgroup(&world, spin_300, NULL);
	nerve_consume(world.nerve);
	/* All that the child used is more than the cgroup's by its way in, and less by the last steps of its exit. */
	used_ns = cpu_ns(&world.usage.ru_utime) + cpu_ns(&world.usage.ru_stime);
	assert_in_range(TOTAL(&world, oncpu_ns), 299000000, used_ns + 3000000);
	world_close(&world);
}

static uint64_t used_by(pid_t pid)
{
	struct rusage usage;

	assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
	return cpu_ns(&usage.ru_utime) + cpu_ns(&usage.ru_stime);
}

/* Runs spin_300 in the cgroup under the next free number after `pid`, or from the lowest on, that has its place in the table of accounts. */
static pid_t spin_at_place_of(const struct world *world, pid_t pid)
{
	struct clone_args args = { .set_tid = (uintptr_t)&pid, .set_tid_size = 1, .exit_signal = SIGCHLD };
	pid_t started = -1, step = 4 * SLOTS_MAX;

	for (int i = 0; i < 1000 && started < 0; i++) {
		pid += step;
		started = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		/* Over the highest number that there is. */
		if (started < 0 && errno == EINVAL)
			pid %= step;
	}
	if (started)
		return started;
	cgroup_enter(world);
	spin_300(NULL);
	_exit(0);
}

static void nothing(void *none) { (void)none; }

static void who_finds_his_place_taken_is_counted_as_well(void **state)
{
	struct world world;
	pid_t first, second;
	uint64_t used_ns;

	(void)state;
	world_open(&world, 1 << 18);
	first = in_cgroup_start(&world, spin_300, NULL);
	while (!TOTAL(&world, oncpu_ns))
		usleep(1000);
	second = spin_at_place_of(&world, first);
	assert_true(second > 0);
	/* In this order: the place is the first one's until he is reaped. */
	used_ns = used_by(second);
	used_ns += used_by(first);
	in_cgroup(&world, nothing, NULL);
	used_ns += cpu_ns(&world.usage.ru_utime) + cpu_ns(&world.usage.ru_stime);
	assert_in_range(TOTAL(&world, oncpu_ns), 598000000, used_ns + 9000000);
	world_close(&world);
}

/* Nobody competes on an idle CPU, so the hog may never switch: only the flush can see it while it runs. */
static void hog_that_never_switches_is_seen_while_it_runs(void **state)
{
	struct world world;
	bool is_seen = false;
	pid_t pid;

	(void)state;
	world_open(&world, 1 << 18);
	pid = fork();
	if (pid == 0) {
		cgroup_enter(&world);
		for (;;)
			;
	}
	for (int i = 0; i < 600 && !is_seen; i++) {
		usleep(50000);
		nerve_consume(world.nerve);
		is_seen = TOTAL(&world, oncpu_ns) > 100000000 && world.seen.delivered[WIRE_WINDOW] > 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	world_close(&world);
	assert_true(is_seen);
}

static void every_wait_is_in_the_histogram_and_good_or_bad(void **state)
{
	struct world world;
	uint64_t switches, kernel;

	(void)state;
	world_open(&world, 1 << 18);
	in_cgroup(&world, sleep_often, NULL);
	switches = TOTAL(&world, switches);
	/* What the kernel counted itself, but for the first few outside the cgroup and the last one, after the exit. */
	kernel = (uint64_t)(world.usage.ru_nvcsw + world.usage.ru_nivcsw);
	assert_true(kernel > 50);
	assert_in_range(switches, kernel - 10, kernel + 2);
	verdict_check(&world, WIRE_DELAY_QUEUE, switches);
	world_close(&world);
}

static void exec_and_exit_are_told_with_name_and_code(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	in_cgroup(&world, exec_false, NULL);
	nerve_consume(world.nerve);
	assert_string_equal(world.seen.exec_name, "false");
	assert_int_equal(WEXITSTATUS(world.seen.exit_value), 1);
	assert_int_equal(TOTAL(&world, execs), 1);
	assert_int_equal(TOTAL(&world, failed_exits), 1);
	world_close(&world);
}

#define FAMILY 5
#define FAMILY_FAILS 2

/* A family of which some end badly; the ends of threads are no exits. */
static void family(void *none)
{
	pthread_t thread;

	(void)none;
	for (int i = 0; i < FAMILY; i++)
		if (!fork())
			_exit(i < FAMILY_FAILS);
	while (wait(NULL) > 0)
		;
	if (pthread_create(&thread, NULL, end_at_once, NULL))
		_exit(96);
	pthread_join(thread, NULL);
}

static void forks_and_exits_are_counted(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	assert_int_equal(in_cgroup(&world, family, NULL), 0);
	/* A thread is a task that is forked, and the first one was forked elsewhere. */
	counted_check(&world, TOTAL(&world, forks), FAMILY + 1);
	counted_check(&world, TOTAL(&world, exits), FAMILY + 1);
	counted_check(&world, TOTAL(&world, failed_exits), FAMILY_FAILS);
	world_close(&world);
}

#define PROCESSES 200
#define THREADS 12

static void *sleep_on(void *none)
{
	pause();
	return none;
}

/* Its threads are killed by its end, all at one moment. */
static void crowds_end(void *none)
{
	(void)none;
	for (int i = 0; i < PROCESSES; i++) {
		pthread_t thread;

		if (fork()) {
			wait(NULL);
			continue;
		}
		for (int t = 1; t < THREADS; t++)
			if (pthread_create(&thread, NULL, sleep_on, NULL))
				abort();
		usleep(500);
		_exit(i % 2);
	}
}

static void a_process_ends_once_however_many_of_its_threads_do(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 20);
	assert_int_equal(in_cgroup(&world, crowds_end, NULL), 0);
	counted_check(&world, TOTAL(&world, exits), PROCESSES + 1);
	counted_check(&world, TOTAL(&world, failed_exits), PROCESSES / 2);
	world_close(&world);
}

static void cgroups_that_come_and_go_are_told_by_id(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	nerve_consume(world.nerve);
	assert_true(has_id(world.seen.made, world.seen.made_count, world.cgroup_id));
	assert_int_equal(rmdir(world.cgroup), 0);
	nerve_consume(world.nerve);
	assert_true(has_id(world.seen.gone, world.seen.gone_count, world.cgroup_id));
	nerve_close(world.nerve);
}

/* Stops the producers first: records that are made while we compare would look like a loss. */
static void loss_accounting_closes(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	in_cgroup(&world, sleep_often, NULL);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	accounting_check(&world);
	world_close(&world);
}

static void loss_accounting_closes_when_the_ring_overflows(void **state)
{
	struct world world;
	struct wire_loss loss;

	(void)state;
	world_open(&world, 4096);
	for (int i = 0; i < 150; i++)
		in_cgroup(&world, exec_false, NULL);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	nerve_losses(world.nerve, &loss);
	assert_true(loss.dropped[WIRE_EXEC] > 0);
	accounting_check(&world);
	assert_int_equal(TOTAL(&world, execs), 150);
	world_close(&world);
}

/* Records that wake nobody wait for the reader's next look, but not so long that the ring overflows. */
static void ring_that_fills_wakes_its_reader(void **state)
{
	struct epoll_event event;
	struct world world;

	(void)state;
	world_open(&world, 1 << 14);
	do
		nerve_consume(world.nerve);
	while (epoll_wait(nerve_fd(world.nerve), &event, 1, 0) > 0);
	for (int i = 0; i < 150; i++)
		in_cgroup(&world, exec_false, NULL);
	assert_int_equal(epoll_wait(nerve_fd(world.nerve), &event, 1, 0), 1);
	world_close(&world);
}

static void ignore(void *context, const struct wire_head *head, size_t bytes)
{
	(void)context;
	(void)head;
	(void)bytes;
}

static void maps_are_readable_by_field_name_with_bpftool(void **state)
{
	struct nerve_config config = { .slots_max = SLOTS_MAX, .ring_bytes = 1 << 16, .window_ns = 100000000,
				       .flush_hz = 10, .pin_dir = "/sys/fs/bpf/forestall-test" };
	char error[NERVE_ERROR_MAX];
	struct nerve *nerve;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) || system("mount --make-rprivate / && mount -t bpf bpf /sys/fs/bpf"))
		skip_because("needs root to mount a bpffs of its own");
	if (nerve_open(&config, ignore, NULL, &nerve, error))
		skip_because(error);
	assert_true(nerve_is_pinned(nerve));
	/* Without a place to attach to packets are lost, and nothing else is. */
	assert_false(nerve_has(nerve, NERVE_PACKETS));
	assert_true(nerve_has(nerve, NERVE_RECLAIM) && nerve_has(nerve, NERVE_RETRANSMITS));
	assert_int_equal(system("bpftool map dump pinned /sys/fs/bpf/forestall-test/rows | grep -q oncpu_ns"), 0);
	assert_int_equal(system("bpftool prog show pinned /sys/fs/bpf/forestall-test/on_sched_switch | grep -q on_sched"),
			 0);
	nerve_close(nerve);
	assert_int_not_equal(access("/sys/fs/bpf/forestall-test", F_OK), 0);
}

static void every_signal_is_there_or_says_why_not(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	for (int signal = 0; signal < NERVE_SIGNAL_COUNT; signal++) {
		bool is_there = nerve_has(world.nerve, signal);
		const char *may_lack = getenv("FORESTALL_MAY_LACK") ?: "";

		assert_true(is_there == !nerve_lacks(world.nerve, signal)[0]);
		if (!is_there && getenv("FORESTALL_MUST_RUN") && !strstr(may_lack, signal_name(signal)))
			fail_msg("%s: %s", signal_name(signal), nerve_lacks(world.nerve, signal));
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_cpu_time_of_a_cgroup_is_what_its_task_used),
		cmocka_unit_test(who_finds_his_place_taken_is_counted_as_well),
		cmocka_unit_test(hog_that_never_switches_is_seen_while_it_runs),
		cmocka_unit_test(every_wait_is_in_the_histogram_and_good_or_bad),
		cmocka_unit_test(exec_and_exit_are_told_with_name_and_code),
		cmocka_unit_test(forks_and_exits_are_counted),
		cmocka_unit_test(a_process_ends_once_however_many_of_its_threads_do),
		cmocka_unit_test(cgroups_that_come_and_go_are_told_by_id),
		cmocka_unit_test(loss_accounting_closes),
		cmocka_unit_test(loss_accounting_closes_when_the_ring_overflows),
		cmocka_unit_test(ring_that_fills_wakes_its_reader),
		cmocka_unit_test(every_signal_is_there_or_says_why_not),
		cmocka_unit_test(maps_are_readable_by_field_name_with_bpftool),
	};

	return cmocka_run_group_tests_name("nerve", tests, NULL, NULL);
}
