/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes from the process what its mode does not need, for good.
 *
 * observe and shadow: an own mount namespace in which everything but RUN is read-only, no capability in any set and
 * none to be had again, and a system call filter against new sockets, connections, children, mounts and xattrs. What is
 * left are descriptors opened before. enforce and canary: CAP_DAC_OVERRIDE, since a delegated cgroup belongs to its user
 * and root without that capability may not write there, and if it has CAP_NET_ADMIN, that too (tc.h, nft.h), without
 * which no qdisc is changed; the children that write for them (child.h) inherit both. The door (tc_door.h):
 * CAP_SYS_PTRACE to open the namespace of a process, CAP_SYS_ADMIN to enter it, CAP_NET_ADMIN since a netlink socket is
 * good for what its opener could do, and a filter that allows nothing else.
 */
#ifndef FORESTALL_ACT_CONFINE_H
#define FORESTALL_ACT_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Each returns 0 or -errno with one line in ret_text that names the thing and the remedy. After a failure the process
 * must not go on: it may be confined half way.
 */
int confine_observe(const char *run_dir, const char *cgroup_root, char *ret_text, size_t size);
int confine_enforce(char *ret_text, size_t size);
int confine_door(char *ret_text, size_t size);

#endif
