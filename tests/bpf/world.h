/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A nerve of its own with one real cgroup as instance SLOT, for tests of the kernel side. */
#ifndef FORESTALL_TEST_WORLD_H
#define FORESTALL_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cmocka.h>

#include "predict/hist.h"
#include "sense/load.h"

#define SLOT 5
#define SLOTS_MAX 512
#define DETAIL 3
#define IDS_MAX 256

/* Bounds of the instance: each the last nanosecond of a bucket, so that good and bad can be counted from the histograms. */
#define QUEUE_BUCKET 98
#define IO_BUCKET 80
#define RESPONSE_BUCKET 128

struct seen {
	uint64_t delivered[WIRE_KIND_COUNT];
	uint64_t moved[WIRE_TOLD];	/* of SLOT, from window records */
	char exec_name[WIRE_COMM_LEN];
	struct wire_oom oom;		/* the last victim */
	uint64_t made[IDS_MAX], gone[IDS_MAX];	/* others on the host come and go as well */
	uint32_t made_count, gone_count;
	uint32_t exit_value;
};

struct world {
	struct nerve *nerve;
	struct seen seen;
	char root[256], cgroup[512];
	uint64_t cgroup_id;
	struct rusage usage;		/* of the last child of in_cgroup() */
};

/* Where the kernel is one that we promise to run on, as in the guests, a skip would hide the failure. */
void skip_because(const char *reason);

/* Opens the nerve and makes the cgroup `name` below the root; skips where that cannot be. */
void world_open(struct world *world, uint32_t ring_bytes);
void world_close(struct world *world);

/* Takes the bounds and the histograms from the instance: as if nobody had annotated it. */
void world_forget(struct world *world);

/* Follows another cgroup than the one that world_open made: path below it. */
void world_follow(struct world *world, const char *below);

/* Skips the case after closing the world. */
void world_skip(struct world *world, const char *reason);

/* Of a cgroup's directory. */
uint64_t id_of(const char *cgroup);

/* Whether the instance's cgroup has no such file. */
bool cgroup_lacks(const struct world *world, const char *file);

/* Writes into, reads a number after `key` from (the whole file when ""), a file of the instance's cgroup. */
void cgroup_write(const struct world *world, const char *file, const char *text);
uint64_t cgroup_read(const struct world *world, const char *file, const char *key);

/* The same within the line that begins with `line`; 0 when there is none. */
uint64_t cgroup_read_in(const struct world *world, const char *file, const char *line, const char *key);

/* Something to read with O_DIRECT: the guest's disk, else a file below build/ of `bytes` bytes. */
#define DISK "/dev/nullb0"
bool has_disk(void);
const char *disk_path(size_t bytes);
void disk_done(void);

/* Moves the caller into the cgroup. */
void cgroup_enter(const struct world *world);

/* Runs `body` in a child in the cgroup; wait status as of waitpid(2). Returns once its last switch is counted. */
int in_cgroup(struct world *world, void (*body)(void *), void *argument);

/* The same in two steps; the second kills it. */
pid_t in_cgroup_start(struct world *world, void (*body)(void *), void *argument);
void in_cgroup_end(struct world *world, pid_t pid);

/* Sums over CPUs of a counter of SLOT, by its index in struct wire_counters. */
#define FIELD(name) (offsetof(struct wire_counters, name) / sizeof(uint64_t))
#define TOTAL(world, name) total_of(world, FIELD(name))
uint64_t total_of(const struct world *world, size_t field);
uint64_t sent_of(const struct world *world, size_t field);

/* The histogram of a delay of SLOT, over all CPUs. Returns its total. */
uint64_t hist_of(const struct world *world, enum wire_delay delay, uint64_t ret_count[WIRE_HIST_COUNT]);

/* Queue waits of SLOT by octave, of those that are in no histogram. Returns their total. */
uint64_t octaves_of(const struct world *world, uint64_t ret_count[WIRE_OCTAVES]);

/* The same as the mind takes it. */
void hist_load(const struct world *world, enum wire_delay delay, struct hist *ret);

/* CPU time of this thread; spends so much of it: what a loaded host grants does not matter. */
uint64_t cpu_now_ns(void);
void burn(uint64_t ns);

/* For qsort() of uint64_t; and that a value is that close to another. */
int by_value(const void *a, const void *b);
void near(uint64_t got, uint64_t wanted, uint32_t percent);

/* All that was made, but for the calls that the kernel left out (nerve_skipped()), and nothing else. */
void counted_check(const struct world *world, uint64_t counted, uint64_t made);

/* Every delay is in the histogram, and good or bad by the bound that world_open set. */
void verdict_check(const struct world *world, enum wire_delay delay, uint64_t count);

/* Stop the nerve before this: records that are made while we compare would look like a loss. */
void accounting_check(struct world *world);

#endif
