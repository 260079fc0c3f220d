// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Network: packets by the socket's cgroup, TCP retransmits and round trip times, and the response time of servers.
 *
 * A response is from data becoming readable on an accepted socket to the first byte sent after it, counted for the cgroup
 * of the task that sends: an accepted socket itself stays with the cgroup of whoever made the listener. Requests that
 * arrive while one is being answered (pipelining) are one response per batch that is read. IPv4 and IPv6 alike.
 *
 * Two ways to see data and answers: tracepoints (kernels from 6.2 on; the send is seen when it ends), or fentry.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define PROTOCOL_TCP 6
#define STATE_ESTABLISHED 1	/* include/net/tcp_states.h */
#define STATE_SYN_RECV 3
#define STATE_TIME_WAIT 6
#define STATE_CLOSE 7
#define STATE_NEW_SYN_RECV 12

static __always_inline int packet_count(struct __sk_buff *skb, bool is_sent)
{
	__u32 packets = skb->gso_segs ?: 1, slot;
	struct wire_row *row = row_of_cgroup(bpf_skb_cgroup_id(skb), &slot);

	if (row) {
		count_add(is_sent ? &row->now.tx_bytes : &row->now.rx_bytes, skb->len);
		count_add(is_sent ? &row->now.tx_segments : &row->now.rx_packets, packets);
	}
	return 1;
}

SEC("cgroup_skb/ingress")
int on_packet_in(struct __sk_buff *skb) { return packet_count(skb, false); }

SEC("cgroup_skb/egress")
int on_packet_out(struct __sk_buff *skb) { return packet_count(skb, true); }

static __always_inline int retransmit_count(const struct sock *sk, __u16 segments)
{
	__u32 slot;
	struct wire_row *row = row_of_cgroup(cgroup_id_of_socket(sk), &slot);

	if (row)
		count_add(&row->now.retransmits, segments);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, const struct sock *sk, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *control = (const void *)skb->cb;
	__u16 segments = BPF_CORE_READ(control, tcp_gso_segs);

	return retransmit_count(sk, segments ?: 1);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_retransmit_accept, const struct sock *sk) { return retransmit_count(sk, 1); }

/* A packet that was thrown away, for one of the reasons of `kfree_skb`; `socket` may not be a whole one. */
static __always_inline int drop_count(struct sk_buff *skb, const struct sock *socket)
{
	struct skb_shared_info *shared;
	struct wire_row *row;
	__u32 slot;

	if (!socket || socket->__sk_common.skc_state == STATE_NEW_SYN_RECV || socket->__sk_common.skc_state == STATE_TIME_WAIT)
		return 0;
	row = row_of_cgroup(cgroup_id_of_socket(socket), &slot);
	shared = (void *)(skb->head + skb->end);
	if (row)
		count_add(&row->now.drops, BPF_CORE_READ(shared, gso_segs) ?: 1);
	return 0;
}

/* What is thrown away on the way in has no socket of its own; newer kernels name the one that it was for. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(on_drop_known, struct sk_buff *skb, void *where, int reason, const struct sock *receiver)
{
	return drop_count(skb, receiver ?: skb->sk);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(on_drop, struct sk_buff *skb) { return drop_count(skb, skb->sk); }

/* Marks the sockets that are asked: only the accepting side goes from SYN_RECV to ESTABLISHED. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_socket_state, const struct sock *sk, int before, int after)
{
	if (before == STATE_SYN_RECV && after == STATE_ESTABLISHED && sk->sk_protocol == PROTOCOL_TCP)
		socket_make(sk);
	else if (after == STATE_CLOSE)
		socket_drop(sk);
	return 0;
}

static __always_inline int socket_asked(const struct sock *sk)
{
	struct socket_account *account = socket_get(sk);

	if (!account)
		return 0;
	if (!account->asked_ns)
		account->asked_ns = bpf_ktime_get_ns();
	else if (!account->again_ns)
		account->again_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int socket_answered(const struct sock *sk)
{
	struct socket_account *account = socket_get(sk);
	__u64 delay_ns, cgroup_id;
	struct wire_row *row;
	__u32 slot;

	if (!account || !account->asked_ns)
		return 0;
	delay_ns = bpf_ktime_get_ns() - account->asked_ns;
	account->asked_ns = account->again_ns;
	account->again_ns = 0;
	row = row_of_task(task_current(), &cgroup_id, &slot);
	if (!row)
		return 0;
	count_add(&row->now.responses, 1);
	count_add(&row->now.response_ns, delay_ns);
	delay_count(row, bound_of(slot), WIRE_DELAY_RESPONSE, delay_ns);
	return 0;
}

/* A task reads from a TCP socket: what came until now belongs to the question that waits, what comes later is the next. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_socket_read, struct sock *sk)
{
	struct socket_account *account = socket_get(sk);
	__u64 rtt_us = BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3, cgroup_id;
	struct wire_row *row;
	__u32 slot;

	if (account)
		account->again_ns = 0;
	row = row_of_task(task_current(), &cgroup_id, &slot);
	if (row && rtt_us) {
		count_add(&row->now.rtt_ns, rtt_us * 1000);
		count_add(&row->now.rtt_samples, 1);
	}
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(on_socket_ready, const struct sock *sk) { return socket_asked(sk); }

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_socket_sent, struct sock *sk, int sent) { return sent > 0 ? socket_answered(sk) : 0; }

SEC("fentry/tcp_data_ready")
int BPF_PROG(on_tcp_ready, struct sock *sk) { return socket_asked(sk); }

SEC("fentry/tcp_sendmsg")
int BPF_PROG(on_tcp_send, struct sock *sk) { return socket_answered(sk); }

char LICENSE[] SEC("license") = "Dual BSD/GPL";
