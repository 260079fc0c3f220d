/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page cache: a file or disk is read in a row and again from its start, so that what others read of theirs is evicted. A unit is
 * a chunk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "burn.h"

#define CHUNK_BYTES 131072

struct cache {
	int fd;
	double owed_bytes; /* of the slices so far, less than a chunk */
	char buffer[CHUNK_BYTES];
};

static int cache_open(struct burn_thread *thread)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	thread->state = cache;
	cache->fd = open(thread->burn->target, O_RDONLY | O_CLOEXEC);
	return cache->fd < 0 ? -errno : 0;
}

static void cache_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	struct burn *burn = thread->burn;
	struct cache *cache = thread->state;

	cache->owed_bytes += duty * (double)burn->bytes / burn->thread_count * SLICE_NS / NS_PER_S;
	for (; cache->owed_bytes >= CHUNK_BYTES && burn_now_ns() < slice_end_ns; cache->owed_bytes -= CHUNK_BYTES) {
		if (read(cache->fd, cache->buffer, CHUNK_BYTES) <= 0)
			lseek(cache->fd, 0, SEEK_SET);
		burn_count(burn, burn_now_ns(), 1);
	}
	/* What a slice could not have is lost. */
	if (cache->owed_bytes > CHUNK_BYTES)
		cache->owed_bytes = CHUNK_BYTES;
}

const struct burn_kind burn_cache = {"cache", true, true, cache_open, cache_slice};
