/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app_own.h"
#include "procfile.h"

#define PACKETS_MAX 1024	/* per tick */
#define OWN_PACKETS_MAX 64	/* per tick, of a socket that is one instance's */
#define PACKET_BYTES 8192
#define CLIENTS_MAX 64
#define CLIENTS_OWN_MAX 16	/* of one instance, so that none takes all of them */
#define CLIENT_BYTES 2048	/* a line that is longer ends its connection */
#define READS_MAX 8		/* per client and tick */

struct client {
	int fd;			/* 0: free */
	uint32_t pid, slot;	/* when it came; slot 0: no instance's */
	size_t bytes;		/* of a line whose end has not come */
	char text[CLIENT_BYTES];
};

struct app_socket {
	struct app *app;
	struct watch *watch;
	struct app_own *own;		/* NULL: none has its own */
	int packet_fd, listen_fd, epoll_fd;	/* the last waits for all but those of one instance */
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

int app_packet_bind(const char *dir, const char *name, struct sockaddr_un *ret_address)
{
	int fd = address_bind(dir, name, SOCK_DGRAM, ret_address), yes = 1, r;

	if (fd < 0 || !setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)))
		return fd;
	r = -errno;
	close(fd);
	unlink(ret_address->sun_path);
	return r;
}

static int await(const struct app_socket *s, int fd)
{
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN }) ? -errno : 0;
}

int app_socket_open(const char *run_dir, struct app *app, struct watch *watch, struct app_socket **ret)
{
	struct app_socket *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->app = app;
	s->watch = watch;
	s->packet_fd = s->listen_fd = -1;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = s->epoll_fd < 0 ? -errno : 0;
	if (r >= 0)
		r = s->packet_fd = app_packet_bind(run_dir, "app.dgram", &s->packet_address);
	if (r >= 0)
		r = s->listen_fd = address_bind(run_dir, "app.stream", SOCK_STREAM, &s->stream_address);
	if (r >= 0 && listen(s->listen_fd, CLIENTS_MAX))
		r = -errno;
	if (r >= 0)
		r = await(s, s->packet_fd) ?: await(s, s->listen_fd);
	if (r < 0) {
		app_socket_close(s);
		return r;
	}
	/* Without, all use the shared one. */
	r = app_own_open(run_dir, &s->own);
	if (r)
		fprintf(stderr, "forestalld: %s/app: %s; no instance has a socket of its own\n", run_dir, strerror(-r));
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
	app_own_close(s->own);
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
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
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

/* own_slot: whose socket it came by; 0: the shared one. Nobody speaks for another. */
static void text_take(struct app_socket *s, uint32_t own_slot, uint32_t pid, const char *text, size_t bytes, uint64_t now_ns)
{
	if (owner_find(s, pid) && (!own_slot || s->slot == own_slot))
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
static bool packet_take(struct app_socket *s, int fd, uint32_t own_slot, uint64_t now_ns)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[PACKET_BYTES];
	struct iovec part = { text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR;
	text_take(s, own_slot, sender_pid(&message), text, (size_t)n, now_ns);
	return true;
}

/* An instance has as many connections as it may have. */
static bool is_crowded(const struct app_socket *s, uint32_t slot)
{
	uint32_t count = 0;

	for (int i = 0; i < CLIENTS_MAX; i++)
		count += s->client[i] && s->client[i]->slot == slot;
	return count >= CLIENTS_OWN_MAX;
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
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
		if (!is_crowded(s, owner_find(s, (uint32_t)credentials.pid)) && !await(s, fd))
			s->client[i] = calloc(1, sizeof(*s->client[i]));
		if (!s->client[i]) {
			close(fd);
			continue;
		}
		s->client[i]->fd = fd;
		s->client[i]->pid = (uint32_t)credentials.pid;
		s->client[i]->slot = s->slot;
	}
}

/* Hands on whole lines and keeps the rest. */
static void client_lines(struct app_socket *s, struct client *client, uint64_t now_ns)
{
	const char *last = memrchr(client->text, '\n', client->bytes);
	size_t whole = last ? (size_t)(last - client->text) + 1 : 0;

	if (!whole)
		return;
	text_take(s, 0, client->pid, client->text, whole, now_ns);
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
			text_take(s, 0, client->pid, client->text, client->bytes, now_ns);
		client_close(at);
		return;
	}
}

/* Most ticks nobody says anything: one question tells, where accepting would make a socket first and find nobody. */
static bool is_anybody_there(const struct app_socket *s)
{
	struct epoll_event event;

	return epoll_wait(s->epoll_fd, &event, 1, 0) != 0;
}

int app_socket_fd(const struct app_socket *s) { return s->epoll_fd; }

void app_socket_observe(struct app_socket *s, const struct observation *observation)
{
	if (s->own)
		app_own_observe(s->own, observation);
}

static void own_take(struct app_socket *s, uint64_t now_ns)
{
	int fd[APP_OWN_MAX];
	uint32_t slot[APP_OWN_MAX], count = s->own ? app_own_ready(s->own, fd, slot) : 0;

	for (uint32_t i = 0; i < count; i++)
		for (int packet = 0; packet < OWN_PACKETS_MAX && packet_take(s, fd[i], slot[i], now_ns); packet++)
			;
}

void app_socket_tick(struct app_socket *s, uint64_t now_ns)
{
	s->pid = 0;
	own_take(s, now_ns);
	if (!is_anybody_there(s))
		return;
	for (int i = 0; i < PACKETS_MAX && packet_take(s, s->packet_fd, 0, now_ns); i++)
		;
	clients_accept(s);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->client[i])
			client_read(s, &s->client[i], now_ns);
}
