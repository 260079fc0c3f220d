/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who had the CPU while a task waited for it. Each CPU remembers its last runs (struct lane) and sums up how long it was busy, each
 * row how long its cgroup ran there; a task keeps both sums as they were when it left the CPU. All of it, and the wait, is in
 * the clock of the run queue, so the parts are exact:
 *
 * - for a task that was runnable all the time (the sums tell), and for a wait within the last LANE_NEAR runs (they are looked
 *   at). Of a wait that began with a wakeup further back, what lies beyond those runs is taken to be shared as all the time
 *   since the task left.
 * - A wait during which the task changed its CPU or its cgroup is in no part.
 * - The quota's part is the growth of the cfs_rq's throttled_clock_self_time (since 6.6) since the task left the CPU, as
 *   far as no sibling ran: exact for a task that was runnable all the time, an upper bound for one that slept while its
 *   cgroup was throttled. Where a kernel only tells that there was a throttle, nothing but siblings is told of that wait.
 * - Time in which nobody ran and no quota was used up (a CPU that wakes) is in no part.
 *
 * Who ran in a long wait of the annotated is taken from the last LANE_FAR runs, at most once per LANE_FAR_EVERY_NS and CPU: shares
 * are of that sample.
 */
#ifndef FORESTALL_WAIT_BPF_H
#define FORESTALL_WAIT_BPF_H

#include "account.bpf.h"
#include <bpf/bpf_core_read.h>

#define LANE_NEAR 4u
#define LANE_FAR 48u
#define LANE_FAR_EVERY_NS 1000000ull

static __always_inline struct lane_run *lane_run(struct lane *lane, __u32 back)
{
	return &lane->run[(lane->last - back) & (LANE_RUNS - 1)];
}

/* The run that ends now; row is that of its cgroup, 0 when the CPU was idle. Runs of one cgroup that follow each other are one. */
static __always_inline void lane_push(struct lane *lane, struct wire_row *row, __u64 now_ns, __u64 cgroup_id)
{
	struct lane_run *run = lane_run(lane, 0);
	__u64 ran_ns = now_ns - run->end_ns;

	lane->last += run->cgroup_id != cgroup_id;
	run = lane_run(lane, 0);
	run->end_ns = now_ns;
	run->cgroup_id = cgroup_id;
	if (!row)
		return;
	lane->busy_ns += ran_ns;
	row->ran_ns += ran_ns;
}

static __always_inline void blame_add(__u64 waiter, __u64 runner, __u64 ns, __u64 minute)
{
	struct wire_blame_key key = { .waiter = waiter, .runner = runner };
	struct wire_blame first = { .ns = ns, .minute = minute }, *blame = bpf_map_lookup_elem(&blames, &key);

	if (!blame) {
		bpf_map_update_elem(&blames, &key, &first, BPF_NOEXIST);
		return;
	}
	if (blame->minute != minute) {
		blame->ns = minute - blame->minute < 64 ? blame->ns >> (minute - blame->minute) : 0;
		blame->minute = minute;
	}
	__sync_fetch_and_add(&blame->ns, ns);
}

static __always_inline __u64 minute_now(void)
{
	return bpf_ktime_get_ns() / WIRE_BLAME_HALF_NS;
}

/* The part of the run, `back` before the last, that lies in the wait; *ret_is_last: the wait began in it, or before nothing is known. */
static __always_inline __u64 run_part(struct lane *lane, __u32 back, __u64 since_ns, __u64 until_ns, bool *ret_is_last)
{
	__u64 from_ns = lane_run(lane, back + 1)->end_ns, to_ns = lane_run(lane, back)->end_ns;

	*ret_is_last = from_ns <= since_ns;
	if (from_ns < since_ns)
		from_ns = since_ns;
	if (to_ns > until_ns)
		to_ns = until_ns;
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

/*
 * What is seldom done at a switch is not static, so that the verifier looks at it once, by itself, and not for each way that leads
 * to it. Kernels before 5.12 let such a function have numbers alone, so the wait lies in the lane.
 */

/* Writes down who ran in the lane's wait. */
__noinline int wait_blame(__u32 cpu)
{
	struct lane *lane = bpf_map_lookup_elem(&lanes, &cpu);
	__u64 since_ns, minute = minute_now();
	bool is_last = false;

	if (!lane)
		return 0;
	lane->far_ns = lane->wait.until_ns;
	since_ns = lane->wait.since_ns + lane->wait.told_ns;
	for (__u32 back = 0; back < LANE_FAR && !is_last; back++) {
		__u64 runner = lane_run(lane, back)->cgroup_id;
		__u64 ns = run_part(lane, back, since_ns, lane->wait.until_ns, &is_last);

		if (ns && runner)
			blame_add(lane->wait.cgroup_id, runner, ns, minute);
	}
	return 0;
}

/* share / whole in 65536ths, for share <= whole. */
static __always_inline __u64 share_of(__u64 share, __u64 whole) { return whole ? (share << 16) / whole : 0; }

/* What siblings and others ran in the wait. */
static __always_inline void wait_look(struct lane *lane, const struct wait *wait, __u64 *ret_sibling_ns, __u64 *ret_other_ns)
{
	__u64 own_ns = 0, other_ns = 0, seen_ns = 0, at_ns, share;
	bool is_last = wait->since_ns <= wait->left_ns;

	for (__u32 back = 0; back < LANE_NEAR && !is_last; back++) {
		__u64 ns = run_part(lane, back, wait->since_ns, wait->until_ns, &is_last);
		__u64 runner = lane_run(lane, back)->cgroup_id;

		seen_ns += ns;
		if (runner == wait->cgroup_id)
			own_ns += ns;
		else if (runner)
			other_ns += ns;
	}
	*ret_sibling_ns = own_ns;
	*ret_other_ns = other_ns;
	at_ns = wait->until_ns - seen_ns;
	if (at_ns <= wait->since_ns || at_ns <= wait->left_ns)
		return;
	/* What is left of the wait, as a share of what is left of the time since the task left; all of it if it never slept. */
	if (wait->left_ns) {
		share = share_of(at_ns - wait->since_ns, at_ns - wait->left_ns);
		*ret_sibling_ns += ((wait->own_ns - own_ns) * share) >> 16;
		*ret_other_ns += ((wait->busy_ns - wait->own_ns - other_ns) * share) >> 16;
	} else {	/* A task's first wait: as what was looked at. */
		*ret_sibling_ns += ((at_ns - wait->since_ns) * share_of(own_ns, seen_ns)) >> 16;
		*ret_other_ns += ((at_ns - wait->since_ns) * share_of(other_ns, seen_ns)) >> 16;
	}
}

/* Whether who ran in this wait is to be written down. */
static __always_inline bool wait_is_blamed(const struct lane *lane, const struct wire_bound *bound, __u64 arrival_ns, __u64 ns)
{
	return ns >= WIRE_BLAME_NS && bound && bound->detail && arrival_ns - lane->far_ns >= LANE_FAR_EVERY_NS;
}

/* Puts the lane's wait into its parts, in the row of `slot`. */
__noinline int wait_split(__u32 cpu, __u32 slot, __u32 is_blamed)
{
	struct lane *lane = bpf_map_lookup_elem(&lanes, &cpu);
	struct wire_row *row = row_of(cpu, slot);
	__u64 ns, quota_ns, sibling_ns, other_ns, rest_ns;

	if (!lane || !row)
		return 0;
	ns = lane->wait.until_ns - lane->wait.since_ns;
	quota_ns = lane->wait.quota_ns;
	wait_look(lane, &lane->wait, &sibling_ns, &other_ns);
	if (sibling_ns > ns)
		sibling_ns = ns;
	rest_ns = ns - sibling_ns;
	if (other_ns > rest_ns)
		other_ns = rest_ns;
	if (quota_ns && !bpf_core_field_exists(((struct cfs_rq *)0)->throttled_clock_self_time)) {
		quota_ns = 0;
		other_ns = 0;
	}
	if (quota_ns > rest_ns)
		quota_ns = rest_ns;
	/* While the quota was used up others may have run as well: it was the quota. */
	if (quota_ns > rest_ns - other_ns)
		other_ns = rest_ns - quota_ns;
	row->now.wait_quota_ns += quota_ns;
	row->now.wait_sibling_ns += sibling_ns;
	row->now.wait_other_ns += other_ns;
	return is_blamed ? wait_blame(cpu) : 0;
}

#endif
