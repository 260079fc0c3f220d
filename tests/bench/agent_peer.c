/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NETDATA "/usr/sbin/netdata"
#define STILL_MS_MAX 60000	/* who comes no nearer to seeing the load for so long is not waited for */
#define SLO "runq_p99<50ms mem_some<20% tier=critical"
#define SPARE_SLOTS 512		/* cgroups of the host beside the load */

const char *const peer_name[PEER_COUNT] = { "forestall", "netdata", "reader" };

/* Of what netdata offers only its cgroups plugin, once a second, in memory; no network, no cloud, no statistics. */
static const char netdata_conf[] =
	"[global]\n run as user = root\n"
	"[directories]\n cache = %1$s\n lib = %1$s\n log = %1$s\n config = %1$s\n home = %1$s\n"
	"[logs]\n debug = none\n error = %1$s/error.log\n access = none\n health = none\n"
	"[db]\n mode = ram\n retention = 300\n update every = 1\n"
	"[web]\n mode = none\n[health]\n enabled = no\n[ml]\n enabled = no\n[statsd]\n enabled = no\n"
	"[plugins]\n proc = no\n diskspace = no\n tc = no\n idlejitter = no\n timex = no\n statsd = no\n apps = no\n"
	" nfacct = no\n perf = no\n slabinfo = no\n checks = no\n enable running new plugins = no\n"
	" netdata monitoring = no\n netdata monitoring extended = no\n cgroups = yes\n"
	"[plugin:cgroups]\n update every = 1\n check for new cgroups every = 10\n use unified cgroups = yes\n"
	" path to unified cgroups = %2$s\n max cgroups to allow = 100000\n max cgroups depth to monitor = 0\n"
	" enable by default cgroups matching = *\n enable by default cgroups names matching = *\n"
	" search for cgroups in subpaths matching = *\n run script to rename cgroups matching = !*\n"
	" script to get cgroup network interfaces = /bin/true\n";

static void file_write(const char *dir, const char *name, const char *format, const char *a, const char *b)
	__attribute__((format(printf, 3, 0)));

static void file_write(const char *dir, const char *name, const char *format, const char *a, const char *b)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file)
		return;
	fprintf(file, format, a, b);
	fclose(file);
}

/* A child whose output goes to a file in dir, and that does not outlive the bench. */
static pid_t child_start(const char *dir, char *const argv[])
{
	char log[512];
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(log, sizeof(log), "%s/output", dir);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setenv("DO_NOT_TRACK", "1", 1);
	execv(argv[0], argv);
	_exit(127);
}

static pid_t netdata_start(const char *dir, const struct load *load)
{
	char conf[320], pid_file[320], cloud[256];
	char *const argv[] = { NETDATA, "-D", "-c", conf, "-P", pid_file, NULL };

	snprintf(conf, sizeof(conf), "%s/netdata.conf", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
	file_write(dir, "netdata.conf", netdata_conf, dir, load->root);
	file_write(dir, ".opt-out-from-anonymous-statistics", "%s%s", "", "");
	snprintf(cloud, sizeof(cloud), "%.240s/cloud.d", dir);
	mkdir(cloud, 0755);
	file_write(cloud, "cloud.conf", "[global]\n\tenabled = no\n%s%s", "", "");
	return child_start(dir, argv);
}

/* ANNOTATED= percent of the load have an SLO= that is judged and not broken. */
static void slo_write(const char *conf, const struct load *load)
{
	const char *wanted = getenv("ANNOTATED"), *slo = getenv("SLO");
	uint32_t percent = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 0;
	char dir[360], path[400];
	FILE *file;

	if (!percent)
		return;
	snprintf(dir, sizeof(dir), "%s/instances.d", conf);
	mkdir(dir, 0755);
	snprintf(path, sizeof(path), "%s/load.conf", dir);
	file = fopen(path, "we");
	if (!file)
		return;
	for (uint32_t at = 0; at < load->count; at++)
		if ((at + 1) * percent / 100 > at * percent / 100)
			fprintf(file, "[/c%05u]\nslo = %s\n", at, slo && slo[0] ? slo : SLO);
	fclose(file);
}

static pid_t ours_start(const char *dir, const struct load *load)
{
	char run[320], conf[320], state[320], max[16];
	char *const argv[] = { "build/bin/forestall", "--run-dir", run, "--config-dir", conf, "--cgroup-root", (char *)load->root,
			       "--state-dir", state, "up", "--mode", "observe", NULL };
	const char *wanted = getenv("INSTANCES_MAX");

	snprintf(run, sizeof(run), "%s/run", dir);
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	mkdir(conf, 0755);
	snprintf(max, sizeof(max), "%u", load->count + SPARE_SLOTS);
	/* As shipped where that is enough. */
	if (wanted || load->count + SPARE_SLOTS > 2048)
		file_write(conf, "forestall.conf", "[mind]\ninstances_max = %s\n%s", wanted ?: max, "");
	slo_write(conf, load);
	return child_start(dir, argv);
}

/* How many of the last cgroup it shows, 0 or 1. */
static uint64_t ours_sees(const char *dir, const struct load *load)
{
	char command[900];

	snprintf(command, sizeof(command), "build/bin/forestall --run-dir %s/run instance show /c%05u >/dev/null 2>&1", dir, load->count - 1);
	return !system(command);
}

static uint64_t reads_of(pid_t pid)
{
	char path[64], line[128];
	unsigned long reads = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/io", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "syscr: %lu", &reads) == 1)
			break;
	if (file)
		fclose(file);
	return reads;
}

/* How often it reads in three seconds: once it has found them, four files of each cgroup in a second. */
static uint64_t netdata_sees(pid_t pid)
{
	uint64_t before = reads_of(pid);

	pause_ms(3000);
	return reads_of(pid) - before;
}

/* 0 when it sees the load, or -errno. */
static int peer_await(enum peer_kind kind, pid_t pid, const char *dir, const struct load *load)
{
	uint64_t seen, most = 0, wanted = kind == PEER_OURS ? 1 : 3ull * 3 * load->count, moved_ns = now_ns();

	for (; now_ns() - moved_ns < STILL_MS_MAX * 1000000ull; pause_ms(500)) {
		seen = kind == PEER_OURS ? ours_sees(dir, load) : netdata_sees(pid);
		if (seen >= wanted)
			return 0;
		if (waitpid(pid, NULL, WNOHANG))
			return -ECHILD;
		/* By a tenth: what reads at its limit wavers. */
		if (seen * 10 > most * 11) {
			most = seen;
			moved_ns = now_ns();
		}
	}
	return -ETIMEDOUT;
}

pid_t peer_start(enum peer_kind kind, const char *scratch, const struct load *load)
{
	char dir[256];
	pid_t pid;
	int r;

	snprintf(dir, sizeof(dir), "%s/%s", scratch, peer_name[kind]);
	mkdir(dir, 0755);
	if (kind == PEER_NETDATA && access(NETDATA, X_OK))
		return 0;
	if (kind == PEER_READER) {
		pid = fork();
		if (!pid)
			reader_run(load);
		return pid < 0 ? -errno : pid;
	}
	pid = kind == PEER_OURS ? ours_start(dir, load) : netdata_start(dir, load);
	r = pid < 0 ? pid : peer_await(kind, pid, dir, load);
	if (r == -ETIMEDOUT)
		peer_stop(pid);
	return r ?: pid;
}

void peer_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	family_signal(pid, SIGCONT);
	kill(pid, SIGTERM);
	for (int i = 0; i < 600; i++, pause_ms(50))
		if (waitpid(pid, NULL, WNOHANG))
			return;
	family_signal(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const char *const read_files[] = { "cpu.stat", "cpu.pressure", "memory.pressure", "io.pressure" };
#define READ_FILES (sizeof(read_files) / sizeof(read_files[0]))

static uint64_t text_sum(const char *text)
{
	uint64_t sum = 0;

	while ((text = strpbrk(text, "0123456789")))
		sum += strtoull(text, (char **)&text, 10);
	return sum;
}

void reader_run(const struct load *load)
{
	uint32_t count = load->count * READ_FILES;
	int *fd = calloc(count, sizeof(*fd));
	volatile uint64_t sum = 0;
	struct rlimit limit;
	char text[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(load->gate[1]);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (uint32_t i = 0; fd && i < count; i++) {
		snprintf(text, sizeof(text), "%s/c%05u/%s", load->root, i / (uint32_t)READ_FILES, read_files[i % READ_FILES]);
		fd[i] = open(text, O_RDONLY | O_CLOEXEC);
	}
	for (uint64_t due = now_ns();; due += NS_PER_S) {
		for (uint32_t i = 0; fd && i < count; i++) {
			ssize_t n = pread(fd[i], text, sizeof(text) - 1, 0);

			text[n > 0 ? n : 0] = '\0';
			sum += text_sum(text);
		}
		if (now_ns() < due + NS_PER_S)
			pause_ms((due + NS_PER_S - now_ns()) / 1000000);
		else
			due = now_ns() - NS_PER_S;
	}
}
