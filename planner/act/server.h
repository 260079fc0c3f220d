/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop: one thread, one epoll. What has expired is undone before any message is read, so that a hand that was
 * asleep wakes up to undo first.
 */
#ifndef FORESTALL_ACT_SERVER_H
#define FORESTALL_ACT_SERVER_H

#include "dispatch.h"

struct server {
	struct dispatch *dispatch;
	int epoll_fd;
	int listen_fd;
	int timer_fd;
	int signal_fd;
	int client_fd[CLIENTS_MAX];	/* -1 where free */
	int exit_status;		/* -1 while running */
};

struct now clock_now(void);

/* Makes RUN/act.sock anew, root only. The path of RUN is short enough for a socket or -ENAMETOOLONG. */
int server_open(struct server *server, struct dispatch *dispatch, const char *run_dir);
void server_close(struct server *server);

/* Serves until a signal or a change of mode; returns the exit status. What is held is still held then. */
int server_run(struct server *server);

#endif
