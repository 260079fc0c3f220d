/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mind's listening socket: one question in one seqpacket message, one answer in another, never a wait. Whoever does
 * not read its answer is dropped; of more than SOCKET_CLIENTS_MAX the one silent for longest gives way; one call
 * answers at most SOCKET_QUESTIONS_MAX, so that no client can hold up the tick.
 */
#ifndef FORESTALL_SOCKET_H
#define FORESTALL_SOCKET_H

#include <sys/types.h>

#include "answer.h"

#define SOCKET_CLIENTS_MAX 16
#define SOCKET_QUESTIONS_MAX 8
#define SOCKET_QUESTION_BYTES_MAX 8192

struct socket;

/*
 * Listens at `path` (0600, owned by `uid`, which may ask beside root; 0: root only). A socket file left by a dead
 * predecessor is replaced. -EADDRINUSE when a living one answers there, -ENAMETOOLONG, -errno; *ret untouched then.
 */
int socket_open(const char *path, uid_t uid, struct socket **ret);

/* Unlinks the path. NULL is fine. */
void socket_close(struct socket *socket);

/* Readable whenever socket_serve() has something to do. */
int socket_fd(const struct socket *socket);

/* Accepts, answers and drops whatever is due. Returns the number of questions answered, or -errno of epoll. */
int socket_serve(struct socket *socket, const struct answer_world *world);

#endif
