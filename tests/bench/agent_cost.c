/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define PROGRAMS_MAX 64

/* An empty program on sched_switch: its time is what the kernel's own counting costs per run. */
static struct {
	int stats_fd, program_fd, link_fd;
	int watched[PROGRAMS_MAX];	/* the programs of whoever is measured */
	uint32_t watched_count;
} counting = { -1, -1, -1, { 0 }, 0 };

static int empty_load(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct btf *btf = btf__load_vmlinux_btf();
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);

	if (!btf)
		return -errno;
	opts.attach_btf_id = (uint32_t)btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	btf__free(btf);
	counting.program_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "bench_empty", "GPL", insns, 2, &opts);
	return counting.program_fd < 0 ? -errno : 0;
}

static void run_stats(int fd, uint64_t *ns, uint64_t *runs)
{
	struct bpf_prog_info info = { 0 };
	uint32_t bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return;
	*ns += info.run_time_ns;
	*runs += info.run_cnt;
}

int cost_open(void)
{
	int r = empty_load();

	if (r)
		return r;
	counting.stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	counting.link_fd = bpf_raw_tracepoint_open(NULL, counting.program_fd);
	return counting.stats_fd < 0 || counting.link_fd < 0 ? -errno : 0;
}

void cost_close(void)
{
	close(counting.link_fd);
	close(counting.program_fd);
	close(counting.stats_fd);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *at;
	ssize_t n;
	int fd, parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	return at && sscanf(at, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Children have higher pids than their parents here, so one ascending pass finds all. */
uint32_t family_of(pid_t pid, pid_t family[PIDS_MAX])
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint32_t count = 1;

	family[0] = pid;
	while (proc && count < PIDS_MAX && (entry = readdir(proc))) {
		pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10), parent = candidate > pid ? parent_of(candidate) : 0;

		for (uint32_t i = 0; parent && i < count; i++)
			if (family[i] == parent) {
				family[count++] = candidate;
				break;
			}
	}
	if (proc)
		closedir(proc);
	return count;
}

void family_signal(pid_t pid, int number)
{
	pid_t family[PIDS_MAX];

	for (uint32_t i = family_of(pid, family); i-- > 0;)
		kill(family[i], number);
}

uint64_t process_cpu_ns(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

struct cost cost_now(pid_t pid)
{
	struct cost cost = { 0 };
	pid_t family[PIDS_MAX];
	uint32_t count = family_of(pid, family);

	for (uint32_t i = 0; i < counting.watched_count; i++)
		run_stats(counting.watched[i], &cost.bpf_ns, &cost.bpf_runs);
	run_stats(counting.program_fd, &cost.empty_ns, &cost.empty_runs);
	for (uint32_t i = 0; i < count; i++)
		cost.cpu_ns += process_cpu_ns(family[i]);
	return cost;
}

void process_name(pid_t pid, char name[32])
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, 32, file))
		snprintf(name, 32, "?");
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* fdinfo of each descriptor of a process: the number after `key` goes to take(), for descriptors that have it. */
static void descriptors_read(pid_t pid, const char *key, void (*take)(void *context, double value), void *context)
{
	char path[64], file_path[400], line[256], format[32];
	struct dirent *entry;
	double value;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	snprintf(format, sizeof(format), "%s: %%lf", key);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		FILE *file;

		snprintf(file_path, sizeof(file_path), "%s/%s", path, entry->d_name);
		file = fopen(file_path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, format, &value) == 1)
				take(context, value);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
}

/* Programs are named by their own descriptors and by those of their links. */
static void program_take(void *context, double value)
{
	int fd;

	(void)context;
	for (uint32_t i = 0; i < counting.watched_count; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t bytes = sizeof(info);

		if (!bpf_obj_get_info_by_fd(counting.watched[i], &info, &bytes) && info.id == (uint32_t)value)
			return;
	}
	fd = bpf_prog_get_fd_by_id((uint32_t)value);
	if (fd >= 0 && counting.watched_count < PROGRAMS_MAX)
		counting.watched[counting.watched_count++] = fd;
}

void cost_watch(pid_t pid)
{
	pid_t family[PIDS_MAX];
	uint32_t count = family_of(pid, family);

	while (counting.watched_count)
		close(counting.watched[--counting.watched_count]);
	for (uint32_t i = 0; i < count; i++)
		descriptors_read(family[i], "prog_id", program_take, NULL);
}

/* Mapped BPF arrays are in maps_mb already. */
static void resident_read(pid_t pid, struct memory *ret)
{
	bool is_map = false;
	char path[64], line[512];
	double value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strchr(line, '-') && strchr(line, '-') < line + 17)
			is_map = strstr(line, "bpf-map") || strstr(line, "bpf_map");
		else if (!is_map && sscanf(line, "Rss: %lf", &value) == 1)
			ret->rss_mb += value / 1024;
		else if (!is_map && sscanf(line, "Pss: %lf", &value) == 1)
			ret->pss_mb += value / 1024;
	}
	if (file)
		fclose(file);
}

static void bytes_add(void *context, double value) { *(double *)context += value; }

static double memlock_mb(pid_t pid)
{
	double bytes = 0;

	descriptors_read(pid, "memlock", bytes_add, &bytes);
	return bytes / 1048576;
}

struct memory process_memory(pid_t pid)
{
	struct memory memory = { .maps_mb = memlock_mb(pid) };

	resident_read(pid, &memory);
	return memory;
}

struct memory memory_now(pid_t pid)
{
	struct memory sum = { 0 };
	pid_t family[PIDS_MAX];
	uint32_t count = family_of(pid, family);

	for (uint32_t i = 0; i < count; i++) {
		struct memory one = process_memory(family[i]);

		sum.rss_mb += one.rss_mb;
		sum.pss_mb += one.pss_mb;
		sum.maps_mb += one.maps_mb;
	}
	return sum;
}
