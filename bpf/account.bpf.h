/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whose row is it, and how a delay is counted: what the hooks of all families share.
 *
 * Process-context hooks and the flush add plainly: on one CPU none of them interrupts another that writes the same
 * counter. Hooks that also run in interrupts (IO completion, packets, sockets) add atomically through count_add() and
 * delay_count(). These emit no window records: a window record comes with the next switch of a task of the instance, so
 * user space, which reads annotated instances at each tick anyway, sees what moved in a stranger's row only then.
 */
#ifndef FORESTALL_ACCOUNT_BPF_H
#define FORESTALL_ACCOUNT_BPF_H

#include "task.bpf.h"
#include "emit.bpf.h"

const volatile __u32 slots_max __weak = 1;

/* `bits` when v < 2^63 has a bit at or above them, else 0. */
static __always_inline __u64 log2_step(__u64 v, __u32 bits)
{
	return (((1ull << bits) - 1 - v) >> 63) * bits;
}

/*
 * Index of the highest set bit of 0 < v < 2^63, without a loop and without a branch: a processor would guess it wrong, and the
 * verifier would walk all that follows once for each way.
 */
static __always_inline __u64 log2_floor(__u64 v)
{
	__u64 r = log2_step(v, 32);

	v >>= r;
#pragma unroll
	for (__u32 bits = 16; bits; bits /= 2) {
		__u64 step = log2_step(v, bits);

		v >>= step;
		r += step;
	}
	return r;
}

/* The same rule as hist_bucket() in predict/hist.c; tests/bpf holds the two against each other. */
static __always_inline __u32 hist_bucket(__u64 ns)
{
	__u64 exp;

	if (ns < (1ull << WIRE_HIST_MIN_EXP))
		return 0;
	if (ns >= 1ull << (WIRE_HIST_MIN_EXP + WIRE_HIST_OCTAVES))
		return WIRE_HIST_COUNT - 1;
	exp = log2_floor(ns);
	return ((exp - WIRE_HIST_MIN_EXP) << WIRE_HIST_SUB_BITS) +
	       ((ns >> (exp - WIRE_HIST_SUB_BITS)) & ((1 << WIRE_HIST_SUB_BITS) - 1)) + 1;
}

/* Which of WIRE_OCTAVES, as octave_bucket() in predict/hist.c has it. */
static __always_inline __u32 octave_of(__u64 ns)
{
	if (ns < (1ull << WIRE_HIST_MIN_EXP))
		return 0;
	if (ns >= 1ull << (WIRE_HIST_MIN_EXP + WIRE_HIST_OCTAVES))
		return WIRE_OCTAVES - 1;
	return log2_floor(ns) - WIRE_HIST_MIN_EXP + 1;
}

static __always_inline struct wire_row *row_of(__u32 cpu, __u32 slot)
{
	__u32 idx = cpu * slots_max + slot;

	return bpf_map_lookup_elem(&rows, &idx);
}

/* The slot of a task's cgroup, WIRE_SLOT_OTHER while user space has not given it one. */
static __always_inline __u32 slot_of(struct task_account *account, __u64 cgroup_id)
{
	__u32 *slot;

	if (account && account->cgroup_id == cgroup_id)
		return account->slot;
	slot = bpf_map_lookup_elem(&slots, &cgroup_id);
	if (account && slot) {
		account->cgroup_id = cgroup_id;
		account->slot = *slot;
	}
	return slot ? *slot : WIRE_SLOT_OTHER;
}

static __always_inline struct wire_row *row_of_task(struct task_struct *task, __u64 *cgroup_id, __u32 *slot)
{
	*cgroup_id = cgroup_id_of(task);
	*slot = slot_of(task_get(task), *cgroup_id);
	return row_of(bpf_get_smp_processor_id(), *slot);
}

static __always_inline void task_fill(struct wire_task *record, enum wire_kind kind, struct task_struct *task, __u32 slot,
				      __u64 cgroup_id, __u32 value)
{
	emit_head(&record->head, kind, slot, cgroup_id);
	record->pid = TASK_READ(task, tgid);
	record->value = value;
	bpf_core_read(record->comm, WIRE_COMM_LEN, &task->comm);
}

static __always_inline void task_emit(enum wire_kind kind, struct task_struct *task, __u32 slot, __u64 cgroup_id,
				      __u32 value)
{
	struct wire_task *record = emit_reserve(kind, sizeof(*record), bpf_get_smp_processor_id());

	if (!record)
		return;
	task_fill(record, kind, task, slot, cgroup_id, value);
	emit_submit(record);
}

static __always_inline void count_add(__u64 *counter, __u64 value)
{
	__sync_fetch_and_add(counter, value);
}

/* The row of a cgroup by its id, where no task stands for it. */
static __always_inline struct wire_row *row_of_cgroup(__u64 cgroup_id, __u32 *ret_slot)
{
	*ret_slot = slot_of(0, cgroup_id);
	return row_of(bpf_get_smp_processor_id(), *ret_slot);
}

/* The bounds of a slot. */
static __always_inline struct wire_bound *bound_of(__u32 slot)
{
	return bpf_map_lookup_elem(&bounds, &slot);
}

/* Where a delay is counted for the annotated; 0 for others. bound may be 0. */
static __always_inline __u32 *hist_at(const struct wire_bound *bound, enum wire_delay delay, __u64 ns)
{
	__u32 bucket, idx, number = bound ? bound->detail : 0;
	struct wire_detail *detail;
	void *block;

	if (!number)
		return 0;
	idx = number / WIRE_DETAIL_BLOCK;
	block = bpf_map_lookup_elem(&details, &idx);
	if (!block)
		return 0;
	idx = bpf_get_smp_processor_id() * WIRE_DETAIL_BLOCK + number % WIRE_DETAIL_BLOCK;
	detail = bpf_map_lookup_elem(block, &idx);
	bucket = hist_bucket(ns);
	/* The compiler knows that this holds and would drop the check; the verifier of 6.1 does not know. */
	barrier_var(bucket);
	return detail && bucket < WIRE_HIST_COUNT ? &detail->hist[delay][bucket] : 0;
}

static __always_inline void hist_count(const struct wire_bound *bound, enum wire_delay delay, __u64 ns)
{
	__u32 *count = hist_at(bound, delay, ns);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* A single IO or response delay: judged against the instance's bound, and counted as above. */
static __always_inline void delay_count(struct wire_row *row, const struct wire_bound *bound, enum wire_delay delay, __u64 ns)
{
	if (bound && bound->delay_ns_max[delay])
		count_add(ns <= bound->delay_ns_max[delay] ? &row->now.verdict[delay].good : &row->now.verdict[delay].bad, 1);
	hist_count(bound, delay, ns);
}

#endif
