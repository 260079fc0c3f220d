/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announcer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "setup/event_file.h"

struct announcer {
	const char *dir;
	struct events events;
	struct stat seen;	/* the file when it was read; all zero: there was none */
};

struct announcer *announcer_new(const char *config_dir)
{
	struct announcer *announcer = calloc(1, sizeof(*announcer));

	if (announcer) {
		announcer->dir = config_dir;
		announcer_second(announcer);
	}
	return announcer;
}

void announcer_free(struct announcer *announcer)
{
	if (announcer)
		events_done(&announcer->events);
	free(announcer);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void announcer_second(struct announcer *announcer)
{
	char path[PATH_MAX], problem[EVENT_PROBLEM_MAX];
	struct events fresh;
	struct stat now;

	snprintf(path, sizeof(path), "%s/events", announcer->dir);
	if (stat(path, &now))
		now = (struct stat){ 0 };
	if (is_same(&now, &announcer->seen))
		return;
	announcer->seen = now;
	if (events_load(announcer->dir, &fresh, problem)) {
		fprintf(stderr, "forestalld: %s; what was announced before stays\n", problem);
		return;
	}
	events_done(&announcer->events);
	announcer->events = fresh;
}

static bool lies_in(const struct event *event, int64_t from_s, int64_t to_s)
{
	return event->start_s < to_s && event->end_s > from_s;
}

bool announcer_has(const struct announcer *announcer, int64_t from_s, int64_t to_s)
{
	for (uint32_t i = 0; i < announcer->events.count && announcer->events.event[i].start_s < to_s; i++)
		if (lies_in(&announcer->events.event[i], from_s, to_s))
			return true;
	return false;
}

uint32_t announcer_find(const struct announcer *announcer, const char *path, enum resource resource, int64_t from_s, int64_t to_s,
			const struct event *ret[ANNOUNCER_AT_ONCE])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < announcer->events.count && count < ANNOUNCER_AT_ONCE; i++) {
		const struct event *event = &announcer->events.event[i];

		if (event->start_s >= to_s)
			break;
		if (event->resource == resource && lies_in(event, from_s, to_s) && event_matches(event, path))
			ret[count++] = event;
	}
	return count;
}
