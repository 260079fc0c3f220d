/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* ppoll */
#include "exchange.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

uint64_t exchange_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* xorshift64*: the schedule must be the same on every machine, so not rand(). */
static double random_unit(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((*state * 2685821657736338717ull) >> 11) / 9007199254740992.0;
}

static void schedule_step(struct exchange *exchange)
{
	uint64_t now_ms = (uint64_t)(exchange->next_offset_ns / 1e6);
	double gap_ns = 1e9 / (exchange->rate + exchange->surge * shape_duty(&exchange->shape, now_ms));

	if (exchange->poisson)
		gap_ns *= -log(1.0 - random_unit(&exchange->random));
	exchange->next_offset_ns += gap_ns;
	exchange->next_ns = exchange->start_ns + (uint64_t)exchange->next_offset_ns;
}

static void record(struct exchange *exchange, uint64_t due_ns, uint64_t latency_ns)
{
	uint64_t idx = (due_ns - exchange->start_ns) / BIN_NS, latency_us = latency_ns / 1000;
	struct bin *bin;

	if (idx >= exchange->bin_count)
		return;
	bin = &exchange->bins[idx];
	hist_push(&bin->hist, latency_us);
	bin->bad_count += latency_us > exchange->bound_us;
	if (latency_us > bin->max_us)
		bin->max_us = latency_us;
}

static int connection_flush(struct exchange *exchange, struct connection *conn)
{
	while (conn->unsent_bytes) {
		uint64_t room = exchange->requests_bytes - conn->offset;
		size_t length = conn->unsent_bytes < room ? conn->unsent_bytes : room;
		ssize_t r = write(conn->fd, exchange->requests + conn->offset, length);

		if (r < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		conn->unsent_bytes -= (uint64_t)r;
		conn->offset = (conn->offset + (uint64_t)r) % exchange->requests_bytes;
	}
	return 0;
}

static void request_due(struct exchange *exchange)
{
	struct connection *conn = &exchange->connections[exchange->sent_count++ % exchange->connection_count];

	if (conn->tail - conn->head == OUTSTANDING_MAX) {
		/* A request that cannot even be queued is the worst latency there is. */
		exchange->refused_count++;
		record(exchange, exchange->next_ns, EXCHANGE_DRAIN_NS);
		return;
	}
	conn->due_ns[conn->tail++ % OUTSTANDING_MAX] = exchange->next_ns;
	conn->unsent_bytes += exchange->request_bytes;
}

static int send_due(struct exchange *exchange)
{
	int r = 0;

	for (uint64_t now = exchange_now_ns(); exchange->next_ns <= now && exchange->next_ns < exchange->end_ns;) {
		request_due(exchange);
		schedule_step(exchange);
	}
	for (unsigned int i = 0; i < exchange->connection_count && !r; i++)
		r = connection_flush(exchange, &exchange->connections[i]);
	return r;
}

static void reply_done(struct exchange *exchange, struct connection *conn, uint64_t now)
{
	uint64_t due_ns = conn->due_ns[conn->head % OUTSTANDING_MAX];

	exchange->error_count += conn->reply.is_error;
	if (conn->head == conn->tail) {
		exchange->error_count++; /* a reply nobody asked for */
		return;
	}
	conn->head++;
	record(exchange, due_ns, now - due_ns);
}

static int receive(struct exchange *exchange, struct connection *conn)
{
	char buffer[65536];
	ssize_t length = read(conn->fd, buffer, sizeof(buffer));
	uint64_t now = exchange_now_ns();

	if (length <= 0)
		return length < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
	for (size_t i = 0, used; i < (size_t)length; i += used)
		if (reply_push(&conn->reply, exchange->protocol, buffer + i, (size_t)length - i, &used))
			reply_done(exchange, conn, now);
	return 0;
}

static bool replies_missing(const struct exchange *exchange)
{
	for (unsigned int i = 0; i < exchange->connection_count; i++)
		if (exchange->connections[i].head != exchange->connections[i].tail)
			return true;
	return false;
}

static int wait_and_receive(struct exchange *exchange, uint64_t until_ns)
{
	struct pollfd polls[CONNECTIONS_MAX];
	uint64_t now = exchange_now_ns(), wait_ns = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = {(time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S)};
	int r = 0;

	for (unsigned int i = 0; i < exchange->connection_count; i++) {
		polls[i].fd = exchange->connections[i].fd;
		polls[i].events = (short)(POLLIN | (exchange->connections[i].unsent_bytes ? POLLOUT : 0));
	}
	if (ppoll(polls, exchange->connection_count, &timeout, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	for (unsigned int i = 0; i < exchange->connection_count && !r; i++)
		if (polls[i].revents & (POLLIN | POLLHUP | POLLERR))
			r = receive(exchange, &exchange->connections[i]);
	return r;
}

static void record_missing(struct exchange *exchange)
{
	for (unsigned int i = 0; i < exchange->connection_count; i++) {
		struct connection *conn = &exchange->connections[i];

		for (; conn->head != conn->tail; conn->head++)
			record(exchange, conn->due_ns[conn->head % OUTSTANDING_MAX], EXCHANGE_DRAIN_NS);
	}
}

int exchange_run(struct exchange *exchange, volatile sig_atomic_t *stop)
{
	uint64_t drain_end_ns = exchange->end_ns + EXCHANGE_DRAIN_NS;
	int r = 0;

	/* Zero is the one state xorshift never leaves. */
	exchange->random = exchange->seed * 2 + 1;
	exchange->next_ns = exchange->start_ns;
	while (!*stop && !r && exchange_now_ns() < exchange->end_ns) {
		bool more = exchange->next_ns < exchange->end_ns;

		r = send_due(exchange);
		if (!r)
			r = wait_and_receive(exchange, more ? exchange->next_ns : exchange->end_ns);
	}
	while (!*stop && !r && replies_missing(exchange) && exchange_now_ns() < drain_end_ns) {
		r = send_due(exchange);
		if (!r)
			r = wait_and_receive(exchange, drain_end_ns);
	}
	record_missing(exchange);
	return r;
}
