/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for each knob that is a file: lease, read-back, undo, undo after a crash, and yield; on plain files. */
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
	{ KNOB_CPUSET_PARTITION, PARTITION_ROOT, 0, "member\n", "isolated\n" },
};

static struct apply apply;
static uint32_t disk;

static int disk_find_any(void)
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

static int hands_make(void **state)
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

static void web_write(const char *name, const char *text)
{
	char web[128], line[160];
	const char *word = strstr(text, "DISK");

	snprintf(web, sizeof(web), "%s/web", root);
	if (word)
		snprintf(line, sizeof(line), "%u:%u%s", DEVICE_MAJOR(disk), DEVICE_MINOR(disk), word + 4);
	else
		snprintf(line, sizeof(line), "%s", text);
	file_write(web, name, line);
}

/* Files that the checks look at; the knobs' own come after. */
static void neighbours_write(void)
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

static struct action sample_action(const struct sample *sample)
{
	struct action action = { .path = "/web", .cgroup_id = web_id(), .knob = sample->knob, .value = sample->value,
				 .period_us = sample->period_us, .lease_ms = LEASE_MS };

	if (knob_has_device(sample->knob))
		action.device = disk;
	return action;
}

static struct result_item ask(const struct action *action, uint64_t now_ns)
{
	struct result_item item;

	apply_action(&apply, action, (struct now){ .mono_ns = now_ns, .real_ns = now_ns }, &item);
	return item;
}

static struct knob_value web_read(const struct sample *sample)
{
	struct action action = sample_action(sample);
	struct knob_value value = { 0 };
	int fd = cgroup_open(root_fd, "/web", 0);

	assert_int_equal(cgroup_read(fd, sample->knob, action.device, &value), 0);
	close(fd);
	return value;
}

/* The world with the sample's knob as it is before; says which one when what follows fails. */
static struct action sample_begin(const struct sample *sample)
{
	print_message("# %s\n", knob_name(sample->knob));
	neighbours_write();
	web_write(knob_spec(sample->knob)->file, sample->first);
	memset(&apply.hands_off, 0, sizeof(apply.hands_off));
	return sample_action(sample);
}

static struct knob_value first_of(const struct sample *sample)
{
	struct knob_value value = { 0 };

	assert_int_equal(knob_parse(sample->knob, disk, sample->first, &value), 0);
	return value;
}

static void assert_outcome(struct result_item item, enum outcome outcome)
{
	if (item.outcome != outcome)
		print_message("# %s: %s\n", outcome_name((enum outcome)item.outcome), item.text);
	assert_int_equal(item.outcome, outcome);
}

/*
 * The sample's knob held. memory.high and memory.max are written by a child that has 200 ms, which a host that is busy
 * enough does not give it: then once more.
 */
static struct action sample_hold(const struct sample *sample)
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

/* Whoever adds a knob is asked for a sample of it. */
static void every_knob_that_is_a_file_is_here(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < KNOB_COUNT; i++) {
		bool is_found = !knob_spec((enum knob)i)->file || knob_spec((enum knob)i)->kind == KIND_DEED;

		FOR_EACH_SAMPLE(sample)
			is_found = is_found || sample->knob == i;
		if (!is_found)
			print_message("# no sample of %s\n", knob_name((enum knob)i));
		assert_true(is_found);
	}
	assert_true(disk != 0);
}

static void a_lease_that_ends_restores_what_was_there(void **state)
{
	(void)state;
	FOR_EACH_SAMPLE(sample) {
		struct action action = sample_hold(sample);
		struct knob_value before = first_of(sample), now = web_read(sample);

		assert_true(now.value == sample->value);
		assert_outcome(ask(&action, START_NS + 1), OUTCOME_RENEWED);
		apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
		now = web_read(sample);
		assert_true(knob_equal(sample->knob, &now, &before));
		assert_int_equal(apply.leases.count, 0);
	}
}

static void what_somebody_else_wrote_stays(void **state)
{
	(void)state;
	FOR_EACH_SAMPLE(sample) {
		struct knob_value foreign, now;
		struct action action;

		/* Between 0 and 1 there is only what was there before. */
		if (!sample->foreign)
			continue;
		action = sample_hold(sample);
		web_write(knob_spec(sample->knob)->file, sample->foreign);
		foreign = web_read(sample);
		assert_outcome(ask(&action, START_NS + 1), OUTCOME_CONTENDED);
		assert_outcome(ask(&action, START_NS + 2), OUTCOME_CONTENDED);
		apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
		now = web_read(sample);
		assert_true(knob_equal(sample->knob, &now, &foreign));
		assert_int_equal(apply.leases.count, 0);
	}
}

/* The hands are killed with the change made, or in the middle of it: the next ones know what to do from the journal. */
static void killed_hands_leave_a_journal_that_restores(void **state)
{
	(void)state;
	for (int is_torn = 0; is_torn < 2; is_torn++)
		FOR_EACH_SAMPLE(sample) {
			struct knob_value before = first_of(sample), now;
			struct takeover takeover;
			char path[128];
			uint32_t line;

			sample_hold(sample);
			snprintf(path, sizeof(path), "%s/journal", run_dir);
			if (is_torn)
				assert_int_equal(truncate(path, (off_t)(apply.journal.bytes - 4)), 0);
			journal_close(&apply.journal);
			apply.leases.count = 0;
			assert_int_equal(act_takeover_undo(run_dir, root, NULL, NULL, &takeover), 0);
			now = web_read(sample);
			assert_true(knob_equal(sample->knob, &now, &before));
			assert_int_equal(journal_open(&apply.journal, run_fd, &apply.leases, &line), 0);
			assert_int_equal(apply.leases.count, 0);
		}
}

static const struct sample *sample_of(enum knob knob)
{
	FOR_EACH_SAMPLE(sample)
		if (sample->knob == knob)
			return sample;
	return NULL;
}

static void assert_refused(const struct action *action, const char *why)
{
	struct result_item item = ask(action, START_NS);

	assert_outcome(item, OUTCOME_REFUSED);
	if (!strstr(item.text, why))
		print_message("# %s\n", item.text);
	assert_non_null(strstr(item.text, why));
	/* A line that just fills the text may have been cut. */
	assert_true(strlen(item.text) < ACT_TEXT_MAX - 1);
	assert_int_equal(apply.leases.count, 0);
}

/* In use are 128 MiB. */
static void nothing_that_kills_is_done_without_the_word(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_MEMORY_MAX));

	(void)state;
	action.value = 128 * MIB - 1;
	assert_refused(&action, "below memory.current, 128 MiB");
	web_write("memory.max", "209715200\n");
	action.value = 300 * MIB;
	assert_refused(&action, "back at 200 MiB");
	action.value = UINT64_MAX;
	assert_refused(&action, "back at 200 MiB");
	action.flags = ACTION_MAY_KILL;
	assert_outcome(ask(&action, START_NS), OUTCOME_APPLIED);
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	action.flags = 2;
	assert_refused(&action, "flags 0x2 are unknown");
	action.flags = 0;
	web_write("memory.low", "268435457\n");
	action.value = 150 * MIB;
	assert_refused(&action, "memory.max below memory.low");
}

static void a_limit_under_which_the_kernel_killed_is_let_go(void **state)
{
	struct action action = sample_hold(sample_of(KNOB_MEMORY_MAX));
	struct result_item item;

	(void)state;
	web_write("memory.events", "oom_kill 5\n");
	item = ask(&action, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "killed 2 in it"));
	action.flags = ACTION_MAY_KILL;
	assert_outcome(ask(&action, START_NS + 2), OUTCOME_RENEWED);
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	assert_int_equal(apply.leases.count, 0);
}

static void a_partition_that_the_kernel_breaks_is_let_go(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_CPUSET_PARTITION));
	struct result_item item;
	char web[128];

	(void)state;
	assert_outcome(ask(&action, START_NS), OUTCOME_APPLIED);
	web_write("cpuset.cpus.partition", "root invalid (Parent unable to distribute cpu downstream)\n");
	item = ask(&action, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "root invalid (Parent unable to distribute cpu downstream)"));
	apply_expire(&apply, (struct now){ .mono_ns = AFTER_NS });
	snprintf(web, sizeof(web), "%s/web", root);
	assert_file_says(web, "cpuset.cpus.partition", "member");
	assert_int_equal(apply.leases.count, 0);
}

static void what_somebody_made_a_partition_of_stays_one(void **state)
{
	struct action action = sample_begin(sample_of(KNOB_CPUSET_PARTITION));

	(void)state;
	web_write("cpuset.cpus.partition", "isolated\n");
	assert_refused(&action, "somebody made a partition of it");
	web_write("cpuset.cpus.partition", "root invalid (Cpu list in cpuset.cpus is empty)\n");
	assert_refused(&action, "somebody made a partition of it");
}

/* Whatever is let go first. */
static void the_cpus_of_a_partition_go_back_after_it(void **state)
{
	struct action cpus = sample_begin(sample_of(KNOB_CPUSET_CPUS)), partition = sample_action(sample_of(KNOB_CPUSET_PARTITION));
	struct result_item item;
	struct action other;

	(void)state;
	assert_outcome(ask(&cpus, START_NS), OUTCOME_APPLIED);
	assert_outcome(ask(&partition, START_NS), OUTCOME_APPLIED);
	/* What is its own is in the parent's no more, and that is as it should be. */
	file_write(root, "cpuset.cpus.effective", "0,2-3\n");
	assert_outcome(ask(&cpus, START_NS + 1), OUTCOME_RENEWED);
	other = cpus;
	other.value = 4;
	item = ask(&other, START_NS + 1);
	assert_outcome(item, OUTCOME_REFUSED);
	assert_non_null(strstr(item.text, "cpuset partition"));
	apply_release(&apply, &cpus, (struct now){ .mono_ns = START_NS + 2 }, &item);
	assert_outcome(item, OUTCOME_RELEASED);
	assert_int_equal(apply.leases.count, 0);
	assert_int_equal(web_read(sample_of(KNOB_CPUSET_PARTITION)).value, PARTITION_MEMBER);
	assert_int_equal(web_read(sample_of(KNOB_CPUSET_CPUS)).value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_knob_that_is_a_file_is_here),
		cmocka_unit_test(a_lease_that_ends_restores_what_was_there),
		cmocka_unit_test(what_somebody_else_wrote_stays),
		cmocka_unit_test(killed_hands_leave_a_journal_that_restores),
		cmocka_unit_test(nothing_that_kills_is_done_without_the_word),
		cmocka_unit_test(a_limit_under_which_the_kernel_killed_is_let_go),
		cmocka_unit_test(a_partition_that_the_kernel_breaks_is_let_go),
		cmocka_unit_test(what_somebody_made_a_partition_of_stays_one),
		cmocka_unit_test(the_cpus_of_a_partition_go_back_after_it),
	};

	return cmocka_run_group_tests(tests, hands_make, world_remove);
}
