/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_history_db.h"
#include "web_pick.h"

struct web_history {
	struct history_db db;
	char *file;
	struct web_history_limits limits;
	json_t *actions;	/* of the last second, to see what changed; NULL: none */
	json_t *failures;	/* those written last */
	int64_t batch_s;	/* when the open transaction began; 0: none is open */
	int64_t retry_s;	/* not before then, after a failure */
};

struct web_history *web_history_new(const char *file, const struct web_history_limits *limits)
{
	struct web_history *history = calloc(1, sizeof(*history));

	if (!history)
		return NULL;
	history->file = strdup(file);
	history->limits = *limits;
	if (!limits->age_s)
		history->limits.age_s = 86400;
	if (!limits->bytes)
		history->limits.bytes = 200 * 1000 * 1000;
	if (!limits->actions)
		history->limits.actions = 100000;
	if (history->file)
		return history;
	free(history);
	return NULL;
}

static void history_fail(struct web_history *history, const char *why, int64_t now_s)
{
	fprintf(stderr, "forestall-web: %s: %s; no history for %d s, then tried again\n", history->file, why,
		HISTORY_RETRY_S);
	history_db_close(&history->db);
	/* What was rolled back is written again. */
	json_decref(history->actions);
	json_decref(history->failures);
	history->actions = history->failures = NULL;
	history->batch_s = 0;
	history->retry_s = now_s + HISTORY_RETRY_S;
}

static bool history_ready(struct web_history *history, int64_t now_s)
{
	char why[128];

	if (history->db.handle)
		return true;
	/* A clock that was set back must not keep history away for long. */
	if (now_s < history->retry_s && history->retry_s - now_s <= HISTORY_RETRY_S)
		return false;
	if (history_db_open(&history->db, history->file, history->limits.bytes, why) != SQLITE_OK) {
		history_fail(history, why, now_s);
		return false;
	}
	/* What an earlier process was allowed may be more than there is room for now. */
	if (history_db_retain(&history->db, &history->limits, now_s) == SQLITE_OK)
		return true;
	history_fail(history, sqlite3_errmsg(history->db.handle), now_s);
	return false;
}

static int batch_begin(struct web_history *history, int64_t now_s)
{
	int r = history->batch_s ? SQLITE_OK : history_db_run(&history->db, "BEGIN IMMEDIATE");

	if (r == SQLITE_OK && !history->batch_s)
		history->batch_s = now_s;
	return r;
}

static int batch_end(struct web_history *history, int64_t now_s)
{
	int r = history_db_run(&history->db, "COMMIT");

	history->batch_s = 0;
	if (r == SQLITE_OK)
		r = history_db_retain(&history->db, &history->limits, now_s);
	return r;
}

static void number_bind(sqlite3_stmt *statement, int at, double number)
{
	if (isfinite(number))
		sqlite3_bind_double(statement, at, number);
}

/* What is bound, each in a row of its own. */
static int slis_push(struct web_history *history, const json_t *instance, const char *path, int64_t now_s)
{
	sqlite3_stmt *add = history->db.statement[SQL_SLI_ADD];
	const char *name;
	json_t *sli;
	int r = SQLITE_OK;

	json_object_foreach(json_object_get(instance, "slis"), name, sli) {
		if (r != SQLITE_OK || !json_is_number(json_object_get(sli, "bound")))
			continue;
		sqlite3_bind_text(add, 1, path, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(add, 2, now_s);
		sqlite3_bind_text(add, 3, name, -1, SQLITE_TRANSIENT);
		number_bind(add, 4, web_pick_number(sli, "value"));
		number_bind(add, 5, web_pick_number(sli, "risk"));
		sqlite3_bind_int(add, 6, json_is_true(json_object_get(sli, "violated")));
		r = history_db_step(&history->db, SQL_SLI_ADD);
	}
	return r;
}

static int second_push(struct web_history *history, const json_t *instance, int64_t now_s)
{
	static const char *const keys[] = { "cpu", "wait", "memory_bytes", "io_bytes", "tx_bytes", "risk" };
	const int count = sizeof(keys) / sizeof(keys[0]);
	sqlite3_stmt *add = history->db.statement[SQL_SECOND_ADD];
	const char *path = web_pick_text(instance, "path");
	int r;

	sqlite3_bind_text(history->db.statement[SQL_PATH_ADD], 1, path, -1, SQLITE_TRANSIENT);
	r = history_db_step(&history->db, SQL_PATH_ADD);
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_text(add, 1, path, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(add, 2, now_s);
	for (int i = 0; i < count; i++)
		number_bind(add, 3 + i, web_pick_number(instance, keys[i]));
	sqlite3_bind_int(add, 3 + count, json_is_true(json_object_get(instance, "violated")));
	r = history_db_step(&history->db, SQL_SECOND_ADD);
	return r == SQLITE_OK ? slis_push(history, instance, path, now_s) : r;
}

/* The action on the same knob of the same path; NULL when there is none. */
static const json_t *action_find(const json_t *actions, const json_t *like)
{
	for (size_t i = 0; i < json_array_size(actions); i++) {
		const json_t *action = json_array_get(actions, i);

		if (!strcmp(web_pick_text(action, "path"), web_pick_text(like, "path")) &&
		    !strcmp(web_pick_text(action, "knob"), web_pick_text(like, "knob")))
			return action;
	}
	return NULL;
}

static bool action_is_same(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "value"), json_object_get(b, "value")) &&
	       json_equal(json_object_get(a, "reason"), json_object_get(b, "reason")) &&
	       json_equal(json_object_get(a, "outcome"), json_object_get(b, "outcome"));
}

/* `outcome` NULL: the action's own, null there while the hands have said nothing. */
static int action_push(struct web_history *history, const json_t *action, const char *outcome, int64_t now_s)
{
	sqlite3_stmt *add = history->db.statement[SQL_ACTION_ADD];
	const json_t *value = json_object_get(action, "value");
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	if (!outcome)
		outcome = json_string_value(json_object_get(action, "outcome"));
	sqlite3_bind_text(add, 1, web_pick_text(action, "path"), -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(add, 2, now_s);
	sqlite3_bind_text(add, 3, web_pick_text(action, "knob"), -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(add, 4, json_is_string(value) ? json_string_value(value) : number, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(add, 5, web_pick_text(action, "reason"), -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(add, 6, outcome, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(add, 7, web_pick_text(action, "resource"), -1, SQLITE_TRANSIENT);
	return history_db_step(&history->db, SQL_ACTION_ADD);
}

/* What is new, what changed, and what is no longer wanted. */
static int actions_push(struct web_history *history, json_t *actions, int64_t now_s)
{
	int r = SQLITE_OK;

	for (size_t i = 0; i < json_array_size(actions) && r == SQLITE_OK; i++) {
		const json_t *action = json_array_get(actions, i), *before = action_find(history->actions, action);

		if (!before || !action_is_same(before, action))
			r = action_push(history, action, NULL, now_s);
	}
	for (size_t i = 0; i < json_array_size(history->actions) && r == SQLITE_OK; i++) {
		const json_t *before = json_array_get(history->actions, i);

		if (!action_find(actions, before))
			r = action_push(history, before, "released", now_s);
	}
	json_decref(history->actions);
	history->actions = json_incref(actions);
	return r;
}

/* One that is over is told again, with the time that it took, and takes the place of itself. */
static int failures_push(struct web_history *history, json_t *failures)
{
	sqlite3_stmt *add = history->db.statement[SQL_FAILURE_ADD];
	int r = SQLITE_OK;

	if (failures == history->failures)
		return r;
	/* The youngest comes first in the list, and last in the table. */
	for (size_t i = json_array_size(failures); i-- > 0 && r == SQLITE_OK;) {
		const json_t *failure = json_array_get(failures, i);

		sqlite3_bind_text(add, 1, web_pick_text(failure, "path"), -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(add, 2, json_integer_value(json_object_get(failure, "unix_ms")));
		sqlite3_bind_text(add, 3, web_pick_text(failure, "cause"), -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(add, 4, json_integer_value(json_object_get(failure, "value")));
		sqlite3_bind_text(add, 5, web_pick_text(failure, "program"), -1, SQLITE_TRANSIENT);
		number_bind(add, 6, web_pick_number(failure, "recovery_s"));
		r = history_db_step(&history->db, SQL_FAILURE_ADD);
	}
	json_decref(history->failures);
	history->failures = json_incref(failures);
	return r;
}

void web_history_push(struct web_history *history, const struct web_view *view, int64_t now_s)
{
	struct web_pick pick;
	int r;

	if (!history_ready(history, now_s))
		return;
	web_pick_make(view, &pick);
	r = batch_begin(history, now_s);
	for (size_t i = 0; i < pick.count && r == SQLITE_OK; i++)
		r = second_push(history, pick.item[i], now_s);
	if (r == SQLITE_OK)
		r = actions_push(history, json_object_get(view->plan, "actions"), now_s);
	if (r == SQLITE_OK)
		r = failures_push(history, view->failures);
	/* Also when the clock was set back. */
	if (r == SQLITE_OK && (now_s - history->batch_s >= HISTORY_BATCH_S || now_s < history->batch_s))
		r = batch_end(history, now_s);
	if (r != SQLITE_OK)
		history_fail(history, sqlite3_errmsg(history->db.handle), now_s);
}

json_t *web_history_query(struct web_history *history, const char *path, uint32_t seconds, int64_t now_s)
{
	if (!history->db.handle || !seconds)
		return NULL;
	return history_db_query(&history->db, path, seconds < HISTORY_SECONDS_MAX ? seconds : HISTORY_SECONDS_MAX,
				now_s);
}

bool web_history_is_up(const struct web_history *history)
{
	return history->db.handle != NULL;
}

void web_history_free(struct web_history *history)
{
	if (!history)
		return;
	if (history->batch_s)
		history_db_run(&history->db, "COMMIT");
	history_db_close(&history->db);
	json_decref(history->actions);
	json_decref(history->failures);
	free(history->file);
	free(history);
}
