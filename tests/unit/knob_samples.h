/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value of each knob that is a file, to be held in the world of hands_world.h. */
#ifndef FORESTALL_TEST_KNOB_SAMPLES_H
#define FORESTALL_TEST_KNOB_SAMPLES_H

#include "hands_world.h"

#include <dirent.h>
#include <sys/inotify.h>

#include "act/apply.h"
#include "act/knob.h"

#define START_NS 1000000000000ull
#define LEASE_MS 2000
#define AFTER_NS (START_NS + 3000000000ull)
#define MIB (1ull << 20)

/* `first` is what the file says before, `foreign` what somebody else writes; DISK stands for the number of a disk. */
static const struct sample {
	enum knob knob;
	uint64_t value, period_us;
	const char *first, *foreign;
} SAMPLES[] = {
	{ KNOB_CPU_WEIGHT, 20, 0, "100\n", "30\n" },
	{ KNOB_CPU_MAX, 20000, 50000, "max 100000\n", "30000 100000\n" },
	{ KNOB_CPU_IDLE, 1, 0, "0\n", NULL },
	{ KNOB_CPUSET_CPUS, 2, 0, "\n", "0\n" },
	{ KNOB_CPUSET_MEMS, 1, 0, "\n", "0,2\n" },
	{ KNOB_MEMORY_LOW, 16 * MIB, 0, "0\n", "1048576\n" },
	{ KNOB_MEMORY_HIGH, 256 * MIB, 0, "max\n", "1073741824\n" },
	{ KNOB_IO_WEIGHT, 50, 0, "default 100\n", "default 60\n" },
	{ KNOB_IO_RBPS, 2 * MIB, 0, "", "DISK rbps=7340032 wbps=max riops=max wiops=max\n" },
	{ KNOB_IO_WBPS, 2 * MIB, 0, "", "DISK rbps=max wbps=7340032 riops=max wiops=max\n" },
	{ KNOB_IO_RIOPS, 99, 0, "", "DISK rbps=max wbps=max riops=77 wiops=max\n" },
	{ KNOB_IO_WIOPS, 99, 0, "", "DISK rbps=max wbps=max riops=max wiops=77\n" },
	{ KNOB_CPU_BURST, 4000, 0, "0\n", "3000\n" },
	{ KNOB_MEMORY_MIN, 16 * MIB, 0, "0\n", "1048576\n" },
	{ KNOB_FREEZE, 1, 0, "0\n", NULL },
	{ KNOB_MEMORY_MAX, 256 * MIB, 0, "max\n", "1073741824\n" },
	{ KNOB_IO_LATENCY, 5000, 0, "", "DISK target=7000\n" },
	{ KNOB_CPUSET_EXCLUSIVE, 2, 0, "\n", "0\n" },
	{ KNOB_IO_COST, 5000, 0, "", "DISK enable=1 ctrl=user rpct=90.00 rlat=5000 wpct=90.00 wlat=5000 min=50.00 max=100.00\n" },
	{ KNOB_CPUSET_PARTITION, PARTITION_ROOT, 0, "member\n", "isolated\n" },
};

static struct apply apply;
static uint32_t disk;

static inline int disk_find_any(void)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	while (dir && !disk && (entry = readdir(dir))) {
		char path[300];
		unsigned int major, minor;
		FILE *file;

		snprintf(path, sizeof(path), "/sys/block/%s/dev", entry->d_name);
		file = fopen(path, "re");
		if (file && fscanf(file, "%u:%u", &major, &minor) == 2)
			disk = major << 20 | minor;
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
	return disk ? 0 : -ENODEV;
}

static inline int hands_make(void **state)
{
	static char none[96];
	uint32_t line;

	if (world_make(state))
		return 1;
	snprintf(none, sizeof(none), "%s/none", run_dir);
	apply.root_fd = root_fd;
	apply.inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	apply.mode = MODE_ENFORCE;
	apply.disable_file = none;
	apply.systemd_dir = none;
	disk_find_any();
	return journal_open(&apply.journal, run_fd, &apply.leases, &line);
}

/* Where a file lies: what is of a disk and of no cgroup in the root. */
static inline const char *dir_of(const char *name)
{
	static char dir[128];

	snprintf(dir, sizeof(dir), "%s%s", root, strcmp(name, "io.cost.qos") ? "/web" : "");
	return dir;
}

static inline void web_write(const char *name, const char *text)
{
	const char *word = strstr(text, "DISK");
	char line[160];

	if (word)
		snprintf(line, sizeof(line), "%u:%u%s", DEVICE_MAJOR(disk), DEVICE_MINOR(disk), word + 4);
	else
		snprintf(line, sizeof(line), "%s", text);
	file_write(dir_of(name), name, line);
}

/* Files that the checks look at; the knobs' own come after. */
static inline void neighbours_write(void)
{
	file_write(root, "cpuset.cpus.effective", "0-3\n");
	file_write(root, "cpuset.mems.effective", "0\n");
	web_write("cpu.weight", "100\n");
	web_write("cpu.max", "50000 100000\n");
	web_write("cpu.max.burst", "0\n");
	web_write("cpu.idle", "0\n");
	web_write("memory.current", "134217728\n");
	web_write("memory.low", "0\n");
	web_write("memory.high", "max\n");
	web_write("memory.stat", "anon 1048576\nshmem 0\n");
	web_write("memory.events", "oom_kill 3\n");
	web_write("cgroup.events", "populated 0\n");
	web_write("cpuset.cpus.partition", "member\n");
}

static inline struct action sample_action(const struct sample *sample)
{
	struct action action = { .path = "/web", .cgroup_id = web_id(), .knob = sample->knob, .value = sample->value,
				 .period_us = sample->period_us, .lease_ms = LEASE_MS };

	if (knob_has_device(sample->knob))
		action.device = disk;
	return action;
}

static inline struct result_item ask(const struct action *action, uint64_t now_ns)
{
	struct result_item item;

	apply_action(&apply, action, (struct now){ .mono_ns = now_ns, .real_ns = now_ns }, &item);
	return item;
}

static inline struct knob_value web_read(const struct sample *sample)
{
	struct action action = sample_action(sample);
	struct knob_value value = { 0 };
	int fd = open(dir_of(knob_spec(sample->knob)->file), O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(cgroup_read(fd, sample->knob, action.device, &value), 0);
	close(fd);
	return value;
}

/* The world with the sample's knob as it is before; says which one when what follows fails. */
static inline struct action sample_begin(const struct sample *sample)
{
	print_message("# %s\n", knob_name(sample->knob));
	neighbours_write();
	web_write(knob_spec(sample->knob)->file, sample->first);
	memset(&apply.hands_off, 0, sizeof(apply.hands_off));
	memset(&apply.rate, 0, sizeof(apply.rate));
	return sample_action(sample);
}

static inline struct knob_value first_of(const struct sample *sample)
{
	struct knob_value value = { 0 };

	assert_int_equal(knob_parse(sample->knob, disk, sample->first, &value), 0);
	return value;
}

static inline void assert_outcome(struct result_item item, enum outcome outcome)
{
	if (item.outcome != outcome)
		print_message("# %s: %s\n", outcome_name((enum outcome)item.outcome), item.text);
	assert_int_equal(item.outcome, outcome);
}

/*
 * The sample's knob held. memory.high and memory.max are written by a child that has 200 ms, which a host that is busy
 * enough does not give it: then once more.
 */
static inline struct action sample_hold(const struct sample *sample)
{
	for (int tries = 0;; tries++) {
		struct action action = sample_begin(sample);
		struct result_item item = ask(&action, START_NS);

		if (item.outcome != OUTCOME_FAILED || tries == 20) {
			assert_outcome(item, OUTCOME_APPLIED);
			return action;
		}
		apply.leases.count = 0;
		assert_int_equal(journal_empty(&apply.journal), 0);
	}
}

#define FOR_EACH_SAMPLE(sample) for (const struct sample *sample = SAMPLES; sample < SAMPLES + sizeof(SAMPLES) / sizeof(*SAMPLES); sample++)

#endif
