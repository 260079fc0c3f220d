/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table `inet forestall` of nftables: what is in the kernel is the only record of who has which share, and which priority.
 *
 *	chain prerouting, chain output (nat, dstnat), in each for every front port one rule
 *	fib daddr type local tcp dport FRONT redirect to :numgen random mod SUM map { 0-(W1-1) : PORT1, W1-... : PORT2, ... }
 *
 *	chain priority (filter, output, mangle), for every cgroup one rule
 *	socket cgroupv2 level LEVEL ID meta priority set 0:PRIORITY
 *
 * The table belongs to the socket it is made with, where the kernel can do that (5.12): nobody else can change it, and
 * it goes when the socket does.
 */
#ifndef FORESTALL_ACT_NFT_TABLE_H
#define FORESTALL_ACT_NFT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

#define SHARES_MAX 64
#define MARKS_MAX 64

struct mnl_socket;

struct share {
	uint16_t front, port;		/* host byte order */
	uint32_t weight;		/* among those of the same front port; never 0 */
};

/* Those of one front port stand together, in the order of the map. */
struct shares {
	uint32_t count;
	struct share share[SHARES_MAX];
};

/* What the sockets of a cgroup, and of all below it, give their packets. */
struct mark {
	uint64_t cgroup_id;
	uint32_t level;			/* how deep below the root it is */
	uint32_t priority;		/* never 0 */
};

struct table_content {
	struct shares shares;
	uint32_t mark_count;
	struct mark mark[MARKS_MAX];
};

/* Reads the table. 1 when there is one, 0 (nothing) when there is none; -EBADMSG when it is not as we make it, -errno. */
int table_load(struct mnl_socket *sock, struct table_content *ret);

/*
 * Puts it in the place of all that is there, in one transaction: a connection meets either the old shares or the new ones.
 * Nothing at all: the table goes. `has_table` as told by table_load(). On error nothing has changed and ret_text
 * names what the kernel refused.
 */
int table_store(struct mnl_socket *sock, const struct table_content *content, bool has_table, char ret_text[ACT_TEXT_MAX]);

/* Sets one weight, 0 to take it out. -ENOSPC, shares as before: there are SHARES_MAX already. Pure. */
int shares_set(struct shares *shares, uint16_t front, uint16_t port, uint32_t weight);

/* 0 when it has none. Pure. */
uint32_t shares_get(const struct shares *shares, uint16_t front, uint16_t port);

/* The same for priorities; of `mark`, cgroup_id says which. */
int marks_set(struct table_content *content, const struct mark *mark);
uint32_t marks_get(const struct table_content *content, uint64_t cgroup_id);

#endif
