/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How forestall-web begins: opens what needs root, stops being root, and then starts to serve. */
#ifndef FORESTALL_WEB_START_H
#define FORESTALL_WEB_START_H

#include "web_http.h"
#include "web_poll.h"

#define EXIT_USAGE 2

struct web_options {
	const char *run_dir, *state_dir;
	const char *listen;		/* NULL: Unix socket only */
};

struct web {
	int unix_fd, tcp_fd;		/* of the servers; tcp_fd -1: not asked for */
	int signal_fd;			/* readable when told to end */
	struct web_poll *poll;
	struct web_world world;
	struct web_http *http[2];	/* Unix; TCP or NULL */
};

/* 0, or the exit status after it said in one line what is wrong; what is open then goes with the process. */
int web_start(struct web *web, const struct web_options *options);

uint64_t web_now_ns(void);	/* monotonic */
int64_t web_now_s(void);	/* wall clock */

#endif
