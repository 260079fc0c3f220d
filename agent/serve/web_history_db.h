/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The database below web_history: schema, statements, retention. Every call may fail with an SQLite result code. */
#ifndef FORESTALL_WEB_HISTORY_DB_H
#define FORESTALL_WEB_HISTORY_DB_H

#include <sqlite3.h>

#include "web_history.h"

enum statement {
	SQL_PATH_ADD, SQL_SECOND_ADD, SQL_SLI_ADD, SQL_ACTION_ADD, SQL_SECONDS_EXPIRE, SQL_SLIS_EXPIRE, SQL_SECONDS_SHRINK,
	SQL_SLIS_SHRINK, SQL_ACTIONS_CUT, SQL_PATHS_CUT, SQL_SECONDS_SHOW, SQL_SLIS_SHOW, SQL_ACTIONS_SHOW, SQL_FAILURE_ADD,
	SQL_FAILURES_CUT, SQL_FAILURES_SHOW, SQL_COUNT
};

struct history_db {
	sqlite3 *handle;			/* NULL: closed */
	sqlite3_stmt *statement[SQL_COUNT];
};

/* SQLITE_OK, or the database is closed again and *ret_why (at least 128 bytes) says why not. */
int history_db_open(struct history_db *db, const char *file, uint64_t bytes_max, char *ret_why);

/* Rolls back what was not committed. Closed already is fine. */
void history_db_close(struct history_db *db);

int history_db_run(struct history_db *db, const char *sql);

/* Runs a statement that returns no rows, with what was bound to it. */
int history_db_step(struct history_db *db, enum statement which);

/* Removes what is too old or too much. Inside of no transaction. */
int history_db_retain(struct history_db *db, const struct web_history_limits *limits, int64_t now_s);

/* As web_history_query(), of an open database. */
json_t *history_db_query(struct history_db *db, const char *path, uint32_t seconds, int64_t now_s);

#endif
