/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bounds.h"
#include "child.h"
#include "cleanup.h"
#include "lock.h"

#define LOCK_POLL_MS 10

int run_dir_open(const char *run_dir)
{
	_cleanup_close_ int fd = -1;
	struct stat stat;

	if (mkdir(run_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_uid != geteuid() || (stat.st_mode & 022))
		return -EPERM;
	return TAKE_FD(fd);
}

/* Field 22 of /proc/PID/stat; the name in field 2 may hold anything, so count from its last parenthesis. */
static int start_time_read(pid_t pid, char ret_comm[16], unsigned long long *ret_time)
{
	char path[48], text[1024], *open_at, *close_at;
	_cleanup_close_ int fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	text[length] = '\0';
	open_at = strchr(text, '(');
	close_at = strrchr(text, ')');
	if (!open_at || !close_at)
		return -EBADMSG;
	snprintf(ret_comm, 16, "%.*s", (int)(close_at - open_at - 1), open_at + 1);
	if (sscanf(close_at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   ret_time) != 1)
		return -EBADMSG;
	return 0;
}

static int holder_write(int fd)
{
	unsigned long long start_time;
	char comm[16], line[64];
	int length, r;

	r = start_time_read(getpid(), comm, &start_time);
	if (r < 0)
		return r;
	length = snprintf(line, sizeof(line), "%d %llu\n", (int)getpid(), start_time);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, line, (size_t)length, 0) != length)
		return errno ? -errno : -ENOSPC;
	return 0;
}

int lock_take(int run_fd, int timeout_ms)
{
	_cleanup_close_ int fd = openat(run_fd, "act.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	for (; flock(fd, LOCK_EX | LOCK_NB) < 0; timeout_ms -= LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK || timeout_ms <= 0)
			return -errno;
		poll(NULL, 0, LOCK_POLL_MS);
	}
	r = holder_write(fd);
	if (r < 0)
		return r;
	child_share(fd);
	return TAKE_FD(fd);
}

static int holder_read(int run_fd, pid_t *ret_pid, unsigned long long *ret_time)
{
	_cleanup_close_ int fd = openat(run_fd, "act.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char line[64] = "";
	int pid;

	if (fd < 0)
		return -errno;
	if (read(fd, line, sizeof(line) - 1) < 0)
		return -errno;
	if (sscanf(line, "%d %llu", &pid, ret_time) != 2 || pid <= 1)
		return -ESRCH;
	*ret_pid = pid;
	return 0;
}

int lock_holder_open(int run_fd, pid_t *ret_pid)
{
	unsigned long long written_time, start_time;
	_cleanup_close_ int fd = -1;
	char comm[16];
	int r;

	r = holder_read(run_fd, ret_pid, &written_time);
	if (r < 0)
		return r;
	/* First the handle, then the check: what the handle names cannot change any more. */
	fd = (int)syscall(SYS_pidfd_open, *ret_pid, 0);
	if (fd < 0)
		return -errno;
	r = start_time_read(*ret_pid, comm, &start_time);
	if (r < 0)
		return r;
	if (start_time != written_time || strcmp(comm, ACT_COMM) != 0)
		return -ESRCH;
	return TAKE_FD(fd);
}

int lock_holder_kill(int pid_fd, int timeout_ms)
{
	struct pollfd end = { .fd = pid_fd, .events = POLLIN };
	int r;

	if (syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return -errno;
	do
		r = poll(&end, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}
