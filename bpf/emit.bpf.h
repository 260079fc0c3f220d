/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Everything that goes through the ring goes through here, so that each record is counted as produced and, when
 * the ring is full, as dropped. The counters are plain: a row of `losses` belongs to one CPU, and a hook that is
 * interrupted by the flush on the same CPU can at worst tear a count of its own kind, which is why the flush only
 * emits WIRE_WINDOW and the process-context hooks never do.
 */
#ifndef FORESTALL_EMIT_BPF_H
#define FORESTALL_EMIT_BPF_H

#include "maps.bpf.h"

#define EMIT_WAKE_SPAN 1024	/* longer than any record, so that one falls into it */

const volatile __u64 window_ns __weak = 100000000;
const volatile __u64 wake_bytes __weak = 0;	/* that wait to be read */

/* Whoever reads may sleep until a second is over: a ring that fills sooner wakes it. */
static __always_inline void emit_submit(void *record)
{
	__u64 over = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) - wake_bytes;

	bpf_ringbuf_submit(record, over < EMIT_WAKE_SPAN ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void *emit_reserve(enum wire_kind kind, __u32 bytes, __u32 cpu)
{
	struct wire_loss *loss = bpf_map_lookup_elem(&losses, &cpu);
	void *record;

	if (!loss)
		return 0;
	loss->produced[kind]++;
	record = bpf_ringbuf_reserve(&events, bytes, 0);
	if (!record)
		loss->dropped[kind]++;
	return record;
}

static __always_inline void emit_head(struct wire_head *head, enum wire_kind kind, __u32 slot, __u64 cgroup_id)
{
	head->kind = kind;
	head->slot = slot;
	head->time_ns = bpf_ktime_get_ns();
	head->cgroup_id = cgroup_id;
}

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
	emit_submit(record);
}

#endif
