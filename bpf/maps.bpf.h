/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Every map of the kernel side. Weak, so that each object may define them and the linker keeps one.
 * max_entries of rows, details, accounts, bounds, losses, lanes and slots are set by sense/load.c from the number of CPUs and instances.
 * Names are full words of at most 15 characters: they are what `bpftool map` shows.
 */
#ifndef FORESTALL_MAPS_BPF_H
#define FORESTALL_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "wire.h"

/* Discrete events and window records. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events __weak SEC(".maps");

/*
 * The truth for totals: index = cpu * slots_max + slot. Only its own CPU writes a row; user space maps it. Counters that
 * are also written from interrupts are added to atomically (account.bpf.h).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_row);
} rows __weak SEC(".maps");

/*
 * Histograms of the annotated: wire_bound.detail / WIRE_DETAIL_BLOCK -> an array of struct wire_detail, index = cpu * WIRE_DETAIL_BLOCK +
 * the rest of the number. Made by user space, which maps them, when the first of these numbers is given out. Interrupts add atomically.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} details __weak SEC(".maps");

/* cgroup id -> slot; written by user space when a cgroup is found. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} slots __weak SEC(".maps");

/* slot -> the instance's own bound; written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_bound);
} bounds __weak SEC(".maps");

/* cpu -> loss accounting; only its own CPU writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_loss);
} losses __weak SEC(".maps");

/*
 * What was already accounted for a task, and the slot of its cgroup (task.bpf.h). What a switch reads fills one cache line, of
 * the rest it writes only.
 */
struct task_account {
	__u64 address;		/* of the task whose it is; 0: nobody's */
	__u64 cgroup_id;	/* cgroup the slot belongs to; 0: look it up again */
	__u64 oncpu_ns;
	__u64 wait_ns;
	__u64 throttled_ns;	/* throttled_of() of its cfs_rq */
	__u64 left_ns;		/* when it left a CPU */
	__u32 slot;
	__u32 migrations;	/* of these two the low bits, of which only the growth matters */
	__u32 major_faults;
	__u32 claims;		/* in `accounts`: 1 while it is somebody's, and more while others try to have it */
	__u64 left_own_ns;	/* what its cgroup had run where it left a CPU by then, and all (struct wait) */
	__u64 left_busy_ns;
	__u64 reclaim_since_ns;	/* 0: the task is not reclaiming */
	__u64 limit_id;		/* when it last looked for an OOM victim, as in struct wire_oom; 0: never */
	__u64 started_ns;	/* in task_table alone: whose it is */
	__u64 is_over;		/* of the first thread: the end of its process was told */
	__u64 pad[2];
};
_Static_assert(sizeof(struct task_account) == 128, "accounts begin at a cache line");

/* The low bits of the task's number -> its account. Who finds his place taken has one in `tasks` or `task_table`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_account);
} accounts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_account);
} tasks __weak SEC(".maps");

/* Which cgroups ran on a CPU last, newest at `last`. All times are in the clock of its run queue, as those of sched_info. */
#define LANE_RUNS 64u

/* A wait that is to be put into its parts. */
struct wait {
	__u64 since_ns, until_ns;
	__u64 left_ns;		/* when the task left the CPU before */
	__u64 own_ns, busy_ns;	/* what its cgroup, and all, ran from then until the wait's end */
	__u64 quota_ns;		/* that the quota took of it, at most */
	__u64 told_ns;		/* who ran in the first of it is told already */
	__u64 cgroup_id;
};

struct lane_run {
	__u64 end_ns;		/* and the beginning of the next run */
	__u64 cgroup_id;	/* 0: the CPU was idle */
};

struct lane {
	__u32 last;
	__u32 flush;		/* number of the last flush */
	__u64 far_ns;		/* when it was last looked through as a whole */
	__u64 busy_ns;		/* all runs but those of idle */
	__u64 switches;		/* that the kernel told of, and its own count before the first of them */
	__u64 switches_before;
	struct wait wait;	/* that of the task that leaves: an argument of what is verified apart */
	struct lane_run run[LANE_RUNS];
};

/* cpu -> lane; only its own CPU touches it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lane);
} lanes __weak SEC(".maps");

/* Who ran in long waits of the annotated. When it is full, what was not added to for longest goes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wire_blame_key);
	__type(value, struct wire_blame);
} blames __weak SEC(".maps");

/* A wait that is so long that it is told before it ends. */
struct starved {
	__u64 arrivals;		/* sched_info.pcount during the wait */
	__u64 delay_ns;		/* sched_info.run_delay when it was first seen */
	__u64 told_ns;		/* what of it is in the row */
	__u64 is_bad;		/* it is already counted as over the bound */
};

/* pid -> its wait. When it is full, a wait is counted when it ends, and not before. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct starved);
} starving __weak SEC(".maps");

/* In the place of `tasks` where the kernel has no task storage, by the task's address. All is allocated beforehand: hooks hold locks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct task_account);
} task_table __weak SEC(".maps");

/* A bio between being queued and being complete, found again by its address. */
struct bio_account {
	__u64 since_ns;
	__u64 issued_ns;	/* the request that it is the first bio of was given to the device; 0: not seen */
	__u64 cgroup_id;	/* 0 while the bio is held back by io.max and has not been queued */
	__u32 slot;
	__u32 bytes;
	__u8 is_write;
	__u8 is_charged;	/* the cgroup is that of the charge, not of the task */
	__u8 pad[6];
};

/* When it is full, a bio is not measured at all. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct bio_account);
} bios __weak SEC(".maps");

/* What an accepted TCP socket was asked and has not answered. */
struct socket_account {
	__u64 made_ns;		/* when it was accepted by the kernel; 0 as soon as it was asked */
	__u64 asked_ns;		/* when the question came; 0: nothing waits for an answer */
	__u64 again_ns;		/* when more came, of which nothing has been read */
	__u64 cgroup_id;	/* of the task that read last, and its slot */
	__u64 own_id;		/* cgroup and slot of the socket itself, whose its packets are */
	__u32 slot;
	__u32 own_slot;
	__u32 asked_end;	/* number of the byte after the question's first packet; of what came again */
	__u32 again_end;
	__u32 is_read;		/* a task read the question */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_account);
} sockets __weak SEC(".maps");

/* In the place of `sockets` where tracing programs may not use socket storage, by the socket's address. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct socket_account);
} socket_table __weak SEC(".maps");

/* Threads chosen as OOM victim, until they end, and for whose limit; where the kernel tells only their number. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} victims __weak SEC(".maps");

#endif
