/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "child.h"

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

uint64_t child_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int child_init(struct child *child, const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	memset(child, 0, sizeof(*child));
	child->name = name;
	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	n = snprintf(child->path, sizeof(child->path), "%s/%s", self, name);
	if (n < 0 || (size_t)n >= sizeof(child->path) || access(child->path, X_OK) < 0)
		return -ENOENT;
	child->word[child->words++] = child->name;
	return 0;
}

void child_option(struct child *child, const char *option, const char *value)
{
	if (!value || child->words + 2 >= CHILD_WORDS_MAX)
		return;
	child->word[child->words++] = option;
	child->word[child->words++] = value;
}

/* A session of its own keeps the terminal's Ctrl-C from the children: the order of ending is the supervisor's. */
static void child_exec(const struct child *child, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	/* The parent may have died before the line above. */
	if (getppid() == parent)
		execv(child->path, (char *const *)(uintptr_t)child->word);
	_exit(STATUS_NO_EXEC);
}

int child_start(struct child *child)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_exec(child, parent);
	child->pid = pid;
	child->start_ns = child_now_ns();
	child->due_ns = 0;
	return 0;
}

enum child_end child_end(struct child *child, int wait_status, int *ret_code)
{
	child->pid = 0;
	if (WIFSIGNALED(wait_status)) {
		*ret_code = WTERMSIG(wait_status);
		return CHILD_KILLED;
	}
	*ret_code = WEXITSTATUS(wait_status);
	if (*ret_code == EXIT_MODE_CHANGED)
		return CHILD_CHANGED_MODE;
	return *ret_code ? CHILD_GAVE_UP : CHILD_ENDED_WELL;
}

void child_delay(struct child *child, uint32_t backoff_max_ms)
{
	uint64_t now_ns = child_now_ns();

	if (!child->backoff_ms || now_ns - child->start_ns >= HEALTHY_NS)
		child->backoff_ms = BACKOFF_FIRST_MS;
	child->due_ns = now_ns + child->backoff_ms * NS_PER_MS;
	child->backoff_ms = 2 * child->backoff_ms < backoff_max_ms ? 2 * child->backoff_ms : backoff_max_ms;
}

int child_stop(struct child *child, uint32_t patience_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int status = 0;

	if (!child->pid)
		return 0;
	kill(child->pid, SIGTERM);
	for (uint32_t waited = 0; waited < patience_ms; waited += POLL_MS) {
		if (waitpid(child->pid, &status, WNOHANG) != 0) {
			child->pid = 0;
			return status;
		}
		nanosleep(&pause, NULL);
	}
	kill(child->pid, SIGKILL);
	waitpid(child->pid, &status, 0);
	child->pid = 0;
	return status;
}
