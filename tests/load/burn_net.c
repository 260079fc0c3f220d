/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network: bulk TCP senders, each offering its part of the bytes per second that the plan wants in this slice. What the
 * connection does not take is lost. A unit is a KiB that it took.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "burn.h"

#define UNIT_BYTES 1024
#define SEND_BYTES 16384
/* What waits unsent would go on after the burst, and count as taken before it went. */
#define UNSENT_BYTES 16384

struct net {
	int fd;
	uint64_t uncounted_bytes;
	char buffer[SEND_BYTES];
};

static int net_open(struct burn_thread *thread)
{
	struct net *net = calloc(1, sizeof(*net));
	int unsent_bytes = UNSENT_BYTES;
	struct sockaddr_in address;

	if (!net)
		return -ENOMEM;
	thread->state = net;
	if (address_parse(thread->burn->target, &address) < 0)
		return -EINVAL;
	net->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (net->fd < 0 || connect(net->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(net->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes)) < 0)
		return -errno;
	return 0;
}

/* Waits for room until the slice ends; false when there is none by then. */
static bool net_wait(struct net *net, uint64_t slice_end_ns)
{
	struct pollfd poll_fd = {.fd = net->fd, .events = POLLOUT};
	uint64_t now = burn_now_ns();
	struct timespec timeout = {0, now < slice_end_ns ? (long)(slice_end_ns - now) : 0};

	return ppoll(&poll_fd, 1, &timeout, NULL) > 0 && burn_now_ns() < slice_end_ns;
}

static void net_slice(struct burn_thread *thread, uint64_t slice_end_ns, double duty)
{
	struct burn *burn = thread->burn;
	struct net *net = thread->state;
	double per_slice = (double)burn->bytes / burn->thread_count * SLICE_NS / NS_PER_S;

	for (uint64_t left = (uint64_t)(duty * per_slice); left && net_wait(net, slice_end_ns);) {
		ssize_t sent = send(net->fd, net->buffer, left < SEND_BYTES ? left : SEND_BYTES, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return;
		left -= (uint64_t)sent;
		net->uncounted_bytes += (uint64_t)sent;
		burn_count(burn, burn_now_ns(), net->uncounted_bytes / UNIT_BYTES);
		net->uncounted_bytes %= UNIT_BYTES;
	}
}

const struct burn_kind burn_net = {"net", true, true, net_open, net_slice};
