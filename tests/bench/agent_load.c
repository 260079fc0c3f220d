/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void pause_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void cgroup_path(const struct load *load, uint32_t at, char path[320])
{
	snprintf(path, 320, "%s/c%05u", load->root, at);
}

/* Begins in its cgroup: ten thousand moves through cgroup.procs would each stop every fork of the host. */
static pid_t fork_into(const char *path)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	if (fd < 0)
		return -1;
	args.cgroup = (uint64_t)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	close(fd);
	return pid;
}

/*
 * Begins when nobody holds the gate's end to write any more: nobody wakes before load_begin(). Phases are spread
 * evenly, so that the load is as steady as so many sleepers can be.
 */
static void sleeper_run(const struct load *load, uint32_t at, uint64_t period_ns)
{
	uint64_t due;
	char unused;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1);
	close(load->gate[1]);
	if (read(load->gate[0], &unused, 1))
		_exit(1);
	due = now_ns() + period_ns * at / load->count;
	while (!*load->is_over) {
		struct timespec t = { .tv_sec = (time_t)(due / NS_PER_S), .tv_nsec = (long)(due % NS_PER_S) };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		load->woken[at]++;
		due += period_ns;
		/* Who cannot keep up leaves wakeups out instead of making them up. */
		if (now_ns() > due)
			due = now_ns() + period_ns;
	}
	_exit(0);
}

static void *shared(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* 0 or -errno; so many as there are have a pid. */
static int sleepers_start(struct load *load, uint32_t count, uint32_t hz)
{
	for (uint32_t at = 0; at < count; at++) {
		char path[320];

		cgroup_path(load, at, path);
		if (mkdir(path, 0755) || (load->pid[at] = fork_into(path)) < 0)
			return -errno;
		if (!load->pid[at])
			sleeper_run(load, at, NS_PER_S / hz);
	}
	return 0;
}

int load_start(struct load *load, const char *cgroup_root, uint32_t count, uint32_t hz)
{
	int r;

	memset(load, 0, sizeof(*load));
	snprintf(load->root, sizeof(load->root), "%s/forestall-bench-%d", cgroup_root, getpid());
	load->pid = calloc(count, sizeof(*load->pid));
	load->woken = shared(count * sizeof(*load->woken));
	load->is_over = shared(sizeof(*load->is_over));
	if (!load->pid || !load->woken || !load->is_over)
		return -ENOMEM;
	if (mkdir(load->root, 0755))
		return -errno;
	if (pipe2(load->gate, O_CLOEXEC)) {
		r = -errno;
		rmdir(load->root);
		return r;
	}
	load->count = count;
	r = sleepers_start(load, count, hz);
	if (r)
		load_stop(load);
	return r;
}

void load_begin(struct load *load)
{
	for (int end = 0; end < 2; end++) {
		if (load->gate[end] >= 0)
			close(load->gate[end]);
		load->gate[end] = -1;
	}
}

void load_stop(struct load *load)
{
	char path[320];

	*load->is_over = true;
	for (uint32_t at = 0; at < load->count; at++)
		if (load->pid[at] > 0)
			kill(load->pid[at], SIGKILL);
	load_begin(load);
	for (uint32_t at = 0; at < load->count; at++)
		if (load->pid[at] > 0)
			waitpid(load->pid[at], NULL, 0);
	for (uint32_t at = 0; at < load->count; at++) {
		cgroup_path(load, at, path);
		for (int i = 0; i < 200 && rmdir(path) && errno == EBUSY; i++)
			pause_ms(5);
	}
	rmdir(load->root);
	free(load->pid);
	munmap(load->woken, load->count * sizeof(*load->woken));
	munmap(load->is_over, sizeof(*load->is_over));
}

uint64_t load_woken(const struct load *load)
{
	uint64_t sum = 0;

	for (uint32_t at = 0; at < load->count; at++)
		sum += load->woken[at];
	return sum;
}
