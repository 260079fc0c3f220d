/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "segment.h"

#define CHUNK_BYTES (64u << 10)
#define SYNC_S 5	/* a crash loses no more */
#define FILE_SHARE 8	/* a file has at most this part of the bound */

struct chunk {
	struct chunk *next;
	uint64_t start_unix_s;	/* 0: goes on with the file before */
	size_t used;
	char bytes[CHUNK_BYTES];
};

struct writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct chunk *first, **last;	/* handed over */
	size_t queued;			/* bytes in them */
	bool is_ending;
	struct writer_state state;
	/* The loop's alone. */
	struct chunk *open;
	/* The thread's alone. */
	struct segment segment;
	uint64_t bytes_max;
	time_t synced;
};

static void state_publish(struct writer *writer, bool is_start, int error)
{
	struct segment *segment = &writer->segment;

	pthread_mutex_lock(&writer->lock);
	writer->state.started += is_start;
	writer->state.files = segment->files + segment_is_open(segment);
	writer->state.bytes = segment->bytes + segment_size(segment);
	writer->state.removed = segment->removed;
	writer->state.error = error;
	writer->state.is_long = segment_size(segment) >= writer->bytes_max / FILE_SHARE;
	pthread_mutex_unlock(&writer->lock);
}

/* One that failed keeps its error until the next file begins. */
static int chunk_write(struct writer *writer, const struct chunk *chunk, int error)
{
	struct segment *segment = &writer->segment;

	if (chunk->start_unix_s)
		error = segment_open(segment, chunk->start_unix_s);
	if (!error)
		error = segment_write(segment, chunk->bytes, chunk->used);
	if (!error && time(NULL) - writer->synced >= SYNC_S) {
		error = segment_flush(segment);
		writer->synced = time(NULL);
	}
	if (error)
		segment_close(segment);
	segment_prune(segment, writer->bytes_max);
	return error;
}

static struct chunk *chunk_take(struct writer *writer)
{
	struct chunk *chunk;

	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->is_ending)
		pthread_cond_wait(&writer->wake, &writer->lock);
	chunk = writer->first;
	if (chunk) {
		writer->first = chunk->next;
		if (!writer->first)
			writer->last = &writer->first;
		writer->queued -= sizeof(*chunk);
	}
	pthread_mutex_unlock(&writer->lock);
	return chunk;
}

static void *writer_run(void *context)
{
	struct writer *writer = context;
	struct chunk *chunk;
	int error = 0;

	/* Of this thread alone: the loop comes first on the CPU. Its writes go out through the page cache in any case. */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	while ((chunk = chunk_take(writer))) {
		error = chunk_write(writer, chunk, error);
		state_publish(writer, chunk->start_unix_s != 0, error);
		free(chunk);
	}
	segment_close(&writer->segment);
	return NULL;
}

/* The signals of the process are the loop's. */
static int thread_start(struct writer *writer)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&writer->thread, NULL, writer_run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int writer_open(const char *dir, uint64_t bytes_max, struct writer **ret_writer)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->bytes_max = bytes_max;
	writer->last = &writer->first;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
	r = segment_init(&writer->segment, dir);
	if (!r) {
		segment_prune(&writer->segment, bytes_max);
		state_publish(writer, false, 0);
		r = thread_start(writer);
	}
	if (r) {
		free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void writer_close(struct writer *writer)
{
	if (!writer)
		return;
	writer_flush(writer);
	pthread_mutex_lock(&writer->lock);
	writer->is_ending = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	free(writer);
}

void writer_flush(struct writer *writer)
{
	struct chunk *chunk = writer->open;

	if (!chunk)
		return;
	writer->open = NULL;
	pthread_mutex_lock(&writer->lock);
	*writer->last = chunk;
	writer->last = &chunk->next;
	writer->queued += sizeof(*chunk);
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

static struct chunk *chunk_open(struct writer *writer)
{
	size_t queued;

	pthread_mutex_lock(&writer->lock);
	queued = writer->queued;
	pthread_mutex_unlock(&writer->lock);
	if (queued > WRITER_QUEUE_BYTES)
		return NULL;
	writer->open = malloc(sizeof(*writer->open));
	if (writer->open) {
		writer->open->next = NULL;
		writer->open->start_unix_s = 0;
		writer->open->used = 0;
	}
	return writer->open;
}

int writer_start(struct writer *writer, uint64_t unix_s)
{
	writer_flush(writer);
	if (!chunk_open(writer))
		return -ENOBUFS;
	writer->open->start_unix_s = unix_s ? unix_s : 1;
	return 0;
}

int writer_push(struct writer *writer, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		struct chunk *chunk = writer->open ? writer->open : chunk_open(writer);
		size_t part;

		if (!chunk)
			return -ENOBUFS;
		part = CHUNK_BYTES - chunk->used < size ? CHUNK_BYTES - chunk->used : size;
		memcpy(chunk->bytes + chunk->used, at, part);
		chunk->used += part;
		at += part;
		size -= part;
		if (chunk->used == CHUNK_BYTES)
			writer_flush(writer);
	}
	return 0;
}

void writer_state(struct writer *writer, struct writer_state *ret)
{
	pthread_mutex_lock(&writer->lock);
	*ret = writer->state;
	pthread_mutex_unlock(&writer->lock);
}
