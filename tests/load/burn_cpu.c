/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU: each thread does chunks of real work until it has had its duty of the slice in CPU time. A unit is a chunk. */
#include <errno.h>
#include <stdlib.h>

#include "burn.h"

#define WORK_WORDS 1024

static int cpu_open(struct burn_thread *thread)
{
	uint64_t *words = calloc(WORK_WORDS, sizeof(*words));

	thread->state = words;
	return words ? 0 : -ENOMEM;
}

/* One unit: a hash mixed through a 8 KiB buffer, so that it works on memory too. */
static void work_unit(uint64_t *words)
{
	uint64_t hash = words[0] | 1;

	for (unsigned int i = 0; i < WORK_WORDS; i++) {
		hash ^= hash << 13;
		hash ^= hash >> 7;
		hash ^= hash << 17;
		words[i] += hash;
	}
	/* Without a reader of the buffer the compiler would drop the work. */
	__asm__ volatile("" : : "r"(words) : "memory");
}

static void cpu_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	uint64_t cpu_end_ns = burn_clock_ns(CLOCK_THREAD_CPUTIME_ID) + (uint64_t)(duty * (double)SLICE_NS);

	for (;;) {
		uint64_t now = burn_now_ns();

		if (now >= slice_end_ns || (duty < 1.0 && burn_clock_ns(CLOCK_THREAD_CPUTIME_ID) >= cpu_end_ns))
			return;
		work_unit(thread->state);
		burn_count(thread->burn, now, 1);
	}
}

const struct burn_kind burn_cpu = {"cpu", false, false, cpu_open, cpu_slice};
