/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets that forestall-web answers on, made while it is root. */
#ifndef FORESTALL_WEB_LISTEN_H
#define FORESTALL_WEB_LISTEN_H

#include <sys/types.h>

#define WEB_BACKLOG 32

/*
 * Listens at path, 0660 of root and the group, or 0600 when the group is 0. A socket left by a dead predecessor is
 * replaced; what is no socket is not. -EADDRINUSE: somebody lives there. -ENAMETOOLONG, -errno.
 */
int web_listen_unix(const char *path, gid_t gid);

/*
 * Listens on "127.0.0.1:PORT", "localhost:PORT" or "[::1]:PORT". -EINVAL: the text is none of these, other addresses
 * among them, since whoever asks is not told apart. -errno.
 */
int web_listen_tcp(const char *text);

#endif
