/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What acting costs: bench_act ACT.SOCK CGROUP DEVICE DISK, in a guest made by act.sh. Medians; last line JSON.
 *
 *   KNOB_us		from the decision to its answer: the message, all checks, journal, write, read-back, answer
 *   write		one value into cpu.max: a descriptor kept open, open-write-close, a child that runs echo
 *   htb		the rate of a class: eight in one call, one by one, a child that runs tc
 *   effect_us		from the write until the kernel shows that it acts: throttled, frozen, somebody held at memory.high
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "act/client.h"
#include "act/knob.h"
#include "act/tc_change.h"

#define ROOT "/sys/fs/cgroup"
#define ROUNDS 41
#define PAUSE_US 6000	/* the hands take 200 writes a second */
#define RECLAIM_ROUNDS 9
#define RECLAIM_PAUSE_US 420000	/* and a step of memory.reclaim each 0.4 s */
#define CLASSES 8	/* TC_REQUESTS_MAX: what one call takes */
#define CALL_MS 15000
#define EFFECT_US_MAX 5e6
#define READ_BYTES (1u << 20)

extern char **environ;

static char cgroup[256];
static int disk_fd;	/* kept open: with the last descriptor the page cache of a disk goes */

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int double_compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), double_compare);
	return values[count / 2];
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench_act: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void path_of(const char *file, char ret[512])
{
	snprintf(ret, 512, ROOT "%s/%s", cgroup, file);
}

static void file_write(const char *file, const char *text)
{
	char path[512];
	int fd;

	path_of(file, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	close(fd);
}

/* The number behind `key` in a file of the cgroup. */
static uint64_t stat_read(const char *file, const char *key)
{
	char path[512], text[8192];
	const char *found;
	ssize_t size;
	int fd;

	path_of(file, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (size < 0)
		fail(path);
	close(fd);
	text[size] = '\0';
	found = strstr(text, key);
	return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

/* Somebody in the cgroup who reads the disk into the page cache, once or until killed. */
static pid_t reader_start(bool is_once)
{
	static char buf[READ_BYTES];
	pid_t pid = fork();
	off_t at = 0;
	ssize_t size;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	file_write("cgroup.procs", "0");
	while ((size = pread(disk_fd, buf, sizeof(buf), at)) >= 0 && (size || !is_once))
		at = size ? at + size : 0;
	exit(size < 0);
}

/* --- through the hands ----------------------------------------------------------------------------------------------- */
static const struct decision {
	uint32_t knob;
	uint64_t value[2];
	uint64_t period_us;
} DECISIONS[] = {
	{ KNOB_CPU_WEIGHT, { 50, 60 }, 0 },
	{ KNOB_CPU_MAX, { 90000, 80000 }, 100000 },
	{ KNOB_CPU_BURST, { 1000, 2000 }, 0 },
	{ KNOB_CPUSET_CPUS, { 1, 0 }, 0 },
	{ KNOB_MEMORY_LOW, { 8 << 20, 16 << 20 }, 0 },
	{ KNOB_MEMORY_MIN, { 8 << 20, 16 << 20 }, 0 },
	{ KNOB_MEMORY_HIGH, { 512 << 20, 256 << 20 }, 0 },
	{ KNOB_IO_WEIGHT, { 50, 60 }, 0 },
	{ KNOB_FREEZE, { 1, 0 }, 0 },
	{ KNOB_NET_EGRESS, { 1000000, 2000000 }, 0 },
	{ KNOB_MEMORY_MAX, { 512 << 20, 256 << 20 }, 0 },
	{ KNOB_NET_INGRESS, { 1000000, 2000000 }, 0 },
	{ KNOB_CPU_IDLE, { 1, 0 }, 0 },
	{ KNOB_CPUSET_MEMS, { 1, 0 }, 0 },
	{ KNOB_MEMORY_RECLAIM, { 1 << 20, 1 << 20 }, 0 },
	{ KNOB_IO_RBPS, { 64 << 20, 32 << 20 }, 0 },
	{ KNOB_IO_WBPS, { 64 << 20, 32 << 20 }, 0 },
	{ KNOB_IO_RIOPS, { 20000, 10000 }, 0 },
	{ KNOB_IO_WIOPS, { 20000, 10000 }, 0 },
	{ KNOB_IO_COST, { 20000, 10000 }, 0 },
	{ KNOB_NET_FIRST, { 1000000, 2000000 }, 0 },
	{ KNOB_NET_PRIORITY, { 1, 2 }, 0 },
};

static uint32_t disk_number(void)
{
	struct stat st;

	if (fstat(disk_fd, &st) < 0)
		fail("the disk");
	return major(st.st_rdev) << 20 | minor(st.st_rdev);
}

static void message_fill(const struct decision *decision, uint64_t value, struct message *ret)
{
	struct stat st;
	char path[512];

	path_of("", path);
	if (stat(path, &st) < 0)
		fail(path);
	memset(ret, 0, sizeof(*ret));
	ret->kind = MESSAGE_PLAN;
	ret->count = 1;
	snprintf(ret->action[0].path, ACT_PATH_MAX, "%s", cgroup);
	ret->action[0].cgroup_id = st.st_ino;
	ret->action[0].knob = decision->knob;
	ret->action[0].value = value;
	ret->action[0].period_us = decision->period_us;
	ret->action[0].lease_ms = 60000;
	ret->action[0].device = knob_has_device((enum knob)decision->knob) ? disk_number() : 0;
}

/* What only starts to be done is answered for while a child does it. */
static bool is_taken(uint32_t outcome)
{
	return outcome == OUTCOME_APPLIED || outcome == OUTCOME_RELEASED || outcome == OUTCOME_PENDING;
}

/* A cpuset with a process takes no 0: such a knob alternates between taken and let go. */
static double decision_time(int fd, const struct decision *decision, int turn)
{
	static struct message message;
	static struct result result;
	uint64_t value = decision->value[turn % 2];
	double begun;
	int r;

	message_fill(decision, value, &message);
	if ((decision->knob == KNOB_CPUSET_CPUS || decision->knob == KNOB_CPUSET_MEMS) && value == 0)
		message.kind = MESSAGE_RELEASE;
	begun = now_us();
	r = act_client_call(fd, &message, &result, CALL_MS);
	begun = now_us() - begun;
	if (r < 0 || !is_taken(result.item[0].outcome)) {
		fprintf(stderr, "bench_act: %s: %s %s\n", knob_name((enum knob)decision->knob),
			r < 0 ? strerror(-r) : outcome_name((enum outcome)result.item[0].outcome), r < 0 ? "" : result.item[0].text);
		exit(1);
	}
	return begun;
}

static void decisions_bench(const char *socket)
{
	static double took[sizeof(DECISIONS) / sizeof(*DECISIONS)][ROUNDS];
	static struct message undo = { .kind = MESSAGE_UNDO_ALL };
	static struct result result;
	int fd = act_client_open(socket);

	if (fd < 0) {
		errno = -fd;
		fail(socket);
	}
	for (size_t i = 0; i < sizeof(DECISIONS) / sizeof(*DECISIONS); i++) {
		bool is_reclaim = DECISIONS[i].knob == KNOB_MEMORY_RECLAIM;
		int rounds = is_reclaim ? RECLAIM_ROUNDS : ROUNDS;
		char name[32];

		if (is_reclaim)
			waitpid(reader_start(true), NULL, 0);
		/* The first of a kind takes the knob, loads modules, makes the root. */
		for (int turn = -2; turn < rounds; turn++) {
			double us = decision_time(fd, &DECISIONS[i], turn + 2);

			if (turn >= 0)
				took[i][turn] = us;
			usleep(is_reclaim ? RECLAIM_PAUSE_US : PAUSE_US);
		}
		snprintf(name, sizeof(name), "%s", knob_name((enum knob)DECISIONS[i].knob));
		for (char *c = name; *c; c++)
			*c = *c == '.' ? '_' : *c;
		printf("\"%s_us\":%.1f,", name, median(took[i], (size_t)rounds));
		if (act_client_call(fd, &undo, &result, CALL_MS) < 0)
			fail("undo");
	}
	close(fd);
}

/* --- ways to write --------------------------------------------------------------------------------------------------- */
static void child_run(char *const argv[], const char *out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	posix_spawn_file_actions_init(&actions);
	if (out)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, O_WRONLY, 0);
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		fail(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
}

static void writes_bench(void)
{
	static const char *const TEXT[] = { "90000 100000", "80000 100000" };
	double took[3][ROUNDS];
	char path[512];
	int kept;

	path_of("cpu.max", path);
	kept = open(path, O_WRONLY | O_CLOEXEC);
	if (kept < 0)
		fail(path);
	for (int turn = 0; turn < ROUNDS; turn++) {
		char *argv[] = { "/bin/echo", (char *)TEXT[turn % 2], NULL };
		double begun = now_us();

		if (pwrite(kept, TEXT[turn % 2], strlen(TEXT[0]), 0) < 0)
			fail(path);
		took[0][turn] = now_us() - begun;
		begun = now_us();
		file_write("cpu.max", TEXT[1 - turn % 2]);
		took[1][turn] = now_us() - begun;
		begun = now_us();
		child_run(argv, path);
		took[2][turn] = now_us() - begun;
	}
	close(kept);
	file_write("cpu.max", "95000 100000");
	printf("\"write\":{\"kept_us\":%.1f,\"open_us\":%.1f,\"exec_us\":%.1f},", median(took[0], ROUNDS),
	       median(took[1], ROUNDS), median(took[2], ROUNDS));
}

/* --- HTB --------------------------------------------------------------------------------------------------------------- */
static void change_send(struct tc_change *change, struct nl_sock *sock)
{
	char text[ACT_TEXT_MAX] = "";
	int r = tc_change_send(change, sock, text);

	if (r < 0) {
		fprintf(stderr, "bench_act: htb: %s: %s\n", text, strerror(-r));
		exit(1);
	}
}

static void htb_make(int ifindex, struct nl_sock *sock)
{
	struct tc_change root = { .ifindex = ifindex };

	tc_add_root(&root, TC_RATE_REST);
	change_send(&root, sock);
	for (uint32_t i = 0; i < CLASSES; i++) {
		struct tc_change one = { .ifindex = ifindex };
		const struct tc_class class = tc_class_behind(TC_CLASS_LOWEST + i, 1000000);

		tc_add_class(&one, &class, true);
		change_send(&one, sock);
	}
}

/* Microseconds for all classes, `at_once` in a call. */
static double htb_time(int ifindex, struct nl_sock *sock, uint32_t at_once, uint64_t rate)
{
	double begun = now_us();

	for (uint32_t i = 0; i < CLASSES; i += at_once) {
		struct tc_change change = { .ifindex = ifindex };

		for (uint32_t k = i; k < i + at_once; k++) {
			const struct tc_class class = tc_class_behind(TC_CLASS_LOWEST + k, rate);

			tc_add_class(&change, &class, false);
		}
		change_send(&change, sock);
	}
	return now_us() - begun;
}

static double tc_time(const char *device)
{
	char *argv[] = { "/sbin/tc", "class", "change", "dev", (char *)device, "parent", "464f:", "classid", "464f:2", "htb",
			 "rate", "8mbit", NULL };
	double begun = now_us();

	child_run(argv, NULL);
	return now_us() - begun;
}

static void htb_bench(const char *device)
{
	int ifindex = (int)if_nametoindex(device);
	struct nl_sock *sock = nl_socket_alloc();
	struct tc_change away = { .ifindex = ifindex };
	double took[3][ROUNDS];

	if (!sock || nl_connect(sock, NETLINK_ROUTE) < 0 || !ifindex)
		fail(device);
	htb_make(ifindex, sock);
	for (int turn = 0; turn < ROUNDS; turn++) {
		took[0][turn] = htb_time(ifindex, sock, CLASSES, 1000000 + (uint64_t)turn) / CLASSES;
		took[1][turn] = htb_time(ifindex, sock, 1, 2000000 + (uint64_t)turn) / CLASSES;
		took[2][turn] = tc_time(device);
	}
	tc_delete_root(&away);
	change_send(&away, sock);
	nl_socket_free(sock);
	printf("\"htb_us\":%.1f,\"htb\":{\"batched_us\":%.1f,\"single_us\":%.1f,\"exec_us\":%.1f},", median(took[0], ROUNDS),
	       median(took[0], ROUNDS), median(took[1], ROUNDS), median(took[2], ROUNDS));
}

/* --- until it acts ------------------------------------------------------------------------------------------------------ */
static const struct effect {
	const char *file, *value, *rest;	/* written, and written back */
	const char *shows, *key;		/* the number that grows, or becomes 1 */
	bool is_read;				/* for who reads the disk */
} EFFECTS[] = {
	{ "cpu.max", "1000 10000", "95000 100000", "cpu.stat", "nr_throttled ", false },
	{ "cgroup.freeze", "1", "0", "cgroup.events", "frozen ", false },
	{ "memory.high", "33554432", "max", "memory.events", "high ", true },
};

static void effects_bench(void)
{
	printf("\"effect_us\":{");
	for (size_t i = 0; i < sizeof(EFFECTS) / sizeof(*EFFECTS); i++) {
		const struct effect *effect = &EFFECTS[i];
		pid_t reader = effect->is_read ? reader_start(false) : -1;
		double took[ROUNDS];

		for (int turn = 0; turn < ROUNDS; turn++) {
			uint64_t before = stat_read(effect->shows, effect->key);
			double begun = now_us();

			file_write(effect->file, effect->value);
			while (stat_read(effect->shows, effect->key) == before) {
				if (now_us() - begun > EFFECT_US_MAX) {
					fprintf(stderr, "bench_act: %s: no effect within 5 s\n", effect->file);
					exit(1);
				}
				usleep(50);
			}
			took[turn] = now_us() - begun;
			file_write(effect->file, effect->rest);
			usleep(20000 + 1000 * (unsigned int)(turn % 10));
		}
		printf("%s\"%s\":%.1f", i ? "," : "", effect->file, median(took, ROUNDS));
		if (reader > 0) {
			kill(reader, SIGKILL);
			waitpid(reader, NULL, 0);
		}
	}
	printf("}");
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: bench_act ACT.SOCK CGROUP DEVICE DISK; see tests/bench/act.sh\n", stderr);
		return 2;
	}
	snprintf(cgroup, sizeof(cgroup), "%s", argv[2]);
	disk_fd = open(argv[4], O_RDONLY | O_CLOEXEC);
	if (disk_fd < 0)
		fail(argv[4]);
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("{\"bench\":\"act\",");
	decisions_bench(argv[1]);
	writes_bench();
	htb_bench(argv[3]);
	effects_bench();
	printf("}\n");
	return 0;
}
