/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define TEXT_MAX 4096
#define NS_PER_S 1000000000ull

/* /proc counts from the boot, suspended time included; we do not. */
static uint64_t boot_ahead_ns(void)
{
	struct timespec boot, monotonic;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (uint64_t)(boot.tv_sec - monotonic.tv_sec) * NS_PER_S + (uint64_t)boot.tv_nsec - (uint64_t)monotonic.tv_nsec;
}

/* Start of the process in ticks since the boot; 0: it is gone. The name before it may hold anything. */
static uint64_t start_ticks(uint32_t pid)
{
	char file[32], text[TEXT_MAX];
	unsigned long long ticks = 0;
	const char *at;

	snprintf(file, sizeof(file), "/proc/%u/stat", pid);
	if (text_read(AT_FDCWD, file, text, sizeof(text)))
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		return 0;
	return ticks;
}

uint32_t procfile_oldest(const char *root, const char *path, uint64_t not_before_ns)
{
	char file[PATH_MAX], text[TEXT_MAX];
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK), least = UINT64_MAX;
	uint64_t from = not_before_ns ? (not_before_ns + boot_ahead_ns()) / tick_ns : 0;
	uint32_t oldest = 0;
	char *at = text, *end;

	snprintf(file, sizeof(file), "%s%s/cgroup.procs", root, path);
	if (text_read(AT_FDCWD, file, text, sizeof(text)))
		return 0;
	for (; *at; at = end + (*end == '\n')) {
		uint32_t pid = (uint32_t)strtoul(at, &end, 10);
		uint64_t ticks;

		/* A number that the buffer cut is another's. */
		if (end == at || *end != '\n')
			break;
		ticks = start_ticks(pid);
		if (!ticks || ticks < from || ticks >= least)
			continue;
		least = ticks;
		oldest = pid;
	}
	return oldest;
}

/* Out of the text of /proc/PID/cgroup. 0, -ENOENT without a v2 line, -ENAMETOOLONG. */
static int cgroup_parse(const char *text, char ret_path[OBSERVE_PATH_MAX])
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t bytes = strcspn(line, "\n");

		if (bytes < 4 || memcmp(line, "0::/", 4))
			continue;
		if (bytes - 3 >= OBSERVE_PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(ret_path, line + 3, bytes - 3);
		ret_path[bytes - 3] = '\0';
		return 0;
	}
	return -ENOENT;
}

int procfile_cgroup(uint32_t pid, char ret_path[OBSERVE_PATH_MAX])
{
	char file[32], text[TEXT_MAX];
	int r;

	snprintf(file, sizeof(file), "/proc/%u/cgroup", pid);
	r = text_read(AT_FDCWD, file, text, sizeof(text));
	return r ?: cgroup_parse(text, ret_path);
}

uint64_t procfile_cgroup_id(const char *root, const char *path)
{
	char full[PATH_MAX];
	struct stat directory;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &directory) ? 0 : directory.st_ino;
}
