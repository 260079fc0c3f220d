/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASKS_MAX 200
#define SLOW_NS 20000
#define FILE_PATH "build/test/bench_hook.bin"
#define FILE_BYTES (4 << 20)
#define BLOCK 4096

/* Shared with the tasks; a cache line each. */
struct tally {
	uint64_t pieces;
	uint64_t pad[7];
};

struct load {
	enum load_kind kind;
	int tasks;
	pid_t pid[TASKS_MAX];
	clockid_t clock[TASKS_MAX];
	int pipe[TASKS_MAX][2];
	struct tally *tally;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void work(uint64_t ns)
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + ns;

	while (now_ns(CLOCK_MONOTONIC) < end)
		;
}

static void messages(const struct load *load, int task)
{
	char token = 'x';

	if (task & 1 && write(load->pipe[task ^ 1][1], &token, 1) != 1)
		_exit(1);
	for (;;) {
		if (read(load->pipe[task][0], &token, 1) != 1)
			_exit(1);
		if (load->kind == LOAD_SLOW_CROWD)
			work(SLOW_NS);
		load->tally[task].pieces++;
		if (write(load->pipe[task ^ 1][1], &token, 1) != 1)
			_exit(1);
	}
}

static void packets(struct tally *tally)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[64] = "x";

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockname(fd, (struct sockaddr *)&address, &bytes) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		_exit(1);
	for (;; tally->pieces++)
		if (send(fd, data, sizeof(data), 0) < 0 || recv(fd, data, sizeof(data), 0) < 0)
			_exit(1);
}

static void reads(struct tally *tally)
{
	int fd = open(FILE_PATH, O_RDONLY | O_DIRECT | O_CLOEXEC);
	void *data = aligned_alloc(BLOCK, BLOCK);

	for (off_t at = 0;; at = (at + BLOCK) % FILE_BYTES, tally->pieces++)
		if (pread(fd, data, BLOCK, at) != BLOCK)
			_exit(1);
}

static bool file_make(void)
{
	static char data[FILE_BYTES] = "x";
	int fd = open(FILE_PATH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_made = write(fd, data, sizeof(data)) == sizeof(data) && !fsync(fd);

	close(fd);
	return is_made;
}

static void cgroup_enter(const char *cgroup)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	close(fd);
}

static void task_run(const struct load *load, int task, const char *cgroup, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(cgroup);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
	if (load->kind == LOAD_PACKETS)
		packets(&load->tally[task]);
	else if (load->kind == LOAD_IO)
		reads(&load->tally[task]);
	else
		messages(load, task);
}

struct load *load_start(enum load_kind kind, const char *cgroup, int cpu)
{
	static const int tasks[LOAD_KIND_COUNT] = { 2, TASKS_MAX, TASKS_MAX, 1, 1 };
	struct load *load = calloc(1, sizeof(*load));

	load->kind = kind;
	load->tasks = tasks[kind];
	load->tally = mmap(NULL, TASKS_MAX * sizeof(*load->tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < load->tasks; i++)
		if (pipe2(load->pipe[i], O_CLOEXEC))
			perror("pipe");
	if (kind == LOAD_IO && !file_make())
		perror(FILE_PATH);
	for (int i = 0; i < load->tasks; i++) {
		load->pid[i] = fork();
		if (load->pid[i] == 0)
			task_run(load, i, cgroup, cpu);
		clock_getcpuclockid(load->pid[i], &load->clock[i]);
	}
	for (int i = 0; i < 100 && !load_read(load).pieces; i++)
		usleep(100000);
	if (load_read(load).pieces)
		return load;
	fprintf(stderr, "bench_hook: load %d does nothing on CPU %d in %s\n", kind, cpu, cgroup);
	load_stop(load);
	return NULL;
}

void load_stop(struct load *load)
{
	for (int i = 0; i < load->tasks; i++) {
		kill(load->pid[i], SIGKILL);
		waitpid(load->pid[i], NULL, 0);
		close(load->pipe[i][0]);
		close(load->pipe[i][1]);
	}
	munmap(load->tally, TASKS_MAX * sizeof(*load->tally));
	unlink(FILE_PATH);
	free(load);
}

struct load_reading load_read(const struct load *load)
{
	struct load_reading reading = { 0 };

	for (int i = 0; i < load->tasks; i++) {
		reading.cpu_ns += now_ns(load->clock[i]);
		reading.pieces += __atomic_load_n(&load->tally[i].pieces, __ATOMIC_RELAXED);
	}
	return reading;
}
