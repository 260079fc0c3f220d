/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only header shared by the kernel side and user space.
 *
 * Invariants: fixed widths, no implicit padding (built with -Wpadded), every size asserted, native byte order
 * (producer and consumer are one host). Change anything here and WIRE_VERSION moves.
 *
 * Totals and ring agree by construction: a counter lives in `rows` until user space reads it there; the ring only
 * says which row moved and carries a copy of the first counters' move. Per kind: produced == delivered + dropped (see wire_loss).
 */
#ifndef FORESTALL_WIRE_H
#define FORESTALL_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WIRE_VERSION 6u

/* Slot 0 collects what belongs to no known instance: tasks of cgroups not yet, or no longer, followed. */
#define WIRE_SLOT_OTHER 0u
#define WIRE_CGROUP_ROOT 1u	/* id of the root directory of the cgroup v2 tree (fs/kernfs/dir.c) */

/* Delays of which single ones are put into a histogram and, but for the last, judged against the instance's own bound. */
enum wire_delay {
	WIRE_DELAY_QUEUE = 0,	/* runnable to running */
	WIRE_DELAY_IO = 1,	/* bio queued to complete; with the time that io.max held it back, where the kernel allows fentry */
	WIRE_DELAY_RESPONSE = 2,	/* data readable on an accepted TCP socket to the first byte of the answer */
	WIRE_DELAY_COUNT = 3,	/* of those that are judged */
	WIRE_DELAY_DEVICE = 3,	/* the part of a bio's delay in which a device worked on it: request issued to complete */
	WIRE_DELAY_ALL = 4,
};

/*
 * Log-linear histogram of delays in ns: 8 sub-buckets per octave from 2^WIRE_HIST_MIN_EXP up.
 * Bucket 0 takes all below 2^10 ns, the last bucket all from 2^34 ns (17 s) on.
 */
#define WIRE_HIST_MIN_EXP 10
#define WIRE_HIST_OCTAVES 24
#define WIRE_HIST_SUB_BITS 3
#define WIRE_HIST_COUNT 194 /* 1 + 24 * 8 + 1 */

/* The same by whole octaves: the first and the last bucket are those of the finer one. Most waits are among the first WIRE_OCTAVES_SHORT. */
#define WIRE_OCTAVES 26 /* 1 + 24 + 1 */
#define WIRE_OCTAVES_SHORT 16 /* below 2^25 ns, 34 ms */

#define WIRE_COMM_LEN 16

enum wire_kind {
	WIRE_WINDOW = 1,	/* struct wire_window: an instance's row moved */
	WIRE_EXEC = 2,		/* struct wire_task: a program was started */
	WIRE_EXIT = 3,		/* struct wire_task: a process ended, value = exit_code as in wait(2) */
	WIRE_CGROUP_MADE = 4,	/* struct wire_cgroup */
	WIRE_CGROUP_GONE = 5,	/* struct wire_cgroup */
	WIRE_OOM = 6,		/* struct wire_oom: the kernel chose this process as a victim */
	WIRE_KIND_COUNT = 7,
};

struct wire_head {
	__u32 kind;		/* enum wire_kind */
	__u32 slot;		/* instance slot, WIRE_SLOT_OTHER when unknown */
	__u64 time_ns;		/* CLOCK_MONOTONIC */
	__u64 cgroup_id;	/* inode number of the cgroup v2 directory */
};

struct wire_verdict {
	__u64 good;		/* delays at or below the slot's bound; 0 while no bound is set */
	__u64 bad;		/* delays above it */
};

/*
 * Counters of one instance on one CPU since the slot was given out; only ever grow. What a kernel has no hook for stays 0
 * and is named as missing by the agent (nerve_lacks() in sense/load.h).
 */
struct wire_counters {
	/* What each switch touches comes first: with the head of a row it fills one cache line. */
	__u64 oncpu_ns;		/* task->se.sum_exec_runtime */
	__u64 wait_ns;		/* task->sched_info.run_delay: runnable, not running (throttled time included) */
	__u64 switches;		/* times a task of the instance left a CPU */
	/* Who had the CPU during wait_ns. What is in none of the three could not be told (bpf/sched.bpf.c). */
	__u64 wait_other_ns;	/* tasks of other cgroups */
	__u64 wait_sibling_ns;	/* tasks of the same cgroup */
	__u64 wait_quota_ns;	/* nobody, or others, while the instance's own quota was used up */
	/* And what it seldom does. */
	__u64 migrations;	/* task->se.nr_migrations */
	struct wire_verdict verdict[WIRE_DELAY_COUNT];
	__u64 forks;
	__u64 execs;
	__u64 exits;
	__u64 failed_exits;	/* processes that ended by signal or with non-zero status */
	/* Memory. */
	__u64 major_faults;	/* task->maj_flt */
	__u64 reclaims;		/* times a task had to reclaim memory itself, for the host or for its memory cgroup */
	__u64 reclaim_ns;	/* time spent in them */
	__u64 swap_outs;	/* pages that reclaim wrote to swap */
	__u64 oom_kills;	/* processes chosen as victim */
	/* IO. */
	__u64 io_begun;		/* bios that were queued: those that are neither io_done nor io_lost are in flight */
	__u64 io_done;		/* bios that were completed, and the sum of their delays */
	__u64 io_ns;
	__u64 io_lost;		/* bios of which the end was not seen */
	__u64 io_charged;	/* of io_done: attributed to the cgroup that they are charged to; the rest to the task that queued */
	__u64 device_done;	/* of io_done: those that a request was issued for, and the sum of the times that it took */
	__u64 device_ns;
	__u64 io_read_bytes;	/* at completion */
	__u64 io_write_bytes;
	/* Network. */
	__u64 rx_bytes;		/* of IP packets of the instance's sockets */
	__u64 rx_packets;
	__u64 tx_bytes;
	__u64 tx_segments;	/* as they go on the wire: a GSO packet counts its segments */
	__u64 retransmits;	/* TCP segments sent again */
	__u64 drops;		/* packets of the instance's sockets that this host threw away */
	__u64 rtt_ns;		/* sum of smoothed round trip times, and how many were looked at */
	__u64 rtt_samples;
	__u64 responses;	/* answers of accepted TCP sockets, and the sum of their delays */
	__u64 response_ns;
};

/* A window record copies the first counters: enough to hold ring and rows against each other. */
#define WIRE_TOLD 3u

/*
 * A switch of an instance that is not annotated touches the first two cache lines, which the processor fetches together: the
 * octave of its wait, and what follows.
 */
struct wire_row {
	__u32 waits[WIRE_OCTAVES_SHORT];	/* queue waits by octave, of those that are not in a wire_detail */
	__u64 sent_ns;			/* when the last window record was delivered */
	__u64 ran_ns;			/* on this CPU, in the clock of its run queue: of use to the hooks alone */
	__u32 flush;			/* number of the flush that counted `runnable`; stale unless it is that of the CPU's row of WIRE_SLOT_OTHER */
	__u16 runnable;			/* tasks that ran or waited on this CPU then */
	__u8 starved;			/* of these: waited 0.1 s and more; 255: or more of them */
	__u8 is_bound;			/* the slot has a bound or histograms in `details`: its wire_bound is worth a look */
	struct wire_counters now;
	__u64 sent[WIRE_TOLD];		/* value of the first counters of `now` in it */
	__u32 long_waits[WIRE_OCTAVES - WIRE_OCTAVES_SHORT];	/* the octaves that follow those of `waits` */
	__u64 pad[4];
};

/* Histograms that only annotated instances have, on one CPU. Each switch of one is in that of queue waits or in an octave of its row. */
struct wire_detail {
	__u32 hist[WIRE_DELAY_ALL][WIRE_HIST_COUNT];	/* by enum wire_delay */
};

/* Of so many numbers the histograms lie in one map, which is made when the first of them is given out. */
#define WIRE_DETAIL_BLOCK 16u

/* A window record: what moved on one CPU since the last record of this row. */
struct wire_window {
	struct wire_head head;
	__u32 cpu;
	__u32 pad;
	__u64 moved[WIRE_TOLD];
};

struct wire_task {
	struct wire_head head;
	__u32 pid;		/* thread group id in the initial namespace */
	__u32 value;		/* exit: raw exit code; exec: 0 */
	char comm[WIRE_COMM_LEN];
};

struct wire_oom {
	struct wire_task victim;	/* value = 0 */
	__u64 limit_id;		/* cgroup whose limit it was; WIRE_CGROUP_ROOT: the host's memory; 0: this kernel does not tell */
};

struct wire_cgroup {
	struct wire_head head;
	__u64 parent_id;
};

/* Per slot, written by user space, read by the hooks. */
struct wire_bound {
	__u64 delay_ns_max[WIRE_DELAY_COUNT];	/* the instance's own bounds; 0: none */
	__u64 cgroup_id;	/* owner of the slot, for people who dump the map */
	__u32 detail;		/* number of its struct wire_detail; 0: it has none */
	__u32 pad;
};

/*
 * Who ran while tasks of an annotated instance waited longer than WIRE_BLAME_NS. Halved at each full minute of CLOCK_MONOTONIC,
 * so that it tells of the last minutes: what is read in minute m counts ns >> (m - minute).
 */
#define WIRE_BLAME_NS 1000000ull
#define WIRE_BLAME_HALF_NS 60000000000ull

struct wire_blame_key {
	__u64 waiter;		/* cgroup ids */
	__u64 runner;
};

struct wire_blame {
	__u64 ns;		/* that the runner ran in waits of the waiter */
	__u64 minute;		/* of the last change */
};

/* Per CPU: the loss accounting. Of records by kind; of what the kernel did and did not tell our programs of all told. */
struct wire_loss {
	__u64 produced[WIRE_KIND_COUNT];
	__u64 dropped[WIRE_KIND_COUNT];
	__u64 switches;		/* told of until the last flush; 0: this kernel's own count (rq->nr_switches) is not to be had */
	__u64 switches_unseen;	/* that it counted beside these since the first flush */
	__u64 io_unseen;	/* bios that ended in a request and of which it had not told the beginning */
};

#define WIRE_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " moved")
WIRE_ASSERT_SIZE(struct wire_head, 24);
WIRE_ASSERT_SIZE(struct wire_counters, 328);
WIRE_ASSERT_SIZE(struct wire_row, 512);
_Static_assert(sizeof(struct wire_row) % 128 == 0, "rows begin at a pair of cache lines");
WIRE_ASSERT_SIZE(struct wire_detail, 3104);
WIRE_ASSERT_SIZE(struct wire_window, 56);
WIRE_ASSERT_SIZE(struct wire_task, 48);
WIRE_ASSERT_SIZE(struct wire_oom, 56);
WIRE_ASSERT_SIZE(struct wire_cgroup, 32);
WIRE_ASSERT_SIZE(struct wire_bound, 40);
WIRE_ASSERT_SIZE(struct wire_blame_key, 16);
WIRE_ASSERT_SIZE(struct wire_blame, 16);
WIRE_ASSERT_SIZE(struct wire_loss, 136);

#endif
