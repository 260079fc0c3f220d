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

#define MEMCG_DATA_FLAGS 7ul	/* include/linux/memcontrol.h: bits beside the pointer */

static __always_inline int reclaim_begin(void)
{
	struct task_struct *task = task_current();
	struct task_account *account = task_make(task);
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
	struct task_struct *task = task_current();
	struct task_account *account = task_get(task);
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

static __always_inline unsigned long folio_flags(struct folio *folio)
{
	struct folio___flags *with_struct = (void *)folio;

	if (bpf_core_field_exists(with_struct->flags.f))
		return BPF_CORE_READ(with_struct, flags.f);
	return BPF_CORE_READ(folio, flags);
}

static __always_inline __u32 folio_pages(struct folio *folio, unsigned long flags)
{
	struct folio___pages *renamed = (void *)folio;

	if (!(flags >> bpf_core_enum_value(enum pageflags, PG_head___here) & 1))
		return 1;
	if (bpf_core_field_exists(renamed->_nr_pages))
		return BPF_CORE_READ(renamed, _nr_pages);
	return BPF_CORE_READ(folio, _folio_nr_pages);
}

/* Reclaim, or MADV_PAGEOUT, gave a folio to its file or to swap (or zswap). It belongs to whom its memory is charged to. */
SEC("tp_btf/mm_vmscan_write_folio")
int BPF_PROG(on_folio_write, struct folio *folio)
{
	unsigned long flags = folio_flags(folio);
	struct mem_cgroup *group = (void *)(BPF_CORE_READ(folio, memcg_data) & ~MEMCG_DATA_FLAGS);
	struct wire_row *row;
	__u32 slot;

	if (!group || !(flags >> bpf_core_enum_value(enum pageflags, PG_swapbacked___here) & 1))
		return 0;
	row = row_of_cgroup(BPF_CORE_READ(group, css.cgroup, kn, id), &slot);
	if (row)
		count_add(&row->now.swap_outs, folio_pages(folio, flags));
	return 0;
}

/* The task that found no memory looks for a victim, itself or another, before it returns from here: whose limit it hit. */
SEC("fentry/out_of_memory")
int BPF_PROG(on_out_of_memory, struct oom_control *control)
{
	struct task_account *account = task_make(task_current());

	if (account)
		account->limit_id = control->memcg ? control->memcg->css.cgroup->kn->id : WIRE_CGROUP_ROOT;
	return 0;
}

/* Whose limit the task that runs here looked for a victim for; 0: unknown. */
static __always_inline __u64 limit_of_current(void)
{
	struct task_account *account = task_get(task_current());

	return account ? account->limit_id : 0;
}

static __always_inline void victim_emit(struct task_struct *victim, __u32 slot, __u64 cgroup_id, __u64 limit_id)
{
	struct wire_oom *record = emit_reserve(WIRE_OOM, sizeof(*record), bpf_get_smp_processor_id());

	if (!record)
		return;
	task_fill(&record->victim, WIRE_OOM, victim, slot, cgroup_id, 0);
	record->limit_id = limit_id;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

static __always_inline int victim_count(struct task_struct *task, __u64 limit_id)
{
	__u64 cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(task, &cgroup_id, &slot);

	if (!row)
		return 0;
	row->now.oom_kills++;
	victim_emit(task, slot, cgroup_id, limit_id);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_oom_victim, struct task_struct *task) { return victim_count(task, limit_of_current()); }

/* Where the tracepoint gives only a number, the victim is known when it ends, which is what it was chosen for. */
SEC("tp_btf/mark_victim")
int BPF_PROG(on_oom_number, int number)
{
	__u64 limit_id = limit_of_current();
	__u32 key = number;

	bpf_map_update_elem(&victims, &key, &limit_id, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_oom_end, struct task_struct *task)
{
	__u32 key = task->pid;
	__u64 *found = bpf_map_lookup_elem(&victims, &key), limit_id;

	if (!found)
		return 0;
	limit_id = *found;
	bpf_map_delete_elem(&victims, &key);
	return victim_count(task, limit_id);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
