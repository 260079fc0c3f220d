/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "cgroupfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILEID_KERNFS 0xfe	/* include/linux/exportfs.h */

void cgroup_files_open(struct cgroup_files *files, int dir_fd)
{
	files->psi_fd = openat(dir_fd, "cpu.pressure", O_RDONLY | O_CLOEXEC);
	files->max_fd = files->weight_fd = -1;
}

void cgroup_files_open_limits(struct cgroup_files *files, int dir_fd)
{
	if (files->max_fd > 0)
		return;
	files->max_fd = openat(dir_fd, "cpu.max", O_RDONLY | O_CLOEXEC);
	files->weight_fd = openat(dir_fd, "cpu.weight", O_RDONLY | O_CLOEXEC);
}

void cgroup_files_close(struct cgroup_files *files)
{
	int *const fds[] = { &files->psi_fd, &files->max_fd, &files->weight_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] > 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int file_read(int fd, char *text, size_t size)
{
	ssize_t n = fd > 0 ? pread(fd, text, size - 1, 0) : -1;

	if (fd <= 0)
		return -ENOENT;
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

int cgroup_files_psi(const struct cgroup_files *files, uint64_t *ret_some_us)
{
	char text[256];
	const char *total;
	int r = file_read(files->psi_fd, text, sizeof(text));

	if (r)
		return r;
	total = strstr(text, "total=");
	if (!total)
		return -EINVAL;
	*ret_some_us = strtoull(total + strlen("total="), NULL, 10);
	return 0;
}

int cgroup_files_limits(const struct cgroup_files *files, struct observe_limits *ret)
{
	char text[64];

	ret->quota_us = QUOTA_NONE;
	ret->weight = 0;
	ret->period_us = 0;
	if (!file_read(files->weight_fd, text, sizeof(text)))
		ret->weight = (uint32_t)strtoul(text, NULL, 10);
	if (!file_read(files->max_fd, text, sizeof(text))) {
		char *rest = text;

		ret->quota_us = strncmp(text, "max", 3) ? strtoull(text, &rest, 10) : QUOTA_NONE;
		rest = strchr(text, ' ');
		ret->period_us = rest ? strtoull(rest, NULL, 10) : 0;
	}
	return 0;
}

int cgroup_open_by_id(int root_fd, const char *root, uint64_t cgroup_id, char ret_path[OBSERVE_PATH_MAX])
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} id = { .handle = { .handle_bytes = sizeof(uint64_t), .handle_type = FILEID_KERNFS } };
	char link[32], path[PATH_MAX];
	size_t root_length = strlen(root);
	ssize_t n;
	int fd;

	memcpy(id.handle.f_handle, &cgroup_id, sizeof(cgroup_id));
	fd = open_by_handle_at(root_fd, &id.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || (size_t)n - root_length >= OBSERVE_PATH_MAX) {
		close(fd);
		return n <= 0 ? -errno : -ENAMETOOLONG;
	}
	path[n] = '\0';
	if (strncmp(path, root, root_length) || strstr(path, " (deleted)")) {
		close(fd);
		return -ENOENT;
	}
	snprintf(ret_path, OBSERVE_PATH_MAX, "%s", path[root_length] ? path + root_length : "/");
	return fd;
}
