/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load-watch: an independent witness of what was done to cgroups.
 *
 * Every 50 ms it reads cpu.weight, cpu.max and the usage of the given cgroup
 * directories, so that a report need not take forestall's word for its own
 * actions. Descriptors stay open; SIGTERM ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIRS_MAX 16
#define PERIOD_NS 50000000
#define NS_PER_S 1000000000ll

enum watched { WATCHED_WEIGHT, WATCHED_MAX, WATCHED_STAT, WATCHED_COUNT };

static const char *const watched_names[] = {"cpu.weight", "cpu.max", "cpu.stat"};
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
		if (dir->fds[i] < 0)
			return -errno;
	}
	return 0;
}

static void read_text(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* cpu.max reads "max 100000" or "QUOTA PERIOD"; no quota is written as 0. */
static void watch_dir(const struct dir *dir, const struct timespec *ts, FILE *out)
{
	char weight[64], quota[64], stat[64];
	unsigned long quota_us = 0, period_us = 0;
	unsigned long long usage_us = 0;

	read_text(dir->fds[WATCHED_WEIGHT], weight, sizeof(weight));
	read_text(dir->fds[WATCHED_MAX], quota, sizeof(quota));
	read_text(dir->fds[WATCHED_STAT], stat, sizeof(stat));
	sscanf(stat, "usage_usec %llu", &usage_us);
	if (sscanf(quota, "%lu %lu", &quota_us, &period_us) != 2)
		sscanf(quota, "max %lu", &period_us);
	fprintf(out, "%lld,%s,%s,%lu,%lu,%llu\n", (long long)ts->tv_sec * NS_PER_S + ts->tv_nsec,
		strrchr(dir->path, '/') + 1, weight, quota_us, period_us, usage_us);
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
		      "CSV: t_ns,cgroup,weight,quota_us,period_us,usage_us every 50 ms until SIGTERM; quota 0 is "
		      "none\n",
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
	fputs("t_ns,cgroup,weight,quota_us,period_us,usage_us\n", out);
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!stop_requested) {
		for (int i = 0; i < argc - 2; i++)
			watch_dir(&dirs[i], &next, out);
		timespec_step(&next);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return fclose(out) ? 1 : 0;
}
