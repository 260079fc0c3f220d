/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define WORKERS_MAX 64

struct work {
	void (*job)(void *context, uint32_t index);
	void *context;
	uint32_t count;
	atomic_uint next;
};

static void *worker(void *argument)
{
	struct work *work = argument;
	uint32_t index;

	while ((index = atomic_fetch_add(&work->next, 1)) < work->count)
		work->job(work->context, index);
	return NULL;
}

void work_all(uint32_t count, void (*job)(void *context, uint32_t index), void *context)
{
	struct work work = { .job = job, .context = context, .count = count };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread[WORKERS_MAX];
	uint32_t started = 0;

	/* Who cannot be started is not needed: this thread works too. */
	while (started + 1 < (uint32_t)cpus && started + 1 < count && started < WORKERS_MAX &&
	       !pthread_create(&thread[started], NULL, worker, &work))
		started++;
	worker(&work);
	while (started--)
		pthread_join(thread[started], NULL);
}
