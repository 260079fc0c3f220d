/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tasks that wait for a CPU, as its run queue lists them: how many of each instance, and who has waited for so long that
 * it is told now and not when the wait ends. Read without the run queue's lock, from an interrupt on its own CPU: another
 * CPU may put a task in or take one out meanwhile, so a flush may miss some; the next one sees them.
 *
 * Only tasks of the fair class are listed. Since 6.18 a throttled task is taken off the list: it is not seen while its
 * quota is used up.
 */
#ifndef FORESTALL_QUEUE_BPF_H
#define FORESTALL_QUEUE_BPF_H

#include "wait.bpf.h"

#define QUEUE_MAX 128
#define STARVED_NS 100000000ull

static __always_inline void runnable_add(struct wire_row *row, __u32 flush)
{
	if (row->flush != flush) {
		row->flush = flush;
		row->runnable = 0;
		row->starved = 0;
	}
	row->runnable++;
}

/* A long wait has ended: what was told of it; zeros when nothing was. arrivals counts the one that ended it. */
static __always_inline void starved_end(__u32 pid, __u64 arrivals, struct starved *ret)
{
	struct starved *starved = bpf_map_lookup_elem(&starving, &pid);

	if (!starved)
		return;
	if (starved->arrivals + 1 == arrivals)
		*ret = *starved;
	bpf_map_delete_elem(&starving, &pid);
}

static __always_inline struct starved *starved_of(struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, pid);
	struct starved *starved = bpf_map_lookup_elem(&starving, &pid);
	struct starved first = { .arrivals = BPF_CORE_READ(task, sched_info.pcount),
				 .delay_ns = BPF_CORE_READ(task, sched_info.run_delay) };

	if (starved && starved->arrivals == first.arrivals)
		return starved;
	bpf_map_update_elem(&starving, &pid, &first, BPF_ANY);
	return bpf_map_lookup_elem(&starving, &pid);
}

/*
 * Counts what a task has waited since it was last told of. Its parts are told when it ends, and who runs now is written down as
 * who ran since.
 */
static __always_inline void starved_tell(struct lane *lane, struct wire_row *row, struct task_struct *task, __u64 cgroup_id,
					 __u32 slot, __u64 queued_ns)
{
	__u64 ns = BPF_CORE_READ(task, sched_info.run_delay) + queued_ns, more_ns, runner = lane_run(lane, 0)->cgroup_id;
	struct starved *starved = starved_of(task);
	struct wire_bound *bound = bound_of(slot);

	if (!starved || !bound)
		return;
	ns -= starved->delay_ns;
	if (ns <= starved->told_ns)
		return;
	more_ns = ns - starved->told_ns;
	row->now.wait_ns += more_ns;
	starved->told_ns = ns;
	if (!starved->is_bad && bound->delay_ns_max[WIRE_DELAY_QUEUE] && ns > bound->delay_ns_max[WIRE_DELAY_QUEUE]) {
		starved->is_bad = 1;
		row->now.verdict[WIRE_DELAY_QUEUE].bad++;
	}
	if (bound->detail && runner)
		blame_add(cgroup_id, runner, more_ns, minute_now());
}

/* Not static, so that the verifier looks at it once and not QUEUE_MAX times. `address`: of the task. */
__noinline int queue_visit(__u64 address, __u32 cpu, __u64 now_ns)
{
	struct task_struct *task = (void *)address;
	__u64 queued_ns = BPF_CORE_READ(task, sched_info.last_queued), cgroup_id;
	struct lane *lane = bpf_map_lookup_elem(&lanes, &cpu);
	struct wire_row *row;
	__u32 slot;

	if (!lane || !queued_ns)
		return 0;
	cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	row = row_of_cgroup(cgroup_id, &slot);
	if (!row)
		return 0;
	runnable_add(row, lane->flush);
	if (now_ns <= queued_ns + STARVED_NS)
		return 0;
	if (row->starved < 255)
		row->starved++;
	starved_tell(lane, row, task, cgroup_id, slot, now_ns - queued_ns);
	return 0;
}

static __always_inline void queue_walk(struct rq *rq, __u32 cpu, __u64 now_ns)
{
	struct list_head *head = (void *)rq + bpf_core_field_offset(struct rq, cfs_tasks);
	struct list_head *at = BPF_CORE_READ(head, next);

	for (int i = 0; i < QUEUE_MAX && at && at != head; i++) {
		queue_visit((__u64)at - bpf_core_field_offset(struct task_struct, se.group_node), cpu, now_ns);
		at = BPF_CORE_READ(at, next);
	}
}

#endif
