/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network signals of one cgroup against what the client, the interface and the kernel's own TCP counters say. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "predict/hist.h"
#include "sense/host.h"
#include "world.h"

#define REQUEST_BYTES 64
#define ANSWER_BYTES_MAX 65536
#define REQUESTS_MAX 256
#define LINK_REQUESTS 60

/* What a request asks for; padded to REQUEST_BYTES. */
struct request {
	uint32_t delay_ms, answer_bytes;
};

/* Filled by the child, read by the parent. */
struct counted {
	char skip[128];
	const char *netem;		/* what the link does to packets, each way */
	uint32_t answer_bytes, think_us;	/* and how long the client waits between two requests */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;	/* of the interface */
	uint64_t retransmits;
	uint64_t rtt_us, rtt_samples;	/* sum of what the sockets say after each read */
	struct wire_counters row;
	struct world *world;
};

static const struct sockaddr_in loopback4 = { .sin_family = AF_INET };
static const struct sockaddr_in6 loopback6 = { .sin6_family = AF_INET6 };

static void die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	_exit(98);
}

static int listen_at(int family, const char *address, uint16_t port)
{
	struct sockaddr_in at4 = loopback4;
	struct sockaddr_in6 at6 = loopback6;
	bool is_four = family == AF_INET;
	int fd = socket(family, SOCK_STREAM, 0), yes = 1;

	at4.sin_port = at6.sin6_port = htons(port);
	inet_pton(family, address, is_four ? (void *)&at4.sin_addr : (void *)&at6.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, is_four ? (void *)&at4 : (void *)&at6, is_four ? sizeof(at4) : sizeof(at6)) || listen(fd, 8))
		die("listen");
	return fd;
}

static int connect_to(int family, const char *address, uint16_t port)
{
	struct sockaddr_in to4 = loopback4;
	struct sockaddr_in6 to6 = loopback6;
	bool is_four = family == AF_INET;
	int fd = socket(family, SOCK_STREAM, 0), yes = 1;

	to4.sin_port = to6.sin6_port = htons(port);
	inet_pton(family, address, is_four ? (void *)&to4.sin_addr : (void *)&to6.sin6_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, is_four ? (void *)&to4 : (void *)&to6, is_four ? sizeof(to4) : sizeof(to6)))
		die("connect");
	return fd;
}

static void rtt_add(struct counted *counted, int fd)
{
	struct tcp_info info;
	socklen_t bytes = sizeof(info);

	if (!counted || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes))
		return;
	__atomic_add_fetch(&counted->rtt_us, info.tcpi_rtt, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&counted->rtt_samples, 1, __ATOMIC_SEQ_CST);
}

/* Answers on one connection until its end. Requests that come in one piece are read in one piece. */
static void serve(int listener, struct counted *counted)
{
	static char in[REQUEST_BYTES * 16], out[ANSWER_BYTES_MAX];
	int fd = accept(listener, NULL, NULL), yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	for (;;) {
		ssize_t n = recv(fd, in, sizeof(in), 0);

		if (n <= 0)
			break;
		rtt_add(counted, fd);
		for (ssize_t at = 0; at < n; at += REQUEST_BYTES) {
			struct request request;

			memcpy(&request, in + at, sizeof(request));
			usleep(request.delay_ms * 1000);
			if (send(fd, out, request.answer_bytes, MSG_NOSIGNAL) < 0)
				break;
		}
	}
	close(fd);
}

static void ask(int fd, struct request request, uint32_t count, struct counted *counted)
{
	static char out[REQUEST_BYTES * 16], in[ANSWER_BYTES_MAX];

	for (uint32_t i = 0; i < count; i++)
		memcpy(out + i * REQUEST_BYTES, &request, sizeof(request));
	if (send(fd, out, count * REQUEST_BYTES, 0) < 0)
		die("send");
	for (size_t left = (size_t)count * request.answer_bytes; left;) {
		ssize_t n = recv(fd, in, left < sizeof(in) ? left : sizeof(in), 0);

		if (n <= 0)
			die("recv");
		rtt_add(counted, fd);
		left -= (size_t)n;
	}
}

/* A server in the cgroup, on a listener made outside of it, as by socket activation. */
static void server_body(void *listener)
{
	serve(*(int *)listener, NULL);
}

static pid_t server_start(struct world *world, int listener)
{
	return in_cgroup_start(world, server_body, &listener);
}

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

/* --- in network namespaces of our own, where nobody else sends ----------------------------------------------------------- */

static uint64_t file_number(const char *path, const char *line, int field)
{
	char text[512], *save = NULL;
	FILE *file = fopen(path, "re");
	uint64_t value = 0;
	int skip = strcmp(line, "Tcp:") ? 0 : 1;	/* the first such line of snmp names the fields */

	while (file && fgets(text, sizeof(text), file)) {
		char *at = strstr(text, line);

		if (!at || skip--)
			continue;
		at = strtok_r(at + strlen(line), " ", &save);
		while (field-- && at)
			at = strtok_r(NULL, " ", &save);
		value = at ? strtoull(at, NULL, 10) : 0;
		break;
	}
	if (file)
		fclose(file);
	return value;
}

/* proc(5): bytes packets errs drop fifo frame compressed multicast, first received, then sent. */
static void interface_add(struct counted *counted, int sign)
{
	counted->rx_bytes += (uint64_t)sign * file_number("/proc/net/dev", "lo:", 0);
	counted->rx_packets += (uint64_t)sign * file_number("/proc/net/dev", "lo:", 1);
	counted->tx_bytes += (uint64_t)sign * file_number("/proc/net/dev", "lo:", 8);
	counted->tx_packets += (uint64_t)sign * file_number("/proc/net/dev", "lo:", 9);
}

static void row_add(struct counted *counted, int sign)
{
	uint64_t *to = (uint64_t *)&counted->row;

	for (size_t i = 0; i < sizeof(counted->row) / sizeof(*to); i++)
		to[i] += (uint64_t)sign * total_of(counted->world, i);
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die("lo up");
	close(fd);
}

/* Delayed acknowledgements come up to 200 ms late. */
static void settle(void)
{
	usleep(500000);
}

static void loopback_exchange(void *argument)
{
	struct counted *counted = argument;
	int listener, fd;
	pid_t pid;

	if (unshare(CLONE_NEWNET)) {
		snprintf(counted->skip, sizeof(counted->skip), "no network namespace: %s", strerror(errno));
		return;
	}
	loopback_up();
	for (int family = 0; family < 2; family++) {
		int af = family ? AF_INET6 : AF_INET;
		const char *address = family ? "::1" : "127.0.0.1";

		listener = listen_at(af, address, 7300);
		pid = server_start(counted->world, listener);
		fd = connect_to(af, address, 7300);
		ask(fd, (struct request){ 0, 10 }, 1, NULL);
		settle();
		interface_add(counted, -1);
		row_add(counted, -1);
		for (int i = 0; i < 200; i++)
			ask(fd, (struct request){ 0, 20000 }, 1, NULL);
		settle();
		interface_add(counted, 1);
		row_add(counted, 1);
		close(fd);
		close(listener);
		waitpid(pid, NULL, 0);
	}
}

static struct counted *counted_new(struct world *world)
{
	struct counted *counted = mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(counted != MAP_FAILED);
	counted->world = world;
	return counted;
}

static void bytes_and_packets_are_the_interfaces(void **state)
{
	struct counted *counted;
	struct world world;

	(void)state;
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_PACKETS))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_PACKETS));
	counted = counted_new(&world);
	assert_int_equal(in_cgroup(&world, loopback_exchange, counted), 0);
	if (counted->skip[0])
		world_skip(&world, counted->skip);
	print_message("# %llu bytes in %llu packets\n", (unsigned long long)counted->tx_bytes,
		      (unsigned long long)counted->tx_packets);
	assert_true(counted->tx_bytes > 2 * 200 * 20000);
	assert_int_equal(counted->row.tx_bytes, counted->tx_bytes);
	assert_int_equal(counted->row.rx_bytes, counted->rx_bytes);
	assert_int_equal(counted->row.tx_segments, counted->tx_packets);
	assert_int_equal(counted->row.rx_packets, counted->rx_packets);
	nerve_stop(world.nerve);
	nerve_consume(world.nerve);
	accounting_check(&world);
	world_close(&world);
}

/* The far end of a link: another network namespace, the same cgroup. */
static pid_t far_end_start(struct counted *counted, int ready, int go)
{
	pid_t pid = fork();
	int listener;
	char byte;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) || write(ready, "r", 1) != 1 || read(go, &byte, 1) != 1)
		die("far end");
	listener = listen_at(AF_INET, "10.9.0.2", 7300);
	if (write(ready, "l", 1) != 1)
		die("far end");
	serve(listener, counted);
	__atomic_add_fetch(&counted->retransmits, file_number("/proc/net/snmp", "Tcp:", 11), __ATOMIC_SEQ_CST);
	_exit(0);
}

#define LINK_SETUP                                                                                       \
	"{ ip link add left type veth peer name right netns %d && ip addr add 10.9.0.1/24 dev left &&"   \
	" ip link set left up && nsenter -t %d -n sh -c 'ip addr add 10.9.0.2/24 dev right &&"           \
	" ip link set right up && tc qdisc add dev right root netem %s' &&"             \
	" tc qdisc add dev left root netem %s; } 2>&1"

static void link_exchange(void *argument)
{
	struct counted *counted = argument;
	char command[512], byte;
	int ready[2], go[2], fd;
	pid_t pid;

	if (unshare(CLONE_NEWNET) || pipe(ready) || pipe(go))
		die("namespace");
	pid = far_end_start(counted, ready[1], go[0]);
	if (read(ready[0], &byte, 1) != 1)
		die("far end");
	snprintf(command, sizeof(command), LINK_SETUP, pid, pid, counted->netem, counted->netem);
	if (system(command)) {
		snprintf(counted->skip, sizeof(counted->skip), "no veth pair with netem here");
		kill(pid, SIGKILL);
		return;
	}
	if (write(go[1], "g", 1) != 1 || read(ready[0], &byte, 1) != 1)
		die("far end");
	fd = connect_to(AF_INET, "10.9.0.2", 7300);
	for (int i = 0; i < LINK_REQUESTS; i++) {
		ask(fd, (struct request){ 0, counted->answer_bytes }, 1, counted);
		usleep(counted->think_us);
	}
	settle();
	row_add(counted, 1);
	__atomic_add_fetch(&counted->retransmits, file_number("/proc/net/snmp", "Tcp:", 11), __ATOMIC_SEQ_CST);
	close(fd);
	waitpid(pid, NULL, 0);
}

static struct counted *link_measure(struct world *world, enum nerve_signal signal, const char *netem, uint32_t answer_bytes,
				    uint32_t think_us)
{
	struct counted *counted;

	world_open(world, 1 << 18);
	if (!nerve_has(world->nerve, signal))
		world_skip(world, nerve_lacks(world->nerve, signal));
	counted = counted_new(world);
	counted->netem = netem;
	counted->answer_bytes = answer_bytes;
	counted->think_us = think_us;
	assert_int_equal(in_cgroup(world, link_exchange, counted), 0);
	if (counted->skip[0])
		world_skip(world, counted->skip);
	return counted;
}

static void retransmits_are_the_kernels(void **state)
{
	struct counted *counted;
	struct world world;

	(void)state;
	counted = link_measure(&world, NERVE_RETRANSMITS, "loss 4% delay 10ms", 40000, 0);
	print_message("# %llu segments sent again\n", (unsigned long long)counted->retransmits);
	assert_true(counted->retransmits > 10);
	assert_int_equal(counted->row.retransmits, counted->retransmits);
	world_close(&world);
}

static void round_trip_times_are_the_sockets(void **state)
{
	struct counted *counted;
	struct world world;
	uint64_t sockets_ns;

	(void)state;
	counted = link_measure(&world, NERVE_RTT, "delay 20ms", 100, 0);
	sockets_ns = counted->rtt_us * 1000 / counted->rtt_samples;
	print_message("# rtt %.1f ms, the sockets say %.1f\n",
		      (double)counted->row.rtt_ns / (double)counted->row.rtt_samples / 1e6, (double)sockets_ns / 1e6);
	near(counted->row.rtt_ns / counted->row.rtt_samples, sockets_ns, 10);
	world_close(&world);
}

/* The client sends again what was answered already, when the answer was lost; else the wait would begin there. */
static void requests_that_are_sent_again_are_asked_once(void **state)
{
	struct counted *counted;
	struct world world;
	struct hist hist;

	(void)state;
	counted = link_measure(&world, NERVE_RESPONSES, "loss 15%", 100, 200000);
	print_message("# %.2f ms each, %llu segments sent again\n",
		      (double)counted->row.response_ns / (double)counted->row.responses / 1e6,
		      (unsigned long long)counted->retransmits);
	assert_int_equal(counted->row.responses, LINK_REQUESTS);
	assert_true(counted->retransmits > 5);
	hist_load(&world, WIRE_DELAY_RESPONSE, &hist);
	assert_true(hist_quantile(&hist, 1) < counted->think_us * 750ull);
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
		cmocka_unit_test(bytes_and_packets_are_the_interfaces),
		cmocka_unit_test(retransmits_are_the_kernels),
		cmocka_unit_test(requests_that_are_sent_again_are_asked_once),
		cmocka_unit_test(round_trip_times_are_the_sockets),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
