/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "act/bounds.h"

#define BACKOFF_FIRST_MS 200
#define HEALTHY_NS (10 * NS_PER_S)	/* one that ran this long starts with the first pause again */
#define STATUS_NO_EXEC 127
#define POLL_MS 20

uint64_t process_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int process_init(struct process *process, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	memset(process, 0, sizeof(*process));
	process->name = name;
	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	n = snprintf(process->path, sizeof(process->path), "%s/%s", self, name);
	if (n < 0 || (size_t)n >= sizeof(process->path) || access(process->path, X_OK) < 0)
		return -ENOENT;
	process->word[process->words++] = process->name;
	return 0;
}

void process_option(struct process *process, const char *option, const char *value)
{
	if (!value || process->words + 2 >= PROCESS_WORDS_MAX)
		return;
	process->word[process->words++] = option;
	process->word[process->words++] = value;
}

/* A session of its own keeps the terminal's Ctrl-C from the children: the order of ending is the supervisor's. */
static void child_exec(const struct process *process, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	/* The parent may have died before the line above. */
	if (getppid() == parent)
		execv(process->path, (char *const *)(uintptr_t)process->word);
	_exit(STATUS_NO_EXEC);
}

int process_start(struct process *process)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_exec(process, parent);
	process->pid = pid;
	process->start_ns = process_now_ns();
	process->due_ns = 0;
	return 0;
}

enum process_end process_end(struct process *process, int wait_status, int *ret_code)
{
	process->pid = 0;
	if (WIFSIGNALED(wait_status)) {
		*ret_code = WTERMSIG(wait_status);
		return PROCESS_KILLED;
	}
	*ret_code = WEXITSTATUS(wait_status);
	if (*ret_code == EXIT_MODE_CHANGED)
		return PROCESS_CHANGED_MODE;
	return *ret_code ? PROCESS_GAVE_UP : PROCESS_ENDED_WELL;
}

void process_delay(struct process *process, uint32_t backoff_max_ms)
{
	uint64_t now_ns = process_now_ns();

	if (!process->backoff_ms || now_ns - process->start_ns >= HEALTHY_NS)
		process->backoff_ms = BACKOFF_FIRST_MS;
	process->due_ns = now_ns + process->backoff_ms * NS_PER_MS;
	process->backoff_ms = 2 * process->backoff_ms < backoff_max_ms ? 2 * process->backoff_ms : backoff_max_ms;
}

int process_stop(struct process *process, uint32_t patience_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int status = 0;

	if (!process->pid)
		return 0;
	kill(process->pid, SIGTERM);
	for (uint32_t waited = 0; waited < patience_ms; waited += POLL_MS) {
		if (waitpid(process->pid, &status, WNOHANG) != 0) {
			process->pid = 0;
			return status;
		}
		nanosleep(&pause, NULL);
	}
	kill(process->pid, SIGKILL);
	waitpid(process->pid, &status, 0);
	process->pid = 0;
	return status;
}
