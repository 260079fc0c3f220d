/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The open-loop exchange of requests and replies with redis or nginx.
 *
 * Requests are due at times fixed beforehand by rate and seed. Latency counts
 * from the time a request was *due*, and a slow reply never holds the next
 * request back, so a stall of the server (or of this program) shows in full.
 * Every request falls into the 100 ms bin in which it was due. All bins stay
 * in memory until the end: nothing is written while we measure.
 */
#ifndef LOAD_EXCHANGE_H
#define LOAD_EXCHANGE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "hist.h"
#include "reply.h"
#include "shape.h"

#define CONNECTIONS_MAX 64
#define OUTSTANDING_MAX 16384 /* per connection; a power of two */
#define BIN_NS 100000000ull
#define EXCHANGE_DRAIN_NS 2000000000ull /* how long late replies are waited for at the end */
#define NS_PER_S 1000000000ull

struct connection {
	int fd;
	uint32_t head, tail; /* ring of due times: head = next reply, tail = next request */
	uint64_t unsent_bytes, offset; /* offset: how far into the requests we wrote; the caller may let each begin elsewhere */
	struct reply reply;
	uint64_t due_ns[OUTSTANDING_MAX];
};

struct bin {
	struct hist hist;
	uint64_t bad_count, max_us;
};

struct exchange {
	/* Set by the caller, as are the descriptors of the connections. */
	double rate, surge;	/* surge: so much more at the full duty of the shape */
	struct shape shape;
	uint64_t seed, bound_us, start_ns, end_ns, bin_count, request_bytes, requests_bytes;
	bool poisson;
	enum reply_protocol protocol;
	unsigned int connection_count;
	const char *requests; /* of request_bytes each, sent in a row and again from the first */
	struct bin *bins;
	struct connection *connections;

	uint64_t random, next_ns, sent_count, error_count, refused_count;
	double next_offset_ns;
};

/* CLOCK_MONOTONIC, by which all records of a run are joined. */
uint64_t exchange_now_ns(void);

/*
 * Runs from start_ns to end_ns, then waits up to EXCHANGE_DRAIN_NS for late
 * replies; what is still missing then counts with that latency. Returns early
 * when *stop becomes non-zero. Returns 0 or -errno (connection lost); the bins
 * are valid in both cases.
 */
int exchange_run(struct exchange *exchange, volatile sig_atomic_t *stop);

#endif
