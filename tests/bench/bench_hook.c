/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hooks add to a wakeup and switch, a packet and an IO, in interleaved rounds of: nothing attached, an empty program on
 * sched_switch (what no collector with a hook there can go below), one on each of sched_wakeup and sched_switch, forestall with every signal on, and runqlat of libbpf-tools. Figures are medians over the
 * rounds of the CPU time of the load (hook_load.h), less that of the round's first arm. Last line JSON.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook_load.h"
#include "sense/host.h"
#include "sense/load.h"

#define ROUNDS 21
#define ROUND_US 200000
#define RUNQLAT "/usr/sbin/runqlat"
#define SLOT 1

enum arm { ARM_NONE, ARM_ONE, ARM_EMPTY, ARM_OURS, ARM_RUNQLAT, ARM_COUNT };

static struct {
	char cgroup[512], root[256];
	int cpu;
	struct nerve *nerve;
	int empty_fd[2];
	pid_t runqlat;
} bench;

static void die(const char *what)
{
	fprintf(stderr, "bench_hook: %s: %s\n", what, strerror(errno));
	rmdir(bench.cgroup);
	exit(1);
}

static void ignore(void *context, const struct wire_head *head, size_t bytes)
{
	(void)context;
	(void)head;
	(void)bytes;
}

static void slot_set(bool is_annotated)
{
	struct wire_bound bound = { .delay_ns_max = { 5000000, 5000000, 5000000 }, .detail = is_annotated };
	struct stat st;

	if (stat(bench.cgroup, &st))
		die(bench.cgroup);
	bound.cgroup_id = st.st_ino;
	if (nerve_detail_reset(bench.nerve, 1) || nerve_slot_set(bench.nerve, SLOT, &bound))
		die("slot");
}

static void ours_on(void)
{
	struct nerve_config config = { .slots_max = 1024, .ring_bytes = 1 << 20, .window_ns = 100000000, .flush_hz = 10,
				       .cgroup_root = bench.root };
	char error[NERVE_ERROR_MAX];

	if (nerve_open(&config, ignore, NULL, &bench.nerve, error))
		die(error);
	slot_set(true);
}

static int empty_attach(const char *tracepoint)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static struct btf *btf;
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd, link;

	btf = btf ?: btf__load_vmlinux_btf();
	opts.attach_btf_id = (__u32)btf__find_by_name_kind(btf, tracepoint, BTF_KIND_TYPEDEF);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", insns, 2, &opts);
	link = fd < 0 ? fd : bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0)
		die(tracepoint);
	close(fd);
	return link;
}

static uint32_t programs_named(const char *name)
{
	uint32_t id = 0, count = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		uint32_t bytes = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes))
			count += !strcmp(info.name, name);
		close(fd);
	}
	return count;
}

static void runqlat_on(void)
{
	uint32_t before = programs_named("sched_switch");

	bench.runqlat = fork();
	if (bench.runqlat == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(RUNQLAT, "runqlat", "1000", (char *)NULL);
		_exit(1);
	}
	for (int i = 0; i < 100 && programs_named("sched_switch") <= before; i++) {
		if (waitpid(bench.runqlat, NULL, WNOHANG))
			die(RUNQLAT " does not start (Debian package libbpf-tools)");
		usleep(50000);
	}
	usleep(50000);
}

static void arm_on(enum arm arm)
{
	if (arm == ARM_EMPTY)
		bench.empty_fd[0] = empty_attach("btf_trace_sched_wakeup");
	if (arm == ARM_ONE || arm == ARM_EMPTY)
		bench.empty_fd[1] = empty_attach("btf_trace_sched_switch");
	if (arm == ARM_OURS)
		ours_on();
	if (arm == ARM_RUNQLAT)
		runqlat_on();
}

static void arm_off(enum arm arm)
{
	if (arm == ARM_EMPTY)
		close(bench.empty_fd[0]);
	if (arm == ARM_ONE || arm == ARM_EMPTY)
		close(bench.empty_fd[1]);
	if (arm == ARM_OURS)
		nerve_close(bench.nerve);
	if (arm == ARM_RUNQLAT) {
		kill(bench.runqlat, SIGKILL);
		waitpid(bench.runqlat, NULL, 0);
	}
}

/* CPU time of one piece of the load, over a fifth of a second of it. A busy host may keep the load waiting. */
static double measure(const struct load *load)
{
	struct load_reading before, after;

	usleep(20000);
	before = after = load_read(load);
	for (int i = 0; i < 400 && after.cpu_ns - before.cpu_ns < ROUND_US * 1000ull; i++) {
		usleep(ROUND_US / 4);
		after = load_read(load);
	}
	if (after.pieces == before.pieces)
		die("the load stands still");
	return (double)(after.cpu_ns - before.cpu_ns) / (double)(after.pieces - before.pieces);
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *value)
{
	qsort(value, ROUNDS, sizeof(*value), compare);
	return value[ROUNDS / 2];
}

/* ns that each arm adds to a piece; [ARM_NONE] is what the piece takes by itself. */
static void load_bench(enum load_kind kind, bool is_sched, double ret[ARM_COUNT])
{
	struct load *load = load_start(kind, bench.cgroup, bench.cpu);
	double added[ARM_COUNT][ROUNDS] = { 0 };

	if (!load)
		die("no load");
	for (int round = 0; round < ROUNDS; round++)
		for (enum arm arm = 0; arm < ARM_COUNT; arm++) {
			if (!is_sched && arm != ARM_NONE && arm != ARM_OURS)
				continue;
			arm_on(arm);
			added[arm][round] = measure(load) - (arm ? added[ARM_NONE][round] : 0);
			arm_off(arm);
		}
	load_stop(load);
	for (enum arm arm = 0; arm < ARM_COUNT; arm++)
		ret[arm] = median(added[arm]);
}

/* Mean time of a run of our programs under the load, as the kernel's own statistics have it. */
static double run_measure(void)
{
	uint64_t ns[2], runs[2];

	nerve_run_stats(bench.nerve, &ns[0], &runs[0]);
	usleep(ROUND_US);
	nerve_run_stats(bench.nerve, &ns[1], &runs[1]);
	return (double)(ns[1] - ns[0]) / (double)(runs[1] - runs[0]);
}

/* What it adds to a switch that the waiter is annotated, so that who ran meanwhile is written down: every wait is long enough. */
static double blame_bench(void)
{
	struct load *load = load_start(LOAD_SLOW_CROWD, bench.cgroup, bench.cpu);
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	double added[ROUNDS];

	if (!load || stats < 0)
		die("statistics of BPF programs");
	ours_on();
	for (int round = 0; round < ROUNDS; round++) {
		double without;

		slot_set(false);
		without = run_measure();
		slot_set(true);
		added[round] = run_measure() - without;
	}
	nerve_close(bench.nerve);
	close(stats);
	load_stop(load);
	return median(added);
}

static void say(const char *what, const double added[ARM_COUNT])
{
	printf("%-38s %7.0f ns, added: an empty hook %4.0f, two %4.0f, forestall %4.0f, runqlat %4.0f ns\n", what,
	       added[ARM_NONE], added[ARM_ONE], added[ARM_EMPTY], added[ARM_OURS], added[ARM_RUNQLAT]);
	fflush(stdout);
}

int main(void)
{
	double pair[ARM_COUNT], crowd[ARM_COUNT], packet[ARM_COUNT], io[ARM_COUNT], blame;

	bench.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (geteuid() || host_cgroup_root(bench.root, sizeof(bench.root)))
		die("needs root and a cgroup v2 mount");
	snprintf(bench.cgroup, sizeof(bench.cgroup), "%s/forestall-bench-%d", bench.root, getpid());
	if (mkdir(bench.cgroup, 0755))
		die(bench.cgroup);
	load_bench(LOAD_PAIR, true, pair);
	say("wakeup and switch, 2 tasks", pair);
	load_bench(LOAD_CROWD, true, crowd);
	say("wakeup and switch, 200 tasks", crowd);
	blame = blame_bench();
	printf("%-38s %7.1f ns a switch, when every wait is over 1 ms\n", "who ran meanwhile, of that", blame);
	load_bench(LOAD_PACKETS, false, packet);
	printf("%-38s %7.0f ns, added: forestall %4.0f ns\n", "packet sent and received", packet[ARM_NONE], packet[ARM_OURS]);
	load_bench(LOAD_IO, false, io);
	printf("%-38s %7.0f ns, added: forestall %4.0f ns\n", "read of 4 KiB, with its two switches", io[ARM_NONE], io[ARM_OURS]);
	for (int i = 0; i < 100 && rmdir(bench.cgroup); i++)
		usleep(20000);
	printf("{\"bench\": \"hook\", \"ours_ns\": %.0f, \"one_ns\": %.0f, \"empty_ns\": %.0f, \"runqlat_ns\": %.0f, \"ratio_runqlat\": %.2f, "
	       "\"crowd\": {\"ours_ns\": %.0f, \"one_ns\": %.0f, \"empty_ns\": %.0f, \"runqlat_ns\": %.0f, \"ratio_runqlat\": %.2f}, "
	       "\"blame_ns\": %.1f, \"packet_ns\": %.0f, \"io_ns\": %.0f}\n",
	       pair[ARM_OURS], pair[ARM_ONE], pair[ARM_EMPTY], pair[ARM_RUNQLAT], pair[ARM_OURS] / pair[ARM_RUNQLAT],
	       crowd[ARM_OURS], crowd[ARM_ONE], crowd[ARM_EMPTY], crowd[ARM_RUNQLAT], crowd[ARM_OURS] / crowd[ARM_RUNQLAT],
	       blame, packet[ARM_OURS], io[ARM_OURS]);
	return 0;
}
