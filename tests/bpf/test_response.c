/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Response times of real servers against the timestamps of their packets on the veth in front of them. Server, client and
 * listener on the wire live in processes of their own: server and listener in one network namespace, the client in another,
 * and only the server in the cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "predict/hist.h"
#include "talk.h"

#define CONNECTIONS 4
#define ROUNDS 750	/* requests of each connection */
#define REQUESTS (CONNECTIONS * ROUNDS)
#define PACKETS_MAX 65536
#define ANSWER_MAX 65536

/* A packet with payload on the server's end of the link. */
struct packet {
	uint64_t time_ns;
	uint32_t end;		/* number of the byte after its last */
	uint16_t client_port;
	bool is_answer;
};

struct server {
	const char *name, *request, *answer_end;	/* the answer's last bytes, that occur nowhere else in it */
	uint16_t port;
	void (*run)(void);
};

struct stage {
	char skip[128];
	const struct server *server;
	int family;
	struct world *world;
	volatile uint32_t packets;
	struct packet packet[PACKETS_MAX];
};

#define DIR_PATH "/tmp/forestall-response"

static void redis_run(void)
{
	execlp("redis-server", "redis-server", "--port", "6379", "--bind", "0.0.0.0", "::", "--protected-mode", "no", "--save", "",
	       "--daemonize", "no", "--logfile", "/dev/null", (char *)NULL);
}

static void nginx_run(void)
{
	static const char *const config =
		"daemon off; master_process off; pid " DIR_PATH "/pid; error_log " DIR_PATH "/error;\n"
		"events { worker_connections 64; }\n"
		"http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;\n"
		"client_body_temp_path " DIR_PATH "; proxy_temp_path " DIR_PATH "; fastcgi_temp_path " DIR_PATH ";\n"
		"uwsgi_temp_path " DIR_PATH "; scgi_temp_path " DIR_PATH ";\n"
		"server { listen 0.0.0.0:8080; listen [::]:8080; root " DIR_PATH "; } }\n";
	FILE *file = fopen(DIR_PATH "/config", "we");

	fputs(config, file);
	fclose(file);
	file = fopen(DIR_PATH "/page", "we");
	fprintf(file, "%2000s", "the end");
	fclose(file);
	execl("/usr/sbin/nginx", "nginx", "-e", DIR_PATH "/error", "-c", DIR_PATH "/config", (char *)NULL);
}

static const struct server servers[] = {
	{ "redis", "*2\r\n$4\r\nECHO\r\n$7\r\nthe end\r\n", "the end\r\n", 6379, redis_run },
	{ "nginx", "GET /page HTTP/1.1\r\nHost: a\r\n\r\n", "the end", 8080, nginx_run },
};

/* --- the wire ------------------------------------------------------------------------------------------------------------- */

/* The TCP header of an IP packet and its payload's length; NULL when it is none. */
static const struct tcphdr *tcp_of(const char *bytes, ssize_t size, size_t *ret_payload)
{
	const struct iphdr *four = (const void *)bytes;
	const struct ip6_hdr *six = (const void *)bytes;
	bool is_four = size > 40 && four->version == 4;
	size_t at = is_four ? four->ihl * 4u : sizeof(*six);
	size_t total = is_four ? ntohs(four->tot_len) : sizeof(*six) + ntohs(six->ip6_plen);
	const struct tcphdr *tcp = (const void *)(bytes + at);

	if (size <= 40 || (is_four ? four->protocol : six->ip6_nxt) != IPPROTO_TCP)
		return NULL;
	*ret_payload = total - at - tcp->doff * 4u;
	return tcp;
}

static uint64_t stamp_of(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct timespec time = { 0 };

	if (control && control->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&time, CMSG_DATA(control), sizeof(time));
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

/* False when none waits. */
static bool packet_take(struct stage *stage, int fd)
{
	char bytes[128], control[256];
	struct sockaddr_ll from;
	struct iovec vector = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &vector, .msg_iovlen = 1,
				  .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
	size_t payload = 0;
	const struct tcphdr *tcp = n > 0 ? tcp_of(bytes, n, &payload) : NULL;
	bool is_answer = from.sll_pkttype == PACKET_OUTGOING;

	if (!tcp || !payload || stage->packets == PACKETS_MAX)
		return n > 0;
	stage->packet[stage->packets++] = (struct packet){
		.time_ns = stamp_of(&message), .end = ntohl(tcp->seq) + (uint32_t)payload, .client_port = is_answer ? tcp->dest : tcp->source, .is_answer = is_answer };
	return true;
}

/* Reads all that passes the server's end of the link until it is killed. */
static pid_t wire_start(struct stage *stage, int netns_fd, int ready)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd, yes = 1, room = 256 << 20;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setns(netns_fd, CLONE_NEWNET))
		die("setns");
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL));
	at.sll_ifindex = (int)if_nametoindex("right");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, (void *)&at, sizeof(at)) || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes)))
		die("packet socket");
	if (write(ready, "w", 1) != 1)
		die("pipe");
	/* Nobody waits for packets: to wake a reader with each would take part of the time that is measured. */
	for (;; usleep(10000))
		while (packet_take(stage, fd))
			;
}

/* --- the client ----------------------------------------------------------------------------------------------------------- */

/* The server may still be starting. */
static int server_connect(const struct stage *stage)
{
	int fd = -1;

	for (int i = 0; i < 300 && fd < 0; i++) {
		fd = connect_try(stage->family, stage->family == AF_INET ? "10.9.0.2" : "fd09::2", stage->server->port);
		if (fd < 0)
			usleep(100000);
	}
	if (fd < 0)
		die("connect");
	return fd;
}

static void answer_read(int fd, const char *end)
{
	static char answer[ANSWER_MAX];
	size_t size = 0, tail = strlen(end);

	do {
		ssize_t n = recv(fd, answer + size, sizeof(answer) - size, 0);

		if (n <= 0)
			die("recv");
		size += (size_t)n;
	} while (size < tail || memcmp(answer + size - tail, end, tail));
}

static void requests_send(const struct stage *stage)
{
	const struct server *server = stage->server;
	int fd[CONNECTIONS];

	for (int i = 0; i < CONNECTIONS; i++)
		fd[i] = server_connect(stage);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			if (send(fd[i], server->request, strlen(server->request), MSG_NOSIGNAL) < 0)
				die("send");
		for (int i = 0; i < CONNECTIONS; i++)
			answer_read(fd[i], server->answer_end);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(fd[i]);
}

/* --- all of them ---------------------------------------------------------------------------------------------------------- */

static pid_t server_launch(const struct stage *stage, int ready, int go)
{
	pid_t pid = fork();
	char byte;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(stage->world);
	if (unshare(CLONE_NEWNET) || write(ready, "r", 1) != 1 || read(go, &byte, 1) != 1)
		die("server");
	stage->server->run();
	die(stage->server->name);
	return 0;
}

#define LINK_SETUP                                                                                                        \
	"{ ip link add left type veth peer name right netns %d && ip addr add 10.9.0.1/24 dev left &&"                    \
	" ip addr add fd09::1/64 dev left nodad && ip link set left up && nsenter -t %d -n sh -c 'ip addr add"            \
	" 10.9.0.2/24 dev right && ip addr add fd09::2/64 dev right nodad && ip link set right up'; } 2>&1"

static void byte_await(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		die("pipe");
}

static void stage_run(struct stage *stage)
{
	char command[512], path[64];
	int ready[2], go[2];
	pid_t server, wire;
	uint32_t seen;

	if (unshare(CLONE_NEWNET) || pipe(ready) || pipe(go))
		die("namespace");
	server = server_launch(stage, ready[1], go[0]);
	byte_await(ready[0]);
	snprintf(command, sizeof(command), LINK_SETUP, server, server);
	if (system(command)) {
		snprintf(stage->skip, sizeof(stage->skip), "no veth pair here");
		kill(server, SIGKILL);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/net", server);
	wire = wire_start(stage, open(path, O_RDONLY | O_CLOEXEC), ready[1]);
	byte_await(ready[0]);
	if (write(go[1], "g", 1) != 1)
		die("pipe");
	requests_send(stage);
	/* On a busy host whoever reads the packets may be far behind. */
	do {
		seen = stage->packets;
		usleep(1000000);
	} while (stage->packets != seen);
	kill(server, SIGKILL);
	kill(wire, SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* The k-th smallest of count is the q quantile, as hist_quantile() has it. */
static uint64_t quantile_of(const uint64_t *sorted, uint32_t count, uint32_t percent)
{
	return sorted[(count * percent + 99) / 100 - 1];
}

/* From the first byte of a question to the first of the answer, on each connection. Returns how many, sorted. */
static uint32_t delays_of(const struct stage *stage, uint64_t delay_ns[PACKETS_MAX])
{
	static uint64_t asked_ns[65536];
	static uint32_t end[2][65536];
	uint32_t count = 0;

	memset(asked_ns, 0, sizeof(asked_ns));
	memset(end, 0, sizeof(end));
	for (uint32_t i = 0; i < stage->packets; i++) {
		const struct packet *packet = &stage->packet[i];
		uint64_t *asked = &asked_ns[packet->client_port];
		uint32_t *told = &end[packet->is_answer][packet->client_port];

		/* What TCP sends again neither asks nor answers. */
		if (*told && (int32_t)(packet->end - *told) <= 0)
			continue;
		*told = packet->end;
		if (!packet->is_answer && !*asked)
			*asked = packet->time_ns;
		if (packet->is_answer && *asked) {
			delay_ns[count++] = packet->time_ns - *asked;
			*asked = 0;
		}
	}
	qsort(delay_ns, count, sizeof(*delay_ns), by_value);
	return count;
}

static void delays_check(const struct stage *stage)
{
	static uint64_t delay_ns[PACKETS_MAX];
	uint64_t p50, p99, mean, wire_ns = 0, wire_p50, wire_p99;
	uint32_t count = delays_of(stage, delay_ns);
	uint64_t counted = TOTAL(stage->world, responses);
	struct hist hist;

	hist_load(stage->world, WIRE_DELAY_RESPONSE, &hist);
	p50 = hist_quantile(&hist, .5);
	p99 = hist_quantile(&hist, .99);
	for (uint32_t i = 0; i < count; i++)
		wire_ns += delay_ns[i];
	assert_int_equal(count, REQUESTS);
	counted_check(stage->world, counted, REQUESTS);
	wire_p50 = quantile_of(delay_ns, count, 50);
	wire_p99 = quantile_of(delay_ns, count, 99);
	mean = TOTAL(stage->world, response_ns) / counted;
	print_message("# %s: p50 %.1f us, wire %.1f; p99 %.1f, wire %.1f; mean %.1f, wire %.1f\n", stage->server->name, p50 / 1e3,
		      wire_p50 / 1e3, p99 / 1e3, wire_p99 / 1e3, mean / 1e3, wire_ns / 1e3 / count);
	near(mean, wire_ns / count, 10);
	near(p50, wire_p50, 10);
	near(p99, wire_p99, 10);
}

static void responses_check(const struct server *server, int family)
{
	struct stage *stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct world world;
	pid_t pid;

	assert_true(stage != MAP_FAILED);
	world_open(&world, 1 << 18);
	if (!nerve_has(world.nerve, NERVE_RESPONSES))
		world_skip(&world, nerve_lacks(world.nerve, NERVE_RESPONSES));
	mkdir(DIR_PATH, 0755);
	stage->server = server;
	stage->family = family;
	stage->world = &world;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stage_run(stage);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (stage->skip[0])
		world_skip(&world, stage->skip);
	delays_check(stage);
	world_close(&world);
	munmap(stage, sizeof(*stage));
	if (system("rm -rf " DIR_PATH))
		fail();
}

static void redis_answers_as_its_packets_say(void **state) { (void)state; responses_check(&servers[0], AF_INET); }
static void redis_over_ipv6_too(void **state) { (void)state; responses_check(&servers[0], AF_INET6); }
static void nginx_answers_as_its_packets_say(void **state) { (void)state; responses_check(&servers[1], AF_INET); }
static void nginx_over_ipv6_too(void **state) { (void)state; responses_check(&servers[1], AF_INET6); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_answers_as_its_packets_say),
		cmocka_unit_test(redis_over_ipv6_too),
		cmocka_unit_test(nginx_answers_as_its_packets_say),
		cmocka_unit_test(nginx_over_ipv6_too),
	};

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
