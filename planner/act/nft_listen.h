/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on a TCP port of the host, as the kernel's socket diagnostics tell it (Linux 5.9, tcp_diag). */
#ifndef FORESTALL_ACT_NFT_LISTEN_H
#define FORESTALL_ACT_NFT_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#define LISTENERS_MAX 64

struct listener {
	uint64_t cgroup_id;	/* of the socket: where it was when it was made */
	bool takes_ipv4;	/* on every address of the host */
	bool takes_ipv6;
};

/* Returns how many there are, -E2BIG when there are more than LISTENERS_MAX, or -errno. */
int listeners_find(uint16_t port, struct listener ret[LISTENERS_MAX]);

/* The cgroup of that id is the one `dir_fd` is open for, with id `own_id`, or one below it. */
bool cgroup_has(int dir_fd, uint64_t own_id, uint64_t id);

#endif
