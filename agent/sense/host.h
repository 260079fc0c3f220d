/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host as a whole: where its cgroup v2 tree is, how many CPUs it has, how busy they are, what memory is left. */
#ifndef FORESTALL_HOST_H
#define FORESTALL_HOST_H

#include <stddef.h>
#include <stdint.h>
#include "predict/observe.h"

/* First cgroup2 mount of /proc/self/mounts. 0 or -ENOENT. */
int host_cgroup_root(char *ret_path, size_t size);

/* Online CPUs, at least 1. */
uint32_t host_cpus(void);

/* CPU time spent in anything but idle and iowait since boot, over all CPUs. 0 or -errno. */
int host_busy_ns(uint64_t *ret_ns);

/* MemTotal, MemAvailable and SwapFree of /proc/meminfo (proc(5)). 0 or -errno. */
int host_memory(struct observe_host_memory *ret);

/* CLOCK_MONOTONIC. */
uint64_t host_now_ns(void);

#endif
