/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tc_change.h"

#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define FILTER_INFO TC_H_MAKE(TC_MAJOR << 16, htons(ETH_P_ALL))
#define CODEL_LIMIT 1024	/* packets in one class; the default of 10240 is for a whole host */

/* Starts a request and collects it: what is put into it afterwards goes along. */
static struct nl_msg *request_new(struct tc_change *change, const char *what, int type, int flags,
				  const struct tcmsg *head)
{
	struct tcmsg tcm = *head;
	struct nl_msg *msg = change->count < TC_REQUESTS_MAX ? nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags)
							     : NULL;

	tcm.tcm_ifindex = change->ifindex;
	if (!msg || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		change->error = -ENOMEM;
		return NULL;
	}
	change->what[change->count] = what;
	change->request[change->count++] = msg;
	nlmsg_hdr(msg)->nlmsg_seq = change->count;
	return msg;
}

static void put(struct tc_change *change, struct nl_msg *msg, int type, int length, const void *data)
{
	if (msg && nla_put(msg, type, length, data) < 0)
		change->error = -ENOMEM;
}

static void put_u32(struct tc_change *change, struct nl_msg *msg, int type, uint32_t value)
{
	put(change, msg, type, sizeof(value), &value);
}

static void put_text(struct tc_change *change, struct nl_msg *msg, int type, const char *text)
{
	put(change, msg, type, (int)strlen(text) + 1, text);
}

static struct nlattr *options_begin(struct tc_change *change, struct nl_msg *msg, const char *kind)
{
	put_text(change, msg, TCA_KIND, kind);
	return msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
}

static void options_end(struct tc_change *change, struct nl_msg *msg, struct nlattr *options)
{
	if (!msg || !options || nla_nest_end(msg, options) < 0)
		change->error = -ENOMEM;
}

void tc_add_root(struct tc_change *change, uint64_t total)
{
	const struct tc_class rest = tc_class_rest(), all = tc_class_all(total);
	struct tcmsg head = { .tcm_handle = TC_ROOT, .tcm_parent = TC_H_ROOT };
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = TC_H_MIN(TC_CLASS_REST) };
	/* Exclusive: a root that somebody has made since we looked is not replaced. */
	struct nl_msg *msg = request_new(change, "qdisc htb", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &head);
	struct nlattr *options = options_begin(change, msg, "htb");

	put(change, msg, TCA_HTB_INIT, sizeof(glob), &glob);
	options_end(change, msg, options);
	tc_add_class(change, &rest, true);
	tc_add_class(change, &all, true);
}

static void leaf_add(struct tc_change *change, uint32_t classid, uint64_t rate)
{
	struct tcmsg head = { .tcm_parent = classid };
	struct nl_msg *msg = request_new(change, "qdisc fq_codel", RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &head);
	struct nlattr *options = options_begin(change, msg, "fq_codel");

	if (classid != TC_CLASS_REST)
		put_u32(change, msg, TCA_FQ_CODEL_LIMIT, CODEL_LIMIT);
	put_u32(change, msg, TCA_FQ_CODEL_TARGET, tc_codel_target_us(rate));
	put_u32(change, msg, TCA_FQ_CODEL_INTERVAL, tc_codel_interval_us(rate));
	options_end(change, msg, options);
}

static uint32_t rate32(uint64_t rate) { return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate; }

void tc_add_class(struct tc_change *change, const struct tc_class *class, bool is_new)
{
	struct tcmsg head = { .tcm_handle = class->id, .tcm_parent = class->parent };
	struct tc_htb_opt opt = {
		/* With a link layer named, the kernel computes by itself and wants no rate table (sch_htb.c). */
		.rate = { .rate = rate32(class->rate), .linklayer = TC_LINKLAYER_ETHERNET },
		.ceil = { .rate = rate32(class->ceil), .linklayer = TC_LINKLAYER_ETHERNET },
		.buffer = tc_buffer_ticks(class->rate, class->burst_ms),
		.cbuffer = tc_buffer_ticks(class->ceil, class->burst_ms),
		.quantum = tc_quantum(class->ceil),
		.prio = class->priority,
	};
	struct nl_msg *msg = request_new(change, "class htb", RTM_NEWTCLASS, is_new ? NLM_F_CREATE : 0, &head);
	struct nlattr *options = options_begin(change, msg, "htb");

	put(change, msg, TCA_HTB_RATE64, sizeof(class->rate), &class->rate);
	put(change, msg, TCA_HTB_CEIL64, sizeof(class->ceil), &class->ceil);
	put(change, msg, TCA_HTB_PARMS, sizeof(opt), &opt);
	options_end(change, msg, options);
	if (is_new && class->id != TC_CLASS_ALL)
		leaf_add(change, class->id, class->ceil);
}

static void clsact_put(struct tc_change *change, int type, int flags)
{
	struct tcmsg head = { .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0), .tcm_parent = TC_H_CLSACT };

	put_text(change, request_new(change, "qdisc clsact (sch_ingress)", type, flags, &head), TCA_KIND, "clsact");
}

void tc_add_clsact(struct tc_change *change)
{
	clsact_put(change, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
}

void tc_delete_clsact(struct tc_change *change)
{
	clsact_put(change, RTM_DELQDISC, 0);
}

void tc_add_filter(struct tc_change *change, uint32_t handle, int program_fd)
{
	struct tcmsg head = { .tcm_handle = handle, .tcm_parent = EGRESS, .tcm_info = FILTER_INFO };
	struct nl_msg *msg = request_new(change, "filter bpf (cls_bpf)", RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &head);
	struct nlattr *options = options_begin(change, msg, "bpf");

	put_u32(change, msg, TCA_BPF_FD, (uint32_t)program_fd);
	put_text(change, msg, TCA_BPF_NAME, TC_FILTER_NAME);
	put_u32(change, msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	options_end(change, msg, options);
}

void tc_delete_filter(struct tc_change *change, uint32_t handle)
{
	struct tcmsg head = { .tcm_handle = handle, .tcm_parent = EGRESS, .tcm_info = FILTER_INFO };

	put_text(change, request_new(change, "filter bpf", RTM_DELTFILTER, 0, &head), TCA_KIND, "bpf");
}

void tc_delete_class(struct tc_change *change, uint32_t classid)
{
	struct tcmsg head = { .tcm_handle = classid, .tcm_parent = TC_ROOT };

	request_new(change, "class htb", RTM_DELTCLASS, 0, &head);
}

void tc_delete_root(struct tc_change *change)
{
	struct tcmsg head = { .tcm_handle = TC_ROOT, .tcm_parent = TC_H_ROOT };

	request_new(change, "qdisc htb", RTM_DELQDISC, 0, &head);
}

/* What the kernel said besides the number; "" when nothing. */
static const char *answer_words(struct nlmsghdr *answer)
{
	struct nlmsgerr *error = nlmsg_data(answer);
	struct nlattr *words;
	int skip = (int)sizeof(*error);

	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	if (!(answer->nlmsg_flags & NLM_F_CAPPED))
		skip += (int)NLMSG_ALIGN(error->msg.nlmsg_len - sizeof(error->msg));
	words = nlmsg_find_attr(answer, skip, NLMSGERR_ATTR_MSG);
	return words ? nla_get_string(words) : "";
}

static int answer_take(const struct tc_change *change, struct nlmsghdr *answer, char ret_text[ACT_TEXT_MAX])
{
	struct nlmsgerr *error = nlmsg_data(answer);
	const char *words;

	if (answer->nlmsg_type != NLMSG_ERROR || error->error == 0 || answer->nlmsg_seq == 0 ||
	    answer->nlmsg_seq > change->count)
		return 0;
	words = answer_words(answer);
	snprintf(ret_text, ACT_TEXT_MAX, "%s: %s", change->what[answer->nlmsg_seq - 1],
		 words[0] ? words : strerror(-error->error));
	return error->error;
}

/* The kernel has answered everything before the request's system call returned. */
static int answers_take(const struct tc_change *change, int fd, char ret_text[ACT_TEXT_MAX])
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	char text[ACT_TEXT_MAX];
	int first = 0;
	ssize_t length;

	while ((length = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		int left = (int)length;

		for (struct nlmsghdr *answer = (struct nlmsghdr *)buf; nlmsg_ok(answer, left);
		     answer = nlmsg_next(answer, &left)) {
			int r = answer_take(change, answer, first ? text : ret_text);

			first = first ?: r;
		}
	}
	return first;
}

static int requests_send(const struct tc_change *change, int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec iovec[TC_REQUESTS_MAX];
	struct msghdr header = { .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = iovec,
				 .msg_iovlen = change->count };
	const int on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	for (uint32_t i = 0; i < change->count; i++) {
		struct nlmsghdr *head = nlmsg_hdr(change->request[i]);

		iovec[i] = (struct iovec){ .iov_base = head, .iov_len = NLMSG_ALIGN(head->nlmsg_len) };
	}
	return sendmsg(fd, &header, 0) < 0 ? -errno : 0;
}

int tc_change_send(struct tc_change *change, struct nl_sock *sock, char ret_text[ACT_TEXT_MAX])
{
	int fd = nl_socket_get_fd(sock), r = change->error;

	if (r == 0 && change->count > 0)
		r = requests_send(change, fd);
	if (r < 0)
		snprintf(ret_text, ACT_TEXT_MAX, "netlink: %s", strerror(-r));
	else
		r = answers_take(change, fd, ret_text);
	for (uint32_t i = 0; i < change->count; i++)
		nlmsg_free(change->request[i]);
	change->count = 0;
	return r;
}
