/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What shape.bpf.c and the hands share: the limits map, cgroup id -> struct shape_limit, and the storage of each cgroup
 * that on_ingress is attached to, struct shape_bucket. What has no limit passes untouched, so an empty map, or a bucket
 * of zeros, is no limit at all.
 */
#ifndef FORESTALL_SHAPE_H
#define FORESTALL_SHAPE_H

#define SHAPE_LIMITS_MAX 1024
#define SHAPE_CLASS_REST 0x464f0001u	/* HTB: what has no limit */
#define SHAPE_LINKS_MAX 64		/* cgroups with a limit of what arrives */

struct shape_limit {
	struct bpf_spin_lock lock;
	__u32 ifindex;		/* the device it holds on; packets on others pass */
	__u64 netns;		/* inode of the network namespace of that device; for the hands */
	__u64 rate;		/* bytes/s on the wire */
	__u64 next_ns;		/* when the next packet may leave, CLOCK_MONOTONIC */
	__u32 classid;		/* HTB: the class; 0: the packets are paced through their departure time */
	__u32 is_first;		/* rate is of all limits on the device together, and it goes before them */
	__u64 first_id;		/* the cgroup that is first, of several the one of the least rate, whose next_ns is the clock of the total; 0: none */
};

/* What may arrive: a token bucket, kept as a time. What that lies back is in it, at most half a second of the rate. */
struct shape_bucket {
	struct bpf_spin_lock lock;
	__u32 pad;
	__u64 rate;		/* bytes/s on the wire; 0: no limit */
	__u64 next_ns;		/* CLOCK_MONOTONIC: what arrives before this is dropped */
};

#endif
