/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forestall-web remembers: a file in a directory of its own, and a clock that the test turns. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "web_world.h"
#include "serve/web_history.h"

#define NOON 1700000000ll

struct place {
	char dir[32], file[64];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->dir, "/tmp/test_web.XXXXXX");
	if (!mkdtemp(place->dir))
		return -1;
	snprintf(place->file, sizeof(place->file), "%s/history.db", place->dir);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	struct place *place = *state;
	char file[80];

	for (int i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s%s", place->file, endings[i]);
		unlink(file);
	}
	rmdir(place->dir);
	free(place);
	return 0;
}

static struct web_history *history_of(const struct place *place, uint32_t age_s, uint64_t bytes)
{
	struct web_history_limits limits = { .age_s = age_s, .bytes = bytes };

	return web_history_new(place->file, &limits);
}

static json_t *plan_of(json_t *actions)
{
	return json_pack("{s:b, s:o}", "ok", 1, "actions", actions);
}

static void history_returns_what_was_pushed_also_after_a_restart(void **state)
{
	struct web_history *history = history_of(*state, 0, 0);
	struct web_view view = view_of(crowd(1, 2));
	json_t *answer, *seconds, *slis;

	for (int i = 0; i < 25; i++)
		web_history_push(history, &view, NOON + i);
	web_history_free(history);
	history = history_of(*state, 0, 0);
	web_history_push(history, &view, NOON + 25);
	answer = web_history_query(history, "/slo/0", 10, NOON + 25);
	seconds = json_object_get(answer, "seconds");
	assert_int_equal(json_array_size(seconds), 10);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(seconds, 9), "t")), NOON + 25);
	for (int i = 0; i < 10; i++) {
		slis = json_object_get(json_array_get(seconds, (size_t)i), "slis");
		assert_int_equal(json_object_size(slis), 2);
		assert_true(json_real_value(json_object_get(json_object_get(slis, "runq_p99"), "value")) == 2.5);
		assert_true(json_is_true(json_object_get(json_object_get(slis, "runq_p99"), "violated")));
		assert_true(json_is_null(json_object_get(json_object_get(slis, "mem_some"), "value")));
		assert_true(json_real_value(json_object_get(json_object_get(slis, "mem_some"), "risk")) == 0.125);
	}
	assert_true(json_real_value(json_object_get(json_array_get(seconds, 0), "memory")) == 4096);
	assert_true(json_is_null(json_object_get(json_array_get(seconds, 0), "net")));
	assert_true(json_is_true(json_object_get(json_array_get(seconds, 0), "violated")));
	json_decref(answer);
	/* Longer steps hold the worst of each SLI. */
	answer = web_history_query(history, "/slo/0", 2 * HISTORY_POINTS_MAX, NOON + 25);
	seconds = json_object_get(answer, "seconds");
	assert_int_equal(json_array_size(seconds), 13);
	assert_int_equal(json_object_size(json_object_get(json_array_get(seconds, 12), "slis")), 2);
	json_decref(answer);
	answer = web_history_query(history, "/crowd/1", 10, NOON + 25);
	seconds = json_object_get(answer, "seconds");
	assert_int_equal(json_array_size(seconds), 10);
	assert_int_equal(json_object_size(json_object_get(json_array_get(seconds, 0), "slis")), 0);
	json_decref(answer);
	answer = web_history_query(history, "/nowhere", 10, NOON + 25);
	assert_int_equal(json_array_size(json_object_get(answer, "seconds")), 0);
	json_decref(answer);
	web_history_free(history);
	view_done(&view);
}

static void history_keeps_one_row_per_change_of_an_action(void **state)
{
	struct web_history *history = history_of(*state, 0, 0);
	struct web_view view = view_of(crowd(1, 0));
	json_t *answer, *actions;

	for (int i = 0; i < 9; i++) {
		json_decref(view.plan);
		view.plan = plan_of(i < 6 ? json_pack("[{s:s, s:s, s:i, s:s, s:s, s:s?}]", "path", "/hog", "knob",
						      "io.max", "value", 1, "reason", "reflex", "resource", "io", "outcome",
						      i < 3 ? NULL : "applied") : json_array());
		web_history_push(history, &view, NOON + i);
	}
	answer = web_history_query(history, "/hog", 60, NOON + 9);
	actions = json_object_get(answer, "actions");
	assert_int_equal(json_array_size(actions), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(actions, 0), "outcome")), "released");
	assert_string_equal(json_string_value(json_object_get(json_array_get(actions, 1), "outcome")), "applied");
	assert_true(json_is_null(json_object_get(json_array_get(actions, 2), "outcome")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(actions, 2), "resource")), "io");
	json_decref(answer);
	web_history_free(history);
	view_done(&view);
}

static json_t *failure_of(json_t *recovery)
{
	return json_pack("[{s:s, s:I, s:s, s:i, s:s, s:o}, {s:s, s:I, s:s, s:i, s:n, s:f}]", "path", "/slo/0", "unix_ms",
			 (json_int_t)NOON * 1000 + 500, "cause", "oom", "value", 9, "program", "hog", "recovery_s", recovery,
			 "path", "/other", "unix_ms", (json_int_t)NOON * 1000, "cause", "exit", "value", 1, "program", "recovery_s",
			 0.5);
}

static void history_keeps_a_failure_once_and_learns_when_it_was_over(void **state)
{
	struct web_history *history = history_of(*state, 0, 0);
	struct web_view view = view_of(crowd(1, 0));
	json_t *answer, *failures;

	view.failures = failure_of(json_null());
	web_history_push(history, &view, NOON + 1);
	web_history_push(history, &view, NOON + 2);
	answer = web_history_query(history, "/slo/0", 60, NOON + 3);
	failures = json_object_get(answer, "failures");
	assert_int_equal(json_array_size(failures), 1);
	assert_true(json_is_null(json_object_get(json_array_get(failures, 0), "recovery_s")));
	json_decref(answer);
	json_decref(view.failures);
	view.failures = failure_of(json_real(2.5));
	web_history_push(history, &view, NOON + 4);
	answer = web_history_query(history, "/slo/0", 60, NOON + 5);
	failures = json_object_get(answer, "failures");
	assert_int_equal(json_array_size(failures), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(failures, 0), "cause")), "oom");
	assert_true(json_number_value(json_object_get(json_array_get(failures, 0), "recovery_s")) == 2.5);
	json_decref(answer);
	web_history_free(history);
	view_done(&view);
}

static void history_forgets_what_is_too_old(void **state)
{
	struct web_history *history = history_of(*state, 100, 0);
	struct web_view view = view_of(crowd(1, 0));
	json_t *answer;

	for (int i = 0; i < 600; i++)
		web_history_push(history, &view, NOON + i);
	answer = web_history_query(history, "/slo/0", 3600, NOON + 600);
	/* Retention runs once in six batches, of eleven seconds each. */
	assert_in_range(json_array_size(json_object_get(answer, "seconds")), 99, 100 + 6 * 11 + 11);
	json_decref(answer);
	web_history_free(history);
	view_done(&view);
}

static void history_stays_below_its_size(void **state)
{
	const struct place *place = *state;
	struct web_history *history = history_of(place, 0, 1000000);
	struct web_view view = view_of(crowd(40, 0));
	struct stat stat_buffer;
	json_t *answer;

	for (int i = 0; i < 3000; i++) {
		web_history_push(history, &view, NOON + i);
		assert_true(web_history_is_up(history));
	}
	answer = web_history_query(history, "/slo/7", 60, NOON + 2999);
	assert_int_equal(json_array_size(json_object_get(answer, "seconds")), 60);
	json_decref(answer);
	web_history_free(history);
	assert_int_equal(stat(place->file, &stat_buffer), 0);
	assert_true(stat_buffer.st_size <= 1250000);
	view_done(&view);
}

static void history_survives_a_directory_that_is_not_there(void **state)
{
	const struct place *place = *state;
	struct web_history *history = history_of(place, 0, 0);
	struct web_view view = view_of(crowd(1, 0));

	assert_int_equal(rmdir(place->dir), 0);
	web_history_push(history, &view, NOON);
	assert_false(web_history_is_up(history));
	assert_null(web_history_query(history, "/slo/0", 60, NOON));
	assert_int_equal(mkdir(place->dir, 0700), 0);
	web_history_push(history, &view, NOON + 1);
	assert_false(web_history_is_up(history));
	web_history_push(history, &view, NOON + HISTORY_RETRY_S);
	assert_true(web_history_is_up(history));
	web_history_free(history);
	view_done(&view);
}

static void history_of_another_schema_is_dropped(void **state)
{
	const struct place *place = *state;
	struct web_view view = view_of(crowd(1, 0));
	struct web_history *history;
	json_t *answer;
	sqlite3 *old;

	assert_int_equal(sqlite3_open(place->file, &old), SQLITE_OK);
	assert_int_equal(sqlite3_exec(old, "CREATE TABLE paths(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
					   "CREATE TABLE seconds(t INTEGER NOT NULL, path INTEGER NOT NULL, cpu REAL);"
					   "INSERT INTO paths VALUES(1, '/slo/0'); INSERT INTO seconds VALUES(1, 1, 1)",
				      NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(old);
	history = history_of(place, 0, 0);
	web_history_push(history, &view, NOON);
	assert_true(web_history_is_up(history));
	answer = web_history_query(history, "/slo/0", HISTORY_SECONDS_MAX, NOON);
	assert_int_equal(json_array_size(json_object_get(answer, "seconds")), 1);
	json_decref(answer);
	web_history_free(history);
	view_done(&view);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(history_returns_what_was_pushed_also_after_a_restart),
		WITH_PLACE(history_keeps_one_row_per_change_of_an_action),
		WITH_PLACE(history_keeps_a_failure_once_and_learns_when_it_was_over),
		WITH_PLACE(history_forgets_what_is_too_old),
		WITH_PLACE(history_stays_below_its_size),
		WITH_PLACE(history_of_another_schema_is_dropped),
		WITH_PLACE(history_survives_a_directory_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
