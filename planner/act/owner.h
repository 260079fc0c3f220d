/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who manages a cgroup. A managed one is not written behind its manager's back: the manager would take the value away
 * at its next chance, and its own record of it would be wrong meanwhile.
 */
#ifndef FORESTALL_ACT_OWNER_H
#define FORESTALL_ACT_OWNER_H

#include "protocol.h"

enum owner {
	OWNER_NONE,		/* plain directory, or below one that a manager delegated: ours to change */
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

/* Writes a line that says who owns the cgroup and how to change it there. */
void owner_remedy(enum owner owner, const char *path, char ret_text[ACT_TEXT_MAX]);

#endif
