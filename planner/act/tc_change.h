/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that change qdiscs, classes and filters. They are collected and sent in one system call, within which the
 * kernel carries out all of them: a process that is killed leaves either all of them behind or none.
 */
#ifndef FORESTALL_ACT_TC_CHANGE_H
#define FORESTALL_ACT_TC_CHANGE_H

#include "tc_plan.h"

#define TC_REQUESTS_MAX 10

struct nl_msg;
struct nl_sock;

struct tc_change {
	int ifindex;
	int error;				/* the first that went wrong while collecting */
	uint32_t count;
	struct nl_msg *request[TC_REQUESTS_MAX];
	const char *what[TC_REQUESTS_MAX];	/* the object, with the module it needs */
};

/* Our HTB root with the class and leaf for what has no limit, and the total of all others. Fails where a root qdisc was configured meanwhile. */
void tc_add_root(struct tc_change *change, uint64_t total);
/* A class, when it is new with an fq_codel leaf unless it has classes below it. One that nobody holds any more is taken over. */
void tc_add_class(struct tc_change *change, const struct tc_class *class, bool is_new);
void tc_add_clsact(struct tc_change *change);
void tc_add_filter(struct tc_change *change, uint32_t handle, int program_fd);

void tc_delete_class(struct tc_change *change, uint32_t classid);
void tc_delete_filter(struct tc_change *change, uint32_t handle);
void tc_delete_clsact(struct tc_change *change);
void tc_delete_root(struct tc_change *change);

/*
 * Sends and frees what was collected. Returns the first error of a request (-errno) with a line that names the object
 * in ret_text, after the others were carried out all the same.
 */
int tc_change_send(struct tc_change *change, struct nl_sock *sock, char ret_text[ACT_TEXT_MAX]);

#endif
