/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "bounds.h"
#include "cleanup.h"
#include "client.h"

int act_client_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Waits for the event until the deadline, through interruptions. */
static int event_wait(int fd, short events, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = events };
		uint64_t now_ns = clock_ns();
		int r = poll(&poll_fd, 1, now_ns < deadline_ns ? (int)((deadline_ns - now_ns) / NS_PER_MS) + 1 : 0);

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
	}
}

static int message_send(int fd, const struct message *message, uint64_t deadline_ns)
{
	size_t size = offsetof(struct message, action) + message->count * sizeof(*message->action);

	while (send(fd, message, size, MSG_NOSIGNAL) < 0) {
		int r = errno == EINTR ? 0 : errno == EAGAIN ? event_wait(fd, POLLOUT, deadline_ns) : -errno;

		if (r < 0)
			return r;
	}
	return 0;
}

static int result_receive(int fd, struct result *ret, uint64_t deadline_ns)
{
	struct result result;
	ssize_t size;
	int r;

	do {
		r = event_wait(fd, POLLIN, deadline_ns);
		if (r < 0)
			return r;
		memset(&result, 0, sizeof(result));
		size = recv(fd, &result, sizeof(result), MSG_TRUNC);
	} while (size < 0 && (errno == EINTR || errno == EAGAIN));
	if (size <= 0)
		return size < 0 ? -errno : -EPIPE;
	if ((size_t)size < offsetof(struct result, item) || result.version != PROTOCOL_VERSION ||
	    result.kind != MESSAGE_RESULT || result.count > ACTIONS_MAX ||
	    (size_t)size != offsetof(struct result, item) + result.count * sizeof(*result.item))
		return -EPROTO;
	*ret = result;
	return 0;
}

int act_client_call(int fd, const struct message *message, struct result *ret, int timeout_ms)
{
	uint64_t now_ns = clock_ns(), deadline_ns = now_ns + (uint64_t)timeout_ms * NS_PER_MS;
	struct message copy;
	int r;

	if (message->count > ACTIONS_MAX)
		return -EINVAL;
	copy = *message;
	copy.version = PROTOCOL_VERSION;
	if (copy.time_ns == 0)
		copy.time_ns = now_ns;
	r = message_send(fd, &copy, deadline_ns);
	return r < 0 ? r : result_receive(fd, ret, deadline_ns);
}
