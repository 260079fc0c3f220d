/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that forestall touches, and no more. Every access is relocated against the running kernel's
 * BTF (CO-RE), so a field's place does not matter here; its name and type do.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short int __s16;
typedef short unsigned int __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long int __s64;
typedef long long unsigned int __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
typedef int pid_t;

enum { false = 0, true = 1 };

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_CGROUP_STORAGE = 19,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_SKB_TSTAMP_DELIVERY_MONO = 1,
};

enum {
	TC_ACT_UNSPEC = -1,
	TC_ACT_OK = 0,
	TC_ACT_SHOT = 2,
};

enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
	BPF_FUNC_skb_set_tstamp = 192,
};

/* Known to the kernel by its name in a map's value. */
struct bpf_spin_lock {
	__u32 val;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct kernfs_node {
	u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	int level;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct list_head {
	struct list_head *next;
};

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
	unsigned long long last_arrival;
	unsigned long long last_queued;
};

struct rq {
	u64 nr_switches;
	u64 clock;
	u64 clock_task;
	int cpu;
	struct list_head cfs_tasks;
};

/* Of the three sums of throttled time a kernel has one or two. */
struct cfs_rq {
	struct rq *rq;
	u64 throttled_clock_task_time;
	u64 throttled_clock_pelt_time;
	u64 throttled_clock_self_time;
	int throttle_count;
};

struct sched_entity {
	struct list_head group_node;
	u64 sum_exec_runtime;
	u64 nr_migrations;
	struct cfs_rq *cfs_rq;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
};

struct task_struct {
	unsigned int __state;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned long maj_flt;
	int exit_code;
	pid_t pid;
	pid_t tgid;
	u64 start_time;
	struct task_struct *group_leader;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
};

struct oom_control {
	struct mem_cgroup *memcg;
};

enum pageflags {
	PG_swapbacked___here = 0,	/* which bit it is the kernel's BTF says */
	PG_head___here = 0,
};

struct folio {
	unsigned long flags;
	unsigned long memcg_data;
	unsigned int _folio_nr_pages;
};

/* Since 6.18 the flags are a struct; since 6.15 the pages of a large folio have another name. */
typedef struct {
	unsigned long f;
} memdesc_flags_t;

struct folio___flags {
	memdesc_flags_t flags;
};

struct folio___pages {
	unsigned int _nr_pages;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bvec_iter {
	unsigned int bi_size;
};

struct bio {
	struct bio *bi_next;
	unsigned int bi_opf;
	unsigned short bi_flags;
	struct bvec_iter bi_iter;
	atomic_t __bi_remaining;
	struct blkcg_gq *bi_blkg;
};

struct request_queue;

struct request {
	struct bio *bio;
	u64 start_time_ns;
	u64 io_start_time_ns;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned char pad___here;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
};

struct request_sock;

struct tcp_sock {
	u32 copied_seq;
	u32 srtt_us;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

struct sk_buff {
	struct sock *sk;
	unsigned char *head;
	unsigned int end;
	char cb[48];
};

struct tcp_skb_cb {
	u16 tcp_gso_segs;
};

struct bpf_sock {
	u32 family;
};

struct bpf_tcp_sock {
	u32 rcv_nxt;
};

struct __sk_buff {
	u32 len;
	u32 gso_segs;
	u32 protocol;
	u32 priority;
	u32 ifindex;
	u32 data;
	u32 data_end;
	u64 tstamp;
	u32 wire_len;
	struct bpf_sock *sk;
};

struct bpf_perf_event_data;

#pragma clang attribute pop

#endif
