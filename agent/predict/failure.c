/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failure.h"

#include <string.h>

/* Witnesses that know no process are within this of each other when they mean the same end. */
#define SAME_NS 2000000000ull

static const char *const cause_names[] = { "unit-failed", "exit", "signal", "watchdog", "oom" };
_Static_assert(sizeof(cause_names) / sizeof(cause_names[0]) == FAILURE_CAUSE_COUNT, "a name per cause");

const char *failure_cause_name(enum failure_cause cause) { return cause_names[cause]; }

static bool is_near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= SAME_NS;
}

static bool path_ends_in(const char *path, const char *unit)
{
	const char *slash = strrchr(path, '/');

	return slash && !strcmp(slash + 1, unit);
}

bool failure_is_of(const struct failure *failure, const char *path)
{
	const char *own = failure->what.path;

	return !strcmp(own, path) || (own[0] != '/' && path_ends_in(path, own)) ||
	       (path[0] != '/' && path_ends_in(own, path));
}

/* The same end of the same process, as far as the two can tell. */
static bool is_same(const struct failure *record, const struct observe_failure *told)
{
	const struct observe_failure *what = &record->what;

	if (!failure_is_of(record, told->path))
		return false;
	if (what->pid && told->pid)
		return what->pid == told->pid && (!record->recovered_ns || is_near(what->time_ns, told->time_ns));
	return !record->recovered_ns || is_near(what->time_ns, told->time_ns);
}

/* The youngest record that tells of the same; NULL: none does. */
static struct failure *record_find(struct failures *failures, const struct observe_failure *told)
{
	for (uint32_t i = failures->count; i-- > 0;)
		if (is_same(&failures->record[i], told))
			return &failures->record[i];
	return NULL;
}

static void room_make(struct failures *failures)
{
	uint32_t victim = 0;

	if (failures->count < FAILURES_MAX)
		return;
	while (victim < failures->count && failures->record[victim].what.is_annotated)
		victim++;
	if (victim == failures->count)
		victim = 0;
	memmove(&failures->record[victim], &failures->record[victim + 1],
		(failures->count - victim - 1) * sizeof(failures->record[0]));
	failures->count--;
	failures->forgotten++;
}

static void record_add(struct failures *failures, const struct observe_failure *told)
{
	room_make(failures);
	failures->record[failures->count++] = (struct failure){ .what = *told };
	failures->total[told->cause]++;
}

/* Causes are in the order of how much they say. */
static void record_refine(struct failures *failures, struct failure *record, const struct observe_failure *told)
{
	struct observe_failure *what = &record->what;

	if (what->path[0] != '/')
		memcpy(what->path, told->path, sizeof(what->path));
	if (!what->pid)
		what->pid = told->pid;
	if (!what->program[0])
		memcpy(what->program, told->program, sizeof(what->program));
	if (!what->value)
		what->value = told->value;
	if (!what->limit_bytes && !strcmp(what->path, told->path))
		what->limit_bytes = told->limit_bytes;
	if (told->cause <= what->cause)
		return;
	failures->total[what->cause]--;
	failures->total[told->cause]++;
	what->cause = told->cause;
	what->value = told->value;
}

static void recovery_take(struct failures *failures, const struct observe_failure *told)
{
	for (uint32_t i = 0; i < failures->count; i++) {
		struct failure *record = &failures->record[i];

		if (!record->recovered_ns && record->what.time_ns <= told->time_ns && failure_is_of(record, told->path))
			record->recovered_ns = told->time_ns;
	}
}

void failures_take(struct failures *failures, const struct observe_failure *told)
{
	struct failure *record;

	failures->changes++;
	if (told->stage == FAILURE_RECOVERED) {
		recovery_take(failures, told);
		return;
	}
	record = record_find(failures, told);
	if (record)
		record_refine(failures, record, told);
	else
		record_add(failures, told);
}

bool failures_is_open(const struct failures *failures, const char *path)
{
	for (uint32_t i = 0; i < failures->count; i++)
		if (!failures->record[i].recovered_ns && failure_is_of(&failures->record[i], path))
			return true;
	return false;
}
