/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_history_db.h"

#include "value.h"

static json_t *column_number(sqlite3_stmt *row, int at)
{
	return sqlite3_column_type(row, at) == SQLITE_NULL ? json_null() :
							     value_number(sqlite3_column_double(row, at));
}

static json_t *column_text(sqlite3_stmt *row, int at)
{
	return value_text((const char *)sqlite3_column_text(row, at));
}

static json_t *second_json(sqlite3_stmt *row)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:{}}", "t", (json_int_t)sqlite3_column_int64(row, 0),
			 "cpu", column_number(row, 1), "wait", column_number(row, 2), "memory", column_number(row, 3),
			 "io", column_number(row, 4), "net", column_number(row, 5), "risk", column_number(row, 6),
			 "violated", sqlite3_column_int(row, 7), "slis");
}

static json_t *action_json(sqlite3_stmt *row)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "t", (json_int_t)sqlite3_column_int64(row, 0), "knob",
			 column_text(row, 1), "value", column_text(row, 2), "reason", column_text(row, 3), "outcome",
			 column_text(row, 4), "resource", column_text(row, 5));
}

static json_t *failure_json(sqlite3_stmt *row)
{
	return json_pack("{s:I, s:o, s:i, s:o, s:o}", "unix_ms", (json_int_t)sqlite3_column_int64(row, 0), "cause",
			 column_text(row, 1), "value", sqlite3_column_int(row, 2), "program", column_text(row, 3),
			 "recovery_s", column_number(row, 4));
}

static json_t *rows_json(struct history_db *db, enum statement which, json_t *(*row_json)(sqlite3_stmt *row))
{
	json_t *rows = json_array();

	while (sqlite3_step(db->statement[which]) == SQLITE_ROW)
		json_array_append_new(rows, row_json(db->statement[which]));
	sqlite3_reset(db->statement[which]);
	sqlite3_clear_bindings(db->statement[which]);
	return rows;
}

/* Puts each SLI into its step; both come in the order of time. */
static void slis_merge(struct history_db *db, json_t *seconds, int64_t step_s)
{
	sqlite3_stmt *row = db->statement[SQL_SLIS_SHOW];
	size_t at = 0;

	while (sqlite3_step(row) == SQLITE_ROW) {
		int64_t step = sqlite3_column_int64(row, 0) / step_s;
		json_t *second;

		while ((second = json_array_get(seconds, at)) &&
		       json_integer_value(json_object_get(second, "t")) / step_s < step)
			at++;
		if (second && json_integer_value(json_object_get(second, "t")) / step_s == step)
			json_object_set_new(json_object_get(second, "slis"), (const char *)sqlite3_column_text(row, 1),
					    json_pack("{s:o, s:o, s:b}", "value", column_number(row, 2), "risk",
						      column_number(row, 3), "violated", sqlite3_column_int(row, 4)));
	}
	sqlite3_reset(row);
	sqlite3_clear_bindings(row);
}

static void range_bind(sqlite3_stmt *statement, const char *path, uint32_t seconds, int64_t now_s)
{
	sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 2, now_s - seconds);
	sqlite3_bind_int64(statement, 3, now_s);
}

json_t *history_db_query(struct history_db *db, const char *path, uint32_t seconds, int64_t now_s)
{
	uint32_t step_s = (seconds + HISTORY_POINTS_MAX - 1) / HISTORY_POINTS_MAX;
	json_t *rows;

	range_bind(db->statement[SQL_SECONDS_SHOW], path, seconds, now_s);
	sqlite3_bind_int64(db->statement[SQL_SECONDS_SHOW], 4, step_s);
	rows = rows_json(db, SQL_SECONDS_SHOW, second_json);
	range_bind(db->statement[SQL_SLIS_SHOW], path, seconds, now_s);
	sqlite3_bind_int64(db->statement[SQL_SLIS_SHOW], 4, step_s);
	slis_merge(db, rows, step_s);
	range_bind(db->statement[SQL_ACTIONS_SHOW], path, seconds, now_s);
	range_bind(db->statement[SQL_FAILURES_SHOW], path, seconds, now_s);
	return json_pack("{s:b, s:o, s:i, s:o, s:o, s:o}", "ok", 1, "path", value_text(path), "step_s", (int)step_s,
			 "seconds", rows, "actions", rows_json(db, SQL_ACTIONS_SHOW, action_json), "failures",
			 rows_json(db, SQL_FAILURES_SHOW, failure_json));
}
