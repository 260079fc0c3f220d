/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "web_poll.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"

#define LOOK_ONLY_MS 2000
#define CONNECT_PAUSE_MS 100
#define WHOLE_ROUNDS 300	/* five minutes */
#define SECOND_NS 1000000000ull
#define IDLE_SECONDS 5
#define LOOK_PATIENCE_MS 300
#define INSTANCES_MAX 65536	/* more is not believed */

enum stage { STAGE_IDLE, STAGE_STATUS, STAGE_INSTANCES, STAGE_FAILURES, STAGE_PLAN };

struct web_poll {
	int fd;
	enum stage stage;
	json_t *status, *instances, *rest;	/* of the round that runs */
	uint32_t looked_rounds;	/* so many more are looked at by somebody */
	uint32_t whole_rounds;	/* so many more are asked for signals */
	bool is_whole;		/* the one that runs is */
	bool is_few;		/* or it asks for what history keeps, and no more */
	json_int_t failure_changes;	/* what the mind had counted when it was asked for failures last */
	struct web_view view;
	char buffer[ANSWER_BYTES_MAX];
};

static int connect_once(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* Gives up, at the mind, all but questions: this connection was made by root and outlives root's rights. */
static int look_only(int fd)
{
	static const char question[] = "{\"q\":\"look.only\"}";
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char answer[64];

	if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) < 0)
		return -errno;
	if (poll(&ready, 1, LOOK_ONLY_MS) < 1)
		return -ETIMEDOUT;
	return recv(fd, answer, sizeof(answer), 0) >= 10 && !memcmp(answer, "{\"ok\":true", 10) ? 0 : -EPROTO;
}

static int connect_looking(const struct sockaddr_un *address)
{
	int fd = connect_once(address), r = fd < 0 ? fd : look_only(fd);

	if (r == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

int web_poll_connect(const char *run_dir, uint32_t patience_ms)
{
	const struct timespec pause = { .tv_nsec = CONNECT_PAUSE_MS * 1000000L };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/mind.sock", run_dir), fd;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	for (uint32_t waited = 0;; waited += CONNECT_PAUSE_MS) {
		fd = connect_looking(&address);
		if ((fd != -ENOENT && fd != -ECONNREFUSED && fd != -EAGAIN) || waited >= patience_ms)
			return fd;
		nanosleep(&pause, NULL);
	}
}

struct web_poll *web_poll_new(int fd)
{
	struct web_poll *poll = calloc(1, sizeof(*poll));

	if (poll)
		poll->fd = fd;
	else
		close(fd);
	return poll;
}

void web_poll_free(struct web_poll *poll)
{
	if (!poll)
		return;
	json_decref(poll->status);
	json_decref(poll->instances);
	json_decref(poll->rest);
	json_decref(poll->view.status);
	json_decref(poll->view.rest);
	json_decref(poll->view.instances);
	json_decref(poll->view.plan);
	json_decref(poll->view.failures);
	close(poll->fd);
	free(poll);
}

static int ask(struct web_poll *poll, enum stage stage)
{
	char question[96];

	if (stage == STAGE_STATUS)
		snprintf(question, sizeof(question), "{\"q\":\"status\"}");
	else if (stage == STAGE_INSTANCES)
		snprintf(question, sizeof(question), "{\"q\":\"instance.pick\",\"offset\":%zu,\"signals\":%s,\"few\":%s}",
			 json_array_size(poll->instances), poll->is_whole ? "true" : "false", poll->is_few ? "true" : "false");
	else if (stage == STAGE_FAILURES)
		snprintf(question, sizeof(question), "{\"q\":\"failure.list\"}");
	else
		snprintf(question, sizeof(question), "{\"q\":\"plan.show\"}");
	poll->stage = stage;
	/* One question is under way at most, so the socket always has room for it. */
	return send(poll->fd, question, strlen(question), MSG_NOSIGNAL) < 0 ? -EPIPE : 0;
}

int web_poll_begin(struct web_poll *poll)
{
	if (poll->stage != STAGE_IDLE)
		return 0;
	poll->is_whole = poll->whole_rounds > 0;
	poll->is_few = poll->view.rounds && !poll->looked_rounds && !poll->is_whole;
	poll->whole_rounds -= poll->is_whole;
	poll->looked_rounds -= poll->looked_rounds > 0;
	json_decref(poll->instances);
	poll->instances = json_array();
	return poll->instances ? ask(poll, STAGE_STATUS) : 0;
}

static void round_complete(struct web_poll *poll, json_t *plan, uint64_t now_ns)
{
	struct web_view *view = &poll->view;

	json_decref(view->status);
	json_decref(view->instances);
	json_decref(view->rest);
	json_decref(view->plan);
	view->status = poll->status;
	view->instances = poll->instances;
	view->rest = poll->rest;
	view->plan = json_is_true(json_object_get(plan, "ok")) ? json_incref(plan) : NULL;
	poll->status = poll->instances = poll->rest = NULL;
	view->time_ns = now_ns;
	view->is_few = poll->is_few;
	view->rounds++;
	poll->stage = STAGE_IDLE;
}

/* Failures are seldom: they are only asked for when the mind has counted something new. */
static int instances_complete(struct web_poll *poll)
{
	json_int_t changes = json_integer_value(json_object_get(json_object_get(poll->status, "failures"), "changes"));

	if (changes == poll->failure_changes)
		return ask(poll, STAGE_PLAN);
	poll->failure_changes = changes;
	return ask(poll, STAGE_FAILURES);
}

static int failure_page_take(struct web_poll *poll, json_t *answer)
{
	json_decref(poll->view.failures);
	poll->view.failures = json_incref(json_object_get(answer, "failures"));
	return ask(poll, STAGE_PLAN);
}

/* A page that is empty ends the list too: instances may have gone since the total was told. */
static int page_take(struct web_poll *poll, json_t *answer)
{
	json_t *page = json_object_get(answer, "instances");
	json_int_t total = json_integer_value(json_object_get(answer, "total"));

	if (!json_is_array(page) || total < 0 || total > INSTANCES_MAX)
		return -EPROTO;
	json_array_extend(poll->instances, page);
	json_decref(poll->rest);
	poll->rest = json_incref(json_object_get(answer, "rest"));
	if (json_array_size(page) && json_array_size(poll->instances) < (size_t)total)
		return ask(poll, STAGE_INSTANCES);
	return instances_complete(poll);
}

/* 1, 0 or -errno as web_poll_take(). */
static int answer_take(struct web_poll *poll, json_t *answer, uint64_t now_ns)
{
	switch (poll->stage) {
	case STAGE_STATUS:
		if (!json_is_true(json_object_get(answer, "ok")))
			return -EPROTO;
		json_decref(poll->status);
		poll->status = json_incref(answer);
		return ask(poll, STAGE_INSTANCES);
	case STAGE_INSTANCES:
		return page_take(poll, answer);
	case STAGE_FAILURES:
		return failure_page_take(poll, answer);
	case STAGE_PLAN:
		round_complete(poll, answer, now_ns);
		return 1;
	default:
		return -EPROTO;	/* nobody asked */
	}
}

int web_poll_take(struct web_poll *poll, uint64_t now_ns)
{
	ssize_t n = recv(poll->fd, poll->buffer, sizeof(poll->buffer), 0);
	json_t *answer;
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	answer = json_loadb(poll->buffer, (size_t)n, 0, NULL);
	r = json_is_object(answer) ? answer_take(poll, answer, now_ns) : -EPROTO;
	json_decref(answer);
	return r;
}

void web_poll_want(struct web_poll *poll)
{
	poll->whole_rounds = WHOLE_ROUNDS;
}

static bool is_readable(int fd, uint64_t within_ns)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, (int)(within_ns / 1000000)) > 0;
}

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

void web_poll_look(struct web_poll *poll)
{
	uint64_t until_ns = clock_ns() + LOOK_PATIENCE_MS * 1000000ull;
	int r = 0;

	poll->looked_rounds = WHOLE_ROUNDS;
	for (uint64_t now_ns = clock_ns(); poll->view.is_few && r >= 0 && now_ns < until_ns; now_ns = clock_ns()) {
		/* What is gone is told to who takes the next answer. */
		r = web_poll_begin(poll);
		if (r >= 0 && is_readable(poll->fd, until_ns - now_ns))
			r = web_poll_take(poll, now_ns);
	}
}

uint64_t web_poll_pause_ns(const struct web_poll *poll)
{
	const json_t *instances = json_object_get(poll->view.status, "instances");
	bool is_idle = poll->view.rounds && !poll->looked_rounds && !json_integer_value(json_object_get(instances, "annotated"));

	return SECOND_NS * (is_idle ? IDLE_SECONDS : 1);
}

int web_poll_fd(const struct web_poll *poll)
{
	return poll->fd;
}

const struct web_view *web_poll_view(const struct web_poll *poll)
{
	return &poll->view;
}

bool web_view_is_fresh(const struct web_view *view, uint64_t now_ns)
{
	return view->rounds && now_ns - view->time_ns <= WEB_VIEW_FRESH_NS;
}
