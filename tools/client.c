/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "print.h"
#include "serve/answer.h"

#define TIMEOUT_S 2

static int mind_connect(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd, r;

	r = snprintf(address.sun_path, sizeof(address.sun_path), "%s/mind.sock", run_dir);
	if (r < 0 || (size_t)r >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int errno_of(ssize_t n)
{
	if (n == 0)
		return -EPIPE;
	return errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
}

/* Sends the text and parses what comes back. */
static json_t *text_exchange(int fd, const char *text, int *ret_error)
{
	char *buffer = malloc(ANSWER_BYTES_MAX);
	json_t *answer = NULL;
	ssize_t n;

	*ret_error = buffer ? 0 : -ENOMEM;
	if (!*ret_error && (n = send(fd, text, strlen(text), MSG_NOSIGNAL)) < 0)
		*ret_error = errno_of(n);
	if (!*ret_error && (n = recv(fd, buffer, ANSWER_BYTES_MAX, 0)) <= 0)
		*ret_error = errno_of(n);
	if (!*ret_error) {
		answer = json_loadb(buffer, (size_t)n, 0, NULL);
		*ret_error = answer ? 0 : -EPROTO;
	}
	free(buffer);
	return answer;
}

json_t *client_call(const char *run_dir, json_t *question, int *ret_error)
{
	char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
	json_t *answer = NULL;
	int fd;

	json_decref(question);
	*ret_error = -ENOMEM;
	if (!text)
		return NULL;
	fd = mind_connect(run_dir);
	if (fd >= 0) {
		answer = text_exchange(fd, text, ret_error);
		close(fd);
	} else {
		*ret_error = fd;
	}
	free(text);
	return answer;
}

static void error_print(const char *run_dir, int error)
{
	if (error == -ENOENT || error == -ECONNREFUSED)
		print_problem("no forestalld answers at %s/mind.sock; start it with 'forestall up'", run_dir);
	else if (error == -EACCES || error == -EPERM || error == -EPIPE)
		print_problem("forestalld at %s/mind.sock does not take questions from this user; ask as root",
			      run_dir);
	else if (error == -ETIMEDOUT)
		print_problem("forestalld at %s/mind.sock does not answer; is it stopped or overloaded?", run_dir);
	else
		print_problem("%s/mind.sock: %s; is everything of one version?", run_dir, strerror(-error));
}

json_t *client_ask(const struct context *context, json_t *question)
{
	int error;
	json_t *answer = client_call(context->run_dir, question, &error);

	if (!answer) {
		error_print(context->run_dir, error);
		return NULL;
	}
	if (json_is_true(json_object_get(answer, "ok")))
		return answer;
	print_problem("%s", json_string_value(json_object_get(answer, "error")) ?: "the answer cannot be read");
	json_decref(answer);
	return NULL;
}

json_t *client_instances(const struct context *context)
{
	json_t *all = json_array(), *page, *answer;
	size_t total;

	do {
		answer = client_ask(context, json_pack("{s:s, s:I}", "q", "instance.list", "offset",
						       (json_int_t)json_array_size(all)));
		if (!answer) {
			json_decref(all);
			return NULL;
		}
		page = json_object_get(answer, "instances");
		total = json_array_size(page) ? (size_t)json_integer_value(json_object_get(answer, "total")) : 0;
		json_array_extend(all, page);
		json_decref(answer);
	} while (json_array_size(all) < total);
	return all;
}
