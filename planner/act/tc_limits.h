/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf/shape.bpf.c and its map of limits. Filters keep both alive when the hands are killed, and the map is found again by
 * its name, so it is the record of what is limited where; nothing is pinned.
 */
#ifndef FORESTALL_ACT_TC_LIMITS_H
#define FORESTALL_ACT_TC_LIMITS_H

#include <linux/bpf.h>
#include <stdbool.h>

#include "bpf/shape.h"
#include "protocol.h"

struct shape_bpf;

struct limits {
	struct shape_bpf *shape;	/* NULL when closed */
	int program_fd, map_fd;
	int ingress_fd, bucket_fd;	/* negative where the kernel has no programs of cgroups */
};

/* Loads the program onto the map that filters still use, or a new one. Needs CAP_BPF and CAP_SYS_ADMIN. */
int limits_open(struct limits *limits, char ret_text[ACT_TEXT_MAX]);
void limits_close(struct limits *limits);

/* These need the descriptor alone (since 5.19; before, CAP_BPF where kernel.unprivileged_bpf_disabled is set). -ENOENT. */
int limits_get(const struct limits *limits, uint64_t cgroup_id, struct shape_limit *ret);
int limits_set(const struct limits *limits, uint64_t cgroup_id, const struct shape_limit *limit);
int limits_drop(const struct limits *limits, uint64_t cgroup_id);

/* What is on one device, but for the limit of cgroup `except`. */
struct limits_device {
	uint32_t count;
	uint32_t class_free;	/* that no cgroup there has */
	uint64_t first_id;	/* who is first, of several the one of the least rate; 0: nobody is */
	uint64_t total;		/* that rate; TC_RATE_REST */
};

struct limits_device limits_device(const struct limits *limits, uint64_t netns, uint32_t ifindex, uint64_t except);

/* Tells all limits of that device who is first. 0 or -errno, some untold. */
int limits_order(const struct limits *limits, uint64_t netns, uint32_t ifindex, uint64_t first_id);

#endif
