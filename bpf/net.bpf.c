// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Network: packets by the socket's cgroup, TCP retransmits and round trip times, and the response time of servers.
 *
 * A response is from the packet with the first byte of a question on an accepted socket to the packet with the first byte
 * sent after it was read, both as IP takes or gives them: for a connection these are the packets on the wire, less the way
 * through the device. It counts for the cgroup of the task that read: an accepted socket itself stays with the cgroup of
 * whoever made the listener. Requests that arrive while one is being answered (pipelining) are one response per batch that
 * is read. IPv4 and IPv6 alike. No hook on sending or on readiness is needed, so all kernels see the same moments.
 */
#include "account.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#define PROTOCOL_TCP 6
#define FAMILY_IP4 2	/* include/linux/socket.h */
#define FAMILY_IP6 10
#define STATE_ESTABLISHED 1	/* include/net/tcp_states.h */
#define STATE_SYN_RECV 3
#define STATE_TIME_WAIT 6
#define STATE_CLOSE 7
#define STATE_NEW_SYN_RECV 12
#define IP6_HEADER_BYTES 40	/* packets with extension headers are taken for longer than they are */

/* include/uapi/linux/tcp.h, up to the header's length, which is in words and the upper half of its byte. */
struct tcphdr_start {
	__u16 source, dest;
	__u32 sequence, acknowledged;
	__u8 length;
} __attribute__((packed));

/* Of a TCP packet: how much it carries beyond headers, and the number of the first byte. IP has its headers in one piece. */
static __always_inline __u32 payload_of(struct __sk_buff *skb, __u32 *ret_sequence)
{
	__u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcphdr_start *tcp;
	__u32 at;

	if (data + 1 > end)
		return 0;
	at = *data >> 4 == 6 ? IP6_HEADER_BYTES : (*data & 15) * 4;
	tcp = (void *)(data + at);
	if ((void *)(tcp + 1) > (void *)end)
		return 0;
	*ret_sequence = bpf_ntohl(tcp->sequence);
	return skb->len - at - (tcp->length >> 4) * 4;
}

/* The slot of a packet's cgroup. An accepted socket keeps it while it is still that cgroup's. */
static __always_inline __u32 slot_of_packet(struct __sk_buff *skb, struct socket_account *account)
{
	struct wire_bound *bound = account ? bound_of(account->own_slot) : 0;
	__u64 cgroup_id;
	__u32 slot;

	if (bound && account->own_slot && bound->cgroup_id == account->own_id)
		return account->own_slot;
	cgroup_id = bpf_skb_cgroup_id(skb);
	slot = slot_of(0, cgroup_id);
	if (account) {
		account->own_id = cgroup_id;
		account->own_slot = slot;
	}
	return slot;
}

static __always_inline int packet_count(struct __sk_buff *skb, struct socket_account *account, bool is_sent)
{
	struct wire_row *row = row_of(bpf_get_smp_processor_id(), slot_of_packet(skb, account));

	if (row) {
		count_add(is_sent ? &row->now.tx_bytes : &row->now.rx_bytes, skb->len);
		count_add(is_sent ? &row->now.tx_segments : &row->now.rx_packets, skb->gso_segs ?: 1);
	}
	return 1;
}

/* Whether the bytes are the next that the socket waits for: not sent again, and not with others missing before them. */
static __always_inline bool is_next(struct __sk_buff *skb, __u32 sequence, __u32 bytes)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp = sk ? bpf_tcp_sock(sk) : 0;

	return tcp && (__s32)(tcp->rcv_nxt - sequence) >= 0 && (__s32)(sequence + bytes - tcp->rcv_nxt) > 0;
}

static __always_inline void packet_asks(struct __sk_buff *skb, struct socket_account *account)
{
	__u32 sequence, bytes;

	if (!account || account->again_ns)
		return;
	bytes = payload_of(skb, &sequence);
	if (!bytes || !is_next(skb, sequence, bytes))
		return;
	account->made_ns = 0;
	*(account->asked_ns ? &account->again_end : &account->asked_end) = sequence + bytes;
	*(account->asked_ns ? &account->again_ns : &account->asked_ns) = bpf_ktime_get_ns();
}

/* Where the kernel left out on_socket_read: what the socket gives next lies behind the question. */
static __always_inline bool is_read_unseen(struct __sk_buff *skb, const struct socket_account *account)
{
	struct bpf_sock *sk = skb->sk;
	struct tcp_sock *tcp = sk ? bpf_skc_to_tcp_sock(sk) : 0;

	return tcp && (__s32)(tcp->copied_seq - account->asked_end) >= 0;
}

/* The first packet with payload since the question was read is the answer of who read it; if nobody was seen to, of who read last. */
static __always_inline void packet_answers(struct __sk_buff *skb, struct socket_account *account)
{
	__u32 sequence, slot;
	struct wire_row *row;
	__u64 delay_ns;

	if (!account || !account->asked_ns || !payload_of(skb, &sequence))
		return;
	if (!account->is_read && !is_read_unseen(skb, account))
		return;
	delay_ns = bpf_ktime_get_ns() - account->asked_ns;
	slot = account->is_read ? account->slot : slot_of(0, account->cgroup_id ?: account->own_id);
	account->asked_ns = account->again_ns;
	account->asked_end = account->again_end;
	account->again_ns = account->is_read = 0;
	row = row_of(bpf_get_smp_processor_id(), slot);
	if (!row)
		return;
	count_add(&row->now.responses, 1);
	count_add(&row->now.response_ns, delay_ns);
	delay_count(row, bound_of(slot), WIRE_DELAY_RESPONSE, delay_ns);
}

SEC("cgroup_skb/ingress")
int on_packet_in(struct __sk_buff *skb)
{
	struct socket_account *account = socket_of_packet(skb);

	packet_asks(skb, account);
	return packet_count(skb, account, false);
}

SEC("cgroup_skb/egress")
int on_packet_out(struct __sk_buff *skb)
{
	struct socket_account *account = socket_of_packet(skb);

	packet_answers(skb, account);
	return packet_count(skb, account, true);
}

static __always_inline int retransmit_count(const struct sock *sk, __u16 segments)
{
	__u32 slot;
	struct wire_row *row = row_of_cgroup(cgroup_id_of_socket(sk), &slot);

	if (row)
		count_add(&row->now.retransmits, segments);
	return 0;
}

const volatile bool has_retransmit_error = false;

/* From 6.15 on it comes for what could not be sent again too (__tcp_retransmit_skb in net/ipv4/tcp_output.c), and says so. */
SEC("tp_btf/tcp_retransmit_skb")
int on_retransmit(__u64 *args)
{
	const struct sock *sk = (const struct sock *)args[0];
	const struct sk_buff *skb = (const struct sk_buff *)args[1];
	const struct tcp_skb_cb *control = (const void *)skb->cb;
	__u16 segments = BPF_CORE_READ(control, tcp_gso_segs);

	if (has_retransmit_error && *(volatile int *)&args[2])
		return 0;
	return retransmit_count(sk, segments ?: 1);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_retransmit_accept, const struct sock *sk) { return retransmit_count(sk, 1); }

/* Messages of netlink and Unix sockets are no packets; of requests and of TIME_WAIT there is no whole socket. */
static __always_inline bool is_internet(const struct sock *socket)
{
	__u16 family = socket->__sk_common.skc_family;
	__u8 state = socket->__sk_common.skc_state;

	return (family == FAMILY_IP4 || family == FAMILY_IP6) && state != STATE_NEW_SYN_RECV && state != STATE_TIME_WAIT;
}

/* A packet that was thrown away, for whatever reason. */
static __always_inline int drop_count(struct sk_buff *skb, const struct sock *socket)
{
	struct skb_shared_info *shared;
	struct wire_row *row;
	__u32 slot;

	if (!socket || !is_internet(socket))
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

/* Makes the accounts of the sockets that are asked: only the accepting side goes from SYN_RECV to ESTABLISHED. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_socket_state, const struct sock *sk, int before, int after)
{
	if (before == STATE_SYN_RECV && after == STATE_ESTABLISHED && sk->sk_protocol == PROTOCOL_TCP)
		socket_make(sk);
	else if (after == STATE_CLOSE)
		socket_drop(sk);
	return 0;
}

/*
 * A task reads from a TCP socket: what came until now is the question that waits, what comes later is the next. A question
 * that came with the last packet of the handshake (TCP_DEFER_ACCEPT) came when the socket was made.
 */
static __always_inline void socket_read(struct socket_account *account, __u64 cgroup_id, __u32 slot)
{
	if (!account->asked_ns)
		account->asked_ns = account->made_ns;
	account->made_ns = account->again_ns = 0;
	account->slot = slot;
	account->cgroup_id = cgroup_id;
	account->is_read = 1;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(on_socket_read, struct sock *sk)
{
	struct socket_account *account = socket_get(sk);
	__u64 rtt_us = BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3, cgroup_id;
	__u32 slot;
	struct wire_row *row = row_of_task(task_current(), &cgroup_id, &slot);

	if (account)
		socket_read(account, cgroup_id, slot);
	if (row && rtt_us) {
		count_add(&row->now.rtt_ns, rtt_us * 1000);
		count_add(&row->now.rtt_samples, 1);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
