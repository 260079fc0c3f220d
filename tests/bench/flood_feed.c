/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flood_feed.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flood.skel.h"
#include "sense/host.h"
#include "sense/load_internal.h"

#define STEP_NS 1000000ull	/* records are put so often, each time those that are due */
#define THREADS_MAX 256

struct feeder {
	struct feed *feed;
	pthread_t thread;
	uint32_t cpu;		/* where it runs; it puts on the next */
	uint64_t rate, count;
};

struct feed {
	struct flood_bpf *skel;
	uint32_t cpus;
	struct feeder feeder[THREADS_MAX];
	uint64_t count;		/* of feed_put() */
	bool is_stopping;
};

/* The maps of the open nerve in the place of its own; none that it does not need. */
static int maps_share(struct flood_bpf *skel, const struct nerve *nerve)
{
	static const char *const shared[] = { "events", "rows", "losses" };
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, skel->obj)
		r = r ?: bpf_map__is_internal(map) ? r : bpf_map__set_autocreate(map, false);
	for (size_t i = 0; !r && i < sizeof(shared) / sizeof(shared[0]); i++) {
		map = bpf_object__find_map_by_name(skel->obj, shared[i]);
		r = bpf_map__set_autocreate(map, true);
		r = r ?: bpf_map__reuse_fd(map, bpf_map__fd(bpf_object__find_map_by_name(nerve->skel->obj, shared[i])));
	}
	return r;
}

struct feed *feed_open(struct nerve *nerve, uint32_t slot)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	int r = -ENODEV;

	feed->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	feed->skel = feed->cpus > 1 && feed->cpus <= THREADS_MAX ? flood_bpf__open() : NULL;
	if (feed->skel) {
		feed->skel->rodata->slots_max = nerve->slots_max;
		feed->skel->rodata->window_ns = nerve->skel->rodata->window_ns;
		feed->skel->rodata->flood_slot = slot;
		r = maps_share(feed->skel, nerve);
		r = r ?: flood_bpf__load(feed->skel);
	}
	if (!r)
		return feed;
	fprintf(stderr, "bench-flood: records cannot be made: %s; needs two CPUs and bpf_loop\n", strerror(-r));
	feed_close(feed);
	return NULL;
}

void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	flood_bpf__destroy(feed->skel);
	free(feed);
}

static void put(struct feed *feed, uint32_t cpu, uint64_t count, bool is_told)
{
	uint64_t args[2] = { count, is_told };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args), .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);
	int r = bpf_prog_test_run_opts(bpf_program__fd(feed->skel->progs.flood), &opts);

	if (!r)
		return;
	fprintf(stderr, "bench-flood: running on CPU %u: %s\n", cpu, strerror(-r));
	exit(1);
}

static void pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

double feed_put(struct feed *feed, uint32_t cpu, uint64_t count, bool is_told)
{
	uint64_t begun;

	pin((cpu + 1) % feed->cpus);
	begun = host_now_ns();
	put(feed, cpu, count, is_told);
	feed->count += count;
	return (double)(host_now_ns() - begun) / (double)count;
}

static void *feeder_run(void *context)
{
	struct feeder *feeder = context;
	uint64_t begun = host_now_ns();

	pin(feeder->cpu);
	while (!__atomic_load_n(&feeder->feed->is_stopping, __ATOMIC_RELAXED)) {
		struct timespec pause = { .tv_nsec = (long)STEP_NS };
		uint64_t due = (host_now_ns() - begun) * feeder->rate / 1000000000ull;

		/* What could not be put in time is put later: never more at once than a step and a half of it. */
		if (due > feeder->count + feeder->rate * 3 / 2 * STEP_NS / 1000000000ull)
			due = feeder->count + feeder->rate * 3 / 2 * STEP_NS / 1000000000ull;
		else
			nanosleep(&pause, NULL);
		if (due > feeder->count)
			put(feeder->feed, (feeder->cpu + 1) % feeder->feed->cpus, due - feeder->count, true);
		__atomic_store_n(&feeder->count, due > feeder->count ? due : feeder->count, __ATOMIC_RELAXED);
	}
	return NULL;
}

int feed_start(struct feed *feed, uint64_t rate)
{
	for (uint32_t cpu = 0; cpu < feed->cpus; cpu++) {
		struct feeder *feeder = &feed->feeder[cpu];
		int r;

		*feeder = (struct feeder){ .feed = feed, .cpu = cpu, .rate = rate / feed->cpus };
		r = pthread_create(&feeder->thread, NULL, feeder_run, feeder);
		if (r)
			return -r;
	}
	return 0;
}

void feed_stop(struct feed *feed)
{
	__atomic_store_n(&feed->is_stopping, true, __ATOMIC_RELAXED);
	for (uint32_t cpu = 0; cpu < feed->cpus; cpu++)
		pthread_join(feed->feeder[cpu].thread, NULL);
}

uint64_t feed_count(const struct feed *feed)
{
	uint64_t count = feed->count;

	for (uint32_t cpu = 0; cpu < feed->cpus; cpu++)
		count += __atomic_load_n(&feed->feeder[cpu].count, __ATOMIC_RELAXED);
	return count;
}
