// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Memory: tasks that have to reclaim it themselves, and how long that takes; processes chosen as OOM victim. Major faults
 * are counted at sched_switch. Refaults and usage have no hook: user space reads memory.stat.
 *
 * The arguments of the reclaim tracepoints (include/trace/events/vmscan.h) moved between kernels, so none is used.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

static __always_inline int reclaim_begin(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_account *account = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct wire_row *row;
	__u64 cgroup_id;
	__u32 slot;

	if (account)
		account->reclaim_since_ns = bpf_ktime_get_ns();
	row = row_of_task(task, &cgroup_id, &slot);
	if (row)
		row->now.reclaims++;
	return 0;
}

static __always_inline int reclaim_end(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_account *account = bpf_task_storage_get(&tasks, task, 0, 0);
	struct wire_row *row;
	__u64 cgroup_id;
	__u32 slot;

	if (!account || !account->reclaim_since_ns)
		return 0;	/* it began before we came */
	row = row_of_task(task, &cgroup_id, &slot);
	if (row)
		row->now.reclaim_ns += bpf_ktime_get_ns() - account->reclaim_since_ns;
	account->reclaim_since_ns = 0;
	return 0;
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int on_group_reclaim(void *ctx) { return reclaim_begin(); }

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int on_group_reclaimed(void *ctx) { return reclaim_end(); }

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int on_host_reclaim(void *ctx) { return reclaim_begin(); }

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int on_host_reclaimed(void *ctx) { return reclaim_end(); }

/* Kernels whose tracepoint gives only a pid say nothing of the victim's cgroup: there user space has memory.events. */
SEC("tp_btf/mark_victim")
int BPF_PROG(on_oom_victim, struct task_struct *task)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(task, &cgroup_id, &slot);

	if (!row)
		return 0;
	row->now.oom_kills++;
	task_emit(WIRE_OOM, task, slot, cgroup_id, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
