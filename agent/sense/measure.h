/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is measured of an instance: name, unit, from where and how often. What `forestall instance show` and
 * `forestall signal list` say and what docs/SIGNALS.md holds comes from this table and, for the hooks, from that of signal.h.
 */
#ifndef FORESTALL_MEASURE_H
#define FORESTALL_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "signal.h"

enum measure_from {
	MEASURE_HOOK,		/* a program of ours counts each event; the annotated are read at each tick */
	MEASURE_KERNEL,		/* a counter of the kernel's own, read by a hook and settled by the flush */
	MEASURE_TICK_FILE,	/* a file of the cgroup, at each tick for the annotated */
	MEASURE_FILE,		/* a file of the cgroup, once a second for the annotated */
	MEASURE_FROM_COUNT
};

#define MEASURE_ALWAYS NERVE_SIGNAL_COUNT	/* as a signal: scheduling, without which nothing starts */
#define MEASURE_NO_COUNTER SIZE_MAX

struct measure {
	const char *family, *name, *unit;
	enum measure_from from;
	uint32_t signal;	/* enum nerve_signal that counts it; MEASURE_ALWAYS; of a file: what is taken where the file lacks it */
	size_t counter;		/* its offset in struct wire_counters, MEASURE_NO_COUNTER when it is none or more than one */
	const char *source;	/* the kernel's field, or file and key; of a hook: "" (its signal says) */
};

extern const struct measure measures[];
extern const size_t measures_count;

/* NULL when there is none. */
const struct measure *measure_find(const char *family, const char *name);

/* "hook, 100 ms" */
const char *measure_from_name(enum measure_from from);

#endif
