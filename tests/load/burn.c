/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load-burn: a CPU antagonist that follows a shape (shape.h).
 *
 * Each thread lives in 5 ms slices: it does chunks of real work until it has
 * had its duty of the slice in CPU time, or the slice is over. What it could
 * not get in a slice is lost, not carried on: demand is given, and the work
 * done against that of an uncontrolled run is the throughput it kept.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shape.h"

#define THREADS_MAX 64
#define SLICE_NS 5000000ull
#define BIN_NS 100000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define WORK_WORDS 1024

struct burn {
	unsigned int thread_count;
	uint64_t seed, start_ns, end_ns, bin_count, announce_lead_ms, announce_spread_ms;
	bool is_punctual;
	const char *plan_text, *out_path, *announce_path;
	struct shape shape;
	atomic_uint_fast64_t *units; /* per bin, summed over the threads */
};

extern char **environ;
static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t time_ns)
{
	struct timespec ts = {(time_t)(time_ns / NS_PER_S), (long)(time_ns % NS_PER_S)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* One unit: a hash mixed through a 8 KiB buffer, so that it works on memory too. */
static void work_unit(uint64_t *words)
{
	uint64_t hash = words[0] | 1;

	for (unsigned int i = 0; i < WORK_WORDS; i++) {
		hash ^= hash << 13;
		hash ^= hash >> 7;
		hash ^= hash << 17;
		words[i] += hash;
	}
	/* Without a reader of the buffer the compiler would drop the work. */
	__asm__ volatile("" : : "r"(words) : "memory");
}

static void burn_slice(struct burn *burn, uint64_t *words, uint64_t slice_end_ns, double duty)
{
	uint64_t budget_ns = (uint64_t)(duty * (double)SLICE_NS);
	uint64_t cpu_end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + budget_ns;

	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now >= slice_end_ns || (duty < 1.0 && clock_ns(CLOCK_THREAD_CPUTIME_ID) >= cpu_end_ns))
			return;
		work_unit(words);
		atomic_fetch_add_explicit(&burn->units[(now - burn->start_ns) / BIN_NS], 1, memory_order_relaxed);
	}
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
	struct burn *burn = argument;
	uint64_t words[WORK_WORDS] = {88172645463325252ull}, now = clock_ns(CLOCK_MONOTONIC);

	while (!stop_requested && now < burn->end_ns) {
		double duty;
		uint64_t slice_end_ns = slice_end(burn, now, &duty);

		if (duty > 0.0)
			burn_slice(burn, words, slice_end_ns, duty);
		sleep_until(slice_end_ns);
		now = clock_ns(CLOCK_MONOTONIC);
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

static int announce(const char *path)
{
	char *argv[] = {(char *)path, NULL};
	pid_t pid;
	int r = posix_spawn(&pid, path, NULL, NULL, argv, environ);

	return r || waitpid(pid, NULL, 0) < 0 ? -EIO : 0;
}

/* Segments of an announced plan are in order of time. */
static int announce_all(const struct burn *burn)
{
	for (unsigned int i = 0; burn->announce_path && i < burn->shape.count && !stop_requested; i++) {
		const struct shape_segment *segment = &burn->shape.segments[i];

		if (!begins_burst(burn, segment))
			continue;
		sleep_until(burn->start_ns + announce_ms(burn, i) * NS_PER_MS);
		if (!stop_requested && announce(burn->announce_path) < 0)
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
	fputs("t_ns,units,demand_cpus\n", out);
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
	      "  SHAPE                 START+LENGTH:FROM-TO[*COUNT/PERIOD[~JITTER]],... in ms and percent\n"
	      "  --seed N              seed of the jitter (default 1)\n"
	      "  --start-ns N          CLOCK_MONOTONIC start, so that several programs share one epoch\n"
	      "  --announce PROGRAM    run PROGRAM before each burst\n"
	      "  --announce-lead MS    how long before (default 3000)\n"
	      "  --announce-spread MS  up to this much later, different for each burst (default 0)\n"
	      "  --punctual            fail when --start-ns has passed already\n"
	      "  --print               print the segments of the plan and exit\n"
	      "CSV: t_ns,units,demand_cpus; one line per 100 ms\n",
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

static int parse_options(int argc, char **argv, struct burn *burn, bool *ret_print)
{
	static const struct option names[] = {
		{"threads", 1, NULL, 't'},       {"plan", 1, NULL, 'p'},
		{"out", 1, NULL, 'o'},           {"seed", 1, NULL, 'x'},
		{"start-ns", 1, NULL, 'S'},      {"announce", 1, NULL, 'a'},
		{"announce-lead", 1, NULL, 'l'}, {"announce-spread", 1, NULL, 'j'},
		{"print", 0, NULL, 'P'},         {"punctual", 0, NULL, 'u'},
		{"help", 0, NULL, 'h'},          {NULL, 0, NULL, 0},
	};

	for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (name) {
		case 't': burn->thread_count = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 'p': burn->plan_text = optarg; break;
		case 'o': burn->out_path = optarg; break;
		case 'x': burn->seed = strtoull(optarg, NULL, 10); break;
		case 'S': burn->start_ns = strtoull(optarg, NULL, 10); break;
		case 'a': burn->announce_path = optarg; break;
		case 'l': burn->announce_lead_ms = strtoull(optarg, NULL, 10); break;
		case 'j': burn->announce_spread_ms = strtoull(optarg, NULL, 10); break;
		case 'P': *ret_print = true; break;
		case 'u': burn->is_punctual = true; break;
		case 'h': usage(stdout); exit(0);
		default: return -EINVAL;
		}
	}
	if (optind != argc || !burn->thread_count || burn->thread_count > THREADS_MAX || !burn->plan_text)
		return -EINVAL;
	if (burn->announce_spread_ms > burn->announce_lead_ms)
		return -EINVAL;
	return burn->out_path || *ret_print ? 0 : -EINVAL;
}

static int burn_run(struct burn *burn)
{
	pthread_t threads[THREADS_MAX];
	unsigned int started = 0;
	int r = 0;

	for (; started < burn->thread_count && !r; started++)
		r = -pthread_create(&threads[started], NULL, burn_thread, burn);
	if (r) {
		started--;
		stop_requested = 1;
	} else {
		r = announce_all(burn);
	}
	for (unsigned int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return r;
}

int main(int argc, char **argv)
{
	static struct burn burn = {.seed = 1, .announce_lead_ms = 3000};
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
	if (burn.is_punctual && clock_ns(CLOCK_MONOTONIC) > burn.start_ns) {
		fputs("load-burn: --start-ns has passed\n", stderr);
		return 1;
	}
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	burn.start_ns = burn.start_ns ? burn.start_ns : clock_ns(CLOCK_MONOTONIC);
	burn.end_ns = burn.start_ns + burn.bin_count * BIN_NS;
	r = burn_run(&burn);
	write_r = write_bins(&burn);
	if (r < 0 || write_r < 0)
		fprintf(stderr, "load-burn: %s: %s\n", r < 0 ? "run" : burn.out_path,
			strerror(r < 0 ? -r : -write_r));
	return r < 0 || write_r < 0;
}
