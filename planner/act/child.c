/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "child.h"

static int shared_fd = -1;

void child_share(int lock_fd)
{
	shared_fd = lock_fd;
}

static void descriptors_close(int fd)
{
	int other = shared_fd < 0 ? fd : shared_fd;
	unsigned int low = (unsigned int)(fd < other ? fd : other), high = (unsigned int)(fd < other ? other : fd);

	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, UINT_MAX, 0);
}

static void __attribute__((noreturn)) child_main(int fd, const char *text, size_t length, pid_t parent)
{
	prctl(PR_SET_NAME, "forestall-write", 0, 0, 0);
	/* A parent that died before this call is somebody else by now. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(EINTR);
	descriptors_close(fd);
	_exit(write(fd, text, length) < 0 ? errno : 0);
}

int child_start(int fd, const char *text, size_t length, struct child *ret)
{
	pid_t parent = getpid(), pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_main(fd, text, length, parent);
	ret->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ret->pid_fd >= 0)
		return 0;
	r = -errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

int child_poll(struct child *child, int *ret_error)
{
	siginfo_t info = { 0 };

	if (waitid((idtype_t)P_PIDFD, (id_t)child->pid_fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return 0;
	close(child->pid_fd);
	child->pid_fd = -1;
	*ret_error = info.si_code == CLD_EXITED ? -info.si_status : -EINTR;
	return 1;
}

static void end_await(int pid_fd, int timeout_ms)
{
	struct pollfd end = { .fd = pid_fd, .events = POLLIN };

	while (poll(&end, 1, timeout_ms) < 0 && errno == EINTR)
		;
}

int child_end(struct child *child, int timeout_ms, int *ret_error)
{
	*ret_error = 0;
	if (child->pid_fd < 0)
		return 0;
	if (timeout_ms > 0)
		end_await(child->pid_fd, timeout_ms);
	syscall(SYS_pidfd_send_signal, child->pid_fd, SIGKILL, NULL, 0);
	end_await(child->pid_fd, CHILD_DEATH_MS);
	return child_poll(child, ret_error) ? 0 : -EBUSY;
}
