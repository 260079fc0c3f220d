/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "nft_send.h"

static uint32_t seq_last;

uint32_t nft_seq_next(void)
{
	return ++seq_last;
}

/* A message is built right behind the one before it, whose length is known only now. */
static void batch_settle(struct nft_batch *batch)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(batch->buf + batch->used);

	if (!batch->is_full)
		batch->used += NLMSG_ALIGN(last->nlmsg_len);
	batch->is_full = batch->used + 2 * BATCH_MESSAGE_MAX > sizeof(batch->buf) || batch->count == BATCH_MESSAGES_MAX;
}

void nft_batch_start(struct nft_batch *batch, bool is_owned)
{
	batch->is_owned = is_owned;
	batch->is_full = false;
	batch->used = 0;
	batch->count = 0;
	nftnl_batch_begin(batch->buf, nft_seq_next());
	batch->seq_first = seq_last + 1;
}

struct nlmsghdr *nft_batch_put(struct nft_batch *batch, uint16_t type, const char *what)
{
	batch_settle(batch);
	/* A full batch is not sent: the same room takes what no longer fits. */
	if (!batch->is_full)
		batch->what[batch->count++] = what;
	return nftnl_nlmsg_build_hdr(batch->buf + batch->used, type, NFPROTO_INET, NLM_F_CREATE | NLM_F_APPEND,
				     nft_seq_next());
}

/* Only the last message asks for an answer; one that is refused gets one before it. */
static int answers_read(const struct nft_batch *batch, struct mnl_socket *sock, uint32_t *ret_which)
{
	char buf[16384];

	for (;;) {
		ssize_t size = mnl_socket_recvfrom(sock, buf, sizeof(buf));
		int left = (int)size;

		if (size < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (const struct nlmsghdr *header = (void *)buf; mnl_nlmsg_ok(header, left);
		     header = mnl_nlmsg_next(header, &left)) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

			if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq + 1 < batch->seq_first)
				continue;
			*ret_which = header->nlmsg_seq - batch->seq_first;
			if (error->error || *ret_which + 1 == batch->count)
				return error->error;
		}
	}
}

/* What still comes after an error must not be taken for the answer to the next. */
static void answers_drop(struct mnl_socket *sock)
{
	char buf[16384];

	while (recv(mnl_socket_get_fd(sock), buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

int nft_batch_send(struct nft_batch *batch, struct mnl_socket *sock, char ret_text[ACT_TEXT_MAX])
{
	uint32_t which = UINT32_MAX;
	int r;

	((struct nlmsghdr *)(batch->buf + batch->used))->nlmsg_flags |= NLM_F_ACK;
	batch_settle(batch);
	if (batch->is_full) {
		snprintf(ret_text, ACT_TEXT_MAX, "too much for one transaction");
		return -E2BIG;
	}
	batch->used += nftnl_batch_end(batch->buf + batch->used, nft_seq_next())->nlmsg_len;
	r = mnl_socket_sendto(sock, batch->buf, batch->used) < 0 ? -errno : answers_read(batch, sock, &which);
	if (r == 0)
		return 0;
	answers_drop(sock);
	snprintf(ret_text, ACT_TEXT_MAX, "nftables refuses %s: %s",
		 which < batch->count ? batch->what[which] : "the transaction", strerror(-r));
	return r;
}
