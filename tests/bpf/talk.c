/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 64
#define ANSWER_BYTES_MAX 65536

void die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	_exit(98);
}

int listen_at(int family, const char *address, uint16_t port)
{
	struct sockaddr_in at4 = { .sin_family = AF_INET };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6 };
	bool is_four = family == AF_INET;
	int fd = socket(family, SOCK_STREAM, 0), yes = 1;

	at4.sin_port = at6.sin6_port = htons(port);
	inet_pton(family, address, is_four ? (void *)&at4.sin_addr : (void *)&at6.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, is_four ? (void *)&at4 : (void *)&at6, is_four ? sizeof(at4) : sizeof(at6)) || listen(fd, 8))
		die("listen");
	return fd;
}

int connect_try(int family, const char *address, uint16_t port)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	bool is_four = family == AF_INET;
	int fd = socket(family, SOCK_STREAM, 0), yes = 1;

	to4.sin_port = to6.sin6_port = htons(port);
	inet_pton(family, address, is_four ? (void *)&to4.sin_addr : (void *)&to6.sin6_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (!connect(fd, is_four ? (void *)&to4 : (void *)&to6, is_four ? sizeof(to4) : sizeof(to6)))
		return fd;
	close(fd);
	return -1;
}

int connect_to(int family, const char *address, uint16_t port)
{
	int fd = connect_try(family, address, port);

	if (fd < 0)
		die("connect");
	return fd;
}

static void rtt_add(struct rtt *rtt, int fd)
{
	struct tcp_info info;
	socklen_t bytes = sizeof(info);

	if (!rtt || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes))
		return;
	__atomic_add_fetch(&rtt->us, info.tcpi_rtt, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&rtt->samples, 1, __ATOMIC_SEQ_CST);
}

void serve(int listener, struct rtt *rtt)
{
	static char in[REQUEST_BYTES * 16], out[ANSWER_BYTES_MAX];
	int fd = accept(listener, NULL, NULL), yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	for (;;) {
		ssize_t n = recv(fd, in, sizeof(in), 0);

		if (n <= 0)
			break;
		rtt_add(rtt, fd);
		for (ssize_t at = 0; at < n; at += REQUEST_BYTES) {
			struct request request;

			memcpy(&request, in + at, sizeof(request));
			usleep(request.delay_ms * 1000);
			if (send(fd, out, request.answer_bytes, MSG_NOSIGNAL) < 0)
				break;
		}
	}
	close(fd);
}

void ask(int fd, struct request request, uint32_t count, struct rtt *rtt)
{
	static char out[REQUEST_BYTES * 16], in[ANSWER_BYTES_MAX];

	for (uint32_t i = 0; i < count; i++)
		memcpy(out + i * REQUEST_BYTES, &request, sizeof(request));
	if (send(fd, out, count * REQUEST_BYTES, 0) < 0)
		die("send");
	for (size_t left = (size_t)count * request.answer_bytes; left;) {
		ssize_t n = recv(fd, in, left < sizeof(in) ? left : sizeof(in), 0);

		if (n <= 0)
			die("recv");
		rtt_add(rtt, fd);
		left -= (size_t)n;
	}
}

void server_body(void *listener)
{
	serve(*(int *)listener, NULL);
}

pid_t server_start(struct world *world, int listener)
{
	return in_cgroup_start(world, server_body, &listener);
}
