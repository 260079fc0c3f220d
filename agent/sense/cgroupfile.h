/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a cgroup v2 directory that are read, never written. Missing files are normal: a controller may be off. */
#ifndef FORESTALL_CGROUPFILE_H
#define FORESTALL_CGROUPFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "predict/observe.h"

enum cgroup_file {
	CGROUP_CPU_PRESSURE,
	CGROUP_MEMORY_PRESSURE,
	CGROUP_IO_PRESSURE,
	CGROUP_MEMORY_CURRENT,
	CGROUP_MEMORY_STAT,
	CGROUP_MEMORY_EVENTS,
	CGROUP_MEMORY_LOW,
	CGROUP_MEMORY_HIGH,
	CGROUP_MEMORY_MAX,
	CGROUP_CPU_WEIGHT,
	CGROUP_CPU_MAX,
	CGROUP_IO_STAT,
	CGROUP_IO_MAX,
	CGROUP_EVENTS,
	CGROUP_FILE_COUNT
};

#define CGROUP_SLOW_READS 10	/* of its limits, for one look at what is seldom another: network namespace, cpuset, io.weight */
#define CGROUP_SOON_READS 2	/* the same, where what is seen may change by what we do */

/* Descriptors kept open; 0 or -1 where there is none. Zeroed means closed. */
struct cgroup_files {
	int dir_fd;
	int fd[CGROUP_FILE_COUNT];
	uint8_t asked;		/* of the missing, who was looked for last */
	bool is_short;		/* some are missing for want of descriptors */
	struct cgroup_slow {
		uint32_t has;		/* bit per OBSERVE_HAS_*, as at the last look */
		uint32_t device;
		uint8_t left;		/* so many reads later it is looked at again, or when device or population are others */
		bool is_populated;
	} slow;
};

/*
 * CPU pressure is opened for every cgroup while three quarters of the descriptors last, the rest only for those that take part in
 * plans, while seven eighths do: descriptors are not free, and who is out of them answers nobody.
 */
void cgroup_files_open(struct cgroup_files *files, int dir_fd);

/*
 * Opens the rest. A controller may be enabled later: refresh looks for one of the missing at each call, the next one each time, and once that
 * is there for all. What went is seen by who reads it.
 */
void cgroup_files_open_all(struct cgroup_files *files, int dir_fd);
void cgroup_files_refresh(struct cgroup_files *files);
void cgroup_files_close(struct cgroup_files *files);

/* The kernel counts a directory's children in its links: one with two has none, and its sixty files need not be listed to know. */
bool cgroup_is_leaf(const struct stat *st);

/* The same of one of which all files are open; false when it cannot be told. */
bool cgroup_files_leaf(const struct cgroup_files *files);

/* Totals of the pressure files in us, of those `wanted`. Returns a bit per enum psi that was read; the others are untouched. */
uint32_t cgroup_files_psi(struct cgroup_files *files, uint32_t wanted, uint64_t ret_us[PSI_COUNT]);

/* memory.current. 0 or -errno. */
int cgroup_files_memory(struct cgroup_files *files, uint64_t *ret_bytes);

/* Totals, not growth, of memory.stat and memory.events; slot and pad are untouched. 0 or -errno. */
int cgroup_files_memory_stat(struct cgroup_files *files, struct observe_memory *ret);

/* Everything of *ret but slot; what has no file says so as observe.h has it. root_fd: the root of the cgroup tree. */
void cgroup_files_limits(struct cgroup_files *files, int root_fd, struct observe_limits *ret);

/*
 * Opens a cgroup directory by its id through a kernfs file handle (fs/kernfs/mount.c, FILEID_KERNFS), so no walk is needed.
 * Returns a descriptor and the path below root, or -errno; -ENAMETOOLONG when the path does not fit.
 */
int cgroup_open_by_id(int root_fd, const char *root, uint64_t cgroup_id, char ret_path[OBSERVE_PATH_MAX]);

#endif
