/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the mind and the CLI talk to the hands. */
#ifndef FORESTALL_ACT_CLIENT_H
#define FORESTALL_ACT_CLIENT_H

#include "protocol.h"

/* Connects to RUN/act.sock without ever waiting. The caller closes it. -ENOENT, -ECONNREFUSED, -EAGAIN, -errno. */
int act_client_open(const char *path);

/*
 * Sends one message (version is filled in, time_ns when it is 0) and waits for its result. On any failure *ret is
 * untouched and the descriptor must be closed, since a late answer would be taken for the next one.
 * -ETIMEDOUT, -EPIPE when the hands hung up, -EPROTO when the answer is not one, -EINVAL for a count above ACTIONS_MAX.
 */
int act_client_call(int fd, const struct message *message, struct result *ret, int timeout_ms);

#endif
