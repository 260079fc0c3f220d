/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spare.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

int spare_keep(int fd, unsigned int share)
{
	struct rlimit limit;

	/* The lowest that is free is given out, so its number tells how many there are. */
	if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) || (rlim_t)fd < limit.rlim_cur - limit.rlim_cur / share)
		return fd;
	close(fd);
	errno = EMFILE;
	return -1;
}
