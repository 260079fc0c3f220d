/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the world tells the pure core: the only way in. A recording is exactly a sequence of these, which is why a
 * replay reproduces every forecast and plan bit for bit. All times are CLOCK_MONOTONIC ns, all ids are cgroup v2
 * directory inodes, all slots are < mind_config.slots_max and slot 0 is nobody's.
 */
#ifndef FORESTALL_OBSERVE_H
#define FORESTALL_OBSERVE_H

#include <stdint.h>
#include "slo.h"
#include "wire.h"

#define OBSERVE_PATH_MAX 256

#define QUOTA_NONE UINT64_MAX

/* An instance appeared, or its annotation or limits changed. */
struct observe_instance {
	uint32_t slot;
	uint32_t pad;
	uint64_t cgroup_id;
	struct slo slo;
	char path[OBSERVE_PATH_MAX];	/* below the cgroup root, starts with '/' */
};

struct observe_limits {
	uint32_t slot;
	uint32_t weight;	/* cpu.weight; 0 when there is none (no controller, or cpu.idle) */
	uint64_t quota_us;	/* QUOTA_NONE: no limit, or no controller */
	uint64_t period_us;
};

struct observe_gone {
	uint32_t slot;
	uint32_t pad;
	uint64_t cgroup_id;
};

/* An exec in the instance: the kinds of event are told apart by the program's name. */
struct observe_event {
	uint32_t slot;
	uint32_t name_hash;
	uint64_t time_ns;
};

struct observe_bucket {
	uint16_t idx;		/* < WIRE_HIST_COUNT */
	uint16_t pad;
	uint32_t count;
};

/* How one instance moved since its previous sample. Absent when nothing moved. */
struct observe_sample {
	uint32_t slot;
	uint32_t bucket_count;	/* of bucket[], sparse, ascending */
	struct wire_counters moved;
	uint64_t psi_some_ns;	/* growth of cpu.pressure some total */
	uint32_t has_psi;
	uint32_t has_limits;
	struct observe_bucket bucket[WIRE_HIST_COUNT];
};

struct observe_host {
	uint64_t time_ns;
	uint64_t busy_ns;	/* growth over all CPUs since the previous observe_host */
	uint64_t elapsed_ns;	/* wall time since then */
	uint64_t records_lost;	/* ring records dropped since then: lowers data quality */
};

enum observe_kind {
	OBSERVE_INSTANCE = 1,
	OBSERVE_LIMITS,
	OBSERVE_GONE,
	OBSERVE_EVENT,
	OBSERVE_SAMPLE,
	OBSERVE_HOST,
	OBSERVE_TICK,	/* ends a tick; time_ns */
	OBSERVE_ACTED,	/* the hands hold something of ours; time_ns */
	OBSERVE_KIND_COUNT
};

struct observation {
	uint32_t kind;	/* enum observe_kind */
	uint32_t pad;
	union {
		struct observe_instance instance;
		struct observe_limits limits;
		struct observe_gone gone;
		struct observe_event event;
		struct observe_sample sample;
		struct observe_host host;
		uint64_t time_ns;
	};
};

/* Whoever takes observations: the mind, a recording, a test. */
typedef void (*observe_fn)(void *context, const struct observation *observation);

#endif
