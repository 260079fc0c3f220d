/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "run_mode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/lock.h"

int run_mode_load(const char *run_dir)
{
	char path[PATH_MAX], text[32];
	enum mode mode;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/mode", run_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? MODE_OBSERVE : -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	mode = mode_parse(text);
	return mode == MODE_COUNT ? -EBADMSG : (int)mode;
}

int run_mode_save(const char *run_dir, enum mode mode)
{
	int dir_fd = run_dir_open(run_dir), fd, n, r = 0;
	char text[32];

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, "mode.cli", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		r = -errno;
	n = snprintf(text, sizeof(text), "%s\n", mode_name(mode));
	if (r == 0 && write(fd, text, (size_t)n) != n)
		r = -EIO;
	if (fd >= 0)
		close(fd);
	/* By way of a second file, so that nobody ever reads half a mode. */
	if (r == 0 && renameat(dir_fd, "mode.cli", dir_fd, "mode") < 0)
		r = -errno;
	close(dir_fd);
	return r;
}
