/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound release of descriptors and buffers; the macros are all that callers need. */
#ifndef FORESTALL_ACT_CLEANUP_H
#define FORESTALL_ACT_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

/* Hands a descriptor to somebody else: the variable no longer closes it. */
#define TAKE_FD(fd) ({ int taken_fd_ = (fd); (fd) = -1; taken_fd_; })

#endif
