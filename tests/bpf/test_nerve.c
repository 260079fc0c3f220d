/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side on this machine's own kernel, with real tasks in real cgroups. Needs root, BTF and a cgroup v2 mount; else
 * every case is skipped and says so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "predict/hist.h"
#include "sense/host.h"
#include "sense/load.h"
#include "sense/ring.h"

#define SLOT 5
#define SLOTS_MAX 16
#define IDS_MAX 256

static char cgroup[512];
static uint64_t cgroup_id;

struct seen {
	uint64_t delivered[WIRE_KIND_COUNT];
	struct wire_counters moved;	/* of SLOT, from window records */
	char exec_name[WIRE_COMM_LEN];
	uint64_t made[IDS_MAX], gone[IDS_MAX];	/* others on the host come and go as well */
	uint32_t made_count, gone_count;
	uint32_t exit_value;
};

static bool has_id(const uint64_t *ids, uint32_t count, uint64_t id)
{
	for (uint32_t i = 0; i < count && i < IDS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static void record(void *context, const struct wire_head *head, size_t bytes)
{
	struct seen *seen = context;

	(void)bytes;
	seen->delivered[head->kind]++;
	if (head->kind == WIRE_WINDOW && head->slot == SLOT) {
		const uint64_t *from = (const uint64_t *)&((const struct wire_window *)head)->moved;
		uint64_t *to = (uint64_t *)&seen->moved;

		for (size_t i = 0; i < sizeof(seen->moved) / sizeof(*to); i++)
			to[i] += from[i];
	}
	if (head->kind == WIRE_EXEC && head->slot == SLOT)
		memcpy(seen->exec_name, ((const struct wire_task *)head)->comm, WIRE_COMM_LEN);
	if (head->kind == WIRE_EXIT && head->slot == SLOT)
		seen->exit_value = ((const struct wire_task *)head)->value;
	if (head->kind == WIRE_CGROUP_MADE)
		seen->made[seen->made_count++ % IDS_MAX] = head->cgroup_id;
	if (head->kind == WIRE_CGROUP_GONE)
		seen->gone[seen->gone_count++ % IDS_MAX] = head->cgroup_id;
}

/* Where the kernel is one that we promise to run on, as in the guests, a skip would hide the failure. */
static void skip_because(const char *reason)
{
	print_message("skipped: %s\n", reason);
	if (getenv("FORESTALL_MUST_RUN"))
		fail();
	skip();
}

static struct nerve *open_or_skip(struct seen *seen, uint32_t ring_bytes)
{
	struct nerve_config config = { .slots_max = SLOTS_MAX, .ring_bytes = ring_bytes, .window_ns = 100000000,
				       .flush_hz = 10 };
	struct wire_bound bound = { .delay_ns_max[WIRE_DELAY_QUEUE] = 5000000 };
	static int number;
	char error[NERVE_ERROR_MAX], root[256];
	struct nerve *nerve;
	struct stat st;

	if (host_cgroup_root(root, sizeof(root)) || geteuid() != 0)
		skip_because("needs root and a cgroup v2 mount");
	snprintf(cgroup, sizeof(cgroup), "%s/forestall-test-%d-%d", root, getpid(), ++number);
	if (nerve_open(&config, record, seen, &nerve, error))
		skip_because(error);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	assert_int_equal(stat(cgroup, &st), 0);
	cgroup_id = st.st_ino;
	bound.cgroup_id = cgroup_id;
	assert_int_equal(nerve_slot_set(nerve, SLOT, &bound), 0);
	return nerve;
}

static void close_all(struct nerve *nerve)
{
	for (int i = 0; i < 100 && rmdir(cgroup) && errno == EBUSY; i++)
		usleep(10000);
	nerve_close(nerve);
}

static void enter_cgroup(void)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(99);
	close(fd);
}

/* Runs `body` in a child in the cgroup and waits for it. */
static struct rusage child_usage;	/* of the last child of in_cgroup() */

static int in_cgroup(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enter_cgroup();
		body();
		_exit(0);
	}
	assert_int_equal(wait4(pid, &status, 0, &child_usage), pid);
	return status;
}

static uint64_t total_of(const struct nerve *nerve, uint32_t slot, size_t field)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++)
		sum += ((const volatile uint64_t *)&nerve_row(nerve, cpu, slot)->now)[field];
	return sum;
}

static uint64_t sent_of(const struct nerve *nerve, uint32_t slot, size_t field)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++)
		sum += ((const volatile uint64_t *)&nerve_row(nerve, cpu, slot)->sent)[field];
	return sum;
}

#define FIELD(name) (offsetof(struct wire_counters, name) / sizeof(uint64_t))

static uint64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* In CPU time, not wall time: what a loaded host grants does not matter. */
static void spin_300(void)
{
	uint64_t end = cpu_now_ns() + 300000000;

	while (cpu_now_ns() < end)
		;
}

static void sleep_often(void)
{
	for (int i = 0; i < 500; i++)
		usleep(500);
}

static void exec_false(void) { execl("/bin/false", "false", (char *)NULL); }

static void on_cpu_time_of_a_cgroup_is_what_its_task_used(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);

	(void)state;
	in_cgroup(spin_300);
	nerve_consume(nerve);
	/* Beside the spin there are only the child's entry and exit. */
	assert_in_range(total_of(nerve, SLOT, FIELD(oncpu_ns)), 299000000, 330000000);
	close_all(nerve);
}

/* Nobody competes on an idle CPU, so the hog may never switch: only the flush can see it while it runs. */
static void hog_that_never_switches_is_seen_while_it_runs(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);
	bool is_seen = false;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		enter_cgroup();
		for (;;)
			;
	}
	for (int i = 0; i < 600 && !is_seen; i++) {
		usleep(50000);
		nerve_consume(nerve);
		is_seen = total_of(nerve, SLOT, FIELD(oncpu_ns)) > 100000000 && seen.delivered[WIRE_WINDOW] > 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close_all(nerve);
	assert_true(is_seen);
}

static void every_wait_is_in_the_histogram_and_good_or_bad(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);
	uint64_t switches, in_hist = 0, kernel;

	(void)state;
	in_cgroup(sleep_often);
	switches = total_of(nerve, SLOT, FIELD(switches));
	for (uint32_t cpu = 0; cpu < nerve_cpus(nerve); cpu++)
		for (int i = 0; i < WIRE_HIST_COUNT; i++)
			in_hist += nerve_row(nerve, cpu, SLOT)->hist[i];
	/* What the kernel counted itself, but for the first few outside the cgroup and the last one, after the exit. */
	kernel = (uint64_t)(child_usage.ru_nvcsw + child_usage.ru_nivcsw);
	assert_true(kernel > 50);
	assert_in_range(switches, kernel - 10, kernel + 2);
	assert_int_equal(in_hist, switches);
	assert_int_equal(total_of(nerve, SLOT, FIELD(verdict[WIRE_DELAY_QUEUE].good)) +
			 total_of(nerve, SLOT, FIELD(verdict[WIRE_DELAY_QUEUE].bad)), switches);
	close_all(nerve);
}

static void exec_and_exit_are_told_with_name_and_code(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);

	(void)state;
	in_cgroup(exec_false);
	nerve_consume(nerve);
	assert_string_equal(seen.exec_name, "false");
	assert_int_equal(WEXITSTATUS(seen.exit_value), 1);
	assert_int_equal(total_of(nerve, SLOT, FIELD(execs)), 1);
	assert_int_equal(total_of(nerve, SLOT, FIELD(failed_exits)), 1);
	close_all(nerve);
}

static void cgroups_that_come_and_go_are_told_by_id(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);

	(void)state;
	nerve_consume(nerve);
	assert_true(has_id(seen.made, seen.made_count, cgroup_id));
	assert_int_equal(rmdir(cgroup), 0);
	nerve_consume(nerve);
	assert_true(has_id(seen.gone, seen.gone_count, cgroup_id));
	nerve_close(nerve);
}

static void accounting_check(struct nerve *nerve, struct seen *seen)
{
	struct wire_loss loss;
	const uint64_t *moved = (const uint64_t *)&seen->moved;

	nerve_losses(nerve, &loss);
	for (int kind = 1; kind < WIRE_KIND_COUNT; kind++)
		assert_int_equal(loss.produced[kind], seen->delivered[kind] + loss.dropped[kind]);
	/* What the ring told of a row is exactly what the row says it has told; the rest is still in the row. */
	for (size_t i = 0; i < sizeof(struct wire_counters) / sizeof(uint64_t); i++) {
		assert_int_equal(moved[i], sent_of(nerve, SLOT, i));
		assert_true(total_of(nerve, SLOT, i) >= moved[i]);
	}
}

/* Stops the producers first: records that are made while we compare would look like a loss. */
static void loss_accounting_closes(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 1 << 18);

	(void)state;
	in_cgroup(sleep_often);
	nerve_stop(nerve);
	nerve_consume(nerve);
	accounting_check(nerve, &seen);
	close_all(nerve);
}

static void loss_accounting_closes_when_the_ring_overflows(void **state)
{
	struct seen seen = { 0 };
	struct nerve *nerve = open_or_skip(&seen, 4096);
	struct wire_loss loss;

	(void)state;
	for (int i = 0; i < 150; i++)
		in_cgroup(exec_false);
	nerve_stop(nerve);
	nerve_consume(nerve);
	nerve_losses(nerve, &loss);
	assert_true(loss.dropped[WIRE_EXEC] > 0);
	accounting_check(nerve, &seen);
	assert_int_equal(total_of(nerve, SLOT, FIELD(execs)), 150);
	close_all(nerve);
}

static void maps_are_readable_by_field_name_with_bpftool(void **state)
{
	struct nerve_config config = { .slots_max = SLOTS_MAX, .ring_bytes = 1 << 16, .window_ns = 100000000,
				       .flush_hz = 10, .pin_dir = "/sys/fs/bpf/forestall-test" };
	char error[NERVE_ERROR_MAX];
	struct seen seen = { 0 };
	struct nerve *nerve;

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) || system("mount --make-rprivate / && mount -t bpf bpf /sys/fs/bpf"))
		skip_because("needs root to mount a bpffs of its own");
	if (nerve_open(&config, record, &seen, &nerve, error))
		skip_because(error);
	assert_true(nerve_is_pinned(nerve));
	assert_int_equal(system("bpftool map dump pinned /sys/fs/bpf/forestall-test/rows | grep -q oncpu_ns"), 0);
	assert_int_equal(system("bpftool prog show pinned /sys/fs/bpf/forestall-test/on_sched_switch | grep -q on_sched"),
			 0);
	nerve_close(nerve);
	assert_int_not_equal(access("/sys/fs/bpf/forestall-test", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_cpu_time_of_a_cgroup_is_what_its_task_used),
		cmocka_unit_test(hog_that_never_switches_is_seen_while_it_runs),
		cmocka_unit_test(every_wait_is_in_the_histogram_and_good_or_bad),
		cmocka_unit_test(exec_and_exit_are_told_with_name_and_code),
		cmocka_unit_test(cgroups_that_come_and_go_are_told_by_id),
		cmocka_unit_test(loss_accounting_closes),
		cmocka_unit_test(loss_accounting_closes_when_the_ring_overflows),
		cmocka_unit_test(maps_are_readable_by_field_name_with_bpftool),
	};

	return cmocka_run_group_tests_name("nerve", tests, NULL, NULL);
}
