/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "web_listen.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_FLAGS (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

static int fail(int fd)
{
	int r = -errno;

	close(fd);
	return r;
}

/* bind() refuses whatever lies at the path, so only a dead socket is taken away. */
static int stale_remove(const struct sockaddr_un *address)
{
	struct stat stat;
	int fd, r;

	if (lstat(address->sun_path, &stat) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(stat.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	r = r == 0 || errno == EAGAIN ? -EADDRINUSE : 0;
	close(fd);
	if (r == 0 && unlink(address->sun_path) < 0)
		return -errno;
	return r;
}

int web_listen_unix(const char *path, gid_t gid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	r = stale_remove(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can connect before listen(), when the mode is right. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return fail(fd);
	if (chown(path, 0, gid) < 0 || chmod(path, gid ? 0660 : 0600) < 0 || listen(fd, WEB_BACKLOG) < 0)
		return fail(fd);
	return fd;
}

/* "HOST:PORT" into an address of its family. */
static int address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_bytes)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	const char *colon = strrchr(text, ':');
	size_t host_bytes = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || port < 1 || port > 65535)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	if (host_bytes == 5 && !strncmp(text, "[::1]", 5)) {
		*six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		*ret_bytes = sizeof(*six);
		return 0;
	}
	if (host_bytes != 9 || (strncmp(text, "127.0.0.1", 9) && strncmp(text, "localhost", 9)))
		return -EINVAL;
	*four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	*ret_bytes = sizeof(*four);
	return 0;
}

int web_listen_tcp(const char *text)
{
	struct sockaddr_storage address;
	socklen_t bytes;
	int fd, one = 1, r = address_parse(text, &address, &bytes);

	if (r < 0)
		return r;
	fd = socket(address.ss_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, bytes) < 0 || listen(fd, WEB_BACKLOG) < 0)
		return fail(fd);
	return fd;
}
