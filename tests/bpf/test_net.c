/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Response times of one cgroup against what the client says. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_times_are_the_clients),
		cmocka_unit_test(response_times_over_ipv6_too),
		cmocka_unit_test(a_batch_of_pipelined_requests_is_one_response),
		cmocka_unit_test(a_question_that_ends_the_handshake_is_asked_then),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
