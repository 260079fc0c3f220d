// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The reference that bpf/sched.bpf.c is held against: wakeups and switches timestamped one by one, as run queue monitors do. It
 * shares no code with what it checks. Counts the tasks of one cgroup.
 *
 * Waits are in the clock of the run queue, as the kernel's own accounting has them: at a tracepoint a moment has passed since, which
 * puts short waits into other buckets and, in emulation, is percents of the total. Time on the CPU is in the run queue's clock of
 * tasks, which leaves out interrupts and what a hypervisor took. Who ran during a wait comes from running
 * sums of the CPU's time, snapshots of which are taken when a wait begins and ends; of a task that changed its CPU this is not told.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "wire.h"

struct task_struct___old {
	long state;
} __attribute__((preserve_access_index));

/* The CPU's time so far, in the clock of the run queue. */
struct busy {
	__u64 own_ns, other_ns;
	__u64 since_ns;		/* the running task's arrival; 0: not seen */
	__u64 runs;		/* whose cgroup that is; 0: idle */
	__u64 pid;		/* of that task */
};

struct reference_task {
	__u64 queued_ns, arrived_ns;
	__u64 wait_ns;		/* that ended with the arrival */
	struct busy at_queued, during;
	__u32 is_queued, has_waited;
	__u64 left_queue_ns;	/* of a CPU, for that of another; 0: it did not */
	__u32 has_moved, was_moved;	/* since it last left a CPU; before it last arrived on one */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct reference_task);
} reference_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct busy);
} busy SEC(".maps");

__u64 cgroup_id, wait_ns, oncpu_ns, switches, sibling_ns, other_ns, migrations;
__u64 moved_ns;	/* of wait_ns; who ran meanwhile is not asked for */
__u64 between_ns;	/* of wait_ns, in no queue, on the way from one to the other */
__u64 lost;	/* switches that were not told: who leaves is not who came */
__u64 lost_own;	/* of the cgroup: such switches, and arrivals of who was not queued */
__u32 hist[WIRE_HIST_COUNT];

const volatile __u64 bucket_floor[WIRE_HIST_COUNT] = {};

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 low = 0, high = WIRE_HIST_COUNT;

	for (int i = 0; i < 8; i++) {
		__u32 middle = (low + high) / 2;

		if (middle < WIRE_HIST_COUNT && bucket_floor[middle] <= ns)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static __always_inline __u64 clock_of(struct task_struct *task)
{
	return task->se.cfs_rq->rq->clock;
}

/* The sums up to now, with what the running task has had. */
static __always_inline struct busy busy_now(__u32 cpu, __u64 clock_ns)
{
	struct busy *found = bpf_map_lookup_elem(&busy, &cpu), now = {};

	if (!found)
		return now;
	now = *found;
	if (now.since_ns && now.runs == cgroup_id)
		now.own_ns += clock_ns - now.since_ns;
	else if (now.since_ns && now.runs)
		now.other_ns += clock_ns - now.since_ns;
	return now;
}

/* The one that wakes a task may do so from another CPU than the task waits for. */
static __always_inline void queued(struct task_struct *task)
{
	struct reference_task fresh = {}, *found;
	__u32 pid = task->pid, cpu = task->se.cfs_rq->rq->cpu;

	found = bpf_map_lookup_elem(&reference_tasks, &pid);
	if (!found) {
		bpf_map_update_elem(&reference_tasks, &pid, &fresh, BPF_ANY);
		found = bpf_map_lookup_elem(&reference_tasks, &pid);
	}
	if (!found)
		return;
	found->queued_ns = clock_of(task);
	found->left_queue_ns = 0;
	found->at_queued = busy_now(cpu, found->queued_ns);
	found->is_queued = 1;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(ref_wakeup, struct task_struct *task)
{
	queued(task);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(ref_wakeup_new, struct task_struct *task)
{
	queued(task);
	return 0;
}

SEC("tp_btf/sched_migrate_task")
int BPF_PROG(ref_migrate, struct task_struct *task)
{
	__u32 pid = task->pid;
	struct reference_task *found = bpf_map_lookup_elem(&reference_tasks, &pid);

	if (cgroup_of(task) == cgroup_id)
		__sync_fetch_and_add(&migrations, 1);
	if (!found)
		return 0;
	found->has_moved = 1;
	if (found->is_queued)
		found->left_queue_ns = clock_of(task);
	return 0;
}

static __always_inline bool is_running(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;

	return bpf_core_field_exists(task->__state) ? task->__state == 0 : BPF_CORE_READ(old, state) == 0;
}

static __always_inline void left(struct task_struct *task, __u64 task_clock_ns)
{
	__u32 pid = task->pid, bucket;
	struct reference_task *found = bpf_map_lookup_elem(&reference_tasks, &pid);

	if (!found || cgroup_of(task) != cgroup_id)
		return;
	__sync_fetch_and_add(&switches, 1);
	if (found->arrived_ns)
		__sync_fetch_and_add(&oncpu_ns, task_clock_ns - found->arrived_ns);
	__sync_fetch_and_add(&wait_ns, found->has_waited ? found->wait_ns : 0);
	bucket = found->has_waited ? bucket_of(found->wait_ns) : 0;
	if (bucket < WIRE_HIST_COUNT)
		__sync_fetch_and_add(&hist[bucket], 1);
	if (found->has_waited && found->was_moved) {
		__sync_fetch_and_add(&moved_ns, found->wait_ns);
	} else if (found->has_waited) {
		__sync_fetch_and_add(&sibling_ns, found->during.own_ns);
		__sync_fetch_and_add(&other_ns, found->during.other_ns);
	}
	found->has_waited = 0;
	found->is_queued = 0;	/* Woken while it ran: it did not sleep. */
}

static __always_inline void arrived(struct task_struct *task, __u32 cpu, __u64 clock_ns, __u64 task_clock_ns)
{
	__u64 into_queue_ns = task->sched_info.last_queued;
	__u32 pid = task->pid;
	struct reference_task *found = bpf_map_lookup_elem(&reference_tasks, &pid);
	struct busy until = busy_now(cpu, clock_ns);

	if (!found)
		return;
	found->arrived_ns = task_clock_ns;
	found->was_moved = found->has_moved;
	found->has_moved = 0;
	if (!found->is_queued) {
		/* Some kernels do not tell of wakeups by some tasks. */
		if (cgroup_of(task) == cgroup_id)
			__sync_fetch_and_add(&lost_own, 1);
		return;
	}
	found->is_queued = 0;
	found->has_waited = 1;
	found->wait_ns = clock_ns - found->queued_ns;
	if (found->left_queue_ns && into_queue_ns > found->left_queue_ns && cgroup_of(task) == cgroup_id)
		__sync_fetch_and_add(&between_ns, into_queue_ns - found->left_queue_ns);
	found->during.own_ns = until.own_ns - found->at_queued.own_ns;
	found->during.other_ns = until.other_ns - found->at_queued.other_ns;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(ref_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 clock_ns = clock_of(prev), task_clock_ns = prev->se.cfs_rq->rq->clock_task;
	struct busy until = busy_now(cpu, clock_ns);

	if (until.since_ns && until.pid != prev->pid) {
		__sync_fetch_and_add(&lost, 1);
		if (until.runs == cgroup_id || cgroup_of(prev) == cgroup_id)
			__sync_fetch_and_add(&lost_own, 1);
	}
	until.pid = next->pid;
	until.since_ns = clock_ns;
	until.runs = next->pid ? cgroup_of(next) : 0;
	bpf_map_update_elem(&busy, &cpu, &until, BPF_ANY);
	if (prev->pid) {
		left(prev, task_clock_ns);
		if (preempt || is_running(prev))
			queued(prev);
	}
	if (next->pid)
		arrived(next, cpu, clock_ns, task_clock_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
