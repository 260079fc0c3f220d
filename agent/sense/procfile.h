/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes live in a cgroup, in which cgroup a process lives, and what its id is. Anything may vanish at any step. */
#ifndef FORESTALL_PROCFILE_H
#define FORESTALL_PROCFILE_H

#include <stdint.h>
#include "predict/observe.h"

/*
 * The oldest process of the cgroup `path` below `root` that started at not_before_ns (CLOCK_MONOTONIC) or later; 0: none.
 * Of a cgroup with very many processes only the first few hundred that the kernel lists are looked at.
 */
uint32_t procfile_oldest(const char *root, const char *path, uint64_t not_before_ns);

/* The cgroup v2 path of a process, as the cgroup root sees it. 0, or -errno when it is gone or has none. */
int procfile_cgroup(uint32_t pid, char ret_path[OBSERVE_PATH_MAX]);

/* Id of the cgroup at `path` below `root`, 0: it is gone. */
uint64_t procfile_cgroup_id(const char *root, const char *path);

#endif
