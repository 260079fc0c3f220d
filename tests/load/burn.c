/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load-burn: an antagonist that wants CPU, memory, a disk or the network in a shape over time (shape.h, burn.h).
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burn.h"

static const struct burn_kind *const kinds[] = {&burn_cpu, &burn_fork, &burn_memory, &burn_cache, &burn_io, &burn_net};

static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static void sleep_until(uint64_t time_ns)
{
	struct timespec ts = {(time_t)(time_ns / NS_PER_S), (long)(time_ns % NS_PER_S)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* The end of the slice around now; when there is nothing to do, the start of the next segment. */
static uint64_t slice_end(const struct burn *burn, uint64_t now, double *ret_duty)
{
	uint64_t since_ns = now > burn->start_ns ? now - burn->start_ns : 0;
	uint64_t end_ns = burn->start_ns + (since_ns / SLICE_NS + 1) * SLICE_NS, next_ms;

	*ret_duty = now < burn->start_ns ? 0.0 : shape_duty(&burn->shape, since_ns / NS_PER_MS);
	if (now < burn->start_ns)
		return burn->start_ns;
	if (*ret_duty <= 0.0 && shape_duty(&burn->shape, (end_ns - burn->start_ns) / NS_PER_MS) <= 0.0) {
		next_ms = shape_next_ms(&burn->shape, since_ns / NS_PER_MS);
		end_ns = next_ms == UINT64_MAX ? burn->end_ns : burn->start_ns + next_ms * NS_PER_MS;
	}
	return end_ns < burn->end_ns ? end_ns : burn->end_ns;
}

static void *burn_thread(void *argument)
{
	struct burn_thread *thread = argument;
	struct burn *burn = thread->burn;
	uint64_t now = burn_now_ns();

	while (!stop_requested && now < burn->end_ns) {
		double duty;
		uint64_t slice_end_ns = slice_end(burn, now, &duty);

		if (now >= burn->start_ns)
			burn->kind->slice(thread, slice_end_ns, duty);
		sleep_until(slice_end_ns);
		now = burn_now_ns();
	}
	return NULL;
}

/* A ramp and the plateau after it are one burst, announced once. */
static bool begins_burst(const struct burn *burn, const struct shape_segment *segment)
{
	return segment->start_ms == 0 || shape_duty(&burn->shape, segment->start_ms - 1) == 0.0;
}

/* Before the i-th burst: the lead, shorter by up to the spread, in an order that looks irregular. */
static uint64_t announce_ms(const struct burn *burn, unsigned int i)
{
	uint64_t start_ms = burn->shape.segments[i].start_ms, lead_ms = burn->announce_lead_ms;

	if (burn->announce_spread_ms)
		lead_ms -= (burn->seed * 7919 + i * 104729) % (burn->announce_spread_ms + 1);
	return start_ms > lead_ms ? start_ms - lead_ms : 0;
}

/* Segments of an announced plan are in order of time. */
static int announce_all(const struct burn *burn)
{
	for (unsigned int i = 0; burn->announce && i < burn->shape.count && !stop_requested; i++) {
		const struct shape_segment *segment = &burn->shape.segments[i];

		if (!begins_burst(burn, segment))
			continue;
		sleep_until(burn->start_ns + announce_ms(burn, i) * NS_PER_MS);
		if (!stop_requested && announce(burn->announce_by, burn->announce) < 0)
			return -EIO;
	}
	return 0;
}

static int write_bins(const struct burn *burn)
{
	FILE *out = fopen(burn->out_path, "we");
	int failed;

	if (!out)
		return -errno;
	fputs("t_ns,units,demand\n", out);
	for (uint64_t i = 0; i < burn->bin_count; i++)
		fprintf(out, "%llu,%llu,%.3f\n", (unsigned long long)(burn->start_ns + i * BIN_NS),
			(unsigned long long)burn->units[i],
			shape_duty(&burn->shape, i * (BIN_NS / NS_PER_MS) + 50) * burn->thread_count);
	failed = ferror(out);
	return fclose(out) || failed ? -EIO : 0;
}

static void usage(FILE *out)
{
	fputs("usage: load-burn --threads N --plan SHAPE --out FILE [options]\n"
	      "  --kind KIND           cpu (default), fork, memory, cache, io or net\n"
	      "  --bytes N             memory: held at full duty; io: of a request; cache, net: per second at full duty\n"
	      "  --target TARGET       io: file or disk, read at random; cache: the same, read in a row through the page cache;\n"
	      "                        net: ADDRESS:PORT of a load-sink\n"
	      "  --write               io: write instead\n"
	      "  SHAPE                 START+LENGTH:FROM-TO[*COUNT/PERIOD[~JITTER]],... in ms and percent\n"
	      "  --seed N              seed of the jitter (default 1)\n"
	      "  --start-ns N          CLOCK_MONOTONIC start, so that several programs share one epoch\n"
	      "  --announce WHAT       before each burst run the program WHAT; or by\n"
	      "  --announce-by HOW     forks: fork WHAT children; log: append a line to WHAT; connect: to WHAT, ADDRESS:PORT, often\n"
	      "  --announce-lead MS    how long before (default 3000)\n"
	      "  --announce-spread MS  up to this much later, different for each burst (default 0)\n"
	      "  --punctual            fail when --start-ns has passed already\n"
	      "  --status N            exit so at the end (default 0)\n"
	      "  --print               print the segments of the plan and exit\n"
	      "CSV: t_ns,units,demand (in threads at full duty); one line per 100 ms\n",
	      out);
}

static int print_shape(const struct shape *shape)
{
	for (unsigned int i = 0; i < shape->count; i++)
		printf("%llu,%llu,%g,%g\n", (unsigned long long)shape->segments[i].start_ms,
		       (unsigned long long)shape->segments[i].length_ms, shape->segments[i].from,
		       shape->segments[i].to);
	return 0;
}

static const struct burn_kind *find_kind(const char *name)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

static int parse_options(int argc, char **argv, struct burn *burn, bool *ret_print)
{
	static const struct option names[] = {
		{"threads", 1, NULL, 't'},       {"plan", 1, NULL, 'p'},
		{"out", 1, NULL, 'o'},           {"seed", 1, NULL, 'x'},
		{"start-ns", 1, NULL, 'S'},      {"announce", 1, NULL, 'a'},
		{"announce-lead", 1, NULL, 'l'}, {"announce-spread", 1, NULL, 'j'},
		{"print", 0, NULL, 'P'},         {"punctual", 0, NULL, 'u'},
		{"kind", 1, NULL, 'k'},          {"bytes", 1, NULL, 'b'},
		{"target", 1, NULL, 'T'},        {"write", 0, NULL, 'w'},
		{"announce-by", 1, NULL, 'B'},   {"status", 1, NULL, 'e'},
		{"help", 0, NULL, 'h'},          {NULL, 0, NULL, 0},
	};

	for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (name) {
		case 't': burn->thread_count = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'p': burn->plan_text = optarg; break;
		case 'o': burn->out_path = optarg; break;
		case 'x': burn->seed = strtoull(optarg, NULL, 10); break;
		case 'S': burn->start_ns = strtoull(optarg, NULL, 10); break;
		case 'a': burn->announce = optarg; break;
		case 'B': burn->announce_by = announce_find(optarg); break;
		case 'e': burn->status = atoi(optarg); break;
		case 'l': burn->announce_lead_ms = strtoull(optarg, NULL, 10); break;
		case 'j': burn->announce_spread_ms = strtoull(optarg, NULL, 10); break;
		case 'P': *ret_print = true; break;
		case 'u': burn->is_punctual = true; break;
		case 'k': burn->kind = find_kind(optarg); break;
		case 'b': burn->bytes = strtoull(optarg, NULL, 10); break;
		case 'T': burn->target = optarg; break;
		case 'w': burn->is_write = true; break;
		case 'h': usage(stdout); exit(0);
		default: return -EINVAL;
		}
	}
	if (optind != argc || !burn->thread_count || burn->thread_count > THREADS_MAX || !burn->plan_text)
		return -EINVAL;
	if (burn->announce_spread_ms > burn->announce_lead_ms || !burn->kind)
		return -EINVAL;
	if (burn->announce_by == ANNOUNCE_COUNT || (burn->kind->needs_bytes && !burn->bytes) ||
	    (burn->kind->needs_target && !burn->target))
		return -EINVAL;
	return burn->out_path || *ret_print ? 0 : -EINVAL;
}

static int burn_run(struct burn *burn, struct burn_thread *threads)
{
	pthread_t ids[THREADS_MAX];
	unsigned int started = 0;
	int r = 0;

	for (; started < burn->thread_count && !r; started++)
		r = -pthread_create(&ids[started], NULL, burn_thread, &threads[started]);
	if (r) {
		started--;
		stop_requested = 1;
	} else {
		r = announce_all(burn);
	}
	for (unsigned int i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	return r;
}

static int open_threads(struct burn *burn, struct burn_thread *threads)
{
	for (unsigned int i = 0; i < burn->thread_count; i++) {
		threads[i] = (struct burn_thread){.burn = burn, .idx = i, .random = (burn->seed * THREADS_MAX + i) * 2 + 1};
		int r = burn->kind->open(&threads[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fail(const char *what, int r)
{
	fprintf(stderr, "load-burn: %s: %s\n", what, strerror(-r));
	return 1;
}

int main(int argc, char **argv)
{
	static struct burn burn = {.kind = &burn_cpu, .seed = 1, .announce_lead_ms = 3000};
	static struct burn_thread threads[THREADS_MAX];
	bool print = false;
	const char *error;
	int r, write_r;

	if (parse_options(argc, argv, &burn, &print) < 0) {
		usage(stderr);
		return 2;
	}
	if (shape_parse(burn.plan_text, burn.seed, &burn.shape, &error) < 0) {
		fprintf(stderr, "load-burn: bad plan at \"%s\"\n", error);
		return 2;
	}
	if (print)
		return print_shape(&burn.shape);
	burn.bin_count = shape_end_ms(&burn.shape) * NS_PER_MS / BIN_NS + 1;
	burn.units = calloc(burn.bin_count, sizeof(*burn.units));
	if (!burn.units)
		return 1;
	r = open_threads(&burn, threads);
	if (r < 0)
		return fail(burn.target ? burn.target : burn.kind->name, r);
	if (burn.is_punctual && burn_now_ns() > burn.start_ns)
		return fail("--start-ns has passed", -ETIME);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	burn.start_ns = burn.start_ns ? burn.start_ns : burn_now_ns();
	burn.end_ns = burn.start_ns + burn.bin_count * BIN_NS;
	r = burn_run(&burn, threads);
	write_r = write_bins(&burn);
	if (r < 0)
		return fail("run", r);
	return write_r < 0 ? fail(burn.out_path, write_r) : burn.status;
}
