/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load-client: what a client of redis or nginx sees, measured open loop (exchange.h).
 * Output: one CSV line per 100 ms with the histogram of that bin.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"

#define REDIS_REQUEST_COUNT 32 /* in a row, to pipeline with one write */
#define HTTP_REQUEST_COUNT 8192
#define HTTP_FILES_MAX 1000000

struct options {
	struct in_addr address;
	uint16_t port;
	unsigned int connections, http_files;
	double rate, surge, seconds;
	uint64_t seed, bound_us, start_ns;
	bool fifo, poisson, punctual;
	const char *out_path, *command, *plan;
};

static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static void usage(FILE *out)
{
	fputs("usage: load-client --port N --rate PER_SECOND --seconds S --out FILE [options]\n"
	      "  --seed N          seed of the schedule (default 1)\n"
	      "  --surge N         so many more per second at full duty of --plan, a SHAPE as of load-burn\n"
	      "  --poisson         random gaps; without it a fixed rate\n"
	      "  --connections N   default 8\n"
	      "  --address A       IPv4, default 127.0.0.1\n"
	      "  --command TEXT    inline redis command, default \"GET k\"\n"
	      "  --http FILES      ask nginx instead, for /000000, /000001, ... of so many files, in random order\n"
	      "  --bound-us N      slower requests count as bad, default 10000\n"
	      "  --start-ns N      CLOCK_MONOTONIC start, so that several programs share one epoch\n"
	      "  --punctual        fail when --start-ns has passed already\n"
	      "  --fifo            run with SCHED_FIFO, so that only the server is measured\n"
	      "CSV: t_ns,count,p50_us,p99_us,max_us,bad,histogram; one line per 100 ms of due times\n",
	      out);
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"port", 1, NULL, 'p'},        {"rate", 1, NULL, 'r'},
		{"seconds", 1, NULL, 's'},     {"seed", 1, NULL, 'x'},
		{"connections", 1, NULL, 'c'}, {"out", 1, NULL, 'o'},
		{"fifo", 0, NULL, 'f'},        {"poisson", 0, NULL, 'P'},
		{"command", 1, NULL, 'C'},     {"bound-us", 1, NULL, 'b'},
		{"start-ns", 1, NULL, 'S'},    {"punctual", 0, NULL, 'u'},
		{"address", 1, NULL, 'a'},     {"http", 1, NULL, 'H'},
		{"surge", 1, NULL, 'g'},       {"plan", 1, NULL, 'l'},
		{"help", 0, NULL, 'h'},        {NULL, 0, NULL, 0},
	};

	for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (name) {
		case 'p': options->port = (uint16_t)strtoul(optarg, NULL, 10); break;
		case 'r': options->rate = strtod(optarg, NULL); break;
		case 's': options->seconds = strtod(optarg, NULL); break;
		case 'x': options->seed = strtoull(optarg, NULL, 10); break;
		case 'c': options->connections = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'o': options->out_path = optarg; break;
		case 'g': options->surge = strtod(optarg, NULL); break;
		case 'l': options->plan = optarg; break;
		case 'f': options->fifo = true; break;
		case 'P': options->poisson = true; break;
		case 'C': options->command = optarg; break;
		case 'b': options->bound_us = strtoull(optarg, NULL, 10); break;
		case 'S': options->start_ns = strtoull(optarg, NULL, 10); break;
		case 'u': options->punctual = true; break;
		case 'H': options->http_files = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'a':
			if (inet_pton(AF_INET, optarg, &options->address) != 1)
				return -EINVAL;
			break;
		case 'h': usage(stdout); exit(0);
		default: return -EINVAL;
		}
	}
	if (optind != argc || !options->port || options->rate <= 0 || options->seconds <= 0 || !options->out_path ||
	    !options->connections || options->connections > CONNECTIONS_MAX || options->http_files > HTTP_FILES_MAX)
		return -EINVAL;
	return 0;
}

static int connect_one(const struct options *options)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(options->port), .sin_addr = options->address};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Each connection begins elsewhere in the requests, or all would ask for the same file one after the other. */
static int connect_all(struct exchange *exchange, const struct options *options)
{
	uint64_t request_count = exchange->requests_bytes / exchange->request_bytes;

	for (unsigned int i = 0; i < exchange->connection_count; i++) {
		int fd = connect_one(options);

		if (fd < 0)
			return fd;
		exchange->connections[i].fd = fd;
		exchange->connections[i].offset =
			i * request_count / exchange->connection_count * exchange->request_bytes;
	}
	return 0;
}

/* Prints the next request; all requests of a run have one length. */
static int request_print(const struct options *options, unsigned int *random, char *text, size_t size)
{
	if (!options->http_files)
		return snprintf(text, size, "%s\r\n", options->command);
	/* The schedule has its own generator, so rand_r() will do for the names. */
	return snprintf(text, size, "GET /%06u HTTP/1.1\r\nHost: server\r\n\r\n",
			(unsigned int)rand_r(random) % options->http_files);
}

static int make_requests(const struct options *options, struct exchange *exchange)
{
	unsigned int random = (unsigned int)options->seed, count = REDIS_REQUEST_COUNT;
	size_t length;
	char *requests;

	if (options->http_files)
		count = HTTP_REQUEST_COUNT;
	length = (size_t)request_print(options, &random, NULL, 0);
	requests = malloc(length * count + 1);
	if (!requests)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		request_print(options, &random, requests + i * length, length + 1);
	exchange->requests = requests;
	exchange->request_bytes = length;
	exchange->requests_bytes = length * count;
	exchange->protocol = options->http_files ? REPLY_HTTP : REPLY_REDIS;
	return 0;
}

static int write_bins(const struct exchange *exchange, const char *path)
{
	FILE *out = fopen(path, "we");
	int failed;

	if (!out)
		return -errno;
	fputs("t_ns,count,p50_us,p99_us,max_us,bad,histogram\n", out);
	for (uint64_t i = 0; i < exchange->bin_count; i++) {
		const struct bin *bin = &exchange->bins[i];

		fprintf(out, "%llu,%llu,%llu,%llu,%llu,%llu,", (unsigned long long)(exchange->start_ns + i * BIN_NS),
			(unsigned long long)bin->hist.count, (unsigned long long)hist_quantile_us(&bin->hist, 0.5),
			(unsigned long long)hist_quantile_us(&bin->hist, 0.99), (unsigned long long)bin->max_us,
			(unsigned long long)bin->bad_count);
		hist_format(&bin->hist, out);
		fputc('\n', out);
	}
	failed = ferror(out);
	return fclose(out) || failed ? -EIO : 0;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "load-client: %s: %s\n", what, strerror(-r));
	return 1;
}

static int setup(const struct options *options, struct exchange *exchange)
{
	exchange->connections = calloc(exchange->connection_count, sizeof(*exchange->connections));
	exchange->bins = calloc(exchange->bin_count, sizeof(*exchange->bins));
	if (!exchange->connections || !exchange->bins || make_requests(options, exchange) < 0)
		return -ENOMEM;
	return connect_all(exchange, options);
}

/* Nobody but the server should be able to make us late. */
static int harden(bool fifo)
{
	struct sched_param param = {.sched_priority = 50};

	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	return fifo && sched_setscheduler(0, SCHED_FIFO, &param) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct options options = {.connections = 8, .seed = 1, .bound_us = 10000, .command = "GET k",
				  .address.s_addr = htonl(INADDR_LOOPBACK)};
	static struct exchange exchange;
	const char *error;
	int r, write_r;

	if (parse_options(argc, argv, &options) < 0) {
		usage(stderr);
		return 2;
	}
	exchange = (struct exchange){.rate = options.rate,
				     .surge = options.surge,
				     .seed = options.seed,
				     .bound_us = options.bound_us,
				     .poisson = options.poisson,
				     .connection_count = options.connections};
	if (options.plan && shape_parse(options.plan, options.seed, &exchange.shape, &error) < 0) {
		fprintf(stderr, "load-client: bad plan at \"%s\"\n", error);
		return 2;
	}
	exchange.bin_count = (uint64_t)(options.seconds * 1e9) / BIN_NS;
	r = setup(&options, &exchange);
	if (r < 0)
		return fail("setup", r);
	r = harden(options.fifo);
	if (r < 0)
		return fail("SCHED_FIFO", r);
	/* Requests already due would all look slow. */
	if (options.punctual && exchange_now_ns() > options.start_ns)
		return fail("--start-ns has passed", -ETIME);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	exchange.start_ns = options.start_ns ? options.start_ns : exchange_now_ns();
	exchange.end_ns = exchange.start_ns + exchange.bin_count * BIN_NS;
	r = exchange_run(&exchange, &stop_requested);
	write_r = write_bins(&exchange, options.out_path);
	if (write_r < 0)
		return fail(options.out_path, write_r);
	if (r < 0)
		return fail("exchange", r);
	if (exchange.error_count) {
		fprintf(stderr, "load-client: %llu error replies\n", (unsigned long long)exchange.error_count);
		return 1;
	}
	return 0;
}
