/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a cgroup v2 directory that are read, never written. Missing files are normal: -ENOENT. */
#ifndef FORESTALL_CGROUPFILE_H
#define FORESTALL_CGROUPFILE_H

#include <stdint.h>
#include "predict/observe.h"

/* Descriptors kept open; 0 or -1 where there is none. Zeroed means closed. */
struct cgroup_files {
	int psi_fd, max_fd, weight_fd;
};

/* Pressure is opened for every cgroup, limits only for those that take part in plans: descriptors are not free. */
void cgroup_files_open(struct cgroup_files *files, int dir_fd);
void cgroup_files_open_limits(struct cgroup_files *files, int dir_fd);
void cgroup_files_close(struct cgroup_files *files);

/* cpu.pressure: total of "some" in us. 0 or -errno. */
int cgroup_files_psi(const struct cgroup_files *files, uint64_t *ret_some_us);

/* Sets weight, quota and period of *ret; what has no file keeps "no limit". 0 or -errno (-ENODEV: vanished). */
int cgroup_files_limits(const struct cgroup_files *files, struct observe_limits *ret);

/*
 * Opens a cgroup directory by its id through a kernfs file handle (fs/kernfs/mount.c, FILEID_KERNFS), so no walk is needed.
 * Returns a descriptor and the path below root, or -errno; -ENAMETOOLONG when the path does not fit.
 */
int cgroup_open_by_id(int root_fd, const char *root, uint64_t cgroup_id, char ret_path[OBSERVE_PATH_MAX]);

#endif
