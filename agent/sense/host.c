/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int host_cgroup_root(char *ret_path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int r = -ENOENT;

	if (!mounts)
		return -errno;
	while ((entry = getmntent(mounts))) {
		if (strcmp(entry->mnt_type, "cgroup2"))
			continue;
		r = snprintf(ret_path, size, "%s", entry->mnt_dir) < (int)size ? 0 : -ENAMETOOLONG;
		break;
	}
	endmntent(mounts);
	return r;
}

uint32_t host_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

/* Reads a file of /proc whose descriptor is kept open. 0 or -errno. */
static int proc_read(const char *path, int *fd, char *text, size_t size)
{
	ssize_t n;

	if (*fd < 0)
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	n = *fd < 0 ? -1 : pread(*fd, text, size - 1, 0);
	if (n <= 0)
		return n ? -errno : -EIO;
	text[n] = '\0';
	return 0;
}

int host_busy_ns(uint64_t *ret_ns)
{
	static int fd = -1;
	unsigned long long t[8] = { 0 };
	char text[512];
	int r = proc_read("/proc/stat", &fd, text, sizeof(text));

	if (r)
		return r;
	/* user nice system idle iowait irq softirq steal (proc(5)) */
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6],
		   &t[7]) < 7)
		return -EINVAL;
	*ret_ns = (t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

static uint64_t meminfo_bytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

int host_memory(struct observe_host_memory *ret)
{
	static int fd = -1;
	char text[2048];
	int r = proc_read("/proc/meminfo", &fd, text, sizeof(text));

	if (r)
		return r;
	ret->total_bytes = meminfo_bytes(text, "MemTotal:");
	ret->available_bytes = meminfo_bytes(text, "MemAvailable:");
	ret->swap_free_bytes = meminfo_bytes(text, "SwapFree:");
	return 0;
}

uint64_t host_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
