/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hands_world.h"

#define INTENT_1 "intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3\n"

static struct lease_table table;

static struct hold *hold_make(const char *path, uint64_t was, uint64_t wanted)
{
	struct hold *hold = lease_add(&table);

	snprintf(hold->path, sizeof(hold->path), "%s", path);
	hold->cgroup_id = web_id();
	hold->knob = KNOB_CPU_WEIGHT;
	hold->original.value = was;
	hold->wanted.value = wanted;
	hold->ours.value = wanted;
	hold->reason = 4;
	return hold;
}

static void what_is_appended_is_replayed(void **state)
{
	static const char PATH[] = "/web/with blank%and \x01";
	struct journal journal;
	struct hold *hold;
	uint32_t line;

	(void)state;
	table.count = 0;
	file_write(run_dir, "journal", "");
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	hold = hold_make(PATH, 100, 60);
	assert_int_equal(journal_intent(&journal, hold, &hold->original, 5), 0);
	assert_int_equal(journal_done(&journal, hold), 0);
	assert_int_equal(journal_undo(&journal, hold), 0);
	hold = hold_make(PATH, KNOB_MAX, 1 << 20);
	hold->knob = KNOB_IO_WBPS;
	hold->device = 4095u << 20 | 0xfffff;
	hold->via = VIA_SYSTEMD;
	assert_int_equal(journal_intent(&journal, hold, &hold->original, 5), 0);
	journal_close(&journal);
	table.count = 0;
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.hold[1].device, 4095u << 20 | 0xfffff);
	assert_int_equal(table.hold[1].via, VIA_SYSTEMD);
	assert_true(table.hold[1].original.value == KNOB_MAX);
	assert_string_equal(table.hold[0].path, PATH);
	assert_int_equal(table.hold[0].ours.value, 60);
	assert_int_equal(table.hold[0].original.value, 100);
	assert_int_equal(table.hold[0].reason, 4);
	assert_true(table.hold[0].undo_begun);
	assert_int_equal(journal.seq, 2);
	assert_int_equal(journal_empty(&journal), 0);
	journal_close(&journal);
	assert_file_says(run_dir, "journal", "");
}

/* The longest path, all of it escaped, with the longest values. */
static void the_longest_line_is_written_and_read(void **state)
{
	struct journal journal;
	struct hold *hold;
	char path[ACT_PATH_MAX];
	uint32_t line;

	(void)state;
	memset(path, '%', sizeof(path));
	path[0] = '/';
	path[ACT_PATH_MAX - 1] = '\0';
	table.count = 0;
	file_write(run_dir, "journal", "");
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	hold = hold_make(path, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa);
	hold->knob = KNOB_CPUSET_CPUS;
	hold->via = VIA_SYSTEMD;
	hold->cgroup_id = UINT64_MAX;
	hold->reason = UINT32_MAX;
	assert_int_equal(journal_intent(&journal, hold, &hold->original, UINT64_MAX), 0);
	journal_close(&journal);
	table.count = 0;
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	assert_int_equal(journal_empty(&journal), 0);
	journal_close(&journal);
	assert_int_equal(table.count, 1);
	assert_string_equal(table.hold[0].path, path);
	assert_true(table.hold[0].wanted.value == 0xaaaaaaaaaaaaaaaa);
}

static void a_torn_line_is_cut_off_before_more_is_appended(void **state)
{
	struct journal journal;
	uint32_t line;

	(void)state;
	table.count = 0;
	file_write(run_dir, "journal", INTENT_1 "done 1 5");
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	assert_int_equal(journal_undo(&journal, &table.hold[0]), 0);
	journal_close(&journal);
	assert_file_says(run_dir, "journal", INTENT_1 "undo 1\n");
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	struct journal journal;
	char path[128];
	uint32_t line;

	(void)state;
	table.count = 0;
	file_write(run_dir, "journal", "");
	snprintf(path, sizeof(path), "%s/journal", run_dir);
	chmod(path, 0666);
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), -EPERM);
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0600) | chown(path, 1, 1), 0);
		assert_int_equal(journal_open(&journal, run_fd, &table, &line), -EPERM);
	}
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), -ELOOP);
	unlink(path);
}

static void a_long_journal_is_shortened_and_means_the_same(void **state)
{
	struct journal journal;
	struct hold *first, *second;
	uint32_t line;

	(void)state;
	table.count = 0;
	file_write(run_dir, "journal", "");
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	first = hold_make("/web", 100, 0);
	second = hold_make("/web", 200, 0);
	second->knob = KNOB_CPU_MAX;
	for (uint64_t i = 1; journal.bytes < JOURNAL_COMPACT_BYTES; i++) {
		struct hold *hold = i % 2 ? first : second;
		struct knob_value old = hold->ours;

		hold->wanted.value = hold->ours.value = i;
		assert_int_equal(journal_intent(&journal, hold, &old, i), 0);
		assert_int_equal(journal_done(&journal, hold), 0);
	}
	first->in_flight = true;
	assert_int_equal(journal_compact(&journal, &table, 1), 0);
	assert_true(journal.bytes >= JOURNAL_COMPACT_BYTES);
	first->in_flight = false;
	assert_int_equal(journal_compact(&journal, &table, 1), 0);
	assert_true(journal.bytes < 500);
	/* What follows must fit the new numbers. */
	assert_int_equal(journal_undo(&journal, first), 0);
	journal_close(&journal);
	table.count = 0;
	assert_int_equal(journal_open(&journal, run_fd, &table, &line), 0);
	journal_close(&journal);
	assert_int_equal(table.count, 2);
	assert_int_equal(lease_find(&table, web_id(), KNOB_CPU_WEIGHT, 0)->original.value, 100);
	assert_true(lease_find(&table, web_id(), KNOB_CPU_WEIGHT, 0)->undo_begun);
	assert_int_equal(lease_find(&table, web_id(), KNOB_CPU_MAX, 0)->original.value, 200);
}

#define CONTENDED "contended 0 7 /web%%20x %llu cpu.weight 100 -> 60 reason=4 found=33\n"

/* What it says is for people; that it does not grow for good is for the tmpfs. */
static void what_somebody_else_wrote_is_kept_in_a_bounded_file(void **state)
{
	struct journal journal = { .run_fd = run_fd, .fd = -1 };
	struct knob_value found = { .value = 33 };
	struct stat stat_buf;
	struct hold *hold;
	char text[256];
	uint64_t largest = 0;

	(void)state;
	table.count = 0;
	hold = hold_make("/web x", 100, 60);
	assert_int_equal(journal_contended(&journal, hold, &found, 7), 0);
	snprintf(text, sizeof(text), CONTENDED, (unsigned long long)web_id());
	assert_file_says(run_dir, "contended", text);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(journal_contended(&journal, hold, &found, 7), 0);
		assert_int_equal(fstatat(run_fd, "contended", &stat_buf, 0), 0);
		assert_int_equal((size_t)stat_buf.st_size % strlen(text), 0);
		if ((uint64_t)stat_buf.st_size > largest)
			largest = (uint64_t)stat_buf.st_size;
	}
	assert_in_range(largest, CONTENDED_BYTES_MAX / 2, CONTENDED_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_line_is_written_and_read),
		cmocka_unit_test(what_is_appended_is_replayed),
		cmocka_unit_test(a_torn_line_is_cut_off_before_more_is_appended),
		cmocka_unit_test(a_file_that_others_can_write_is_refused),
		cmocka_unit_test(a_long_journal_is_shortened_and_means_the_same),
		cmocka_unit_test(what_somebody_else_wrote_is_kept_in_a_bounded_file),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
