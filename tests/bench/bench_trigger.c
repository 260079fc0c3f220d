/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is told of pressure first: a PSI trigger of the shortest window that the kernel takes, or who reads the total each tick and
 * judges two ticks, as the reflex does (predict/window.h)? A task runs alone on a CPU, hogs begin beside it at any moment of a tick; both
 * have the same bound, a stalled share of 4 %. Times are from the hogs' begin; medians and the worst of ROUNDS. Last line JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sense/host.h"

#define ROUNDS 12
#define HOGS 3
#define TICK_NS 100000000ull
#define TRIGGER "some 20000 500000"	/* us of a window in us: 500 ms is the kernel's least */
#define READ_BAD_US 8000		/* of two ticks */
#define PATIENCE_NS 5000000000ull
#define CALM_NS 1300000000ull

struct stage {
	char group[320];
	int trigger_fd, pressure_fd, tick_fd;
	pid_t victim, hog[HOGS];
	uint64_t total_us[3];	/* at the last ticks, the youngest first */
	uint64_t read_ns, reads;
};

struct round {
	uint64_t trigger_ns, read_ns;	/* 0: not told in PATIENCE_NS */
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static pid_t burner_start(const char *group)
{
	char path[400];
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(0);
	if (group) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", group);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
	}
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void hogs_signal(const struct stage *stage, int number)
{
	for (int i = 0; i < HOGS; i++)
		kill(stage->hog[i], number);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* True when the last two ticks were bad. */
static bool tick_read(struct stage *stage)
{
	uint64_t expired, begun = cpu_ns();
	char text[256] = "", *total;

	if (read(stage->tick_fd, &expired, sizeof(expired)) != sizeof(expired) ||
	    pread(stage->pressure_fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	total = strstr(text, "total=");
	memmove(&stage->total_us[1], &stage->total_us[0], 2 * sizeof(stage->total_us[0]));
	stage->total_us[0] = total ? strtoull(total + strlen("total="), NULL, 10) : 0;
	stage->read_ns += cpu_ns() - begun;
	stage->reads++;
	return stage->total_us[0] - stage->total_us[2] > READ_BAD_US;
}

/* Until `until_ns`, or both have told. */
static struct round look(struct stage *stage, uint64_t begun_ns, uint64_t until_ns)
{
	struct pollfd fds[] = { { .fd = stage->trigger_fd, .events = POLLPRI }, { .fd = stage->tick_fd, .events = POLLIN } };
	struct round round = { 0 };

	while (host_now_ns() < until_ns && !(round.trigger_ns && round.read_ns)) {
		if (poll(fds, 2, 100) <= 0)
			continue;
		if (fds[0].revents & POLLPRI && !round.trigger_ns)
			round.trigger_ns = host_now_ns() - begun_ns;
		if (fds[1].revents & POLLIN && tick_read(stage) && !round.read_ns)
			round.read_ns = host_now_ns() - begun_ns;
	}
	return round;
}

static struct round round_run(struct stage *stage)
{
	uint64_t begun_ns = host_now_ns();
	struct round round;

	hogs_signal(stage, SIGCONT);
	round = look(stage, begun_ns, begun_ns + PATIENCE_NS);
	hogs_signal(stage, SIGSTOP);
	/* Until the window is over, and by some part of a tick more. */
	begun_ns = host_now_ns();
	look(stage, begun_ns, begun_ns + CALM_NS + (uint64_t)rand() % TICK_NS);
	return round;
}

/* CPU time of the kernel threads that serve triggers. */
static uint64_t monitor_ns(void)
{
	FILE *list = popen("for p in $(pgrep -x psimon); do cut -d' ' -f1 /proc/$p/schedstat; done", "re");
	unsigned long long sum = 0, one;

	while (list && fscanf(list, "%llu", &one) == 1)
		sum += one;
	if (list)
		pclose(list);
	return sum;
}

static int stage_open(struct stage *stage)
{
	struct itimerspec every = { .it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS };
	char root[256], path[400];

	if (host_cgroup_root(root, sizeof(root)))
		return -ENOENT;
	snprintf(stage->group, sizeof(stage->group), "%s/forestall-trigger-%d", root, getpid());
	snprintf(path, sizeof(path), "%s/cpu.pressure", stage->group);
	if (mkdir(stage->group, 0755))
		return -errno;
	stage->victim = burner_start(stage->group);
	for (int i = 0; i < HOGS; i++)
		stage->hog[i] = burner_start(NULL);
	hogs_signal(stage, SIGSTOP);
	pin(1);
	stage->pressure_fd = open(path, O_RDONLY | O_CLOEXEC);
	stage->trigger_fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	stage->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (stage->pressure_fd < 0 || stage->trigger_fd < 0 || write(stage->trigger_fd, TRIGGER, sizeof(TRIGGER)) < 0 ||
	    timerfd_settime(stage->tick_fd, 0, &every, NULL))
		return -errno;
	look(stage, host_now_ns(), host_now_ns() + CALM_NS);
	return 0;
}

static void stage_close(const struct stage *stage)
{
	kill(stage->victim, SIGKILL);
	hogs_signal(stage, SIGKILL);
	while (wait(NULL) > 0)
		;
	rmdir(stage->group);
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

int main(void)
{
	struct stage stage = { .trigger_fd = -1 };
	double trigger_ms[ROUNDS], read_ms[ROUNDS], seconds;
	uint64_t begun_ns, monitored_ns;
	int r = stage_open(&stage), missed = 0;

	if (r) {
		fprintf(stderr, "bench-trigger: needs root, two CPUs, a cgroup v2 mount and PSI: %s\n", strerror(-r));
		stage_close(&stage);
		return 1;
	}
	begun_ns = host_now_ns();
	monitored_ns = monitor_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct round round = round_run(&stage);

		missed += !round.trigger_ns || !round.read_ns;
		trigger_ms[i] = (double)(round.trigger_ns ?: PATIENCE_NS) / 1e6;
		read_ms[i] = (double)(round.read_ns ?: PATIENCE_NS) / 1e6;
	}
	seconds = (double)(host_now_ns() - begun_ns) / 1e9;
	monitored_ns = monitor_ns() - monitored_ns;
	stage_close(&stage);
	qsort(trigger_ms, ROUNDS, sizeof(trigger_ms[0]), by_value);
	qsort(read_ms, ROUNDS, sizeof(read_ms[0]), by_value);
	printf("{\"bench\":\"trigger\",\"rounds\":%d,\"missed\":%d,\"trigger_ms\":%.0f,\"trigger_worst_ms\":%.0f,\"read_ms\":%.0f,"
	       "\"read_worst_ms\":%.0f,\"read_us\":%.1f,\"read_us_per_s\":%.0f,\"trigger_us_per_s\":%.0f}\n",
	       ROUNDS, missed, trigger_ms[ROUNDS / 2], trigger_ms[ROUNDS - 1], read_ms[ROUNDS / 2], read_ms[ROUNDS - 1],
	       (double)stage.read_ns / 1e3 / (double)stage.reads, 10 * (double)stage.read_ns / 1e3 / (double)stage.reads,
	       (double)monitored_ns / 1e3 / seconds);
	return 0;
}
