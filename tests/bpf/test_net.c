/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Response times of one cgroup against what the client says. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"
#include "sense/load_internal.h"
#include "talk.h"

#define REQUESTS_MAX 256

static void responses_check(struct world *world, uint64_t *client_ns, uint32_t count)
{
	struct hist hist;

	assert_int_equal(TOTAL(world, responses), count);
	verdict_check(world, WIRE_DELAY_RESPONSE, count);
	hist_load(world, WIRE_DELAY_RESPONSE, &hist);
	qsort(client_ns, count, sizeof(*client_ns), by_value);
	print_message("# p50 %.2f ms, client %.2f; p99 %.2f, client %.2f\n", hist_quantile(&hist, .5) / 1e6,
		      client_ns[count / 2] / 1e6, hist_quantile(&hist, .99) / 1e6, client_ns[count * 99 / 100] / 1e6);
	near(hist_quantile(&hist, .5), client_ns[count / 2], 15);
	near(hist_quantile(&hist, .99), client_ns[count * 99 / 100], 15);
}

static void responses_measure(int family, const char *address, uint16_t port)
{
	uint64_t client_ns[REQUESTS_MAX];
	struct world world;
	int listener, fd;
	uint32_t count;

	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	listener = listen_at(family, address, port);
	server_start(&world, listener);
	fd = connect_to(family, address, port);
	for (count = 0; count < 105; count++) {
		uint64_t start_ns = host_now_ns();

		ask(fd, (struct request){ count % 20 == 10 ? 200 : 20, 100 }, 1, NULL);
		client_ns[count] = host_now_ns() - start_ns;
	}
	close(fd);
	close(listener);
	wait(NULL);
	responses_check(&world, client_ns, count);
	world_close(&world);
}

static void response_times_are_the_clients(void **state)
{
	(void)state;
	responses_measure(AF_INET, "127.0.0.1", 7311);
}

static void response_times_over_ipv6_too(void **state)
{
	(void)state;
	responses_measure(AF_INET6, "::1", 7312);
}

static void a_batch_of_pipelined_requests_is_one_response(void **state)
{
	struct world world;
	int listener, fd;

	(void)state;
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	listener = listen_at(AF_INET, "127.0.0.1", 7313);
	server_start(&world, listener);
	fd = connect_to(AF_INET, "127.0.0.1", 7313);
	for (int i = 0; i < 10; i++)
		ask(fd, (struct request){ 1, 10 }, 8, NULL);
	close(fd);
	close(listener);
	wait(NULL);
	assert_int_equal(TOTAL(&world, responses), 10);
	world_close(&world);
}

/* The listener sleeps until the client has spoken; the wait before that is not the server's. */
static void a_question_that_ends_the_handshake_is_asked_then(void **state)
{
	int listener, fd, seconds = 5;
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	listener = listen_at(AF_INET, "127.0.0.1", 7314);
	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
	server_start(&world, listener);
	fd = connect_to(AF_INET, "127.0.0.1", 7314);
	usleep(500000);
	ask(fd, (struct request){ 100, 10 }, 1, NULL);
	close(fd);
	close(listener);
	wait(NULL);
	assert_int_equal(TOTAL(&world, responses), 1);
	assert_in_range(TOTAL(&world, response_ns), 100000000, 400000000);
	world_close(&world);
}

/* As where the kernel leaves out its calls. */
static void program_detach(struct nerve *nerve, const struct bpf_program *program)
{
	struct bpf_prog_info wanted = { 0 };
	uint32_t bytes = sizeof(wanted);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &wanted, &bytes), 0);
	for (int i = 0; i < PROGRAMS_MAX; i++) {
		struct bpf_link_info info = { 0 };

		bytes = sizeof(info);
		if (!nerve->link[i] || bpf_obj_get_info_by_fd(bpf_link__fd(nerve->link[i]), &info, &bytes) || info.prog_id != wanted.id)
			continue;
		bpf_link__destroy(nerve->link[i]);
		nerve->link[i] = NULL;
		return;
	}
	fail();
}

/* The server holds no link: one that is destroyed is gone then. */
struct held {
	struct nerve *nerve;
	int listener;
};

static void serve_without_links(void *argument)
{
	struct held *held = argument;

	for (int i = 0; i < PROGRAMS_MAX; i++)
		if (held->nerve->link[i])
			close(bpf_link__fd(held->nerve->link[i]));
	serve(held->listener, NULL);
}

static void a_question_that_nobody_saw_read_is_counted_when_it_is_answered(void **state)
{
	struct world world;
	struct held held;
	pid_t pid;
	int fd;

	(void)state;
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	held = (struct held){ world.nerve, listen_at(AF_INET, "127.0.0.1", 7315) };
	pid = in_cgroup_start(&world, serve_without_links, &held);
	fd = connect_to(AF_INET, "127.0.0.1", 7315);
	ask(fd, (struct request){ 20, 100 }, 1, NULL);
	program_detach(world.nerve, world.nerve->skel->progs.on_socket_read);
	for (int i = 0; i < 10; i++)
		ask(fd, (struct request){ 20, 100 }, 1, NULL);
	close(fd);
	close(held.listener);
	in_cgroup_end(&world, pid);
	assert_int_equal(TOTAL(&world, responses), 11);
	assert_in_range(TOTAL(&world, response_ns), 11 * 20000000ull, 11 * 200000000ull);
	world_close(&world);
}

/* Reads and answers, speaks five times while the next question waits to be read, then reads and answers that. */
static void push_body(void *listener)
{
	char none[256];
	struct pollfd readable = { .fd = accept(*(int *)listener, NULL, NULL), .events = POLLIN };
	int fd = readable.fd, yes = 1;

	/* What is sent leaves at once, before anything more is read. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (recv(fd, none, 5, MSG_WAITALL) != 5 || send(fd, "x", 1, 0) != 1 || poll(&readable, 1, -1) != 1)
		die("poll");
	for (int i = 0; i < 5; i++)
		if (send(fd, "x", 1, 0) != 1)
			die("send");
	if (recv(fd, none, 9, MSG_WAITALL) != 9 || send(fd, "x", 1, 0) != 1)
		die("recv");
	pause();
}

/* What a server says while a question lies unread is no answer to it. */
static void what_is_said_before_the_question_is_read_is_no_answer(void **state)
{
	char none[256];
	struct world world;
	int listener, fd;
	pid_t pid;

	(void)state;
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	listener = listen_at(AF_INET, "127.0.0.1", 7316);
	pid = in_cgroup_start(&world, push_body, &listener);
	fd = connect_to(AF_INET, "127.0.0.1", 7316);
	assert_int_equal(send(fd, "first", 5, 0), 5);
	assert_int_equal(recv(fd, none, 1, 0), 1);
	assert_int_equal(send(fd, "question", 8, 0), 8);
	assert_int_equal(recv(fd, none, 5, MSG_WAITALL), 5);
	assert_int_equal(TOTAL(&world, responses), 1);
	assert_int_equal(send(fd, "!", 1, 0), 1);
	assert_int_equal(recv(fd, none, 1, 0), 1);
	assert_int_equal(TOTAL(&world, responses), 2);
	close(fd);
	close(listener);
	in_cgroup_end(&world, pid);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_times_are_the_clients),
		cmocka_unit_test(response_times_over_ipv6_too),
		cmocka_unit_test(a_batch_of_pipelined_requests_is_one_response),
		cmocka_unit_test(a_question_that_ends_the_handshake_is_asked_then),
		cmocka_unit_test(a_question_that_nobody_saw_read_is_counted_when_it_is_answered),
		cmocka_unit_test(what_is_said_before_the_question_is_read_is_no_answer),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
