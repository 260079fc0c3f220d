/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What differs between kernels, behind one accessor each. User space probes what this kernel is able to do (SIGNAL_ABILITIES in
 * agent/sense/signal.h) and sets the flags below before the load; where the kernel's own types tell, CO-RE does. The verifier
 * knows either as a constant and drops the branch not taken, so that a helper or map that a kernel lacks may stand in it.
 *
 * What a dead branch cannot hide is a program of its own: a tracepoint with other arguments, and what passes a function to a
 * helper (bpf_loop), which 5.10 refuses to see at all. Those are alternatives in the table of agent/sense/signal.c.
 */
#ifndef FORESTALL_COMPAT_BPF_H
#define FORESTALL_COMPAT_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

const volatile bool has_task_storage __weak = true;
const volatile bool has_socket_storage __weak = true;

/* Since 5.11 the verifier knows the task that runs as a task; before, its fields can only be read by probing. */
static __always_inline bool has_typed_current(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

static __always_inline struct task_struct *task_current(void)
{
	return has_typed_current() ? bpf_get_current_task_btf() : (void *)bpf_get_current_task();
}

/* A field of a task that may have come from task_current(): TASK_READ(task, se.sum_exec_runtime). */
#define TASK_READ(task, field) (has_typed_current() ? (task)->field : BPF_CORE_READ(task, field))

static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	return has_typed_current() ? task->cgroups->dfl_cgrp : BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

static __always_inline __u64 cgroup_id_of(struct task_struct *task)
{
	return has_typed_current() ? task->cgroups->dfl_cgrp->kn->id : BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* Before 6.1, when tracing programs may not always ask the helper. */
struct cgroup___ids {
	__u64 ancestor_ids[1];	/* one per level, as many as there are */
} __attribute__((preserve_access_index));

/* The task that runs here lives in this cgroup or below it. */
static __always_inline bool current_is_below(struct cgroup *cgrp)
{
	struct cgroup___ids *own = 0;
	int level = cgrp->level;
	__u64 id = 0;

	if (!bpf_core_field_exists(own->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level) == cgrp->kn->id;
	own = (void *)cgroup_of(task_current());
	if (level < 0 || BPF_CORE_READ((struct cgroup *)own, level) < level)
		return false;
	bpf_probe_read_kernel(&id, sizeof(id), (void *)&own->ancestor_ids + level * sizeof(id));
	return id == cgrp->kn->id;
}

/*
 * A task's account that has no place in `accounts`; NULL when it has none here. Without task storage it lies in a table by the
 * task's address. It goes when the task is freed (on_task_free); one that stayed behind is known by its start time.
 */
static __always_inline struct task_account *task_far_get(struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct task_account *found;

	if (has_task_storage)
		return bpf_task_storage_get(&tasks, task, 0, 0);
	found = bpf_map_lookup_elem(&task_table, &key);
	return found && found->started_ns == TASK_READ(task, start_time) ? found : 0;
}

/* NULL when there is no room. */
static __always_inline struct task_account *task_far_make(struct task_struct *task)
{
	struct task_account fresh = { .started_ns = TASK_READ(task, start_time) };
	__u64 key = (__u64)task;

	if (has_task_storage)
		return bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (bpf_map_update_elem(&task_table, &key, &fresh, BPF_ANY))
		return 0;
	return bpf_map_lookup_elem(&task_table, &key);
}

static __always_inline struct socket_account *socket_get(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (has_socket_storage)
		return bpf_sk_storage_get(&sockets, (void *)sk, 0, 0);
	return bpf_map_lookup_elem(&socket_table, &key);
}

/* The account of the accepted socket that a packet is of; NULL for all other packets. */
static __always_inline struct socket_account *socket_of_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tcp;
	__u64 key;

	if (!sk)
		return 0;
	if (has_socket_storage)
		return bpf_sk_storage_get(&sockets, sk, 0, 0);
	tcp = bpf_skc_to_tcp_sock(sk);	/* the socket's own address */
	key = (__u64)tcp;
	return tcp ? bpf_map_lookup_elem(&socket_table, &key) : 0;
}

static __always_inline void socket_make(const struct sock *sk)
{
	struct socket_account fresh = { .made_ns = bpf_ktime_get_ns() };
	__u64 key = (__u64)sk;

	if (has_socket_storage)
		bpf_sk_storage_get(&sockets, (void *)sk, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	else
		bpf_map_update_elem(&socket_table, &key, &fresh, BPF_ANY);
}

/* Storage goes with its socket. */
static __always_inline void socket_drop(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (!has_socket_storage)
		bpf_map_delete_elem(&socket_table, &key);
}

/* Before 5.15 the pointer shares its word with what cgroup v1 keeps there, which then has the lowest bit set. */
struct sock_cgroup_data___shared {
	__u64 val;
} __attribute__((preserve_access_index));

/* The cgroup v2 id of a socket's cgroup, 0 when it has none. */
static __always_inline __u64 cgroup_id_of_socket(const struct sock *sk)
{
	const struct sock_cgroup_data___shared *shared = (const void *)&sk->sk_cgrp_data;
	struct cgroup *cgrp;
	__u64 word;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return sk->sk_cgrp_data.cgroup->kn->id;
	word = BPF_CORE_READ(shared, val);
	cgrp = (struct cgroup *)(word & ~3ull);
	return word & 1 || !cgrp ? 0 : BPF_CORE_READ(cgrp, kn, id);
}

#endif
