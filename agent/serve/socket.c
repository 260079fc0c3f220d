/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "value.h"

#define IDX_LISTEN UINT32_MAX

struct socket_client {
	int fd;		/* -1: free */
	uint64_t used;	/* value of socket.uses at the last question */
	bool looks_only;
};

struct socket {
	int listen_fd;
	int epoll_fd;
	int spare_fd;	/* given up to turn a client away when there is no other descriptor */
	uid_t uid;
	uint64_t uses;
	struct sockaddr_un address;
	struct socket_client client[SOCKET_CLIENTS_MAX];
};

static int address_fill(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

/* A socket file whose owner died is in the way of bind(); one that answers is not ours to remove. */
static int address_clear(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	close(fd);
	if (r == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED)
		unlink(address->sun_path);
	return 0;
}

static int spare_open(const struct socket *s) { return fcntl(s->epoll_fd, F_DUPFD_CLOEXEC, 0); }

static int epoll_watch(struct socket *s, int fd, uint32_t idx)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = idx };

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int socket_listen(struct socket *s)
{
	int r = address_clear(&s->address);

	if (r < 0)
		return r;
	s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return -errno;
	if (bind(s->listen_fd, (struct sockaddr *)&s->address, sizeof(s->address)) < 0)
		return -errno;
	if (chmod(s->address.sun_path, 0600) < 0 || (s->uid && chown(s->address.sun_path, s->uid, (gid_t)-1) < 0) ||
	    listen(s->listen_fd, SOCKET_CLIENTS_MAX) < 0) {
		r = -errno;
		unlink(s->address.sun_path);
		return r;
	}
	return epoll_watch(s, s->listen_fd, IDX_LISTEN);
}

static void socket_free(struct socket *s)
{
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++)
		if (s->client[i].fd >= 0)
			close(s->client[i].fd);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	free(s);
}

int socket_open(const char *path, uid_t uid, struct socket **ret)
{
	struct socket *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++)
		s->client[i].fd = -1;
	s->listen_fd = -1;
	s->uid = uid;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->spare_fd = spare_open(s);
	r = s->spare_fd < 0 ? -errno : address_fill(path, &s->address);
	if (r == 0)
		r = socket_listen(s);
	if (r < 0) {
		socket_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void socket_close(struct socket *s)
{
	if (!s)
		return;
	unlink(s->address.sun_path);
	socket_free(s);
}

int socket_fd(const struct socket *s)
{
	return s->epoll_fd;
}

static bool peer_may_ask(const struct socket *s, int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return false;
	return peer.uid == 0 || peer.uid == s->uid;
}

static void client_drop(struct socket_client *client)
{
	close(client->fd);
	client->fd = -1;
}

/* A free place, made by dropping the client that was silent for longest when there is none. */
static struct socket_client *client_place(struct socket *s)
{
	struct socket_client *oldest = &s->client[0];

	for (int i = 0; i < SOCKET_CLIENTS_MAX; i++) {
		if (s->client[i].fd < 0)
			return &s->client[i];
		if (s->client[i].used < oldest->used)
			oldest = &s->client[i];
	}
	client_drop(oldest);
	return oldest;
}

/* One that cannot be accepted would wake us for ever. */
static void client_refuse(struct socket *s)
{
	close(s->spare_fd);
	close(accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC));
	s->spare_fd = spare_open(s);
}

static void client_accept(struct socket *s)
{
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), bytes = ANSWER_BYTES_MAX;
	struct socket_client *client;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		client_refuse(s);
	if (fd < 0)
		return;
	if (!peer_may_ask(s, fd)) {
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	client = client_place(s);
	client->fd = fd;
	client->looks_only = false;
	client->used = ++s->uses;
	if (epoll_watch(s, fd, (uint32_t)(client - s->client)) < 0)
		client_drop(client);
}

/* Compact JSON in one allocation; an answer that is too long becomes one that says so. */
static char *answer_dump(json_t *answer, size_t *ret_bytes)
{
	char *text = json_dumps(answer, ANSWER_JSON_FLAGS);

	json_decref(answer);
	if (text && strlen(text) > ANSWER_BYTES_MAX) {
		free(text);
		text = strdup("{\"ok\":false,\"error\":\"the answer is too long for one message; ask with a limit\"}");
	}
	*ret_bytes = text ? strlen(text) : 0;
	return text;
}

/*
 * "look.only" is for good: after it this client is answered from a world without callbacks, so whoever takes over a
 * process that only looks on (forestall-web) can have nothing written.
 */
static json_t *client_question(struct socket_client *client, const struct answer_world *world, const json_t *question)
{
	struct answer_world looked_at = *world;
	const char *what = json_string_value(json_object_get(question, "q"));

	if (what && !strcmp(what, "look.only")) {
		client->looks_only = true;
		return json_pack("{s:b}", "ok", 1);
	}
	if (client->looks_only) {
		looked_at.record = NULL;
		looked_at.slo_refresh = NULL;
		looked_at.model_change = NULL;
		looked_at.challenge = NULL;
		looked_at.policy_order = NULL;
		looked_at.cohort_order = NULL;
	}
	return answer_question(&looked_at, question);
}

/* Answers one question; false when the client is to be dropped. */
static bool client_answer(struct socket_client *client, const struct answer_world *world)
{
	int fd = client->fd;
	char question[SOCKET_QUESTION_BYTES_MAX], *text;
	ssize_t n = recv(fd, question, sizeof(question), MSG_DONTWAIT | MSG_TRUNC);
	json_error_t error;
	json_t *parsed;
	size_t bytes;
	bool is_sent;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if ((size_t)n > sizeof(question)) {
		text = answer_dump(value_error("a question has at most %d bytes", SOCKET_QUESTION_BYTES_MAX), &bytes);
	} else {
		parsed = json_loadb(question, (size_t)n, 0, &error);
		text = answer_dump(parsed ? client_question(client, world, parsed) :
					    value_error("the question is no JSON: %s", error.text), &bytes);
		json_decref(parsed);
	}
	is_sent = text && send(fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes;
	free(text);
	return is_sent;
}

int socket_serve(struct socket *s, const struct answer_world *world)
{
	struct epoll_event event[SOCKET_QUESTIONS_MAX];
	int count = epoll_wait(s->epoll_fd, event, SOCKET_QUESTIONS_MAX, 0), answered = 0;

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct socket_client *client;

		if (event[i].data.u32 == IDX_LISTEN)
			continue;
		client = &s->client[event[i].data.u32];
		if (client_answer(client, world)) {
			client->used = ++s->uses;
			answered++;
		} else {
			client_drop(client);
		}
	}
	/* Last, since accepting may drop a client that an event above is about. */
	for (int i = 0; i < count; i++)
		if (event[i].data.u32 == IDX_LISTEN)
			client_accept(s);
	return answered;
}
