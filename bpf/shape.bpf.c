// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a cgroup sends, and what arrives for it.
 *
 * clsact egress of a device: a packet whose socket belongs to a limited cgroup, or to a descendant of one, gets the HTB
 * class of that limit, or, where fq is the device's root, the time at which it may leave (Earliest Departure Time,
 * net/sched/sch_fq.c and tools/testing/selftests/bpf/progs/test_tc_edt.c). The innermost limit counts. Who is first leaves at once, and puts the
 * clock of the total forward for all others.
 *
 * cgroup ingress: a packet for a socket of the cgroup, or of a descendant, is dropped when its bucket is empty, and TCP
 * sends less. Each limit from the socket's cgroup up counts. The card has received it by then: only who sends can
 * spare the wire. A classifier on the device would not know yet whose packet it is.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "shape.h"

#define LEVELS_MAX 16
#define NS_PER_S 1000000000ull
#define BURST_NS 10000000ull		/* what may be caught up after a pause: the hands give HTB as much */
#define TOTAL_BURST_NS 2000000ull	/* the same of a total */
/*
 * On a short way even the smallest window of TCP is above the rate: what holds it is that it loses all of one and waits,
 * 200 ms and then twice as long. What may come after that pause has to be as much as it left.
 */
#define INGRESS_BURST_NS 500000000ull
#define ETHERNET_BYTES 14
#define TCP_BYTES 32			/* with timestamps, as nearly all have */
#define LOOPBACK_IFINDEX 1
#define ETH_P_IPV6 0x86dd
/* HTB lets who is first into debt for a minute of what he sends above the total, in which the others would stand still. */
#define DEBT_NS 200000000ull
#define HORIZON_NS (2 * NS_PER_S)	/* a packet that would wait longer is dropped; fq itself drops beyond 10 s */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHAPE_LIMITS_MAX);
	__type(key, __u64);
	__type(value, struct shape_limit);
} shape_limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct shape_bucket);
} shape_buckets SEC(".maps");

static struct shape_limit *limit_find(struct __sk_buff *skb)
{
	struct shape_limit *found = NULL, *limit;

	for (int level = 1; level <= LEVELS_MAX; level++) {
		__u64 id = bpf_skb_ancestor_cgroup_id(skb, level);

		if (id == 0)
			break;
		limit = bpf_map_lookup_elem(&shape_limits, &id);
		if (limit && limit->ifindex == skb->ifindex)
			found = limit;
	}
	return found;
}

static void departure_set(struct __sk_buff *skb, __u64 ns)
{
	/* Since 5.18 the kernel wants to be told that this is a departure and no time of arrival. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_skb_set_tstamp) &&
	    bpf_skb_set_tstamp(skb, ns, BPF_SKB_TSTAMP_DELIVERY_MONO) == 0)
		return;
	skb->tstamp = ns;
}

/* When a packet may leave by the total, which it is charged to unless that is farther away than the horizon; 0: at once, nobody is first. */
static __u64 total_charge(struct __sk_buff *skb, struct shape_limit *limit, __u64 now_ns, __u64 horizon_ns)
{
	__u64 id = limit->first_id, leave_ns, cost_ns;
	struct shape_limit *first = id ? bpf_map_lookup_elem(&shape_limits, &id) : NULL;

	if (!first)
		return 0;
	cost_ns = skb->wire_len * NS_PER_S / first->rate;
	bpf_spin_lock(&first->lock);
	leave_ns = first->next_ns;
	if (leave_ns + TOTAL_BURST_NS < now_ns)
		leave_ns = now_ns - TOTAL_BURST_NS;
	if (leave_ns <= now_ns + horizon_ns)
		first->next_ns = leave_ns + cost_ns;
	bpf_spin_unlock(&first->lock);
	return leave_ns;
}

static int pace(struct __sk_buff *skb, struct shape_limit *limit)
{
	__u64 now_ns = bpf_ktime_get_ns(), own_ns = skb->tstamp, leave_ns;
	__u64 cost_ns = skb->wire_len * NS_PER_S / limit->rate;
	int verdict = TC_ACT_OK;
	__u64 total_ns = total_charge(skb, limit, now_ns, HORIZON_NS);

	if (limit->is_first)
		return TC_ACT_OK;
	if (total_ns > now_ns + HORIZON_NS)
		return TC_ACT_SHOT;
	bpf_spin_lock(&limit->lock);
	leave_ns = limit->next_ns;
	if (leave_ns + BURST_NS < now_ns)
		leave_ns = now_ns - BURST_NS;
	if (leave_ns > now_ns + HORIZON_NS)
		verdict = TC_ACT_SHOT;
	else
		limit->next_ns = leave_ns + cost_ns;
	bpf_spin_unlock(&limit->lock);
	if (leave_ns < total_ns)
		leave_ns = total_ns;
	/* TCP may have asked for a later departure by its own pacing. */
	if (verdict == TC_ACT_OK && leave_ns > now_ns && leave_ns > own_ns)
		departure_set(skb, leave_ns);
	return verdict;
}

static bool is_in_debt(struct __sk_buff *skb, struct shape_limit *limit)
{
	__u64 now_ns = bpf_ktime_get_ns();

	return limit->is_first && total_charge(skb, limit, now_ns, DEBT_NS) > now_ns + DEBT_NS;
}

SEC("tc")
int on_egress(struct __sk_buff *skb)
{
	struct shape_limit *limit = limit_find(skb);

	if (!limit)
		return TC_ACT_UNSPEC;
	if (limit->classid == 0)
		return pace(skb, limit) == TC_ACT_SHOT ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	skb->priority = is_in_debt(skb, limit) ? SHAPE_CLASS_REST : limit->classid;
	return TC_ACT_UNSPEC;
}

/* Seen from its IP header on. Packets that were joined on their way here each had headers of their own. */
static __u64 bytes_on_wire(struct __sk_buff *skb)
{
	__u32 ip_bytes = skb->protocol == bpf_htons(ETH_P_IPV6) ? 40 : 20, packets = skb->gso_segs > 1 ? skb->gso_segs : 1;

	return skb->len + (__u64)packets * ETHERNET_BYTES + (__u64)(packets - 1) * (ip_bytes + TCP_BYTES);
}

/* A packet passes while anything is left, and what it takes beyond that has to be waited for. */
SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	struct shape_bucket *bucket = bpf_get_local_storage(&shape_buckets, 0);
	__u64 now_ns = bpf_ktime_get_ns(), rate = bucket->rate, cost_ns, next_ns;
	int passes;

	if (rate == 0 || skb->ifindex == LOOPBACK_IFINDEX)
		return 1;
	cost_ns = bytes_on_wire(skb) * NS_PER_S / rate;
	bpf_spin_lock(&bucket->lock);
	next_ns = bucket->next_ns;
	if (next_ns + INGRESS_BURST_NS < now_ns)
		next_ns = now_ns - INGRESS_BURST_NS;
	passes = next_ns <= now_ns;
	if (passes)
		bucket->next_ns = next_ns + cost_ns;
	bpf_spin_unlock(&bucket->lock);
	return passes;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
