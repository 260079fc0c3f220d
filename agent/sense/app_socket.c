/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "procfile.h"

#define PACKETS_MAX 1024	/* per tick */
#define PACKET_BYTES 8192
#define CLIENTS_MAX 64
#define CLIENT_BYTES 2048	/* a line that is longer ends its connection */
#define READS_MAX 8		/* per client and tick */

struct client {
	int fd;			/* 0: free */
	uint32_t pid;
	size_t bytes;		/* of a line whose end has not come */
	char text[CLIENT_BYTES];
};

struct app_socket {
	struct app *app;
	struct watch *watch;
	int packet_fd, listen_fd;
	struct sockaddr_un packet_address, stream_address;
	struct client *client[CLIENTS_MAX];	/* NULL: free */
	uint32_t pid;			/* asked last, in this tick */
	uint32_t slot;
	char path[OBSERVE_PATH_MAX];
};

static int address_bind(const char *run_dir, const char *name, int type, struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	address->sun_family = AF_UNIX;
	r = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", run_dir, name);
	/* Whoever holds mind.sock owns the directory: what is there is a predecessor's. */
	if (r < (int)sizeof(address->sun_path) && !(unlink(address->sun_path) && errno != ENOENT) &&
	    !bind(fd, (struct sockaddr *)address, sizeof(*address)) && !chmod(address->sun_path, 0666))
		return fd;
	r = r < (int)sizeof(address->sun_path) ? -errno : -ENAMETOOLONG;
	close(fd);
	return r;
}

int app_socket_open(const char *run_dir, struct app *app, struct watch *watch, struct app_socket **ret)
{
	struct app_socket *s = calloc(1, sizeof(*s));
	int yes = 1, r;

	if (!s)
		return -ENOMEM;
	s->app = app;
	s->watch = watch;
	s->packet_fd = s->listen_fd = -1;
	r = s->packet_fd = address_bind(run_dir, "app.dgram", SOCK_DGRAM, &s->packet_address);
	if (r >= 0 && setsockopt(s->packet_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)))
		r = -errno;
	if (r >= 0)
		r = s->listen_fd = address_bind(run_dir, "app.stream", SOCK_STREAM, &s->stream_address);
	if (r >= 0 && listen(s->listen_fd, CLIENTS_MAX))
		r = -errno;
	if (r < 0) {
		app_socket_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void client_close(struct client **client)
{
	if (!*client)
		return;
	close((*client)->fd);
	free(*client);
	*client = NULL;
}

void app_socket_close(struct app_socket *s)
{
	if (!s)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		client_close(&s->client[i]);
	if (s->packet_fd >= 0) {
		close(s->packet_fd);
		unlink(s->packet_address.sun_path);
	}
	if (s->listen_fd >= 0) {
		close(s->listen_fd);
		unlink(s->stream_address.sun_path);
	}
	free(s);
}

/* The instance of a process, 0: none; its path is in s->path. Many packets in a row are of one sender. */
static uint32_t owner_find(struct app_socket *s, uint32_t pid)
{
	if (pid && pid == s->pid)
		return s->slot;
	s->pid = pid;
	s->slot = 0;
	if (pid && !procfile_cgroup(pid, s->path))
		s->slot = watch_owner(s->watch, s->path);
	else if (pid)
		s->slot = watch_exec_owner(s->watch, pid, s->path);
	return s->slot;
}

static void text_take(struct app_socket *s, uint32_t pid, const char *text, size_t bytes, uint64_t now_ns)
{
	if (owner_find(s, pid))
		app_text(s->app, s->slot, s->path, text, bytes, now_ns);
	else
		app_stranger(s->app);
}

static uint32_t sender_pid(struct msghdr *message)
{
	struct ucred credentials;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
		return (uint32_t)credentials.pid;
	}
	return 0;
}

/* Descriptors that a sender passes along are closed by the kernel: there is no room for them. */
static bool packet_take(struct app_socket *s, uint64_t now_ns)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[PACKET_BYTES];
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s->packet_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR;
	text_take(s, sender_pid(&message), text, (size_t)n, now_ns);
	return true;
}

static void clients_accept(struct app_socket *s)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct ucred credentials = { 0 };
		socklen_t size = sizeof(credentials);
		int fd;

		if (s->client[i])
			continue;
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		s->client[i] = calloc(1, sizeof(*s->client[i]));
		if (!s->client[i]) {
			close(fd);
			return;
		}
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
		s->client[i]->fd = fd;
		s->client[i]->pid = (uint32_t)credentials.pid;
	}
}

/* Hands on whole lines and keeps the rest. */
static void client_lines(struct app_socket *s, struct client *client, uint64_t now_ns)
{
	const char *last = memrchr(client->text, '\n', client->bytes);
	size_t whole = last ? (size_t)(last - client->text) + 1 : 0;

	if (!whole)
		return;
	text_take(s, client->pid, client->text, whole, now_ns);
	client->bytes -= whole;
	memmove(client->text, client->text + whole, client->bytes);
}

/* What a client that goes has said is whole, with its last line. */
static void client_read(struct app_socket *s, struct client **at, uint64_t now_ns)
{
	struct client *client = *at;

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(client->fd, client->text + client->bytes, sizeof(client->text) - client->bytes);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0) {
			client->bytes += (size_t)n;
			client_lines(s, client, now_ns);
		}
		if (n > 0 && client->bytes < sizeof(client->text))
			continue;
		if (client->bytes)
			text_take(s, client->pid, client->text, client->bytes, now_ns);
		client_close(at);
		return;
	}
}

/* Most ticks nobody says anything: one question tells, where accepting would make a socket first and find nobody. */
static bool is_anybody_there(const struct app_socket *s)
{
	struct pollfd fds[2 + CLIENTS_MAX] = { { .fd = s->packet_fd, .events = POLLIN }, { .fd = s->listen_fd, .events = POLLIN } };
	nfds_t count = 2;

	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i])
			fds[count++] = (struct pollfd){ .fd = s->client[i]->fd, .events = POLLIN };
	return poll(fds, count, 0) != 0;
}

void app_socket_tick(struct app_socket *s, uint64_t now_ns)
{
	if (!is_anybody_there(s))
		return;
	s->pid = 0;
	for (int i = 0; i < PACKETS_MAX && packet_take(s, now_ns); i++)
		;
	clients_accept(s);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i])
			client_read(s, &s->client[i], now_ns);
}
