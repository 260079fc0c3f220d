/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "bounds.h"
#include "cleanup.h"
#include "tc_process.h"

static pid_t file_first(int dir_fd)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), pid = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file) {
		if (fd >= 0)
			close(fd);
		return -ESRCH;
	}
	/* A process of another PID namespace shows as 0. */
	while (pid <= 0 && fscanf(file, "%d", &pid) == 1)
		;
	fclose(file);
	return pid > 0 ? pid : -ESRCH;
}

static pid_t dir_first(int dir_fd, unsigned int depth)
{
	pid_t pid = file_first(dir_fd);
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (pid > 0 || depth == WALK_DEPTH_MAX)
		return pid;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -ESRCH;
	}
	while (pid < 0 && (entry = readdir(dir))) {
		_cleanup_close_ int child_fd = -1;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child_fd = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child_fd >= 0)
			pid = dir_first(child_fd, depth + 1);
	}
	closedir(dir);
	return pid;
}

pid_t process_first(int dir_fd)
{
	return dir_fd < 0 ? -ESRCH : dir_first(dir_fd, 0);
}
