/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is never touched: the root, ourselves, the services a host cannot be repaired without, all that is below them,
 * and every directory above any of these, since a limit on a parent limits its children.
 */
#ifndef FORESTALL_ACT_EXCLUDE_H
#define FORESTALL_ACT_EXCLUDE_H

#include <stdbool.h>

#include "protocol.h"

/* The name of one path component is on the list. */
bool exclude_name_matches(const char *name);

/*
 * `path` is plain or "/"; self_path is our own cgroup ("/" or "" when we have none of our own). Searches the subtree
 * of `path`; one too large or too deep to search counts as excluded.
 * Returns 1 with a line that says why in ret_text, 0 when the cgroup may be touched, -ENOENT when it went away,
 * or -errno.
 */
int exclude_check(int root_fd, const char *path, const char *self_path, char ret_text[ACT_TEXT_MAX]);

#endif
