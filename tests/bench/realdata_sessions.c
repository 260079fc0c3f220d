/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labelled sessions of log events from CSV files; equal ones are merged. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "realdata_sessions.h"

static int compare_sessions(const void *a, const void *b)
{
	const struct session *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : x->bad - y->bad;
}

/* Sorted, so that the order of files does not matter. */
static void merge_equal(struct sessions *sessions)
{
	size_t kept = 0;

	qsort(sessions->at, sessions->count, sizeof(*sessions->at), compare_sessions);
	for (size_t i = 0; i < sessions->count; i++) {
		if (kept && !compare_sessions(&sessions->at[kept - 1], &sessions->at[i])) {
			sessions->at[kept - 1].count += sessions->at[i].count;
			free(sessions->at[i].text);
		} else {
			sessions->at[kept++] = sessions->at[i];
		}
	}
	sessions->count = kept;
}

static void session_add(struct sessions *sessions, const char *text, bool bad)
{
	if (!(sessions->count & (sessions->count + 1)))
		sessions->at = realloc(sessions->at, 2 * (sessions->count + 1) * sizeof(*sessions->at));
	sessions->at[sessions->count++] = (struct session) { strdup(text), 1, bad };
}

/* "session,label,events" or "Sequence,label"; others are not read: they have no label. */
static int file_load(struct sessions *sessions, const char *path)
{
	char *line = NULL;
	size_t room = 0;
	int child, events_last = 1;
	FILE *file = text_open(path, &child);

	if (!file || getline(&line, &room, file) < 0) {
		fprintf(stderr, "%s: cannot be read, or is empty\n", path);
		return -1;
	}
	events_last = strstr(line, "label,events") != NULL;
	while (getline(&line, &room, file) > 0) {
		char *comma = strrchr(line, ',');

		line[strcspn(line, "\r\n")] = '\0';
		if (!comma)
			continue;
		*comma = '\0';
		if (events_last)
			session_add(sessions, comma + 1, comma[-1] == '1');
		else
			session_add(sessions, line, comma[1] == '1');
	}
	free(line);
	return text_close(file, child);
}

int sessions_load(struct sessions *sessions, const char *folder, const char *family, bool train)
{
	char pattern[4096];
	glob_t files;
	int r = 0;

	snprintf(pattern, sizeof(pattern), "%s/hdfs_logs/%s_*.csv.xz", folder, family);
	if (!glob(pattern, 0, NULL, &files)) {
		for (size_t i = 0; !r && i < files.gl_pathc; i++)
			if (train == (strstr(strrchr(files.gl_pathv[i], '/'), "train") != NULL))
				r = file_load(sessions, files.gl_pathv[i]);
		globfree(&files);
	}
	merge_equal(sessions);
	return r ? r : sessions->count == 0;
}

void sessions_free(struct sessions *sessions)
{
	for (size_t i = 0; i < sessions->count; i++)
		free(sessions->at[i].text);
	free(sessions->at);
}
