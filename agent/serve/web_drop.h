/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How forestall-web gives up being root, once and for good. */
#ifndef FORESTALL_WEB_DROP_H
#define FORESTALL_WEB_DROP_H

#include <stdbool.h>
#include <sys/types.h>

struct web_user {
	uid_t uid;
	gid_t gid;
	bool is_own;	/* `forestall`, a user of its own; else nobody, which others share */
};

/* The user forestall when there is one, else nobody. */
void web_user_find(struct web_user *ret);

/*
 * Makes the directory when it is not there and gives it to the user. -EPERM: it is somebody else's, or holds files
 * already and is root's; such a directory is not given away. -errno. Needs root.
 */
int web_state_dir_make(const char *dir, const struct web_user *user);

/*
 * Becomes the user: no groups, no capabilities in any set and none to be had again, no new privileges, no core dump.
 * A parent's death still ends the process when it did before. 0, or -errno: end the process then.
 */
int web_drop(const struct web_user *user);

#endif
