/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where applications say it: RUN_DIR/app.dgram, a packet of lines at a time, and RUN_DIR/app.stream. Any process may write.
 *
 * One socket serves all instances, because the kernel says who wrote: the sender's pid comes with each packet
 * (SO_PASSCRED) or is that of connect() (SO_PEERCRED); only root can name another. What counts is the sender's cgroup then, or
 * the nearest annotated one above it. A sender that has ended before we look is found by its exec record, if there was one.
 */
#ifndef FORESTALL_APP_SOCKET_H
#define FORESTALL_APP_SOCKET_H

#include <sys/un.h>

#include "app.h"
#include "watch.h"

struct app_socket;

/* 0, or -errno when neither socket can be made. Keeps app and watch. */
int app_socket_open(const char *run_dir, struct app *app, struct watch *watch, struct app_socket **ret);
void app_socket_close(struct app_socket *s);

/* A packet socket that tells who sends, DIR/NAME, for everybody to write to: its descriptor and address, or -errno. */
int app_packet_bind(const char *dir, const char *name, struct sockaddr_un *ret_address);

/* Hears of instances that are to have a socket of their own. */
void app_socket_observe(struct app_socket *s, const struct observation *observation);

/* Takes what has come, a bounded amount of it; the rest waits in the kernel. */
void app_socket_tick(struct app_socket *s, uint64_t now_ns);

/* Readable when there is something to take from the sockets that serve all. */
int app_socket_fd(const struct app_socket *s);

#endif
