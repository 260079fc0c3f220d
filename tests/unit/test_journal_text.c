/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's text: what each line means, and which text is refused. */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>

#include "act/journal.h"

#define INTENT_1 "intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3\n"
#define INTENT_2 "intent 2 99 /web 7 cpu.weight 50 -> 20 reason=3\n"

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
				"intent 6 99 /web 7 memory.reclaim 0 -> 4096 reason=3\ndone 6 0\n"
				"intent 7 99 /web 7 net.share 0 -> 5 reason=3 via=nft ports=80:8081\n"
				"intent 8 99 /web 7 net.ingress max -> 65536 reason=3 via=bpf\n"
				"intent 9 99 /web 7 io.latency max -> 5000 reason=3 dev=8:0\n"
				"intent 10 99 /web 7 cpuset.cpus.partition member -> isolated reason=3\n"
				"intent 11 99 /db 8 net.first max -> 2500000 reason=5 via=tc\n"), 0);
	assert_int_equal(table.count, 11);
	assert_int_equal(table.hold[10].via, VIA_TC);
	assert_int_equal(table.hold[7].via, VIA_BPF);
	assert_int_equal(table.hold[8].device, 8 << 20);
	assert_int_equal(table.hold[9].wanted.value, PARTITION_ISOLATED);
	assert_int_equal(SHARE_FRONT(table.hold[6].device), 80);
	assert_int_equal(SHARE_PORT(table.hold[6].device), 8081);
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
	assert_corrupt("intent 1 99 /web 7 net.first max -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.first max -> 50 reason=3 via=nft\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.ingress max -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.egress max -> 50 reason=3 via=bpf\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 via=bpf\n", 1);
	assert_corrupt("intent 1 99 /web 7 io.latency max -> 50 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpuset.cpus.partition member -> leader reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.share 0 -> 5 reason=3 via=nft\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.priority 0 -> 5 reason=3\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.priority 0 -> 5 reason=3 via=nft ports=80:81\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.share 0 -> 5 reason=3 ports=80:81\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.share 0 -> 5 reason=3 via=nft ports=80:65536\n", 1);
	assert_corrupt("intent 1 99 /web 7 net.share 0 -> 5 reason=3 via=nft dev=8:16\n", 1);
	assert_corrupt("intent 1 99 /web 7 cpu.weight 100 -> 50 reason=3 ports=80:81\n", 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_intent_without_its_done_is_in_flight),
		cmocka_unit_test(done_brings_what_was_read_back),
		cmocka_unit_test(several_changes_keep_the_first_original),
		cmocka_unit_test(a_second_change_in_flight_may_read_the_first),
		cmocka_unit_test(undone_settles_and_failed_does_not),
		cmocka_unit_test(the_way_and_the_disk_are_read),
		cmocka_unit_test(a_torn_last_line_was_not_written),
		cmocka_unit_test(corruption_is_refused_with_its_line),
	};

	return cmocka_run_group_tests_name("journal_text", tests, NULL, NULL);
}
