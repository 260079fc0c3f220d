/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trim.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define ARRAY_BYTES 32768

struct mapping {
	unsigned long from, to, inode;
	unsigned long changed_kb;	/* that are the process's own now, in memory or swapped */
	char may[5];			/* "r-xp" */
};

/* The first line of a mapping in /proc/self/smaps; others are left alone. */
static void mapping_parse(const char *line, struct mapping *mapping)
{
	struct mapping next = { 0 };

	if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu", &next.from, &next.to, next.may, &next.inode) == 4)
		*mapping = next;
}

static bool is_code(const struct mapping *mapping)
{
	return mapping->inode && mapping->may[1] == '-' && mapping->may[3] == 'p';
}

void trim_arrays(void)
{
	mallopt(M_MMAP_THRESHOLD, ARRAY_BYTES);
	mallopt(M_ARENA_MAX, 1);
}

void trim_code(void)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	struct mapping mapping = { 0 };
	unsigned long kb;
	char line[512];

	malloc_trim(0);
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Anonymous: %lu", &kb) == 1)
			mapping.changed_kb = kb;
		else if (sscanf(line, "Swap: %lu", &kb) == 1 && !(mapping.changed_kb + kb) && is_code(&mapping))
			madvise((void *)mapping.from, mapping.to - mapping.from, MADV_DONTNEED);
		else
			mapping_parse(line, &mapping);
	}
	if (file)
		fclose(file);
}

int trim_hold(bool is_on)
{
	/* Later allocations fail beyond the limit, once there is no capability that lifts it. */
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int r = is_on ? setrlimit(RLIMIT_MEMLOCK, &all) : munlockall();

	if (!r && is_on)
		r = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	return r ? -errno : 0;
}
