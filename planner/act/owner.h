/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who manages a cgroup, and the way to change it. A managed one is not written behind its manager's back: the manager
 * would take the value away at its next chance, and its own record of it would be wrong meanwhile.
 */
#ifndef FORESTALL_ACT_OWNER_H
#define FORESTALL_ACT_OWNER_H

#include "place.h"

enum owner {
	OWNER_NONE,		/* plain directory, or below one that a manager delegated, or a container of podman's cgroupfs kind */
	OWNER_SYSTEMD,
	OWNER_SYSTEMD_USER,	/* a `systemd --user` below user@UID.service */
	OWNER_KUBELET,
	OWNER_DOCKER,
	OWNER_LIBVIRT,
	OWNER_PODMAN,
	OWNER_COUNT
};

/*
 * `path` is plain (cgroup_path_is_plain). systemd_dir exists while systemd is PID 1. Delegation is read from
 * trusted.delegate and user.delegate of the *ancestors* only: what stands in the delegated directory itself still
 * belongs to the one who delegated it. (trusted.* shows only to CAP_SYS_ADMIN; systemd sets user.delegate since 252.)
 * Returns an owner, -ENOENT when the cgroup went away, or -errno.
 */
int owner_find(int root_fd, const char *path, const char *systemd_dir);

/*
 * The way to change the knob; false when the owner leaves none. No manager of cgroups has a hand in what a host sends
 * and to whom (VIA_TC, VIA_NFT); systemd has none in memory.reclaim, which sets nothing, and no property for cpu.idle and some others; and it has properties
 * only for a unit's own cgroup, not for what is inside of it.
 */
bool owner_way(enum owner owner, const char *path, enum knob knob, enum via *ret);

/* Writes a line that says who owns the cgroup and how to change it there. */
void owner_remedy(enum owner owner, const char *path, enum knob knob, char ret_text[ACT_TEXT_MAX]);

#endif
