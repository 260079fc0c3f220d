/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IO: every thread has one direct request under way at a time, so the number of busy threads is the depth of the queue; a
 * duty is spread over as few of them as possible. A unit is a request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burn.h"

#define ALIGNMENT 4096

struct io {
	int fd;
	void *buffer;
	uint64_t block_count;
};

static int io_open(struct burn_thread *thread)
{
	const struct burn *burn = thread->burn;
	struct io *io = calloc(1, sizeof(*io));
	off_t size;

	if (!io || posix_memalign(&io->buffer, ALIGNMENT, burn->bytes))
		return -ENOMEM;
	thread->state = io;
	memset(io->buffer, 'x', burn->bytes);
	io->fd = open(burn->target, (burn->is_write ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (io->fd < 0)
		return -errno;
	size = lseek(io->fd, 0, SEEK_END);
	if (size < 0)
		return -errno;
	io->block_count = (uint64_t)size / burn->bytes;
	return io->block_count ? 0 : -ENOSPC;
}

static uint64_t random_below(uint64_t *state, uint64_t bound)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((*state * 2685821657736338717ull) >> 11) % bound;
}

static void io_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	struct burn *burn = thread->burn;
	struct io *io = thread->state;
	uint64_t used_ns = (uint64_t)(burn_own_duty(thread, duty) * (double)SLICE_NS);

	/* The slice of a thread with nothing to do may be as long as the pause. */
	while (used_ns && burn_now_ns() < slice_end_ns - SLICE_NS + used_ns) {
		off_t offset = (off_t)(random_below(&thread->random, io->block_count) * burn->bytes);
		ssize_t r = burn->is_write ? pwrite(io->fd, io->buffer, burn->bytes, offset)
					   : pread(io->fd, io->buffer, burn->bytes, offset);

		if (r > 0)
			burn_count(burn, burn_now_ns(), 1);
	}
}

const struct burn_kind burn_io = {"io", true, true, io_open, io_slice};
