/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (4u << 20)
#define WORDS 6	/* before the name */
#define WORD_MAX 256

void events_done(struct events *events)
{
	free(events->event);
	*events = (struct events){ 0 };
}

int events_add(struct events *events, const struct event *event)
{
	uint32_t at = events->count;
	struct event *grown;

	if (events->count == EVENTS_MAX)
		return -ENOSPC;
	grown = realloc(events->event, (events->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	events->event = grown;
	while (at && grown[at - 1].start_s > event->start_s)
		at--;
	memmove(&grown[at + 1], &grown[at], (events->count - at) * sizeof(*grown));
	grown[at] = *event;
	events->count++;
	return 0;
}

uint32_t events_remove(struct events *events, const char *id)
{
	uint32_t kept = 0, before = events->count;

	for (uint32_t i = 0; i < before; i++)
		if (strcmp(events->event[i].id, id))
			events->event[kept++] = events->event[i];
	events->count = kept;
	return before - kept;
}

bool event_matches(const struct event *event, const char *path) { return !fnmatch(event->scope, path, FNM_PATHNAME); }

static int id_parse(const char *text, char ret[EVENT_ID_MAX], struct event_error *error)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

	error->column = (uint32_t)length + 1;
	snprintf(error->reason, sizeof(error->reason), "an id is at most %d small letters and digits", EVENT_ID_MAX - 1);
	if (!length || text[length] || length >= EVENT_ID_MAX)
		return -EINVAL;
	memcpy(ret, text, length + 1);
	return 0;
}

/* What each word of a line is, in the order of the file. */
static int word_take(struct event *event, int idx, const char *word, int64_t *duration_s, struct event_error *error)
{
	switch (idx) {
	case 0: return id_parse(word, event->id, error);
	case 1: return event_time_parse(word, 0, &event->start_s, error);
	case 2: return event_duration_parse(word, duration_s, error);
	case 3: return event_scope_parse(word, event->scope, error);
	case 4: return event_resource_parse(word, &event->resource, error);
	default: return event_factor_parse(word, &event->factor, error);
	}
}

/* One line without its end. 0 or -EINVAL. */
static int line_parse(const char *line, struct event *ret, struct event_error *error)
{
	const char *at = line;
	int64_t duration_s = 0;

	*ret = (struct event){ 0 };
	for (int i = 0; i < WORDS; i++) {
		char word[WORD_MAX];
		size_t length = strcspn(at += strspn(at, " \t"), " \t");

		if (!length || length >= sizeof(word)) {
			error->column = (uint32_t)(at - line) + 1;
			snprintf(error->reason, sizeof(error->reason), "%s; a line is ID START DURATION SCOPE RESOURCE FACTOR NAME",
				 length ? "the word is too long" : "a word is missing");
			return -EINVAL;
		}
		memcpy(word, at, length);
		word[length] = '\0';
		if (word_take(ret, i, word, &duration_s, error)) {
			error->column += (uint32_t)(at - line);
			return -EINVAL;
		}
		at += length;
	}
	ret->end_s = ret->start_s + duration_s;
	at += strspn(at, " \t");
	if (event_name_parse(at, ret->name, error)) {
		error->column += (uint32_t)(at - line);
		return -EINVAL;
	}
	return 0;
}

static int line_take(struct events *events, const char *name, uint32_t number, const char *line, char problem[EVENT_PROBLEM_MAX])
{
	struct event_error error;
	struct event event;
	int r;

	if (!line[strspn(line, " \t")] || line[0] == '#')
		return 0;
	r = line_parse(line, &event, &error);
	if (r) {
		snprintf(problem, EVENT_PROBLEM_MAX, "%.100s:%u:%u: %s", name, number, error.column, error.reason);
		return r;
	}
	r = events_add(events, &event);
	if (r)
		snprintf(problem, EVENT_PROBLEM_MAX, "%.100s:%u: %s; remove some with 'forestall event remove'", name, number,
			 r == -ENOSPC ? "more than 4096 events" : "out of memory");
	return r;
}

int events_parse(const char *name, const char *text, struct events *ret, char problem[EVENT_PROBLEM_MAX])
{
	char line[2 * WORD_MAX];
	int r = 0;

	_Static_assert(EVENTS_MAX == 4096, "the line above says so");
	*ret = (struct events){ 0 };
	for (uint32_t number = 1; *text && !r; number++) {
		size_t whole = strcspn(text, "\n"), length = whole - (whole && text[whole - 1] == '\r');

		if (length >= sizeof(line)) {
			snprintf(problem, EVENT_PROBLEM_MAX, "%.100s:%u:%zu: the line is too long", name, number, sizeof(line));
			r = -EINVAL;
			break;
		}
		memcpy(line, text, length);
		line[length] = '\0';
		r = line_take(ret, name, number, line, problem);
		text += whole + (text[whole] == '\n');
	}
	if (r)
		events_done(ret);
	return r;
}

/* The whole file, terminated; NULL with errno. */
static char *text_new(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;
	char *text = NULL;
	ssize_t bytes = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &stat) || stat.st_size > (off_t)FILE_BYTES_MAX)
		errno = EFBIG;
	else if ((text = malloc((size_t)stat.st_size + 1)))
		bytes = read(fd, text, (size_t)stat.st_size);
	close(fd);
	if (bytes < 0) {
		free(text);
		return NULL;
	}
	text[bytes] = '\0';
	if (strlen(text) == (size_t)bytes)
		return text;
	free(text);
	errno = EBADMSG;
	return NULL;
}

int events_load(const char *dir, struct events *ret, char problem[EVENT_PROBLEM_MAX])
{
	char path[PATH_MAX], *text;
	int r;

	*ret = (struct events){ 0 };
	snprintf(path, sizeof(path), "%s/events", dir);
	text = text_new(path);
	if (!text && errno == ENOENT)
		return 0;
	if (!text) {
		r = -errno;
		snprintf(problem, EVENT_PROBLEM_MAX, "%.100s: %s", path, r == -EBADMSG ? "holds a NUL byte" : strerror(-r));
		return r;
	}
	r = events_parse(path, text, ret, problem);
	free(text);
	return r;
}

static void line_write(FILE *file, const struct event *event)
{
	char start[32], duration[32];

	event_time_format(event->start_s, start);
	event_duration_format(event->end_s - event->start_s, duration);
	fprintf(file, "%s %s %s %s %s %.9g%s%s\n", event->id, start, duration, event->scope,
		resource_name((enum resource)event->resource), (double)event->factor, event->name[0] ? " " : "", event->name);
}

int events_save(const char *dir, const struct events *events, char problem[EVENT_PROBLEM_MAX])
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "%s/events", dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (mkdir(dir, 0755) && errno != EEXIST)
		r = -errno;
	file = r ? NULL : fopen(fresh, "we");
	if (!r && !file)
		r = -errno;
	for (uint32_t i = 0; !r && i < events->count; i++)
		line_write(file, &events->event[i]);
	if (!r && (fflush(file) || fsync(fileno(file))))
		r = -errno;
	if (file && fclose(file) && !r)
		r = -errno;
	if (!r && rename(fresh, path))
		r = -errno;
	if (!r)
		return 0;
	unlink(fresh);
	snprintf(problem, EVENT_PROBLEM_MAX, "%.100s: %s; nothing was changed", path, strerror(-r));
	return r;
}
