/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hands_world.h"

#include <dirent.h>
#include <inttypes.h>

static enum undo_result last_result;

static void result_note(void *arg, const struct hold *hold, const struct undo_report *report)
{
	(void)arg;
	(void)hold;
	last_result = report->result;
}

/* Writes a journal about /web with its real id, and a weight; runs the undo from outside; 0 or -errno. */
static int undo_from(const char *format, const char *weight_now)
{
	struct takeover takeover;
	char text[512], web[128];

	snprintf(text, sizeof(text), format, (unsigned long long)web_id(), (unsigned long long)web_id());
	file_write(run_dir, "journal", text);
	snprintf(web, sizeof(web), "%s/web", root);
	file_write(web, "cpu.weight", weight_now);
	return act_takeover_undo(run_dir, root, result_note, NULL, &takeover);
}

static void assert_weight(const char *text)
{
	char web[128];

	snprintf(web, sizeof(web), "%s/web", root);
	assert_file_says(web, "cpu.weight", text);
	assert_file_says(run_dir, "journal", "");
}

#define WEB_1 "intent 1 99 /web %llu cpu.weight 100 -> 50 reason=3\n"
#define WEB_2 "intent 2 99 /web %llu cpu.weight 50 -> 20 reason=3\n"

static void undo_restores_the_first_original(void **state)
{
	(void)state;
	assert_int_equal(undo_from(WEB_1 "done 1 50\n" WEB_2 "done 2 20\n", "20\n"), 0);
	assert_weight("100");
}

static void undo_takes_either_value_of_a_change_in_flight(void **state)
{
	(void)state;
	assert_int_equal(undo_from(WEB_1 "done 1 50\n" WEB_2, "50\n"), 0);
	assert_weight("100");
	assert_int_equal(undo_from(WEB_1 "done 1 50\n" WEB_2, "20\n"), 0);
	assert_weight("100");
	assert_int_equal(undo_from(WEB_1, "51\n"), 0);
	assert_weight("100");
}

static void undo_leaves_a_foreign_value(void **state)
{
	(void)state;
	assert_int_equal(undo_from(WEB_1 "done 1 50\n", "49\n"), 0);
	assert_weight("49\n");
	assert_int_equal(undo_from(WEB_1 "done 1 50\n" WEB_2 "done 2 20\n", "50\n"), 0);
	assert_weight("50\n");
}

static void undo_leaves_another_cgroup_of_the_same_path(void **state)
{
	(void)state;
	assert_int_equal(undo_from("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3\ndone 1 50\n", "50\n"), 0);
	assert_weight("50\n");
	assert_int_equal(undo_from("intent 1 99 /gone 7 cpu.weight 100 -> 50 reason=3\ndone 1 50\n", "50\n"), 0);
	assert_weight("50\n");
}

static void undo_of_a_disk_that_was_taken_out_is_done(void **state)
{
	static const char LIMIT[] = "intent 1 99 /web %llu io.max.rbps 5242880 -> 2097152 reason=3 dev=4000:7\n"
				    "done 1 2097152\n";
	char web[128];

	(void)state;
	/* The kernel has no line for it any more, which is no change that somebody made. */
	snprintf(web, sizeof(web), "%s/web", root);
	file_write(web, "io.max", "");
	assert_int_equal(undo_from(LIMIT, "100\n"), 0);
	assert_int_equal(last_result, UNDO_GONE);
	assert_weight("100\n");
}

static void undo_writes_one_key_of_one_disk(void **state)
{
	char web[128], text[256];
	struct dirent *entry;
	DIR *dir = opendir("/sys/dev/block");
	uint64_t major = 0, minor = 0;

	(void)state;
	while (dir && major == 0 && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "%" SCNu64 ":%" SCNu64, &major, &minor) != 2)
			major = 0;
	if (dir)
		closedir(dir);
	if (major == 0)
		skip();
	snprintf(web, sizeof(web), "%s/web", root);
	snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 " rbps=2097152 wbps=7 riops=max wiops=max\n", major, minor);
	file_write(web, "io.max", text);
	snprintf(text, sizeof(text), "intent 1 99 /web %%llu io.max.rbps max -> 2097152 reason=3 dev=%" PRIu64 ":%" PRIu64
		 "\ndone 1 2097152\n", major, minor);
	assert_int_equal(undo_from(text, "100\n"), 0);
	snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 " rbps=max", major, minor);
	assert_file_says(web, "io.max", text);
}

static void undo_of_a_corrupt_journal_changes_nothing(void **state)
{
	char web[128];

	(void)state;
	assert_int_equal(undo_from(WEB_1 "done 1 50\nrubbish\n", "50\n"), -EBADMSG);
	snprintf(web, sizeof(web), "%s/web", root);
	assert_file_says(web, "cpu.weight", "50\n");
}

static void undo_brings_a_forgotten_weight_back(void **state)
{
	static const char IDLE[] = "intent 1 99 /web %llu cpu.idle 0/317 -> 1/0 reason=3\ndone 1 1/0\n";
	char web[128], text[256];

	(void)state;
	snprintf(web, sizeof(web), "%s/web", root);
	file_write(web, "cpu.idle", "1\n");
	assert_int_equal(undo_from(IDLE, "0\n"), 0);
	assert_file_says(web, "cpu.idle", "0");
	assert_weight("317");
	/* Cut short between the two writes: idle is restored, the weight is the kernel's default. */
	snprintf(text, sizeof(text), "%sundo 1\n", IDLE);
	assert_int_equal(undo_from(text, "100\n"), 0);
	assert_weight("317");
	/* A weight that somebody set meanwhile is theirs. */
	file_write(web, "cpu.idle", "0\n");
	assert_int_equal(undo_from(text, "40\n"), 0);
	assert_weight("40\n");
}

/* It is tried each second, for days perhaps: a journal that grew with it would end up too large to be read. */
static void an_undo_that_goes_on_failing_leaves_the_journal_as_it_is(void **state)
{
	static struct lease_table table;
	struct takeover takeover = { 0 };
	struct journal journal;
	uint64_t bytes;

	(void)state;
	assert_int_equal(undo_from(WEB_1 "done 1 50\n", "rubbish\n"), -EIO);
	assert_int_equal(takeover_journal(run_fd, root_fd, &journal, &table, NULL, NULL, &takeover), -EIO);
	bytes = journal.bytes;
	for (int i = 0; i < 100; i++)
		assert_int_equal(undo_hold(root_fd, &journal, &table.hold[0]).result, UNDO_FAILED);
	assert_int_equal(journal.bytes, bytes);
	journal_close(&journal);
	assert_int_equal(undo_from(WEB_1 "done 1 50\n", "50\n"), 0);
}

static void panic_makes_the_disable_file(void **state)
{
	struct takeover takeover;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/etc/disable", run_dir);
	assert_int_equal(act_panic(run_dir, root, path, NULL, NULL, &takeover), 0);
	assert_int_equal(access(path, F_OK), 0);
}

static void nothing_to_undo_where_there_is_no_run_dir(void **state)
{
	struct takeover takeover;

	(void)state;
	assert_int_equal(act_takeover_undo("/tmp/test_journal.nowhere", root, NULL, NULL, &takeover), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undo_restores_the_first_original),
		cmocka_unit_test(undo_takes_either_value_of_a_change_in_flight),
		cmocka_unit_test(undo_leaves_a_foreign_value),
		cmocka_unit_test(undo_leaves_another_cgroup_of_the_same_path),
		cmocka_unit_test(undo_of_a_disk_that_was_taken_out_is_done),
		cmocka_unit_test(undo_writes_one_key_of_one_disk),
		cmocka_unit_test(undo_of_a_corrupt_journal_changes_nothing),
		cmocka_unit_test(undo_brings_a_forgotten_weight_back),
		cmocka_unit_test(an_undo_that_goes_on_failing_leaves_the_journal_as_it_is),
		cmocka_unit_test(panic_makes_the_disable_file),
		cmocka_unit_test(nothing_to_undo_where_there_is_no_run_dir),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
