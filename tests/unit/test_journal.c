/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "act/cgroup.h"
#include "act/takeover.h"

#define INTENT_1 "intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3\n"
#define INTENT_2 "intent 2 99 /web 7 cpu.weight 50 -> 20 reason=3\n"

static char run_dir[] = "/tmp/test_journal.XXXXXX";
static char root[64];
static int run_fd, root_fd;
static struct lease_table table;

static int replay(const char *text)
{
	uint64_t bytes, seq;
	uint32_t line;

	table.count = 0;
	return journal_replay(text, strlen(text), &table, &bytes, &seq, &line);
}

static void an_intent_without_its_done_is_in_flight(void **state)
{
	(void)state;
	assert_int_equal(replay(INTENT_1), 0);
	assert_int_equal(table.count, 1);
	assert_true(table.hold[0].in_flight);
	assert_string_equal(table.hold[0].path, "/web");
	assert_int_equal(table.hold[0].cgroup_id, 7);
	assert_int_equal(table.hold[0].knob, KNOB_CPU_WEIGHT);
	assert_int_equal(table.hold[0].original.value, 100);
	assert_int_equal(table.hold[0].ours.value, 100);
	assert_int_equal(table.hold[0].wanted.value, 50);
}

static void done_brings_what_was_read_back(void **state)
{
	(void)state;
	assert_int_equal(replay(INTENT_1 "done 1 51\n"), 0);
	assert_false(table.hold[0].in_flight);
	assert_int_equal(table.hold[0].ours.value, 51);
	assert_int_equal(table.hold[0].original.value, 100);
}

static void several_changes_keep_the_first_original(void **state)
{
	(void)state;
	assert_int_equal(replay(INTENT_1 "done 1 50\n" INTENT_2 "done 2 20\n"), 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.hold[0].original.value, 100);
	assert_int_equal(table.hold[0].ours.value, 20);
	assert_int_equal(table.hold[0].seq, 2);
}

static void a_second_change_in_flight_may_read_the_first(void **state)
{
	(void)state;
	assert_int_equal(replay(INTENT_1 "done 1 50\n" INTENT_2), 0);
	assert_true(table.hold[0].in_flight);
	assert_int_equal(table.hold[0].ours.value, 50);
	assert_int_equal(table.hold[0].wanted.value, 20);
}

static void undone_settles_and_failed_does_not(void **state)
{
	(void)state;
	assert_int_equal(replay(INTENT_1 "done 1 50\nundo 1\n"), 0);
	assert_true(table.hold[0].undo_begun);
	assert_int_equal(replay(INTENT_1 "done 1 50\nundo 1\nundone 1 failed\n"), 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(replay(INTENT_1 "done 1 50\nundo 1\nundone 1 restored\n"), 0);
	assert_int_equal(table.count, 0);
	assert_int_equal(replay(INTENT_1 "done 1 50\nundone 1 foreign\n"), 0);
	assert_int_equal(table.count, 0);
}

static void the_way_and_the_disk_are_read(void **state)
{
	(void)state;
	assert_int_equal(replay("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=systemd\n"
				"intent 2 99 /web 7 io.max.rbps max -> 1048576 reason=3 via=systemd dev=8:16\n"
				"intent 3 99 /web 7 io.max.rbps max -> 2097152 reason=3 dev=8:0\n"
				"intent 4 99 /web 7 net.egress max -> 65536 reason=3 via=tc\n"
				"intent 5 99 /web 7 cpuset.cpus none -> 0-3,8 reason=3\n"
				"intent 6 99 /web 7 memory.reclaim 0 -> 4096 reason=3\ndone 6 0\n"), 0);
	assert_int_equal(table.count, 6);
	assert_int_equal(table.hold[0].via, VIA_SYSTEMD);
	assert_int_equal(table.hold[1].via, VIA_SYSTEMD);
	assert_int_equal(table.hold[1].device, 8 << 20 | 16);
	assert_int_equal(table.hold[2].via, VIA_FILE);
	assert_int_equal(table.hold[2].device, 8 << 20);
	assert_int_equal(table.hold[3].via, VIA_TC);
	assert_int_equal(table.hold[4].wanted.value, 0x10f);
	assert_int_equal(table.hold[5].child.pid_fd, -1);
	assert_false(table.hold[5].in_flight);
}

static void a_torn_last_line_was_not_written(void **state)
{
	static const char TEXT[] = INTENT_1 "done 1 50\nundone 1 restored\n";
	uint64_t bytes, seq;
	uint32_t line;

	(void)state;
	/* Cut anywhere: never an error, and whole lines only. */
	for (size_t size = 0; size < sizeof(TEXT); size++) {
		table.count = 0;
		assert_int_equal(journal_replay(TEXT, size, &table, &bytes, &seq, &line), 0);
		assert_true(bytes <= size && (bytes == 0 || TEXT[bytes - 1] == '\n'));
		assert_null(memchr(TEXT + bytes, '\n', size - bytes));
		assert_int_equal(table.count, bytes >= strlen(INTENT_1) && bytes < sizeof(TEXT) - 1);
	}
}

static void assert_corrupt(const char *text, uint32_t at_line)
{
	uint64_t bytes, seq;
	uint32_t line = 0;

	table.count = 0;
	if (journal_replay(text, strlen(text), &table, &bytes, &seq, &line) != -EBADMSG)
		fail_msg("taken for a journal: %s", text);
	assert_int_equal(line, at_line);
}

static void corruption_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_corrupt("\n", 1);
	assert_corrupt("rubbish\n", 1);
	assert_corrupt(INTENT_1 "done 1 50\nrubbish\n" INTENT_2, 3);
	assert_corrupt(INTENT_1 "done 2 50\n", 2);
	assert_corrupt(INTENT_1 "done 1\n", 2);
	assert_corrupt(INTENT_1 "done 1 5x\n", 2);
	assert_corrupt(INTENT_1 "undo 1 now\n", 2);
	assert_corrupt(INTENT_1 "undone 1 same\nundone 1 same\n", 3);
	assert_corrupt(INTENT_1 INTENT_1, 2);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 x\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 => 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.wight 100 -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 web 7 cpu.weight 100 -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /w%2 7 cpu.weight 100 -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /w%00 7 cpu.weight 100 -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.max 100 -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=file\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=tc\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 dev=8:0\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=systemd x\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.egress max -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=8:0 via=systemd\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=0:0\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=8\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=8:0x\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=4096:0\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=8:1048576\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.max.rbps max -> 50 reason=3 dev=8:0 dev=8:0\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpuset.cpus 64 -> 0 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpuset.cpus  -> 0 reason=3\n", 1);
}

static void file_write(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	umask(022);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_file_says(const char *dir, const char *name, const char *text)
{
	char path[512], now[4096] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	assert_non_null(file);
	now[fread(now, 1, sizeof(now) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(now, text);
}

static uint64_t web_id(void)
{
	char path[128];
	struct stat stat_buf;

	snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(stat(path, &stat_buf), 0);
	return stat_buf.st_ino;
}

static int world_make(void **state)
{
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(run_dir));
	snprintf(root, sizeof(root), "%s/tree", run_dir);
	assert_int_equal(mkdir(root, 0755), 0);
	snprintf(path, sizeof(path), "%s/web", root);
	assert_int_equal(mkdir(path, 0755), 0);
	run_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root_fd = cgroup_root_open(root);
	return run_fd < 0 || root_fd < 0;
}

static int world_remove(void **state)
{
	char command[300];

	(void)state;
	close(run_fd);
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s", run_dir);
	return system(command);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intent_without_its_done_is_in_flight),
		cmocka_unit_test(done_brings_what_was_read_back),
		cmocka_unit_test(several_changes_keep_the_first_original),
		cmocka_unit_test(a_second_change_in_flight_may_read_the_first),
		cmocka_unit_test(undone_settles_and_failed_does_not),
		cmocka_unit_test(the_way_and_the_disk_are_read),
		cmocka_unit_test(the_longest_line_is_written_and_read),
		cmocka_unit_test(a_torn_last_line_was_not_written),
		cmocka_unit_test(corruption_is_refused_with_its_line),
		cmocka_unit_test(what_is_appended_is_replayed),
		cmocka_unit_test(a_torn_line_is_cut_off_before_more_is_appended),
		cmocka_unit_test(a_file_that_others_can_write_is_refused),
		cmocka_unit_test(a_long_journal_is_shortened_and_means_the_same),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
