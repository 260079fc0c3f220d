/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server and a client of our own over TCP, for tests of the network signals. What goes wrong ends the process. */
#ifndef FORESTALL_TEST_TALK_H
#define FORESTALL_TEST_TALK_H

#include "world.h"

/* What a request asks for. */
struct request {
	uint32_t delay_ms, answer_bytes;
};

/* Sum of what the sockets say of their round trip after each read, and how often. */
struct rtt {
	uint64_t us, samples;
};

void die(const char *what) __attribute__((noreturn));

/* family: AF_INET or AF_INET6. */
int listen_at(int family, const char *address, uint16_t port);
int connect_to(int family, const char *address, uint16_t port);

/* The same; -1 when nobody listens. */
int connect_try(int family, const char *address, uint16_t port);

/* Answers on one connection until its end. Requests that come in one piece are read in one piece. rtt may be NULL. */
void serve(int listener, struct rtt *rtt);

/* Sends `count` requests in one piece and reads all answers. rtt may be NULL. */
void ask(int fd, struct request request, uint32_t count, struct rtt *rtt);

/* Serves in the cgroup, on a listener made outside of it, as by socket activation. */
pid_t server_start(struct world *world, int listener);

#endif
