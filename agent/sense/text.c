/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int text_read(int dir_fd, const char *name, char *text, size_t size)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
	int r = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return r;
}
