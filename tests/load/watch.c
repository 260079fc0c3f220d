/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load-watch: an independent witness of what was done to cgroups.
 *
 * Every 50 ms it reads limits and usage of the given cgroup directories from
 * their files, so that a report need not take forestall's word for its own
 * actions. Descriptors stay open; SIGTERM ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIRS_MAX 16
#define PERIOD_NS 50000000
#define NS_PER_S 1000000000ll
#define HEADER "t_ns,cgroup,weight,quota_us,period_us,usage_us,memory_high,memory_low,memory_bytes,io_bps,io_bytes\n"

enum watched {
	WATCHED_WEIGHT,
	WATCHED_MAX,
	WATCHED_STAT,
	WATCHED_MEMORY_HIGH,
	WATCHED_MEMORY_LOW,
	WATCHED_MEMORY,
	WATCHED_IO_MAX,
	WATCHED_IO_STAT,
	WATCHED_COUNT
};

static const char *const watched_names[] = {"cpu.weight", "cpu.max", "cpu.stat", "memory.high", "memory.low",
					    "memory.current", "io.max", "io.stat"};
_Static_assert(sizeof(watched_names) / sizeof(*watched_names) == WATCHED_COUNT, "a name for each");

struct dir {
	const char *path;
	int fds[WATCHED_COUNT];
};

static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static int dir_open(struct dir *dir, const char *path)
{
	dir->path = path;
	for (int i = 0; i < WATCHED_COUNT; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, watched_names[i]);
		dir->fds[i] = open(name, O_RDONLY | O_CLOEXEC);
		/* A controller that a family does not need is not there. */
		if (dir->fds[i] < 0 && (errno != ENOENT || i <= WATCHED_STAT))
			return -errno;
	}
	return 0;
}

static void read_text(int fd, char *text, size_t size)
{
	ssize_t length = fd < 0 ? 0 : pread(fd, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
}

static uint64_t read_bytes(int fd)
{
	char text[64];

	read_text(fd, text, sizeof(text));
	return strtoull(text, NULL, 10); /* "max" is 0 too */
}

/* Sum or minimum of the numbers after the keys in io.stat or io.max; 0 when there is none. */
static uint64_t read_keys(int fd, const char *const keys[2], bool minimum)
{
	char text[4096];
	uint64_t result = 0;

	read_text(fd, text, sizeof(text));
	for (int i = 0; i < 2; i++)
		for (const char *found = text; (found = strstr(found, keys[i]));) {
			uint64_t value = strtoull(found += strlen(keys[i]), NULL, 10);

			if (!minimum)
				result += value;
			else if (value && (!result || value < result))
				result = value;
		}
	return result;
}

/* cpu.max reads "max 100000" or "QUOTA PERIOD"; no limit is written as 0. */
static void watch_dir(const struct dir *dir, const struct timespec *ts, FILE *out)
{
	static const char *const limit_keys[] = {"rbps=", "wbps="}, *const usage_keys[] = {"rbytes=", "wbytes="};
	char quota[64], stat[64];
	unsigned long quota_us = 0, period_us = 0;
	unsigned long long usage_us = 0;

	read_text(dir->fds[WATCHED_MAX], quota, sizeof(quota));
	read_text(dir->fds[WATCHED_STAT], stat, sizeof(stat));
	sscanf(stat, "usage_usec %llu", &usage_us);
	if (sscanf(quota, "%lu %lu", &quota_us, &period_us) != 2)
		sscanf(quota, "max %lu", &period_us);
	fprintf(out, "%lld,%s,%" PRIu64 ",%lu,%lu,%llu,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		(long long)ts->tv_sec * NS_PER_S + ts->tv_nsec, strrchr(dir->path, '/') + 1,
		read_bytes(dir->fds[WATCHED_WEIGHT]), quota_us, period_us, usage_us,
		read_bytes(dir->fds[WATCHED_MEMORY_HIGH]), read_bytes(dir->fds[WATCHED_MEMORY_LOW]),
		read_bytes(dir->fds[WATCHED_MEMORY]), read_keys(dir->fds[WATCHED_IO_MAX], limit_keys, true),
		read_keys(dir->fds[WATCHED_IO_STAT], usage_keys, false));
}

static void timespec_step(struct timespec *ts)
{
	ts->tv_nsec += PERIOD_NS;
	if (ts->tv_nsec >= NS_PER_S) {
		ts->tv_nsec -= NS_PER_S;
		ts->tv_sec++;
	}
}

int main(int argc, char **argv)
{
	struct dir dirs[DIRS_MAX];
	struct timespec next;
	FILE *out;

	if (argc < 3 || argc - 2 > DIRS_MAX) {
		fputs("usage: load-watch OUT.csv CGROUP-DIRECTORY...\n"
		      "CSV: " HEADER "every 50 ms until SIGTERM; a limit of 0 is none\n",
		      stderr);
		return 2;
	}
	for (int i = 0; i < argc - 2; i++) {
		int r = dir_open(&dirs[i], argv[i + 2]);

		if (r < 0) {
			fprintf(stderr, "load-watch: %s: %s\n", argv[i + 2], strerror(-r));
			return 1;
		}
	}
	out = fopen(argv[1], "we");
	if (!out)
		return 1;
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	fputs(HEADER, out);
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!stop_requested) {
		for (int i = 0; i < argc - 2; i++)
			watch_dir(&dirs[i], &next, out);
		timespec_step(&next);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return fclose(out) ? 1 : 0;
}
