/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flood_pressure.h"

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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sense/host.h"

#define HOGS 4
#define STALL_US 20000
#define TRIGGER "some 20000 500000"
#define READ_MS 100
#define ROUND_MS 2000
#define CALM_MS 1200	/* between rounds: two windows, so that the next one begins empty */
#define NS_PER_MS 1000000ull

static void hog_run(const char *group)
{
	char path[400];
	cpu_set_t set;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (fd < 0 || write(fd, "0", 1) != 1 || sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
	raise(SIGSTOP);
	for (;;)
		;
}

/* Microseconds of "some" so far. */
static uint64_t total_read(int fd)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "total=");
	return at ? strtoull(at + strlen("total="), NULL, 10) : 0;
}

/* One stall. A way that heard nothing of it was as late as the round is long. */
static void round_run(int trigger, int totals, const pid_t *hog, double *ret_trigger_ms, double *ret_read_ms)
{
	struct pollfd told = { .fd = trigger, .events = POLLPRI };
	uint64_t before, begun, due, now;

	/* What the trigger still has to tell of the last round. */
	while (poll(&told, 1, 0) > 0)
		;
	/* The mind's ticks do not begin with the stall. */
	due = host_now_ns() + READ_MS * NS_PER_MS;
	usleep((useconds_t)(rand() % READ_MS) * 1000);
	before = total_read(totals);
	*ret_trigger_ms = *ret_read_ms = ROUND_MS;
	begun = host_now_ns();
	for (int i = 0; i < HOGS; i++)
		kill(hog[i], SIGCONT);
	for (now = begun; now < begun + ROUND_MS * NS_PER_MS; now = host_now_ns()) {
		int left_ms = due > now ? (int)((due - now) / NS_PER_MS) + 1 : 0;
		bool is_told = poll(&told, 1, left_ms) > 0 && told.revents & POLLPRI;
		double since_ms = (double)(host_now_ns() - begun) / NS_PER_MS;

		if (is_told && since_ms < *ret_trigger_ms)
			*ret_trigger_ms = since_ms;
		if (host_now_ns() < due)
			continue;
		due += READ_MS * NS_PER_MS;
		if (total_read(totals) - before >= STALL_US && since_ms < *ret_read_ms)
			*ret_read_ms = since_ms;
	}
	for (int i = 0; i < HOGS; i++)
		kill(hog[i], SIGSTOP);
	usleep(CALM_MS * 1000);
}

static int ascending(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static void rounds_run(int trigger, int totals, const pid_t *hog, struct pressure_told *ret)
{
	unsigned first = 0;

	for (int i = 0; i < PRESSURE_ROUNDS; i++) {
		round_run(trigger, totals, hog, &ret->trigger_ms[i], &ret->read_ms[i]);
		first += ret->trigger_ms[i] < ret->read_ms[i];
	}
	ret->trigger_first = (double)first / PRESSURE_ROUNDS;
	qsort(ret->trigger_ms, PRESSURE_ROUNDS, sizeof(double), ascending);
	qsort(ret->read_ms, PRESSURE_ROUNDS, sizeof(double), ascending);
}

int pressure_measure(const char *group, struct pressure_told *ret)
{
	char child[320], path[400];
	int trigger, totals, r = 0;
	pid_t hog[HOGS];

	snprintf(child, sizeof(child), "%s/stall", group);
	if (mkdir(child, 0755))
		return -errno;
	snprintf(path, sizeof(path), "%s/cpu.pressure", child);
	totals = open(path, O_RDONLY | O_CLOEXEC);
	trigger = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (totals < 0 || trigger < 0 || write(trigger, TRIGGER, sizeof(TRIGGER)) < 0)
		r = -errno;
	for (int i = 0; i < HOGS && !r; i++) {
		hog[i] = fork();
		if (!hog[i])
			hog_run(child);
		waitpid(hog[i], NULL, WUNTRACED);
	}
	if (!r) {
		rounds_run(trigger, totals, hog, ret);
		for (int i = 0; i < HOGS; i++) {
			kill(hog[i], SIGKILL);
			waitpid(hog[i], NULL, 0);
		}
	}
	if (trigger >= 0)
		close(trigger);
	if (totals >= 0)
		close(totals);
	rmdir(child);
	return r;
}
