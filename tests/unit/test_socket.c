/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same questions over the mind's socket. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer_stage.h"
#include "serve/socket.h"

static int socket_join(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int served(struct socket *server, const struct stage *stage)
{
	int answered = 0, r;

	for (int i = 0; i < 3; i++) {
		struct pollfd ready = { .fd = socket_fd(server), .events = POLLIN };

		if (poll(&ready, 1, 0) < 1)
			break;
		r = socket_serve(server, &stage->world);
		assert_true(r >= 0);
		answered += r;
	}
	return answered;
}

static void socket_answers_one_message_with_one(void **state)
{
	char path[64], text[4096];
	struct socket *server, *second;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, getuid(), &server), 0);
	assert_int_equal(socket_open(path, getuid(), &second), -EADDRINUSE);
	fd = socket_join(path);
	assert_int_equal(send(fd, "{\"q\":\"status\"}", 14, 0), 14);
	assert_int_equal(served(server, *state), 1);
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_memory_equal(text, "{\"ok\":true", 10);
	assert_int_equal(send(fd, "nonsense", 8, 0), 8);
	assert_int_equal(served(server, *state), 1);
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	assert_memory_equal(text, "{\"ok\":false", 11);
	socket_close(server);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

static int on_model(void *context, const char *name, char message[ANSWER_MESSAGE_MAX]) { return !context || !name || !message; }
static int on_challenge(void *context, char message[ANSWER_MESSAGE_MAX]) { return !context || !message; }

static int on_policy(void *context, const struct canary_order *order, char message[ANSWER_MESSAGE_MAX])
{
	return !context || !order || !message;
}

static int on_cohort(void *context, const struct cohort_order *order, char message[ANSWER_MESSAGE_MAX])
{
	return !context || !order || !message;
}

/* True when the answer says so. */
static bool is_done(int fd, struct socket *server, const struct stage *stage, const char *question)
{
	static const char good[] = "{\"ok\":true";
	char text[4096] = "";

	send(fd, question, strlen(question), 0);
	assert_int_equal(served(server, stage), 1);
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	return !strncmp(text, good, sizeof(good) - 1);
}

static void who_only_looks_can_have_nothing_written(void **state)
{
	static const char *const orders[] = {
		"{\"q\":\"record.start\",\"path\":\"/tmp/none\"}", "{\"q\":\"record.stop\"}", "{\"q\":\"slo.refresh\",\"path\":\"/web\"}",
		"{\"q\":\"model.promote\",\"name\":\"m\"}", "{\"q\":\"model.challenge\"}", "{\"q\":\"policy.canary\",\"name\":\"reactive\"}",
		"{\"q\":\"policy.rollback\"}", "{\"q\":\"action.rollback\"}",
	};
	struct stage *stage = *state;
	char path[64];
	struct socket *server;
	int fd;

	stage->world.model_change = on_model;
	stage->world.challenge = on_challenge;
	stage->world.policy_order = on_policy;
	stage->world.cohort_order = on_cohort;
	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, getuid(), &server), 0);
	fd = socket_join(path);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		assert_true(is_done(fd, server, stage, orders[i]));
	assert_true(is_done(fd, server, stage, "{\"q\":\"look.only\"}"));
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		assert_false(is_done(fd, server, stage, orders[i]));
	assert_true(is_done(fd, server, stage, "{\"q\":\"status\"}"));
	socket_close(server);
	close(fd);
}

static void socket_drops_who_does_not_read(void **state)
{
	static const char question[] = "{\"q\":\"instance.show\",\"path\":\"/web\"}";
	char path[64];
	struct socket *server;
	bool is_dropped = false;
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, getuid(), &server), 0);
	fd = socket_join(path);
	for (int i = 0; i < 1000 && !is_dropped; i++) {
		is_dropped = send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			     errno == EPIPE;
		served(server, *state);
	}
	assert_true(is_dropped);
	close(fd);
	socket_close(server);
}

static void socket_holds_a_bounded_number_of_clients(void **state)
{
	int fd[2 * SOCKET_CLIENTS_MAX];
	struct socket *server;
	char path[64], byte;

	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, getuid(), &server), 0);
	for (int i = 0; i < 2 * SOCKET_CLIENTS_MAX; i++) {
		fd[i] = socket_join(path);
		served(server, *state);
	}
	for (int i = 0; i < 2 * SOCKET_CLIENTS_MAX; i++) {
		ssize_t n = recv(fd[i], &byte, 1, MSG_DONTWAIT);

		assert_int_equal(n, i < SOCKET_CLIENTS_MAX ? 0 : -1);
		close(fd[i]);
	}
	socket_close(server);
}

static void who_finds_no_descriptor_is_turned_away(void **state)
{
	struct rlimit limit, none;
	struct socket *server;
	char path[64], byte;
	int fd, next;

	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, getuid(), &server), 0);
	fd = socket_join(path);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ (rlim_t)fd + 1, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	served(server, *state);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	next = socket_join(path);
	assert_int_equal(send(next, "{\"q\":\"status\"}", 14, 0), 14);
	assert_int_equal(served(server, *state), 1);
	close(fd);
	close(next);
	socket_close(server);
}

/* Whatever the file's mode is. */
static void nobody_else_may_ask(void **state)
{
	char path[64], byte;
	struct socket *server;
	int fd;

	if (geteuid())
		skip();
	snprintf(path, sizeof(path), "/tmp/test_answer.%d", getpid());
	assert_int_equal(socket_open(path, 0, &server), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(seteuid(65534), 0);
	fd = socket_join(path);
	assert_int_equal(seteuid(0), 0);
	served(server, *state);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
	socket_close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(socket_answers_one_message_with_one),
		STAGED(who_only_looks_can_have_nothing_written),
		STAGED(socket_drops_who_does_not_read),
		STAGED(socket_holds_a_bounded_number_of_clients),
		STAGED(nobody_else_may_ask),
		STAGED(who_finds_no_descriptor_is_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
