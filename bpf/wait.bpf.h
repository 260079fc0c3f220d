/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who had the CPU while a task waited for it. Each CPU remembers its last runs (struct lane); a wait that began and ended on
 * one CPU is laid over them. Both are in the clock of the run queue, so the parts are exact, with these bounds to the work:
 *
 * - A wait that lies in the last LANE_NEAR runs is always looked through. A longer one is looked through as far as LANE_FAR
 *   runs, at most once per LANE_FAR_EVERY_NS and CPU; what lies further back, or comes too soon, is taken to be shared as
 *   what was seen of it.
 * - A wait during which the task changed its CPU or its cgroup is in no part.
 * - The quota's part is the growth of the cfs_rq's throttled_clock_self_time (since 6.6) since the task last left the CPU, as
 *   far as no sibling ran: exact for a task that was runnable all the time, an upper bound for one that slept while its
 *   cgroup was throttled. Where a kernel only tells that there was a throttle, nothing but siblings is told of that wait.
 * - A wait of which nobody ran and no quota was used up (a CPU that wakes) is in no part.
 */
#ifndef FORESTALL_WAIT_BPF_H
#define FORESTALL_WAIT_BPF_H

#include "account.bpf.h"
#include <bpf/bpf_core_read.h>

#define LANE_NEAR 4u
#define LANE_FAR 48u
#define LANE_FAR_EVERY_NS 1000000ull

struct wait {
	__u64 since_ns, until_ns;
	__u64 cgroup_id;
	__u64 quota_ns;		/* of it, at most */
	__u64 minute;		/* who ran is written down with this time; 0: it is not */
	__u64 sibling_ns, other_ns, seen_ns;
};

static __always_inline struct lane_run *lane_run(struct lane *lane, __u32 back)
{
	return &lane->run[(lane->last - back) & (LANE_RUNS - 1)];
}

static __always_inline void lane_push(struct lane *lane, __u64 now_ns, __u64 cgroup_id)
{
	struct lane_run *run = lane_run(lane, -1u);

	run->end_ns = now_ns;
	run->cgroup_id = cgroup_id;
	lane->last++;
}

static __always_inline void blame_add(const struct wait *wait, __u64 runner, __u64 ns)
{
	struct wire_blame_key key = { .waiter = wait->cgroup_id, .runner = runner };
	struct wire_blame first = { .ns = ns, .minute = wait->minute }, *blame = bpf_map_lookup_elem(&blames, &key);

	if (!blame) {
		bpf_map_update_elem(&blames, &key, &first, BPF_NOEXIST);
		return;
	}
	if (blame->minute != wait->minute) {
		blame->ns = wait->minute - blame->minute < 64 ? blame->ns >> (wait->minute - blame->minute) : 0;
		blame->minute = wait->minute;
	}
	__sync_fetch_and_add(&blame->ns, ns);
}

/* Adds up who ran in the last `runs` runs of the wait. */
static __noinline void lane_look(struct lane *lane, struct wait *wait, __u32 runs)
{
	wait->sibling_ns = wait->other_ns = wait->seen_ns = 0;
	for (__u32 back = 0; back < LANE_FAR && back < runs; back++) {
		struct lane_run *run = lane_run(lane, back);
		__u64 from_ns = lane_run(lane, back + 1)->end_ns, to_ns = run->end_ns, ns;
		bool is_last = from_ns <= wait->since_ns;

		if (is_last)
			from_ns = wait->since_ns;
		if (to_ns > wait->until_ns)
			to_ns = wait->until_ns;
		ns = to_ns > from_ns ? to_ns - from_ns : 0;
		wait->seen_ns += ns;
		if (run->cgroup_id == wait->cgroup_id)
			wait->sibling_ns += ns;
		else if (run->cgroup_id)
			wait->other_ns += ns;
		if (ns && run->cgroup_id && wait->minute)
			blame_add(wait, run->cgroup_id, ns);
		if (is_last)
			break;
	}
}

static __always_inline __u64 share_of(__u64 part, __u64 seen, __u64 whole)
{
	return ((part << 16) / seen * whole) >> 16;
}

/* Puts a wait into its parts. For the annotated, who ran in a long one is written down. */
static __noinline void wait_split(struct lane *lane, struct wire_row *row, struct wait *wait, bool is_annotated)
{
	__u64 ns = wait->until_ns - wait->since_ns, rest_ns, idle_ns;
	__u32 runs = LANE_NEAR;

	wait->minute = 0;
	lane_look(lane, wait, runs);
	if (wait->seen_ns < ns && wait->until_ns - lane->far_ns >= LANE_FAR_EVERY_NS) {
		lane->far_ns = wait->until_ns;
		runs = LANE_FAR;
	}
	if (is_annotated && ns >= WIRE_BLAME_NS && (runs == LANE_FAR || wait->seen_ns == ns))
		wait->minute = bpf_ktime_get_ns() / WIRE_BLAME_HALF_NS;
	if (runs == LANE_FAR || wait->minute)
		lane_look(lane, wait, runs);
	if (wait->seen_ns && wait->seen_ns < ns) {
		wait->sibling_ns = share_of(wait->sibling_ns, wait->seen_ns, ns);
		wait->other_ns = share_of(wait->other_ns, wait->seen_ns, ns);
	}
	rest_ns = ns - wait->sibling_ns;
	idle_ns = rest_ns - wait->other_ns;
	if (wait->quota_ns > rest_ns)
		wait->quota_ns = rest_ns;
	if (wait->quota_ns > idle_ns)
		wait->other_ns -= wait->quota_ns - idle_ns;
	row->now.wait_quota_ns += wait->quota_ns;
	row->now.wait_sibling_ns += wait->sibling_ns;
	row->now.wait_other_ns += wait->other_ns;
}

#endif
