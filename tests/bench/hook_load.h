/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that does little but what a hook is put on, in a cgroup of its own on one CPU, and how much CPU time a piece of it
 * takes. On one CPU that time is the wall time without what strangers took: a hook's time is in it, a busy host is not.
 */
#ifndef FORESTALL_BENCH_HOOK_LOAD_H
#define FORESTALL_BENCH_HOOK_LOAD_H

#include <stdint.h>

enum load_kind {
	LOAD_PAIR,	/* two tasks, a byte to and fro through pipes; a piece is one wakeup and one switch */
	LOAD_CROWD,	/* 200 tasks in such pairs */
	LOAD_SLOW_CROWD,	/* the same, and 20 us of work each: every wait is longer than a millisecond */
	LOAD_PACKETS,	/* a UDP packet over loopback, sent and received by one task */
	LOAD_IO,	/* a read of 4 KiB from a file, past the page cache */
	LOAD_KIND_COUNT,
};

struct load;

/* Starts the tasks in the cgroup directory, pinned to `cpu`. NULL with a line on stderr where that cannot be. */
struct load *load_start(enum load_kind kind, const char *cgroup, int cpu);
void load_stop(struct load *load);

struct load_reading {
	uint64_t cpu_ns, pieces;
};

/* Totals since the start. */
struct load_reading load_read(const struct load *load);

#endif
