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

#define LIMIT_NONE UINT64_MAX

/* Pressure stall totals that are read: enum slo's shares are of these. */
enum psi { PSI_CPU_SOME, PSI_MEMORY_SOME, PSI_MEMORY_FULL, PSI_IO_SOME, PSI_IO_FULL, PSI_COUNT };

/* An instance appeared, or its annotation or limits changed. */
struct observe_instance {
	uint32_t slot;
	uint32_t pad;
	uint64_t cgroup_id;
	struct slo slo;
	char path[OBSERVE_PATH_MAX];	/* below the cgroup root, starts with '/' */
};

/* Initialises the members of struct observe_limits that are limits. */
#define LIMITS_NONE .quota_us = LIMIT_NONE, .memory_high = LIMIT_NONE, .memory_max = LIMIT_NONE, .io_bps = LIMIT_NONE, \
	.io_iops = LIMIT_NONE

/* What holds an instance, and what it stands on. Told when it changes; looked at once a second for the annotated. */
struct observe_limits {
	uint32_t slot;
	uint32_t weight;	/* cpu.weight; 0 when there is none (no controller, or cpu.idle) */
	uint64_t quota_us;	/* LIMIT_NONE: no limit, or no controller */
	uint64_t period_us;
	uint64_t memory_low;	/* bytes; 0 without protection or controller */
	uint64_t memory_high;	/* bytes; LIMIT_NONE as above */
	uint64_t memory_max;
	uint64_t io_bps;	/* the smaller of rbps and wbps of io.max on `device`; LIMIT_NONE as above */
	uint64_t io_iops;	/* and of riops and wiops */
	uint32_t device;	/* WIRE-style dev_t (major << 20 | minor) of the disk it uses most; 0: none seen */
	uint32_t has;		/* bit per enum observe_has */
};

/* What the instance's directory and processes offer: a knob that is not there is not planned. */
enum observe_has {
	OBSERVE_HAS_PROCESS,	/* some process lives in it or below */
	OBSERVE_HAS_CPU,	/* cpu.weight is there */
	OBSERVE_HAS_CPUSET,
	OBSERVE_HAS_MEMORY,	/* memory.high is there */
	OBSERVE_HAS_IO,		/* io.max is there */
	OBSERVE_HAS_IO_WEIGHT,	/* io.weight is there and does something: io.cost is on for `device`, or bfq serves it */
	OBSERVE_HAS_NETNS,	/* its processes have a network namespace of their own */
	OBSERVE_HAS_IO_COST,	/* the kernel has io.cost for `device`, and nobody else set it up */
	OBSERVE_HAS_IO_COST_ON,	/* it is on, whoever did that */
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
	uint16_t delay;		/* enum wire_delay: which histogram */
	uint32_t count;
};

#define OBSERVE_BUCKETS_MAX (WIRE_DELAY_ALL * WIRE_HIST_COUNT)

/* How one instance moved since its previous sample. Absent when nothing moved. */
struct observe_sample {
	uint32_t slot;
	uint32_t bucket_count;	/* of bucket[], sparse, ascending within a delay */
	struct wire_counters moved;
	uint64_t psi_ns[PSI_COUNT];	/* growth of the totals of *.pressure */
	uint64_t memory_bytes;		/* memory.current, when has_memory */
	uint32_t psi_known;		/* bit per enum psi: which were read */
	uint32_t has_memory;
	struct observe_bucket bucket[OBSERVE_BUCKETS_MAX];
};

/* The lines of memory.events that are read, in its words. */
#define MEMORY_EVENT_TABLE(X) X(LOW, "low") X(HIGH, "high") X(MAX, "max") X(OOM, "oom") X(OOM_KILL, "oom_kill")

enum memory_event {
#define MEMORY_EVENT_ENUM(id, name) MEMORY_EVENT_##id,
	MEMORY_EVENT_TABLE(MEMORY_EVENT_ENUM)
#undef MEMORY_EVENT_ENUM
	MEMORY_EVENT_COUNT
};

/* Once a second for the annotated: what has no hook and is read from memory.stat and memory.events. */
struct observe_memory {
	uint32_t slot;
	uint32_t has_swap;	/* memory.stat tells pages swapped; else swap_ins are the anonymous refaults, swap_outs 0 */
	uint64_t anon_bytes, file_bytes;
	uint64_t refaults;	/* pages, growth of workingset_refault_anon + _file */
	uint64_t swap_ins;	/* pages, growth */
	uint64_t swap_outs;
	uint64_t events[MEMORY_EVENT_COUNT];	/* growth */
};

/* The host's memory, each tick: /proc/meminfo. */
struct observe_host_memory {
	uint64_t total_bytes;
	uint64_t available_bytes;
	uint64_t swap_free_bytes;
};

/* What this kernel has no hook for: its counters stay 0 and stand for nothing. */
enum observe_lack { OBSERVE_LACKS_RECLAIM, OBSERVE_LACKS_IO, OBSERVE_LACKS_PACKETS, OBSERVE_LACKS_RETRANSMITS };

struct observe_host {
	uint64_t time_ns;
	uint64_t busy_ns;	/* growth over all CPUs since the previous observe_host */
	uint64_t elapsed_ns;	/* wall time since then */
	uint64_t records_lost;	/* ring records dropped since then: lowers data quality */
	uint64_t lacks;		/* bit per enum observe_lack */
	uint32_t cpus;		/* that are online now; 0: as before, and so is what follows */
	uint32_t pad;
	uint64_t giver_cpus;	/* mask of those onto which givers may be confined; 0: none */
};

/* Somebody wants to know what is to come of an instance that nobody annotated. */
struct observe_asked {
	uint32_t slot;
	uint32_t pad;
	uint64_t cgroup_id;
};

/* What an application says of itself: enum app_kind of a name. */
enum app_kind { APP_GAUGE, APP_COUNTER, APP_TIMER, APP_KIND_COUNT };

/* One SLI of the application moved; only of those that are bound. */
struct observe_app {
	uint32_t slot;
	uint32_t idx;		/* of slo.app; < SLO_APP_MAX */
	uint32_t kind;		/* enum app_kind */
	uint32_t good, bad;	/* of a timer: single values since the last word, by the bound of then */
	float value;		/* once a second, of a gauge also when it changes: 99th percentile, rate or value; < 0: none */
};

/* Why an instance failed; a later one says more than an earlier one of the same end. */
enum failure_cause {
	FAILURE_UNIT,		/* systemd says so and no more: timeout, start limit, resources */
	FAILURE_EXIT,		/* the main process ended with a status; value: the status */
	FAILURE_SIGNAL,		/* by a signal that nobody sends who only wants it to end; value: the signal */
	FAILURE_WATCHDOG,	/* it did not feed systemd's watchdog; value: the signal */
	FAILURE_OOM,		/* the kernel, or systemd-oomd, killed a process of it for its memory */
	FAILURE_CAUSE_COUNT
};

#define FAILURE_LIMIT_HOST 1u	/* of the path: '/', the host's memory */

enum failure_stage { FAILURE_FAILED, FAILURE_RECOVERED };

/* An instance failed, or runs again. Named by its path: the cgroup may be gone. */
struct observe_failure {
	uint32_t stage;		/* enum failure_stage; the rest up to time_ns is of a failure */
	uint32_t cause;		/* enum failure_cause */
	uint32_t value;
	uint32_t pid;		/* the process that ended; 0: not known */
	uint32_t is_annotated;	/* the instance, when it failed */
	uint32_t limit_bytes;	/* of an OOM kill: so much of path is the cgroup whose limit it was; FAILURE_LIMIT_HOST; 0: not told */
	char program[WIRE_COMM_LEN];
	uint64_t time_ns;
	uint64_t unix_ns;	/* the same on the calendar */
	char path[OBSERVE_PATH_MAX];
};

/* Load that was announced: so much of one resource from a time on, until another. The last word counts; demand 0 takes it back. */
struct observe_announced {
	uint32_t slot;
	uint32_t resource;	/* enum resource */
	float demand;		/* upper quantile of what it will need, in the units of enum resource */
	uint32_t pad;
	uint64_t from_ns, until_ns;
};

/*
 * What the resource profile says that an instance needs of one resource, announced load included: means of the quarter of an hour that goes on
 * and of those that follow. The last word counts; all 0: nothing is known.
 */
#define OBSERVE_QUARTERS 3

struct observe_profile {
	uint32_t slot;
	uint32_t resource;	/* enum resource */
	uint64_t turns_ns;	/* when the first of them ends */
	float usual[OBSERVE_QUARTERS], high[OBSERVE_QUARTERS], highest[OBSERVE_QUARTERS];	/* median, .9, .99; units of enum resource */
	uint32_t pad;
};

/* What the hands hold of it, of what was planned: told of all in a plan whenever they speak. */
struct observe_hands {
	uint32_t slot;
	uint32_t pad;
	uint64_t held;		/* bit per enum knob of act/protocol.h */
	uint64_t time_ns;
};

enum observe_kind {
	OBSERVE_INSTANCE = 1,
	OBSERVE_LIMITS,
	OBSERVE_GONE,
	OBSERVE_EVENT,
	OBSERVE_SAMPLE,
	OBSERVE_HOST,
	OBSERVE_TICK,	/* ends a tick; time_ns */
	OBSERVE_ACTED,	/* the hands hold something of ours against a danger; time_ns */
	OBSERVE_MEMORY,
	OBSERVE_HOST_MEMORY,
	OBSERVE_FAILURE,
	OBSERVE_APP,
	OBSERVE_ASKED,
	OBSERVE_ANNOUNCED,
	OBSERVE_PROFILE,
	OBSERVE_HELD,	/* the hands hold something of ours that only stands; time_ns */
	OBSERVE_HANDS,
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
		struct observe_memory memory;
		struct observe_host_memory host_memory;
		struct observe_failure failure;
		struct observe_app app;
		struct observe_announced announced;
		struct observe_profile profile;
		struct observe_asked asked;
		struct observe_hands hands;
		uint64_t time_ns;
	};
};

/* Whoever takes observations: the mind, a recording, a test. */
typedef void (*observe_fn)(void *context, const struct observation *observation);

#endif
