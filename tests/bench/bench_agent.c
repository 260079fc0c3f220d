/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What it costs to observe N cgroups, in each of them a process that wakes up HZ times a second: CPU time of all our
 * processes plus the run time of our BPF programs (less what the counting of run time costs itself), resident memory plus
 * what the kernel charges for our maps. All see these cgroups and no others: what stands elsewhere on the host, annotated or not, is
 * none of the figures. netdata (its cgroups plugin alone) and a plain reader of the same files look on in the same run, in
 * slices: while one is measured the others stand still. CPU time, not wall time. Last line JSON.
 *
 *   N="10 100 1000 10000" SECONDS=60 WAKEUPS_MAX=100000 ANNOTATED=0 build/test/bench_agent
 *
 * HZ is 100, and less where N * 100 is more than WAKEUPS_MAX. ANNOTATED percent of them have an SLO, which is judged, forecast and not broken.
 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sense/host.h"

#define SIZES_MAX 8
#define SLICE_S 10
#define WARM_MS 3000
#define SKIP_MS 1500	/* of each slice, in which who stood still catches up */
#define HZ 100

/* One peer at one N. */
struct measure {
	pid_t pid;
	uint64_t elapsed_ns;
	struct cost cost;
	struct memory memory;
};

struct result {
	uint32_t count, hz;
	double woken_per_s;
	struct measure peer[PEER_COUNT];
};

static uint64_t option(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && text[0] ? strtoull(text, NULL, 10) : otherwise;
}

static void cost_add(struct cost *sum, const struct cost *from, const struct cost *to)
{
	sum->cpu_ns += to->cpu_ns - from->cpu_ns;
	sum->bpf_ns += to->bpf_ns - from->bpf_ns;
	sum->bpf_runs += to->bpf_runs - from->bpf_runs;
	sum->empty_ns += to->empty_ns - from->empty_ns;
	sum->empty_runs += to->empty_runs - from->empty_runs;
}

/* What the counting costs: how loaded a machine was shows here. */
static double empty_ns(const struct cost *cost)
{
	return cost->empty_runs ? (double)cost->empty_ns / (double)cost->empty_runs : 0;
}

static double bpf_ns(const struct cost *cost)
{
	double net = (double)cost->bpf_ns - empty_ns(cost) * (double)cost->bpf_runs;

	return net > 0 ? net : 0;
}

static double percent(const struct measure *measure, double ns)
{
	return measure->elapsed_ns ? 100 * ns / (double)measure->elapsed_ns : -1;
}

static double runs_per_s(const struct measure *measure)
{
	return measure->elapsed_ns ? (double)measure->cost.bpf_runs * 1e9 / (double)measure->elapsed_ns : 0;
}

static double core_percent(const struct measure *measure)
{
	return percent(measure, (double)measure->cost.cpu_ns + bpf_ns(&measure->cost));
}

static double memory_mb(const struct measure *measure)
{
	return measure->elapsed_ns ? measure->memory.rss_mb + measure->memory.maps_mb : -1;
}

static void slice_run(struct result *result, enum peer_kind kind, uint64_t ms)
{
	struct measure *measure = &result->peer[kind];
	struct cost from, to;
	uint64_t begun;

	if (measure->pid <= 0)
		return;
	for (int other = 0; other < PEER_COUNT; other++)
		if (result->peer[other].pid > 0)
			family_signal(result->peer[other].pid, other == (int)kind ? SIGCONT : SIGSTOP);
	pause_ms(SKIP_MS);
	from = cost_now(measure->pid);
	begun = now_ns();
	pause_ms(ms);
	to = cost_now(measure->pid);
	measure->elapsed_ns += now_ns() - begun;
	/* Our hooks run on while the others look; that is no cost of theirs. */
	if (kind != PEER_OURS)
		from.bpf_ns = to.bpf_ns = from.bpf_runs = to.bpf_runs = 0;
	cost_add(&measure->cost, &from, &to);
}

static void processes_print(const struct measure *measure)
{
	pid_t family[PIDS_MAX];
	uint32_t count = family_of(measure->pid, family);
	char name[32];

	for (uint32_t i = 0; i < count; i++) {
		struct memory memory = process_memory(family[i]);

		process_name(family[i], name);
		printf("#   %-16s %8.3f s since its start, %7.2f MB resident, %7.2f MB in maps\n", name,
		       (double)process_cpu_ns(family[i]) / 1e9, memory.rss_mb, memory.maps_mb);
	}
}

static void result_print(const struct result *result)
{
	const struct cost *ours = &result->peer[PEER_OURS].cost;

	printf("# N = %u, %u Hz, %.0f wakeups/s\n", result->count, result->hz, result->woken_per_s);
	for (int kind = 0; kind < PEER_COUNT; kind++) {
		const struct measure *measure = &result->peer[kind];

		if (measure->elapsed_ns)
			printf("#  %-10s %8.4f %% of a core (%.4f processes, %.4f BPF), %8.2f MB (%.2f resident, %.2f of it its share, %.2f maps)\n",
			       peer_name[kind], core_percent(measure), percent(measure, (double)measure->cost.cpu_ns),
			       percent(measure, bpf_ns(&measure->cost)), memory_mb(measure), measure->memory.rss_mb,
			       measure->memory.pss_mb, measure->memory.maps_mb);
	}
	if (ours->bpf_runs && ours->empty_runs)
		printf("#   BPF: %.1f ns per run less %.1f ns that an empty program shows, %.0f runs/s\n",
		       (double)ours->bpf_ns / (double)ours->bpf_runs, (double)ours->empty_ns / (double)ours->empty_runs,
		       runs_per_s(&result->peer[PEER_OURS]));
	processes_print(&result->peer[PEER_OURS]);
	fflush(stdout);
}

/* Who did not answer with fewer, in the result before, is not asked again. */
static int peers_start(struct result *result, const struct result *before, const char *scratch, const struct load *load)
{
	for (int kind = PEER_COUNT; kind-- > 0;) {
		bool is_given_up = before && before->count <= load->count && before->peer[kind].pid == -ETIMEDOUT;

		if (!(option("PEERS", 7) >> kind & 1))
			continue;
		result->peer[kind].pid = is_given_up ? -ETIMEDOUT : peer_start((enum peer_kind)kind, scratch, load);
		if (result->peer[kind].pid <= 0)
			fprintf(stderr, "bench-agent: %s: %s, see %s/%s/output\n", peer_name[kind],
				result->peer[kind].pid ? strerror(-result->peer[kind].pid) : "not installed", scratch,
				peer_name[kind]);
	}
	return result->peer[PEER_OURS].pid;
}

static void peers_run(struct result *result, const struct load *load)
{
	uint64_t left_s = option("SECONDS", 60), woken = load_woken(load), begun = now_ns();

	cost_watch(result->peer[PEER_OURS].pid);
	while (left_s) {
		uint64_t slice_s = left_s < SLICE_S ? left_s : SLICE_S;

		for (int kind = 0; kind < PEER_COUNT; kind++)
			slice_run(result, (enum peer_kind)kind, slice_s * 1000);
		left_s -= slice_s;
	}
	result->woken_per_s = (double)(load_woken(load) - woken) * 1e9 / (double)(now_ns() - begun);
	for (int kind = 0; kind < PEER_COUNT; kind++) {
		if (result->peer[kind].pid <= 0)
			continue;
		family_signal(result->peer[kind].pid, SIGCONT);
		result->peer[kind].memory = memory_now(result->peer[kind].pid);
	}
}

static int size_run(struct result *result, const struct result *before, const char *scratch, const char *cgroup_root)
{
	uint64_t most = option("WAKEUPS_MAX", 100000) / result->count;
	struct load load;
	int r;

	result->hz = most < HZ ? (uint32_t)(most ? most : 1) : HZ;
	r = load_start(&load, cgroup_root, result->count, result->hz);
	if (r) {
		fprintf(stderr, "bench-agent: %u cgroups below %s: %s\n", result->count, cgroup_root, strerror(-r));
		return r;
	}
	r = peers_start(result, before, scratch, &load);
	if (r > 0) {
		/* A host of two CPUs that is full has no room to start anybody. */
		load_begin(&load);
		pause_ms(WARM_MS);
		peers_run(result, &load);
		result_print(result);
	}
	for (int kind = 0; kind < PEER_COUNT; kind++)
		peer_stop(result->peer[kind].pid);
	load_stop(&load);
	return r > 0 ? 0 : -1;
}

/* What was not measured is below 0, and null. */
static void number_print(const char *format, double value)
{
	if (value < 0)
		printf("null");
	else
		printf(format, value);
}

static const char *answer_of(pid_t pid)
{
	return pid > 0 ? "\"answered\"" : pid == -ETIMEDOUT ? "\"did not answer\"" : pid ? "\"failed\"" : "null";
}

#define LIST_OF(name, print)                                                                          \
	do {                                                                                          \
		printf(",\"%s\":[", name);                                                           \
		for (uint32_t i = 0; i < count; i++) {                                                \
			printf("%s", i ? "," : "");                                                  \
			print;                                                                        \
		}                                                                                     \
		printf("]");                                                                          \
	} while (0)
#define LIST(name, format, value) LIST_OF(name, number_print(format, value))

static void json_print(const struct result *result, uint32_t count)
{
	printf("{\"bench\":\"agent\",\"seconds\":%lu,\"annotated_percent\":%lu", (unsigned long)option("SECONDS", 60),
	       (unsigned long)option("ANNOTATED", 0));
	LIST("n", "%.0f", result[i].count);
	LIST("wakeups_per_s", "%.0f", result[i].woken_per_s);
	LIST("core_percent", "%.4f", core_percent(&result[i].peer[PEER_OURS]));
	LIST("bpf_core_percent", "%.4f", percent(&result[i].peer[PEER_OURS], bpf_ns(&result[i].peer[PEER_OURS].cost)));
	LIST("rss_mb", "%.2f", memory_mb(&result[i].peer[PEER_OURS]));
	LIST("pss_mb", "%.2f", result[i].peer[PEER_OURS].memory.pss_mb + result[i].peer[PEER_OURS].memory.maps_mb);
	LIST("maps_mb", "%.2f", result[i].peer[PEER_OURS].memory.maps_mb);
	LIST_OF("netdata", printf("%s", answer_of(result[i].peer[PEER_NETDATA].pid)));
	LIST("netdata_core_percent", "%.4f", core_percent(&result[i].peer[PEER_NETDATA]));
	LIST("netdata_rss_mb", "%.2f", memory_mb(&result[i].peer[PEER_NETDATA]));
	LIST("bpf_runs_per_s", "%.0f", runs_per_s(&result[i].peer[PEER_OURS]));
	LIST("empty_program_ns", "%.1f", empty_ns(&result[i].peer[PEER_OURS].cost));
	LIST("reader_core_percent", "%.4f", core_percent(&result[i].peer[PEER_READER]));
	LIST("reader_rss_mb", "%.2f", memory_mb(&result[i].peer[PEER_READER]));
	printf("}\n");
}

int main(void)
{
	char scratch[] = "/tmp/forestall-bench-XXXXXX", root[256], command[64];
	const char *sizes = getenv("N") && getenv("N")[0] ? getenv("N") : "10 100 1000 10000";
	struct result result[SIZES_MAX] = { 0 };
	uint32_t count = 0;
	int r = 0;

	/* The web surface keeps its history there as a user without rights. */
	if (geteuid() || host_cgroup_root(root, sizeof(root)) || !mkdtemp(scratch) || chmod(scratch, 0755) || cost_open()) {
		fprintf(stderr, "bench-agent: needs root, a cgroup v2 mount and a kernel that loads BPF\n");
		return 1;
	}
	for (char *end; !r && count < SIZES_MAX && (result[count].count = (uint32_t)strtoul(sizes, &end, 10)); sizes = end) {
		r = size_run(&result[count], count ? &result[count - 1] : NULL, scratch, root);
		count++;
	}
	cost_close();
	if (!r)
		json_print(result, count);
	snprintf(command, sizeof(command), "rm -rf %s", scratch);
	return system(command) || r ? 1 : 0;
}
