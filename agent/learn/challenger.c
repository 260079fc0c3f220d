/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "challenger.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CREDIT_MAX_NS 200000000	/* so long it may run at once after it stood still */
#define IOPRIO_IDLE (3 << 13)
#define IOPRIO_WHO_PROCESS 1

extern char **environ;

static void bounds_set(pid_t pid, const struct challenger_bounds *bounds)
{
	struct rlimit cpu = { bounds->cpu_s, bounds->cpu_s + 5 }, memory = { bounds->memory_bytes, bounds->memory_bytes };
	struct rlimit none = { 0, 0 };
	struct sched_param idle = { 0 };

	prlimit(pid, RLIMIT_CPU, &cpu, NULL);
	prlimit(pid, RLIMIT_AS, &memory, NULL);
	prlimit(pid, RLIMIT_CORE, &none, NULL);
	sched_setscheduler(pid, SCHED_IDLE, &idle);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, IOPRIO_IDLE);
}

/* No fork of the mind's memory: the child shares it until it executes. The signals that the loop blocks are its own. */
static int process_spawn(char *const argv[], int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	r = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int challenger_start(struct challenger *challenger, char *const argv[], const struct challenger_bounds *bounds, uint64_t now_ns)
{
	int out[2], r;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	r = process_spawn(argv, out[1], &pid);
	close(out[1]);
	if (r) {
		close(out[0]);
		return r;
	}
	bounds_set(pid, bounds);
	*challenger = (struct challenger){ .pid = pid, .out_fd = out[0], .bounds = *bounds, .started_ns = now_ns,
					   .paced_ns = now_ns, .credit_ns = CREDIT_MAX_NS };
	return 0;
}

static uint64_t cpu_used(const struct challenger *challenger)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(challenger->pid, &clock) || clock_gettime(clock, &used))
		return challenger->cpu_ns;
	return (uint64_t)used.tv_sec * 1000000000ull + (uint64_t)used.tv_nsec;
}

void challenger_pace(struct challenger *challenger, uint64_t now_ns, bool is_busy)
{
	uint64_t cpu_ns;
	bool stands;

	if (!challenger->pid)
		return;
	cpu_ns = cpu_used(challenger);
	challenger->credit_ns += (int64_t)((double)(now_ns - challenger->paced_ns) * (double)challenger->bounds.cpu_share) -
				 (int64_t)(cpu_ns - challenger->cpu_ns);
	if (challenger->credit_ns > CREDIT_MAX_NS)
		challenger->credit_ns = CREDIT_MAX_NS;
	challenger->cpu_ns = cpu_ns;
	challenger->paced_ns = now_ns;
	stands = is_busy || challenger->credit_ns <= 0;
	if (stands != challenger->is_stopped)
		kill(challenger->pid, stands ? SIGSTOP : SIGCONT);
	challenger->is_stopped = stands;
}

/* Its first line; more is thrown away. */
static void words_read(struct challenger *challenger)
{
	char rest[256];
	ssize_t n;

	while ((n = read(challenger->out_fd, rest, sizeof(rest))) > 0) {
		size_t room = sizeof(challenger->said) - 1 - challenger->said_bytes;
		size_t part = (size_t)n < room ? (size_t)n : room;

		memcpy(challenger->said + challenger->said_bytes, rest, part);
		challenger->said_bytes += (uint32_t)part;
	}
	challenger->said[strcspn(challenger->said, "\n")] = '\0';
}

static void finish(struct challenger *challenger)
{
	words_read(challenger);
	close(challenger->out_fd);
	challenger->pid = 0;
}

bool challenger_poll(struct challenger *challenger, uint64_t now_ns, int *ret_status)
{
	if (!challenger->pid)
		return false;
	if (waitpid(challenger->pid, ret_status, WNOHANG) == challenger->pid) {
		finish(challenger);
		return true;
	}
	if (now_ns - challenger->started_ns > challenger->bounds.deadline_ns && !challenger->is_late) {
		challenger->is_late = true;
		kill(challenger->pid, SIGKILL);
	}
	return false;
}

void challenger_stop(struct challenger *challenger)
{
	int status;

	if (!challenger->pid)
		return;
	kill(challenger->pid, SIGKILL);
	waitpid(challenger->pid, &status, 0);
	finish(challenger);
}
