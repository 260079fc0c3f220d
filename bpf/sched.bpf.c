// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Scheduler: on-CPU time, queue wait and its histogram, switches, major faults, forks, execs, exits per cgroup.
 *
 * No wakeup hook. The kernel already keeps sched_info.run_delay (kernel/sched/stats.h: time between becoming
 * runnable and running) and se.sum_exec_runtime per task; at sched_switch the task that leaves has had exactly one
 * arrival, so the growth of its run_delay is one wait. Needs SCHED_INFO (on with TASKSTATS or SCHEDSTATS).
 *
 * on_flush runs ten times a second on each CPU and settles the task that runs there, so that a hog that never
 * switches is seen. Waits of tasks that have not run yet are counted when they next leave a CPU.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

const volatile __u64 loaded_ns = 0;	/* tasks older than this carry a history that is not ours */
const volatile __u64 window_ns = 100000000;

/* Tells user space that this row moved, at most once per window; nothing is forgotten when the ring is full. */
static __always_inline void window_emit(struct wire_row *row, __u32 cpu, __u32 slot, __u64 cgroup_id, __u64 now)
{
	struct wire_window *record;

	if (now - row->sent_ns < window_ns)
		return;
	record = emit_reserve(WIRE_WINDOW, sizeof(*record), cpu);
	if (!record)
		return;
	emit_head(&record->head, WIRE_WINDOW, slot, cgroup_id);
	record->cpu = cpu;
	record->pad = 0;
#pragma unroll
	for (__u32 i = 0; i < WIRE_TOLD; i++) {
		__u64 total = ((__u64 *)&row->now)[i];

		record->moved[i] = total - row->sent[i];
		row->sent[i] = total;
	}
	row->sent_ns = now;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void wait_count(struct wire_row *row, __u32 slot, __u64 wait_ns)
{
	struct wire_bound *bound = bpf_map_lookup_elem(&bounds, &slot);
	__u32 bucket = hist_bucket(wait_ns);

	/* The compiler knows that this holds and would drop the check; the verifier of 6.1 does not know. */
	barrier_var(bucket);
	if (bucket < WIRE_HIST_COUNT)
		row->hist[bucket]++;
	if (!bound || !bound->delay_ns_max[WIRE_DELAY_QUEUE])
		return;
	if (wait_ns <= bound->delay_ns_max[WIRE_DELAY_QUEUE])
		row->now.verdict[WIRE_DELAY_QUEUE].good++;
	else
		row->now.verdict[WIRE_DELAY_QUEUE].bad++;
}

/* Moves what the kernel has counted for `task` since we last looked into the row of its instance. */
static __always_inline void account_task(struct task_struct *task, bool left_cpu)
{
	__u64 cgroup_id, oncpu_ns, wait_ns, major_faults, now = bpf_ktime_get_ns();
	__u32 cpu = bpf_get_smp_processor_id(), slot;
	struct task_account *account;
	struct wire_row *row;

	account = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!account)
		return;
	oncpu_ns = task->se.sum_exec_runtime;
	wait_ns = task->sched_info.run_delay;
	major_faults = task->maj_flt;
	if (!account->is_primed) {
		account->is_primed = 1;
		if (task->start_time < loaded_ns) {
			account->oncpu_ns = oncpu_ns;
			account->wait_ns = wait_ns;
			account->major_faults = major_faults;
		}
	}
	cgroup_id = cgroup_id_of(task);
	slot = slot_of(account, cgroup_id);
	row = row_of(cpu, slot);
	if (!row)
		return;
	row->now.oncpu_ns += oncpu_ns - account->oncpu_ns;
	account->oncpu_ns = oncpu_ns;
	/* Seldom, and in another cache line than the rest. */
	if (major_faults != account->major_faults) {
		row->now.major_faults += major_faults - account->major_faults;
		account->major_faults = major_faults;
	}
	if (left_cpu) {
		row->now.switches++;
		row->now.wait_ns += wait_ns - account->wait_ns;
		wait_count(row, slot, wait_ns - account->wait_ns);
		account->wait_ns = wait_ns;
	}
	window_emit(row, cpu, slot, slot ? cgroup_id : 0, now);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev)
{
	if (prev->pid)
		account_task(prev, true);
	return 0;
}

SEC("perf_event")
int on_flush(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task->pid)
		account_task(task, false);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(parent, &cgroup_id, &slot);

	if (row)
		row->now.forks++;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(task, &cgroup_id, &slot);

	if (!row)
		return 0;
	row->now.execs++;
	task_emit(WIRE_EXEC, task, slot, cgroup_id, 0);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u64 cgroup_id;
	__u32 slot, code;
	struct wire_row *row;

	if (task->signal->live.counter > 0)
		return 0;	/* a thread ended, the process goes on */
	row = row_of_task(task, &cgroup_id, &slot);
	if (!row)
		return 0;
	code = task->signal->group_exit_code ?: task->exit_code;
	row->now.exits++;
	if (code)
		row->now.failed_exits++;
	task_emit(WIRE_EXIT, task, slot, cgroup_id, code);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
