/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink socket in the network namespace of a process.
 *
 * To enter a namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE, which the hands give up. So a child that does nothing
 * else keeps them, under a system call filter that allows this one thing (confine_door()), and hands sockets over.
 * It belongs to no namespace but its own between two requests, since whoever is in a namespace, or holds a socket of
 * it, keeps the devices in it alive: the caller, too, closes each socket at once. It ends with its parent.
 */
#ifndef FORESTALL_ACT_TC_DOOR_H
#define FORESTALL_ACT_TC_DOOR_H

#include <stdint.h>
#include <sys/types.h>

struct door {
	int fd;		/* -1 when closed */
	pid_t pid;
	uint32_t serial;	/* of the last request */
};

/* Starts the child. Needs the capabilities named above. 0 or -errno, door closed. */
int door_open(struct door *door);
void door_close(struct door *door);

/*
 * The namespace of process `pid`, or with pid 0 the one whose inode is `netns`, wherever a process or a bind mount
 * keeps it. Returns a bound NETLINK_ROUTE socket, which the caller closes, and its namespace's inode. -ESRCH: no such
 * process or namespace. -ETIMEDOUT: the child does not answer within half a second; it may answer the next request.
 */
int door_socket(struct door *door, pid_t pid, uint64_t netns, uint64_t *ret_netns);

#endif
