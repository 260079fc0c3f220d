/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of one cgroup against what the interface, the queueing discipline and the kernel's own counters say. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "talk.h"

#define LINK_REQUESTS 60
#define TCP_DROPS_MAX 5
#define DATAGRAMS 1000

/* Filled by the child, read by the parent. */
struct counted {
	char skip[128];
	const char *netem;		/* what the link does to packets, each way */
	uint32_t answer_bytes, think_us;	/* and how long the client waits between two requests */
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets;	/* of the interface */
	uint64_t retransmits;
	bool is_datagrams;		/* instead of requests: DATAGRAMS to the far end */
	uint64_t dropped, unread;	/* of those, by the link; and of as many to ourselves by a socket that is full */
	uint64_t unread_seen;		/* how many drops the kernel side saw of the latter */
	struct rtt rtt;
	struct wire_counters row;
	struct world *world;
};

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
	serve(listener, &counted->rtt);
	__atomic_add_fetch(&counted->retransmits, file_number("/proc/net/snmp", "Tcp:", 11), __ATOMIC_SEQ_CST);
	_exit(0);
}

#define LINK_SETUP                                                                                       \
	"{ echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add left type veth peer name right"    \
	" netns %d && ip addr add 10.9.0.1/24 dev left &&"                                                     \
	" ip link set left up && nsenter -t %d -n sh -c 'ip addr add 10.9.0.2/24 dev right &&"           \
	" ip link set right up && tc qdisc add dev right root netem %s' &&"             \
	" tc qdisc add dev left root netem %s; } 2>&1"

/* Nobody reads them; nobody is even there. */
static void datagrams_send(const char *address, uint16_t port, size_t bytes)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static char data[2048];

	inet_pton(AF_INET, address, &to.sin_addr);
	for (int i = 0; i < DATAGRAMS; i++)
		sendto(fd, data, bytes, 0, (void *)&to, sizeof(to));
	close(fd);
}

static uint64_t qdisc_drops(void)
{
	FILE *tc = popen("tc -s qdisc show dev left", "re");
	unsigned long long drops = 0;
	char line[256];

	while (tc && fgets(line, sizeof(line), tc))
		if (strstr(line, "dropped "))
			drops += strtoull(strstr(line, "dropped ") + strlen("dropped "), NULL, 10);
	if (tc)
		pclose(tc);
	return drops;
}

static void datagrams_exchange(struct counted *counted)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(7301), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4096;

	/* The neighbour is known by now, so none is dropped while waiting for its address; and TCP has nothing to repair. */
	settle();
	if (system("tc qdisc change dev left root netem loss 30%"))
		die("tc");
	row_add(counted, -1);
	datagrams_send("10.9.0.2", 9, 100);
	settle();
	row_add(counted, 1);
	counted->dropped = qdisc_drops();
	loopback_up();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (void *)&at, sizeof(at)))
		die("bind");
	counted->unread_seen = -TOTAL(counted->world, drops);
	datagrams_send("127.0.0.1", 7301, 1000);
	settle();
	counted->unread_seen += TOTAL(counted->world, drops);
	counted->unread = file_number("/proc/net/udp", "0100007F:1C85", 10);
	close(fd);
}

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
	if (counted->is_datagrams) {
		datagrams_exchange(counted);
		kill(pid, SIGKILL);
		return;
	}
	for (int i = 0; i < LINK_REQUESTS; i++) {
		ask(fd, (struct request){ 0, counted->answer_bytes }, 1, &counted->rtt);
		usleep(counted->think_us);
	}
	settle();
	row_add(counted, 1);
	__atomic_add_fetch(&counted->retransmits, file_number("/proc/net/snmp", "Tcp:", 11), __ATOMIC_SEQ_CST);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void link_measure(struct world *world, struct counted *counted, enum nerve_signal signal, const char *netem,
			 uint32_t answer_bytes, uint32_t think_us)
{
	world_open(world, 1 << 18);
	if (!nerve_has(world->nerve, signal))
		world_skip(world, nerve_lacks(world->nerve, signal));
	counted->world = world;
	counted->netem = netem;
	counted->answer_bytes = answer_bytes;
	counted->think_us = think_us;
	assert_int_equal(in_cgroup(world, link_exchange, counted), 0);
	if (counted->skip[0])
		world_skip(world, counted->skip);
}

static void retransmits_are_the_kernels(void **state)
{
	struct counted *counted = counted_new(NULL);
	struct world world;

	(void)state;
	link_measure(&world, counted, NERVE_RETRANSMITS, "loss 4% delay 10ms", 40000, 0);
	print_message("# %llu segments sent again\n", (unsigned long long)counted->retransmits);
	assert_true(counted->retransmits > 10);
	assert_int_equal(counted->row.retransmits, counted->retransmits);
	world_close(&world);
}

static void round_trip_times_are_the_sockets(void **state)
{
	struct counted *counted = counted_new(NULL);
	struct world world;
	uint64_t sockets_ns;

	(void)state;
	link_measure(&world, counted, NERVE_RTT, "delay 20ms", 100, 0);
	sockets_ns = counted->rtt.us * 1000 / counted->rtt.samples;
	print_message("# rtt %.1f ms, the sockets say %.1f\n",
		      (double)counted->row.rtt_ns / (double)counted->row.rtt_samples / 1e6, (double)sockets_ns / 1e6);
	near(counted->row.rtt_ns / counted->row.rtt_samples, sockets_ns, 10);
	world_close(&world);
}

/* The client sends again what was answered already, when the answer was lost; else the wait would begin there. */
static bool is_receiver_told(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 12));
}

/* TCP's own connection between the two throws a few segments away as well, which neither the link nor the datagrams' socket tells. */
static void drops_check(const struct world *world, uint64_t seen, uint64_t made)
{
	assert_true(seen <= made + TCP_DROPS_MAX);
	counted_check(world, seen < made ? seen : made, made);
}

static void drops_are_the_links_and_the_sockets(void **state)
{
	struct counted *counted = counted_new(NULL);
	struct world world;

	(void)state;
	counted->is_datagrams = true;
	link_measure(&world, counted, NERVE_DROPS, "delay 1ms", 0, 0);
	print_message("# %llu dropped by the link, %llu by the socket, of which %llu seen\n", (unsigned long long)counted->dropped,
		      (unsigned long long)counted->unread, (unsigned long long)counted->unread_seen);
	assert_in_range(counted->dropped, DATAGRAMS / 5, DATAGRAMS / 2);
	drops_check(&world, counted->row.drops, counted->dropped);
	assert_true(counted->unread > DATAGRAMS / 2);
	drops_check(&world, counted->unread_seen, is_receiver_told() ? counted->unread : 0);
	world_close(&world);
}

static void requests_that_are_sent_again_are_asked_once(void **state)
{
	struct counted *counted = counted_new(NULL);
	struct world world;
	struct hist hist;

	(void)state;
	link_measure(&world, counted, NERVE_RESPONSES, "loss 15%", 100, 200000);
	print_message("# %.2f ms each, %llu segments sent again\n",
		      (double)counted->row.response_ns / (double)counted->row.responses / 1e6,
		      (unsigned long long)counted->retransmits);
	counted_check(&world, counted->row.responses, LINK_REQUESTS);
	assert_true(counted->retransmits > 5);
	hist_load(&world, WIRE_DELAY_RESPONSE, &hist);
	/* Of that many sent again some hold an answered question. On a busy host one or two take long as they are. */
	assert_true(hist_quantile(&hist, 0.95) < counted->think_us * 750ull);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_packets_are_the_interfaces),
		cmocka_unit_test(retransmits_are_the_kernels),
		cmocka_unit_test(drops_are_the_links_and_the_sockets),
		cmocka_unit_test(requests_that_are_sent_again_are_asked_once),
		cmocka_unit_test(round_trip_times_are_the_sockets),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
