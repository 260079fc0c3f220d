/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As many ring records as this machine can make: every switch of two tasks per CPU that do nothing but yield is told
 * (window_ns 1). Afterwards the accounts must close exactly: per kind produced = delivered + dropped, what the ring told of a row is
 * what the row says it has told, and the row holds every switch that the kernel counted for these tasks, however many records
 * were dropped. Then the latency of an urgent record (a cgroup is made) to user space, in turns without and with that
 * load; and how soon a stall is known, by a trigger and by reading. SECONDS=30. Last line JSON; exit 1 when an account does not close.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "flood_pressure.h"
#include "sense/host.h"
#include "sense/load.h"

#define SLOT 1u
#define TASKS_MAX 256
#define ROUNDS 40	/* of the latency, half of them loaded */
#define MADE_PER_ROUND 10

struct flood {
	struct nerve *nerve;
	char group[300];
	uint64_t group_id;
	pid_t pid[TASKS_MAX];
	uint32_t tasks;
	uint64_t delivered[WIRE_KIND_COUNT];
	uint64_t told[WIRE_TOLD];
	uint64_t waiting_id;	/* of the cgroup whose record is awaited */
	uint64_t latency_ns;	/* of it, once it came */
};

static void record(void *context, const struct wire_head *head, size_t bytes)
{
	struct flood *flood = context;

	(void)bytes;
	flood->delivered[head->kind]++;
	if (head->kind == WIRE_WINDOW && head->slot == SLOT)
		for (uint32_t i = 0; i < WIRE_TOLD; i++)
			flood->told[i] += ((const struct wire_window *)head)->moved[i];
	if (head->kind == WIRE_CGROUP_MADE && flood->waiting_id && !flood->latency_ns)
		flood->latency_ns = host_now_ns() - head->time_ns;
}

static void yield_run(const struct flood *flood, uint32_t at, uint32_t cpus)
{
	char path[400];
	cpu_set_t set;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/cgroup.procs", flood->group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	CPU_ZERO(&set);
	CPU_SET(at % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
	raise(SIGSTOP);
	for (;;)
		sched_yield();
}

static void tasks_signal(const struct flood *flood, int number)
{
	for (uint32_t i = 0; i < flood->tasks; i++)
		kill(flood->pid[i], number);
}

static int flood_open(struct flood *flood)
{
	struct nerve_config config = { .slots_max = 16, .ring_bytes = 1 << 20, .window_ns = 1, .flush_hz = 10 };
	struct wire_bound bound = { 0 };
	char root[256], error[NERVE_ERROR_MAX] = "needs root and a cgroup v2 mount";
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	struct stat st;

	if (geteuid() || host_cgroup_root(root, sizeof(root)) || nerve_open(&config, record, flood, &flood->nerve, error)) {
		fprintf(stderr, "bench-flood: %s\n", error);
		return -1;
	}
	snprintf(flood->group, sizeof(flood->group), "%s/forestall-flood-%d", root, getpid());
	if (mkdir(flood->group, 0755) || stat(flood->group, &st))
		return -1;
	bound.cgroup_id = flood->group_id = st.st_ino;
	nerve_slot_set(flood->nerve, SLOT, &bound);
	flood->tasks = 2 * cpus < TASKS_MAX ? 2 * cpus : TASKS_MAX;
	for (uint32_t i = 0; i < flood->tasks; i++) {
		flood->pid[i] = fork();
		if (!flood->pid[i])
			yield_run(flood, i, cpus);
		waitpid(flood->pid[i], NULL, WUNTRACED);
	}
	return 0;
}

static double rss_mb(void)
{
	char line[128];
	double kb = 0;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lf", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb / 1024;
}

static uint64_t row_total(const struct flood *flood, size_t counter, bool is_sent)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(flood->nerve); cpu++) {
		const volatile struct wire_row *row = nerve_row(flood->nerve, cpu, SLOT);

		sum += is_sent ? row->sent[counter] : ((const volatile uint64_t *)&row->now)[counter];
	}
	return sum;
}

static int ascending(const void *a, const void *b)
{
	return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : *(const uint64_t *)a > *(const uint64_t *)b;
}

/* Makes a cgroup from another process, waits for its record as the daemon does. 0: none came. */
static uint64_t made_latency(struct flood *flood, uint32_t number)
{
	struct pollfd ready = { .fd = nerve_fd(flood->nerve), .events = POLLIN };
	char path[400];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/m%u", flood->group, number);
	nerve_consume(flood->nerve);
	flood->waiting_id = 1;
	flood->latency_ns = 0;
	pid = fork();
	if (!pid)
		_exit(mkdir(path, 0755) ? 1 : 0);
	for (int i = 0; i < 1000 && !flood->latency_ns; i++) {
		poll(&ready, 1, 10);
		nerve_consume(flood->nerve);
	}
	flood->waiting_id = 0;
	waitpid(pid, NULL, 0);
	rmdir(path);
	return flood->latency_ns;
}

static void latencies_run(struct flood *flood, uint64_t latency[2][ROUNDS / 2 * MADE_PER_ROUND], uint32_t count[2])
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool is_loaded = round % 2;

		tasks_signal(flood, is_loaded ? SIGCONT : SIGSTOP);
		usleep(50000);
		for (uint32_t i = 0; i < MADE_PER_ROUND; i++) {
			uint64_t ns = made_latency(flood, round * MADE_PER_ROUND + i);

			if (ns)
				latency[is_loaded][count[is_loaded]++] = ns;
		}
	}
	for (int i = 0; i < 2; i++)
		qsort(latency[i], count[i], sizeof(uint64_t), ascending);
}

/* Ends the tasks and says how often the kernel switched them. */
static uint64_t tasks_end(struct flood *flood)
{
	uint64_t switches = 0;

	tasks_signal(flood, SIGKILL);
	for (uint32_t i = 0; i < flood->tasks; i++) {
		struct rusage usage;

		wait4(flood->pid[i], NULL, 0, &usage);
		switches += (uint64_t)(usage.ru_nvcsw + usage.ru_nivcsw);
	}
	usleep(100000);
	return switches;
}

static bool accounts_close(const struct flood *flood, const struct wire_loss *loss)
{
	bool is_closed = true;

	for (int kind = 1; kind < WIRE_KIND_COUNT; kind++)
		is_closed = is_closed && loss->produced[kind] == flood->delivered[kind] + loss->dropped[kind];
	for (uint32_t i = 0; i < WIRE_TOLD; i++)
		is_closed = is_closed && flood->told[i] == row_total(flood, i, true);
	return is_closed;
}

static double us(const uint64_t *sorted, uint32_t count, double quantile)
{
	return count ? (double)sorted[(uint32_t)(quantile * (count - 1))] / 1e3 : -1;
}

/* What came out of it. */
struct outcome {
	uint64_t seconds, elapsed_ns, produced;	/* of the flood itself, without the latencies after it */
	uint64_t cpu_ns;			/* that its tasks and the reader had of all CPUs in it */
	uint64_t switches, counted;
	double rss_first, rss_last;
	bool is_closed;
};

static uint64_t windows_made(const struct flood *flood)
{
	struct wire_loss loss;

	nerve_losses(flood->nerve, &loss);
	return loss.produced[WIRE_WINDOW];
}

/* Of the tasks and of this process: on a host in use by others the rest of the CPUs is theirs. */
static uint64_t cpu_ns(const struct flood *flood)
{
	struct timespec t = { 0 };
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= flood->tasks; i++) {
		clockid_t clock;

		if (!clock_getcpuclockid(i < flood->tasks ? flood->pid[i] : 0, &clock) && !clock_gettime(clock, &t))
			sum += (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
	}
	return sum;
}

static void flood_run(struct flood *flood, struct outcome *out)
{
	struct pollfd ready = { .fd = nerve_fd(flood->nerve), .events = POLLIN };
	uint64_t begun;

	tasks_signal(flood, SIGCONT);
	usleep(500000);
	nerve_consume(flood->nerve);
	out->produced = windows_made(flood);
	out->cpu_ns = cpu_ns(flood);
	out->rss_first = rss_mb();
	begun = host_now_ns();
	while ((out->elapsed_ns = host_now_ns() - begun) < out->seconds * 1000000000ull) {
		poll(&ready, 1, 1);
		nerve_consume(flood->nerve);
	}
	out->rss_last = rss_mb();
	out->produced = windows_made(flood) - out->produced;
	out->cpu_ns = cpu_ns(flood) - out->cpu_ns;
}

static void flood_check(struct flood *flood, struct outcome *out, struct wire_loss *loss)
{
	out->switches = tasks_end(flood);
	nerve_stop(flood->nerve);
	nerve_consume(flood->nerve);
	nerve_losses(flood->nerve, loss);
	out->counted = row_total(flood, offsetof(struct wire_counters, switches) / sizeof(uint64_t), false);
	/* Beside them: what a task switched before it had entered the cgroup, and its last switch, after its accounts are closed. */
	out->is_closed = accounts_close(flood, loss) && out->counted + 8 * flood->tasks >= out->switches &&
			 out->counted <= out->switches + 2 * flood->tasks;
}

int main(void)
{
	static uint64_t latency[2][ROUNDS / 2 * MADE_PER_ROUND];
	const char *seconds = getenv("SECONDS");
	struct outcome out = { .seconds = seconds && *seconds ? strtoull(seconds, NULL, 10) : 30 };
	uint32_t count[2] = { 0, 0 };
	struct pressure_told told = { .trigger_first = -1 };
	static struct flood flood;
	struct wire_loss loss;
	int r;

	if (flood_open(&flood))
		return 1;
	flood_run(&flood, &out);
	latencies_run(&flood, latency, count);
	flood_check(&flood, &out, &loss);
	r = pressure_measure(flood.group, &told);
	if (r < 0)
		fprintf(stderr, "bench-flood: no trigger on cpu.pressure: %s; needs psi=1 and CAP_SYS_RESOURCE\n", strerror(-r));
	printf("{\"bench\":\"flood\",\"seconds\":%llu,\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f,\"produced\":%llu,\"delivered\":%llu,\"dropped\":%llu,"
	       "\"closes\":%s,\"switches_kernel\":%llu,\"switches_row\":%llu,\"rss_mb\":[%.2f,%.2f],"
	       "\"urgent_idle_us\":[%.1f,%.1f],\"urgent_loaded_us\":[%.1f,%.1f],"
	       "\"stall_trigger_ms\":[%.0f,%.0f],\"stall_read_ms\":[%.0f,%.0f],\"trigger_first\":%.2f}\n",
	       (unsigned long long)out.seconds, (double)out.produced * 1e9 / (double)out.elapsed_ns,
	       (double)out.produced * 1e9 / (double)out.cpu_ns,
	       (unsigned long long)loss.produced[WIRE_WINDOW], (unsigned long long)flood.delivered[WIRE_WINDOW],
	       (unsigned long long)loss.dropped[WIRE_WINDOW], out.is_closed ? "true" : "false",
	       (unsigned long long)out.switches, (unsigned long long)out.counted, out.rss_first, out.rss_last,
	       us(latency[0], count[0], 0.5), us(latency[0], count[0], 0.99), us(latency[1], count[1], 0.5),
	       us(latency[1], count[1], 0.99), told.trigger_ms[PRESSURE_ROUNDS / 2], told.trigger_ms[PRESSURE_ROUNDS - 1],
	       told.read_ms[PRESSURE_ROUNDS / 2], told.read_ms[PRESSURE_ROUNDS - 1], told.trigger_first);
	nerve_close(flood.nerve);
	rmdir(flood.group);
	return out.is_closed ? 0 : 1;
}
