/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labelled sessions of log events. */
#ifndef FORESTALL_REALDATA_SESSIONS_H
#define FORESTALL_REALDATA_SESSIONS_H

#include "realdata.h"

struct session {
	char *text;		/* "5 1 1 2" */
	float count;		/* of equal ones */
	bool bad;
};

struct sessions {
	struct session *at;
	size_t count;
};

/*
 * The different sessions of a family's files below folder/hdfs_logs that have "train" in their name, or have not, sorted.
 * 0; 1: there is none; -1 with a line on stderr.
 */
int sessions_load(struct sessions *sessions, const char *folder, const char *family, bool train);
void sessions_free(struct sessions *sessions);

#endif
