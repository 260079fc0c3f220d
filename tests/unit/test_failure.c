/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "predict/failure.h"

#define S 1000000000ull

static struct failures failures;

static int reset(void **state)
{
	(void)state;
	memset(&failures, 0, sizeof(failures));
	return 0;
}

static void failed(const char *path, enum failure_cause cause, uint32_t value, uint32_t pid, uint64_t time_ns)
{
	struct observe_failure what = { .cause = cause, .value = value, .pid = pid, .time_ns = time_ns, .is_annotated = path[1] == 'a' };

	strcpy(what.path, path);
	failures_take(&failures, &what);
}

static void recover(const char *path, uint64_t time_ns)
{
	struct observe_failure what = { .stage = FAILURE_RECOVERED, .time_ns = time_ns };

	strcpy(what.path, path);
	failures_take(&failures, &what);
}

static void a_failure_lasts_until_its_instance_is_back(void **state)
{
	(void)state;
	failed("/a", FAILURE_EXIT, 3, 10, 5 * S);
	failed("/b", FAILURE_EXIT, 4, 11, 5 * S);
	assert_true(failures_is_open(&failures, "/a"));
	recover("/a", 4 * S);
	assert_true(failures_is_open(&failures, "/a"));
	recover("/a", 7 * S);
	assert_false(failures_is_open(&failures, "/a"));
	assert_true(failures_is_open(&failures, "/b"));
	assert_int_equal(failures.record[0].recovered_ns - failures.record[0].what.time_ns, 2 * S);
}

static void witnesses_of_one_end_make_one_record_with_the_gravest_cause(void **state)
{
	(void)state;
	failed("/a", FAILURE_SIGNAL, 6, 10, 5 * S);
	failed("/a", FAILURE_WATCHDOG, 6, 10, 5 * S + 1000);
	failed("/a", FAILURE_UNIT, 0, 0, 5 * S + 2000);
	assert_int_equal(failures.count, 1);
	failed("/b", FAILURE_OOM, 0, 20, 5 * S);
	failed("/b", FAILURE_SIGNAL, 9, 20, 5 * S);
	assert_int_equal(failures.record[1].what.cause, FAILURE_OOM);
	assert_int_equal(failures.record[1].what.value, 9);
	assert_int_equal(failures.record[0].what.cause, FAILURE_WATCHDOG);
	assert_int_equal(failures.record[0].what.value, 6);
	assert_int_equal(failures.total[FAILURE_WATCHDOG], 1);
	assert_int_equal(failures.total[FAILURE_SIGNAL], 0);
}

static void a_late_witness_of_what_is_over_makes_no_second_record(void **state)
{
	(void)state;
	failed("/a", FAILURE_SIGNAL, 9, 10, 5 * S);
	recover("/a", 5 * S + S / 10);
	failed("/a", FAILURE_OOM, 9, 0, 5 * S + S);
	assert_int_equal(failures.count, 1);
	assert_int_equal(failures.record[0].what.cause, FAILURE_OOM);
	assert_int_equal(failures.record[0].what.pid, 10);
}

static void another_process_is_another_failure(void **state)
{
	(void)state;
	failed("/a", FAILURE_EXIT, 1, 10, 5 * S);
	recover("/a", 5 * S + 1);
	failed("/a", FAILURE_EXIT, 1, 11, 5 * S + 2);
	recover("/a", 5 * S + 3);
	failed("/a", FAILURE_EXIT, 1, 10, 50 * S);	/* the number was given out again */
	assert_int_equal(failures.count, 3);
	assert_int_equal(failures.total[FAILURE_EXIT], 3);
}

static void who_knows_no_process_learns_it_later(void **state)
{
	(void)state;
	failed("/a", FAILURE_UNIT, 0, 0, 5 * S);
	failed("/a", FAILURE_EXIT, 1, 12, 5 * S);
	assert_int_equal(failures.count, 1);
	assert_int_equal(failures.record[0].what.pid, 12);
	assert_int_equal(failures.record[0].what.cause, FAILURE_EXIT);
}

static void a_unit_that_nobody_saw_is_known_by_its_name(void **state)
{
	(void)state;
	failed("a.service", FAILURE_EXIT, 1, 10, 5 * S);
	assert_true(failures_is_open(&failures, "/x/a.service"));
	assert_false(failures_is_open(&failures, "/x/ba.service"));
	failed("/x/a.service", FAILURE_EXIT, 1, 10, 5 * S);
	assert_int_equal(failures.count, 1);
	assert_string_equal(failures.record[0].what.path, "/x/a.service");
	recover("a.service", 6 * S);
	assert_false(failures_is_open(&failures, "/x/a.service"));
}

/* Only the record of the OOM killer knows the limit, and it may come after that of the exit. */
static void whose_limit_it_was_is_kept_whoever_comes_first(void **state)
{
	struct observe_failure oom = { .cause = FAILURE_OOM, .value = 9, .pid = 10, .time_ns = 5 * S, .limit_bytes = 2, .path = "/a/b" };

	(void)state;
	failed("/a/b", FAILURE_SIGNAL, 9, 10, 5 * S);
	failures_take(&failures, &oom);
	assert_int_equal(failures.count, 1);
	assert_int_equal(failures.record[0].what.limit_bytes, 2);
	failed("/a/b", FAILURE_UNIT, 0, 0, 5 * S);
	assert_int_equal(failures.record[0].what.limit_bytes, 2);
	/* A length is of a path: it says nothing of another. */
	failed("b.service", FAILURE_SIGNAL, 9, 20, 9 * S);
	strcpy(oom.path, "/x/b.service");
	oom.pid = 20;
	oom.time_ns = 9 * S;
	failures_take(&failures, &oom);
	assert_string_equal(failures.record[1].what.path, "/x/b.service");
	assert_int_equal(failures.record[1].what.limit_bytes, 2);
}

static void strangers_go_first_when_there_is_no_room(void **state)
{
	char path[16];

	(void)state;
	failed("/a", FAILURE_EXIT, 1, 1, S);
	for (uint32_t i = 0; i < 2 * FAILURES_MAX; i++) {
		snprintf(path, sizeof(path), "/b%u", i);
		failed(path, FAILURE_EXIT, 1, 2 + i, S);
	}
	assert_int_equal(failures.count, FAILURES_MAX);
	assert_string_equal(failures.record[0].what.path, "/a");
	assert_string_equal(failures.record[FAILURES_MAX - 1].what.path, "/b511");
	assert_int_equal(failures.forgotten, FAILURES_MAX + 1);
	for (uint32_t i = 0; i < FAILURES_MAX + 3; i++)
		failed("/a", FAILURE_EXIT, 1, 9000 + i, (i + 2) * 10 * S);
	assert_int_equal(failures.count, FAILURES_MAX);
	assert_string_equal(failures.record[0].what.path, "/a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_failure_lasts_until_its_instance_is_back, reset),
		cmocka_unit_test_setup(witnesses_of_one_end_make_one_record_with_the_gravest_cause, reset),
		cmocka_unit_test_setup(a_late_witness_of_what_is_over_makes_no_second_record, reset),
		cmocka_unit_test_setup(another_process_is_another_failure, reset),
		cmocka_unit_test_setup(who_knows_no_process_learns_it_later, reset),
		cmocka_unit_test_setup(a_unit_that_nobody_saw_is_known_by_its_name, reset),
		cmocka_unit_test_setup(whose_limit_it_was_is_kept_whoever_comes_first, reset),
		cmocka_unit_test_setup(strangers_go_first_when_there_is_no_room, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
