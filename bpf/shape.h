/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What shape.bpf.c and the hands share: the limits map, cgroup id -> struct shape_limit. The filter passes what has no
 * limit untouched, so an empty map is no limit at all.
 */
#ifndef FORESTALL_SHAPE_H
#define FORESTALL_SHAPE_H

#define SHAPE_LIMITS_MAX 1024

struct shape_limit {
	struct bpf_spin_lock lock;
	__u32 ifindex;		/* the device it holds on; packets on others pass */
	__u64 netns;		/* inode of the network namespace of that device; for the hands */
	__u64 rate;		/* bytes/s on the wire */
	__u64 next_ns;		/* EDT: when the next packet may leave, CLOCK_MONOTONIC */
	__u32 classid;		/* HTB: the class; 0: the packets are paced through their departure time */
	__u32 pad;
};

#endif
