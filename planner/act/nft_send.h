/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One transaction of nftables on its way to the kernel. */
#ifndef FORESTALL_ACT_NFT_SEND_H
#define FORESTALL_ACT_NFT_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

#define NFT_TABLE_NAME "forestall"
#define BATCH_BYTES (128u << 10)	/* below what a socket sends at once by default */
#define BATCH_MESSAGE_MAX 8192		/* room kept free: no message of ours is longer */
#define BATCH_MESSAGES_MAX 512

struct mnl_socket;
struct nlmsghdr;

struct nft_batch {
	bool is_owned;			/* the table is to belong to the socket */
	uint32_t seq_first, count;	/* of the messages between begin and end */
	uint32_t used;
	bool is_full;
	const char *what[BATCH_MESSAGES_MAX];	/* for people: what the message asks for */
	char buf[BATCH_BYTES] __attribute__((aligned(8)));
};

void nft_batch_start(struct nft_batch *batch, bool is_owned);

/* Begins a message about the table's family; what is then built into it belongs to the batch. */
struct nlmsghdr *nft_batch_put(struct nft_batch *batch, uint16_t type, const char *what);

/* All or nothing. On -errno ret_text says what was refused. -E2BIG: too many messages. */
int nft_batch_send(struct nft_batch *batch, struct mnl_socket *sock, char ret_text[ACT_TEXT_MAX]);

/* A number for the next request on the socket. */
uint32_t nft_seq_next(void);

#endif
