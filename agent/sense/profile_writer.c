/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profilefile.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct profile_writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	struct profile_record record;
	int dir_fd, error;
	bool is_full, is_ending;
};

static void *writer_run(void *argument)
{
	struct profile_writer *writer = argument;

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		int r;

		while (!writer->is_full && !writer->is_ending)
			pthread_cond_wait(&writer->moved, &writer->lock);
		if (!writer->is_full)
			break;
		/* The record is this thread's while it is full. */
		pthread_mutex_unlock(&writer->lock);
		r = profile_save(writer->dir_fd, &writer->record);
		pthread_mutex_lock(&writer->lock);
		writer->error = r ? r : writer->error;
		writer->is_full = false;
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

struct profile_writer *profile_writer_new(int dir_fd)
{
	struct profile_writer *writer = calloc(1, sizeof(*writer));
	sigset_t all, before;
	int r;

	if (!writer)
		return NULL;
	writer->dir_fd = dir_fd;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->moved, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&writer->thread, NULL, writer_run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		return writer;
	free(writer);
	return NULL;
}

void profile_writer_free(struct profile_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->is_ending = true;
	pthread_cond_signal(&writer->moved);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->moved);
	free(writer);
}

bool profile_writer_take(struct profile_writer *writer, const struct profile *profile, const char *path)
{
	bool is_free;

	pthread_mutex_lock(&writer->lock);
	is_free = !writer->is_full;
	if (is_free) {
		profile_format(profile, path, &writer->record);
		writer->is_full = true;
		pthread_cond_signal(&writer->moved);
	}
	pthread_mutex_unlock(&writer->lock);
	return is_free;
}

int profile_writer_error(struct profile_writer *writer)
{
	int error;

	pthread_mutex_lock(&writer->lock);
	error = writer->error;
	writer->error = 0;
	pthread_mutex_unlock(&writer->lock);
	return error;
}
