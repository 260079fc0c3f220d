/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_history_db.h"

#include <stdio.h>
#include <stdlib.h>

#define BUSY_MS 1000	/* a reader of another process may hold a checkpoint up */
#define WHY_BYTES 128
#define SHRINKS_MAX 30

#define SCHEMA "3"	/* history of another schema is dropped: it is of a day, and its seconds mean something else */

/* Paths are kept once, and SLIs in rows of their own, so that a new one changes no table. */
static const char schema[] =
	"PRAGMA auto_vacuum=INCREMENTAL;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"PRAGMA journal_size_limit=4194304;"
	"PRAGMA trusted_schema=OFF;"
	"PRAGMA cache_size=-512;"	/* KiB; as it is 2 MB, which a day of rows fills */
	"CREATE TABLE IF NOT EXISTS paths(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
	"CREATE TABLE IF NOT EXISTS seconds(t INTEGER NOT NULL, path INTEGER NOT NULL, cpu REAL, wait REAL, memory REAL,"
	" io REAL, net REAL, risk REAL, violated INTEGER);"
	"CREATE INDEX IF NOT EXISTS seconds_by_path ON seconds(path, t);"
	"CREATE TABLE IF NOT EXISTS slis(t INTEGER NOT NULL, path INTEGER NOT NULL, sli TEXT NOT NULL, value REAL, risk REAL,"
	" violated INTEGER);"
	"CREATE INDEX IF NOT EXISTS slis_by_path ON slis(path, t);"
	"CREATE TABLE IF NOT EXISTS actions(t INTEGER NOT NULL, path TEXT NOT NULL, knob TEXT NOT NULL, value TEXT,"
	" reason TEXT, outcome TEXT, resource TEXT);"
	"CREATE INDEX IF NOT EXISTS actions_by_path ON actions(path, t);"
	"CREATE TABLE IF NOT EXISTS failures(ms INTEGER NOT NULL, path TEXT NOT NULL, cause TEXT, value INTEGER, program TEXT,"
	" recovery REAL, UNIQUE(path, ms) ON CONFLICT REPLACE);"
	"PRAGMA user_version=" SCHEMA;

static const char schema_drop[] =
	"DROP TABLE IF EXISTS seconds; DROP TABLE IF EXISTS slis; DROP TABLE IF EXISTS actions; DROP TABLE IF EXISTS paths;"
	"DROP TABLE IF EXISTS failures";

#define OF_PATH " WHERE path = (SELECT id FROM paths WHERE text = ?1) AND t > ?2 AND t <= ?3"
/* Rows arrive in the order of time, so the oldest are those of the lowest row numbers. */
#define EXPIRE(table) "DELETE FROM " table " WHERE rowid < coalesce((SELECT rowid FROM " table " WHERE t >= ?1" \
		      " ORDER BY rowid LIMIT 1), 9223372036854775807)"
#define SHRINK(table) "DELETE FROM " table " WHERE rowid <= (SELECT min(rowid) + (max(rowid) - min(rowid)) / 10 FROM " \
		      table ")"

static const char *const statement_sql[] = {
	[SQL_PATH_ADD] = "INSERT OR IGNORE INTO paths(text) VALUES (?1)",
	[SQL_SECOND_ADD] = "INSERT INTO seconds SELECT ?2, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM paths WHERE text = ?1",
	[SQL_SLI_ADD] = "INSERT INTO slis SELECT ?2, id, ?3, ?4, ?5, ?6 FROM paths WHERE text = ?1",
	[SQL_ACTION_ADD] = "INSERT INTO actions VALUES (?2, ?1, ?3, ?4, ?5, ?6, ?7)",
	[SQL_SECONDS_EXPIRE] = EXPIRE("seconds"),
	[SQL_SLIS_EXPIRE] = EXPIRE("slis"),
	[SQL_SECONDS_SHRINK] = SHRINK("seconds"),
	[SQL_SLIS_SHRINK] = SHRINK("slis"),
	[SQL_ACTIONS_CUT] = "DELETE FROM actions WHERE rowid <= (SELECT max(rowid) FROM actions) - ?1",
	[SQL_PATHS_CUT] = "DELETE FROM paths WHERE NOT EXISTS (SELECT 1 FROM seconds WHERE path = paths.id)"
			  " AND NOT EXISTS (SELECT 1 FROM slis WHERE path = paths.id)",
	[SQL_SECONDS_SHOW] = "SELECT min(t), avg(cpu), avg(wait), max(memory), avg(io), avg(net), max(risk), max(violated)"
			     " FROM seconds" OF_PATH " GROUP BY t / ?4 ORDER BY 1",
	[SQL_SLIS_SHOW] = "SELECT min(t), sli, max(value), max(risk), max(violated) FROM slis" OF_PATH
			  " GROUP BY t / ?4, sli ORDER BY t / ?4, sli",
	[SQL_ACTIONS_SHOW] = "SELECT t, knob, value, reason, outcome, resource FROM actions WHERE path = ?1 AND t > ?2"
			     " AND t <= ?3 ORDER BY t DESC LIMIT 200",
	[SQL_FAILURE_ADD] = "INSERT INTO failures VALUES (?2, ?1, ?3, ?4, ?5, ?6)",
	[SQL_FAILURES_CUT] = "DELETE FROM failures WHERE rowid <= (SELECT max(rowid) FROM failures) - ?1",
	[SQL_FAILURES_SHOW] = "SELECT ms, cause, value, program, recovery FROM failures WHERE path = ?1 AND ms > ?2 * 1000"
			      " AND ms <= ?3 * 1000 + 999 ORDER BY ms DESC LIMIT 200",
};

_Static_assert(sizeof(statement_sql) / sizeof(statement_sql[0]) == SQL_COUNT, "a text per statement");

void history_db_close(struct history_db *db)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(db->statement[i]);
		db->statement[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
}

int history_db_run(struct history_db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

static int64_t number_read(struct history_db *db, const char *sql)
{
	sqlite3_stmt *statement;
	int64_t number = -1;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* A second wall behind retention: the file cannot grow past a quarter more, whatever happens. */
static int size_cap(struct history_db *db, uint64_t bytes_max)
{
	int64_t page_bytes = number_read(db, "PRAGMA page_size");
	char sql[64];

	if (page_bytes <= 0)
		return SQLITE_IOERR;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld",
		 (long long)(bytes_max + bytes_max / 4) / (long long)page_bytes);
	return history_db_run(db, sql);
}

int history_db_open(struct history_db *db, const char *file, uint64_t bytes_max, char *ret_why)
{
	int r = sqlite3_open_v2(file, &db->handle,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(db->handle, BUSY_MS);
	if (r == SQLITE_OK && number_read(db, "PRAGMA user_version") != atoi(SCHEMA))
		r = history_db_run(db, schema_drop);
	if (r == SQLITE_OK)
		r = history_db_run(db, schema);
	if (r == SQLITE_OK)
		r = size_cap(db, bytes_max);
	for (int i = 0; i < SQL_COUNT && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(db->handle, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &db->statement[i], NULL);
	if (r != SQLITE_OK) {
		snprintf(ret_why, WHY_BYTES, "%s", db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(r));
		history_db_close(db);
	}
	return r;
}

int history_db_step(struct history_db *db, enum statement which)
{
	int r = sqlite3_step(db->statement[which]);

	sqlite3_reset(db->statement[which]);
	sqlite3_clear_bindings(db->statement[which]);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static uint64_t bytes_used(struct history_db *db)
{
	int64_t pages = number_read(db, "PRAGMA page_count") - number_read(db, "PRAGMA freelist_count");
	int64_t page_bytes = number_read(db, "PRAGMA page_size");

	return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

/* A tenth of the rows goes at a time; after so many there is next to nothing left. */
static int size_retain(struct history_db *db, uint64_t bytes_max)
{
	int r = SQLITE_OK;

	for (int i = 0; i < SHRINKS_MAX && r == SQLITE_OK && bytes_used(db) > bytes_max; i++) {
		r = history_db_step(db, SQL_SECONDS_SHRINK);
		if (r == SQLITE_OK)
			r = history_db_step(db, SQL_SLIS_SHRINK);
	}
	return r;
}

int history_db_retain(struct history_db *db, const struct web_history_limits *limits, int64_t now_s)
{
	int r;

	sqlite3_bind_int64(db->statement[SQL_SECONDS_EXPIRE], 1, now_s - limits->age_s);
	r = history_db_step(db, SQL_SECONDS_EXPIRE);
	sqlite3_bind_int64(db->statement[SQL_SLIS_EXPIRE], 1, now_s - limits->age_s);
	if (r == SQLITE_OK)
		r = history_db_step(db, SQL_SLIS_EXPIRE);
	if (r == SQLITE_OK)
		r = size_retain(db, limits->bytes);
	sqlite3_bind_int64(db->statement[SQL_ACTIONS_CUT], 1, limits->actions);
	if (r == SQLITE_OK)
		r = history_db_step(db, SQL_ACTIONS_CUT);
	sqlite3_bind_int64(db->statement[SQL_FAILURES_CUT], 1, limits->actions);
	if (r == SQLITE_OK)
		r = history_db_step(db, SQL_FAILURES_CUT);
	if (r == SQLITE_OK)
		r = history_db_step(db, SQL_PATHS_CUT);
	return r == SQLITE_OK ? history_db_run(db, "PRAGMA incremental_vacuum") : r;
}
