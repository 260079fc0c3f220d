/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the devices of one network namespace, read through a netlink socket of it. Changes nothing. */
#ifndef FORESTALL_ACT_TC_LINK_H
#define FORESTALL_ACT_TC_LINK_H

#include <net/if.h>

#include "tc_plan.h"

struct nl_sock;

struct tc_link {
	int ifindex;
	char name[IFNAMSIZ];
	struct tc_qdisc *qdiscs;
	size_t count;
};

/* Makes the socket of a door one of libnl's, which the caller frees; takes the descriptor over. NULL: out of memory. */
struct nl_sock *tc_sock_new(int fd);
void tc_sock_free(struct nl_sock *sock);

/*
 * Index of the device that packets to far away leave by: asks the kernel's routing tables for an address that is kept
 * for documentation (RFC 5737, RFC 3849), so that policy routing and split default routes count. -ENETUNREACH.
 */
int tc_link_default(struct nl_sock *sock);

/* Reads name and qdiscs. tc_link_free() in any case. -ENODEV when there is no such device. */
int tc_link_read(struct nl_sock *sock, int ifindex, struct tc_link *ret);
void tc_link_free(struct tc_link *link);

/* Bytes/s that an HTB class may send at most; -ENOENT. */
int tc_link_rate(struct nl_sock *sock, int ifindex, uint32_t classid, uint64_t *ret);

struct tc_filters {
	uint32_t ours;		/* handle of our filter, 0 when it is not there */
	uint32_t foreign;	/* how many others are on clsact, in both directions */
};

int tc_link_filters(struct nl_sock *sock, int ifindex, struct tc_filters *ret);

#endif
