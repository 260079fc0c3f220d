/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What was already accounted for a task.
 *
 * A switch finds it at one place, by the low bits of the task's number: task storage is three pointers away, each in a cache line
 * that is cold where many tasks take turns. A place belongs to the task that had it first, from its first switch until it is
 * freed, which is after its last one. Whoever comes to a place that is taken keeps his account in task storage for good. So
 * an account never moves, and no two tasks share one.
 */
#ifndef FORESTALL_TASK_BPF_H
#define FORESTALL_TASK_BPF_H

#include "compat.bpf.h"
#include "claim.h"

const volatile __u32 accounts_mask __weak = 0;
const volatile __u64 loaded_ns __weak = 0;	/* tasks and IO older than this carry a history that is not ours */

/* Grows with the time in which tasks of the cfs_rq were throttled, or at least whenever they were. */
static __always_inline __u64 throttled_of(struct task_struct *task)
{
	struct cfs_rq *cfs_rq = TASK_READ(task, se.cfs_rq);

	if (bpf_core_field_exists(cfs_rq->throttled_clock_self_time))
		return TASK_READ(cfs_rq, throttled_clock_self_time);
	if (bpf_core_field_exists(cfs_rq->throttled_clock_pelt_time))
		return TASK_READ(cfs_rq, throttled_clock_pelt_time);
	return bpf_core_field_exists(cfs_rq->throttled_clock_task_time) ? TASK_READ(cfs_rq, throttled_clock_task_time) : 0;
}

static __always_inline struct task_account *place_of(struct task_struct *task)
{
	__u32 idx = TASK_READ(task, pid) & accounts_mask;

	return bpf_map_lookup_elem(&accounts, &idx);
}

/* The task is no more, or has only just come: what lies at its place under its address is not its own. */
static __always_inline void place_forget(struct task_struct *task)
{
	struct task_account *place = place_of(task);

	if (!place || place->address != (__u64)task)
		return;
	place->address = 0;
	claim_give(&place->claims);
}

/* Tasks older than the nerve start from what they have; all start with the throttled time of where they are. */
static __always_inline void account_start(struct task_account *account, struct task_struct *task)
{
	bool is_older = TASK_READ(task, start_time) < loaded_ns;

	account->oncpu_ns = is_older ? TASK_READ(task, se.sum_exec_runtime) : 0;
	account->wait_ns = is_older ? TASK_READ(task, sched_info.run_delay) : 0;
	account->major_faults = is_older ? TASK_READ(task, maj_flt) : 0;
	account->migrations = is_older ? TASK_READ(task, se.nr_migrations) : 0;
	account->throttled_ns = throttled_of(task);
	account->cgroup_id = account->left_ns = account->reclaim_since_ns = account->limit_id = account->is_over = 0;
	account->address = (__u64)task;
}

/* NULL when it has none; made by the task itself or by whoever switches it, so never twice. */
static __always_inline struct task_account *task_get(struct task_struct *task)
{
	struct task_account *place = place_of(task);

	return place && place->address == (__u64)task ? place : task_far_get(task);
}

/* The same, but NULL only where there is no room. */
static __always_inline struct task_account *task_make(struct task_struct *task)
{
	struct task_account *place = place_of(task), *account;

	if (!place || place->address == (__u64)task)
		return place;
	account = task_far_get(task);
	if (account)
		return account;
	account = !place->address && claim_take(&place->claims) ? place : task_far_make(task);
	if (account)
		account_start(account, task);
	return account;
}

#endif
