/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RATE (1000000) window records a second for SECONDS (30), by the code that the hooks tell a row with and without the switches
 * that make them (flood_feed.h), and what a record costs at each stage. Then as many as this machine can switch: each switch of two tasks per CPU that do
 * nothing but yield is told (window_ns 1). Afterwards the accounts must close exactly: per kind produced = delivered + dropped, what
 * the ring told of a row is what the row says it has told, and the rows hold all that was put and every switch that the kernel counted for
 * these tasks, however many records were dropped. Then the latency of an urgent record (a cgroup is made) to user space, in turns without and with that
 * load; and how soon a stall is known, by a trigger and by reading. Last line JSON; exit 1 when an account does not close.
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

#include "flood_feed.h"
#include "flood_pressure.h"
#include "sense/host.h"
#include "sense/load.h"

#define SLOT 1u
#define FED_SLOT 2u	/* nobody's: what is put is all that is counted there */
#define SLOTS 16
#define SWITCH_SECONDS 5
#define STAGE_COUNT 8000u	/* records that are put at once to see what one costs; they fit the ring */
#define STAGE_ROUNDS 21
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
	uint64_t told[SLOTS][WIRE_TOLD];
	struct feed *feed;
	uint64_t waiting_id;	/* of the cgroup whose record is awaited */
	uint64_t latency_ns;	/* of it, once it came */
};

static void record(void *context, const struct wire_head *head, size_t bytes)
{
	struct flood *flood = context;

	(void)bytes;
	flood->delivered[head->kind]++;
	if (head->kind == WIRE_WINDOW)
		for (uint32_t i = 0; i < WIRE_TOLD; i++)
			flood->told[head->slot][i] += ((const struct wire_window *)head)->moved[i];
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
	struct nerve_config config = { .slots_max = SLOTS, .ring_bytes = 1 << 20, .window_ns = 1, .flush_hz = 10 };
	struct wire_bound bound = { 0 };
	char root[256], error[NERVE_ERROR_MAX] = "needs root and a cgroup v2 mount";
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	struct stat st;

	if (geteuid() || host_cgroup_root(root, sizeof(root)) || nerve_open(&config, record, flood, &flood->nerve, error)) {
		fprintf(stderr, "bench-flood: %s\n", error);
		return -1;
	}
	snprintf(flood->group, sizeof(flood->group), "%s/forestall-flood-%d", root, getpid());
	flood->feed = feed_open(flood->nerve, FED_SLOT);
	if (!flood->feed || mkdir(flood->group, 0755) || stat(flood->group, &st))
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

static uint64_t row_total(const struct flood *flood, uint32_t slot, size_t counter, bool is_sent)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < nerve_cpus(flood->nerve); cpu++) {
		const volatile struct wire_row *row = nerve_row(flood->nerve, cpu, slot);

		sum += is_sent ? row->sent[counter] : ((const volatile uint64_t *)&row->now)[counter];
	}
	return sum;
}

#define SWITCHES (offsetof(struct wire_counters, switches) / sizeof(uint64_t))

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
	for (uint32_t slot = SLOT; slot <= FED_SLOT; slot++)
		for (uint32_t i = 0; i < WIRE_TOLD; i++)
			is_closed = is_closed && flood->told[slot][i] == row_total(flood, slot, i, true);
	return is_closed && row_total(flood, FED_SLOT, SWITCHES, false) == feed_count(flood->feed);
}

static double us(const uint64_t *sorted, uint32_t count, double quantile)
{
	return count ? (double)sorted[(uint32_t)(quantile * (count - 1))] / 1e3 : -1;
}

/* A flood of its own kind, without what came before and after it. */
struct phase {
	uint64_t elapsed_ns, produced, dropped;
	uint64_t cpu_ns;	/* that who makes the records and the reader had of all CPUs */
	double rss_first, rss_last;
};

/* What came out of it. */
struct outcome {
	uint64_t seconds, rate;
	struct phase fed, switched;
	double count_ns, tell_ns, refuse_ns, read_ns;	/* a record at each stage: medians */
	uint64_t switches, counted;
	bool is_closed;
};

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

static void phase_look(struct flood *flood, struct phase *phase)
{
	struct wire_loss loss;

	nerve_losses(flood->nerve, &loss);
	phase->produced = loss.produced[WIRE_WINDOW] - phase->produced;
	phase->dropped = loss.dropped[WIRE_WINDOW] - phase->dropped;
	phase->cpu_ns = cpu_ns(flood) - phase->cpu_ns;
}

/* Reads what comes for so long; it begins half a second after the records do. */
static void phase_run(struct flood *flood, uint64_t seconds, struct phase *phase)
{
	struct pollfd ready = { .fd = nerve_fd(flood->nerve), .events = POLLIN };
	uint64_t begun = host_now_ns(), since = begun + 500000000, now = begun;
	bool is_begun = false;

	while (now < since + seconds * 1000000000ull) {
		poll(&ready, 1, 1);
		nerve_consume(flood->nerve);
		now = host_now_ns();
		if (is_begun || now < since)
			continue;
		is_begun = true;
		since = now;
		phase->rss_first = rss_mb();
		phase_look(flood, phase);
	}
	phase->elapsed_ns = now - since;
	phase->rss_last = rss_mb();
	phase_look(flood, phase);
}

static int by_size(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double value[STAGE_ROUNDS])
{
	qsort(value, STAGE_ROUNDS, sizeof(*value), by_size);
	return value[STAGE_ROUNDS / 2];
}

/* A record that is only counted, told, refused by a ring that is full, and read. */
static void stages_run(struct flood *flood, struct outcome *out)
{
	double count[STAGE_ROUNDS], tell[STAGE_ROUNDS], refuse[STAGE_ROUNDS], read[STAGE_ROUNDS];

	for (int round = 0; round < STAGE_ROUNDS; round++) {
		uint64_t begun;
		int records;

		nerve_consume(flood->nerve);
		count[round] = feed_put(flood->feed, 0, STAGE_COUNT, false);
		tell[round] = feed_put(flood->feed, 0, STAGE_COUNT, true);
		feed_put(flood->feed, 0, 2 * STAGE_COUNT, true);
		refuse[round] = feed_put(flood->feed, 0, STAGE_COUNT, true);
		begun = host_now_ns();
		records = nerve_consume(flood->nerve);
		read[round] = (double)(host_now_ns() - begun) / records;
	}
	out->count_ns = median(count);
	out->tell_ns = median(tell);
	out->refuse_ns = median(refuse);
	out->read_ns = median(read);
}

static void flood_check(struct flood *flood, struct outcome *out)
{
	struct wire_loss loss;

	out->switches = tasks_end(flood);
	nerve_stop(flood->nerve);
	nerve_consume(flood->nerve);
	nerve_losses(flood->nerve, &loss);
	out->counted = row_total(flood, SLOT, SWITCHES, false);
	/* Beside them: what a task switched before it had entered the cgroup, and its last switch, after its accounts are closed. */
	out->is_closed = accounts_close(flood, &loss) && out->counted + 8 * flood->tasks >= out->switches &&
			 out->counted <= out->switches + 2 * flood->tasks;
}

static uint64_t number_of(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : usual;
}

static double per_second(uint64_t count, uint64_t ns) { return ns ? (double)count * 1e9 / (double)ns : 0; }

static void outcome_print(const struct outcome *out)
{
	const struct phase *fed = &out->fed, *switched = &out->switched;

	printf("{\"bench\":\"flood\",\"seconds\":%llu,\"events_per_s\":%.0f,\"produced\":%llu,\"dropped\":%llu,\"closes\":%s,"
	       "\"rss_mb\":[%.2f,%.2f],\"ns\":{\"count\":%.1f,\"tell\":%.1f,\"refuse\":%.1f,\"read\":%.1f},"
	       "\"switch_events_per_s\":%.0f,\"switch_events_per_cpu_s\":%.0f,\"switch_dropped\":%llu,\"switches_kernel\":%llu,"
	       "\"switches_row\":%llu,",
	       (unsigned long long)out->seconds, per_second(fed->produced, fed->elapsed_ns), (unsigned long long)fed->produced,
	       (unsigned long long)fed->dropped, out->is_closed ? "true" : "false", fed->rss_first, switched->rss_last,
	       out->count_ns, out->tell_ns, out->refuse_ns, out->read_ns, per_second(switched->produced, switched->elapsed_ns),
	       per_second(switched->produced, switched->cpu_ns), (unsigned long long)switched->dropped,
	       (unsigned long long)out->switches, (unsigned long long)out->counted);
}

/* Floods of both kinds, one after the other. 0 or -errno. */
static int floods_run(struct flood *flood, struct outcome *out)
{
	int r;

	stages_run(flood, out);
	r = feed_start(flood->feed, out->rate);
	if (r)
		return r;
	/* On a host that is full a reader that has to wait for its CPU would be what is measured. */
	setpriority(PRIO_PROCESS, 0, -20);
	phase_run(flood, out->seconds, &out->fed);
	setpriority(PRIO_PROCESS, 0, 0);
	feed_stop(flood->feed);
	tasks_signal(flood, SIGCONT);
	phase_run(flood, SWITCH_SECONDS, &out->switched);
	return 0;
}

int main(void)
{
	static uint64_t latency[2][ROUNDS / 2 * MADE_PER_ROUND];
	struct outcome out = { .seconds = number_of("SECONDS", 30), .rate = number_of("RATE", 1000000) };
	struct pressure_told told = { .trigger_first = -1 };
	uint32_t count[2] = { 0, 0 };
	static struct flood flood;
	int r;

	if (flood_open(&flood) || floods_run(&flood, &out))
		return 1;
	latencies_run(&flood, latency, count);
	flood_check(&flood, &out);
	r = pressure_measure(flood.group, &told);
	if (r < 0)
		fprintf(stderr, "bench-flood: no trigger on cpu.pressure: %s; needs psi=1 and CAP_SYS_RESOURCE\n", strerror(-r));
	outcome_print(&out);
	printf("\"urgent_idle_us\":[%.1f,%.1f],\"urgent_loaded_us\":[%.1f,%.1f],"
	       "\"stall_trigger_ms\":[%.0f,%.0f],\"stall_read_ms\":[%.0f,%.0f],\"trigger_first\":%.2f}\n",
	       us(latency[0], count[0], 0.5), us(latency[0], count[0], 0.99), us(latency[1], count[1], 0.5),
	       us(latency[1], count[1], 0.99), told.trigger_ms[PRESSURE_ROUNDS / 2], told.trigger_ms[PRESSURE_ROUNDS - 1],
	       told.read_ms[PRESSURE_ROUNDS / 2], told.read_ms[PRESSURE_ROUNDS - 1], told.trigger_first);
	feed_close(flood.feed);
	nerve_close(flood.nerve);
	rmdir(flood.group);
	return out.is_closed ? 0 : 1;
}
