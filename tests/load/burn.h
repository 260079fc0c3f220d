/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the antagonists have in common. Each thread lives in slices of 5 ms in which it wants as much of its resource as the
 * duty of the plan (shape.h) says; what it could not get in a slice is lost, not carried on: demand is given, and the units
 * done against those of an uncontrolled run are the throughput it kept.
 */
#ifndef LOAD_BURN_H
#define LOAD_BURN_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "announce.h"
#include "shape.h"

#define THREADS_MAX 64
#define SLICE_NS 5000000ull
#define BIN_NS 100000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

struct burn_kind;

struct burn {
	const struct burn_kind *kind;
	unsigned int thread_count;
	uint64_t seed, start_ns, end_ns, bin_count, announce_lead_ms, announce_spread_ms;
	bool is_punctual, is_write;
	const char *plan_text, *out_path;
	enum announce_by announce_by;
	const char *announce;	/* what is run, written or connected to (announce.h); NULL: bursts come unannounced */
	int status;		/* of the exit, when all went well */
	const char *target;	/* io, cache: file or disk; net: IPv4:PORT */
	uint64_t bytes;		/* memory: held at full duty; io: of one request; cache, net: per second at full duty */
	struct shape shape;
	atomic_uint_fast64_t *units; /* per bin, summed over the threads */
};

struct burn_thread {
	struct burn *burn;
	unsigned int idx;
	uint64_t random;
	void *state; /* of the kind; of this thread */
};

struct burn_kind {
	const char *name;
	bool needs_bytes, needs_target;
	/* Makes the state of a thread before the run. Returns 0 or -errno. */
	int (*open)(struct burn_thread *thread);
	/* Uses the resource until slice_end_ns at the latest. A duty of 0 gives back what is held. */
	void (*slice)(struct burn_thread *thread, uint64_t slice_end_ns, double duty);
};

extern const struct burn_kind burn_cpu, burn_fork, burn_memory, burn_cache, burn_io, burn_net;

static inline uint64_t burn_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline uint64_t burn_now_ns(void)
{
	return burn_clock_ns(CLOCK_MONOTONIC);
}

/* Adds units done at a time within the run; what is done later is not counted. */
static inline void burn_count(struct burn *burn, uint64_t now_ns, uint64_t units)
{
	uint64_t idx = (now_ns - burn->start_ns) / BIN_NS;

	if (idx < burn->bin_count)
		atomic_fetch_add_explicit(&burn->units[idx], units, memory_order_relaxed);
}

/* This thread's part when a duty is spread over as few threads as possible: 0.6 of 5 threads are 3 at full duty. */
static inline double burn_own_duty(const struct burn_thread *thread, double duty)
{
	double own = duty * thread->burn->thread_count - thread->idx;

	return own < 0.0 ? 0.0 : own > 1.0 ? 1.0 : own;
}

#endif
