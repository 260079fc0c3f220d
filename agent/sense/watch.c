/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "procfile.h"
#include "ring.h"

#define LOOKS_PER_TICK 32
#define GONE_MAX 64	/* units whose cgroup went before systemd told why */

/* Who started a program lately, by pid. */
#define EXECS_MAX 1024

struct exec {
	uint32_t pid, slot;
};

struct being {
	char *path;		/* NULL: the slot is free */
	uint32_t path_hash;
	uint32_t unit_hash;	/* of the last part of the path; 0: no unit of the host's */
	uint32_t main_pid;
	uint64_t failed_ns;	/* when the main process failed; who is older does not stand in for it */
	bool is_annotated;
	bool is_to_look;
};

struct watch {
	struct watch_setup setup;
	struct being *being;	/* [slots_max] */
	uint32_t slot_top, look_at;
	uint32_t looked;	/* so many before look_at are not to be looked at */
	struct exec exec[EXECS_MAX];
	char gone[GONE_MAX][OBSERVE_PATH_MAX];
	uint32_t gone_idx;
	bool is_systemd;
};

struct watch *watch_new(const struct watch_setup *setup)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->setup = *setup;
	watch->being = calloc(setup->slots_max, sizeof(*watch->being));
	if (watch->being)
		return watch;
	free(watch);
	return NULL;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (uint32_t slot = 0; slot <= watch->slot_top; slot++)
		free(watch->being[slot].path);
	free(watch->being);
	free(watch);
}

/*
 * The last part of a path, without the '_' that systemd puts before what would look like a file of the kernel's; of what
 * runs below a user's own manager none, for its units have the same names.
 */
static const char *unit_of(const char *path)
{
	const char *unit = strrchr(path, '/') + 1;

	return strstr(path, "/user@") ? "" : unit + (unit[0] == '_');
}

static uint32_t unit_hash(const char *unit)
{
	return unit[0] ? ring_name_hash(unit, OBSERVE_PATH_MAX) : 0;
}

static bool is_service(const char *path)
{
	size_t bytes = strlen(path);

	return bytes > 8 && !strcmp(path + bytes - 8, ".service") && unit_of(path)[0];
}

static struct being *being_at(struct watch *watch, uint32_t slot)
{
	return slot && slot < watch->setup.slots_max && watch->being[slot].path ? &watch->being[slot] : NULL;
}

static void tell(struct watch *watch, struct observe_failure *failure)
{
	struct observation observation = { .kind = OBSERVE_FAILURE };
	struct timespec now;
	int64_t ago_ns = (int64_t)(host_now_ns() - failure->time_ns);

	clock_gettime(CLOCK_REALTIME, &now);
	failure->unix_ns = (uint64_t)((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ago_ns);
	observation.failure = *failure;
	watch->setup.observe(watch->setup.context, &observation);
}

static void look_later(struct watch *watch, struct being *being)
{
	being->is_to_look = true;
	watch->looked = 0;
}

static void tell_recovered(struct watch *watch, const char *path, uint64_t time_ns)
{
	struct observe_failure failure = { .stage = FAILURE_RECOVERED, .time_ns = time_ns };

	if (!failures_is_open(watch->setup.failures, path))
		return;
	strcpy(failure.path, path);
	tell(watch, &failure);
}

/* How much of the path is the cgroup whose limit it was, as struct observe_failure says it. Of a cgroup of v1 nothing is known. */
static uint32_t limit_bytes(const struct watch *watch, const char *path, const struct wire_oom *oom)
{
	char above[OBSERVE_PATH_MAX];

	if (oom->limit_id == WIRE_CGROUP_ROOT)
		return FAILURE_LIMIT_HOST;
	if (oom->limit_id == oom->victim.head.cgroup_id)
		return (uint32_t)strlen(path);
	strcpy(above, path);
	while (oom->limit_id && strrchr(above, '/') != above) {
		*strrchr(above, '/') = '\0';
		if (procfile_cgroup_id(watch->setup.root, above) == oom->limit_id)
			return (uint32_t)strlen(above);
	}
	return 0;
}

static void tell_failed(struct watch *watch, const struct being *being, enum failure_cause cause, uint32_t value,
			const struct wire_task *task)
{
	struct observe_failure failure = { .cause = cause, .value = value, .is_annotated = being->is_annotated };

	if (task && cause == FAILURE_OOM)
		failure.limit_bytes = limit_bytes(watch, being->path, (const struct wire_oom *)task);

	failure.time_ns = task ? task->head.time_ns : host_now_ns();
	if (task) {
		failure.pid = task->pid;
		memcpy(failure.program, task->comm, sizeof(failure.program));
		failure.program[sizeof(failure.program) - 1] = '\0';
	}
	strcpy(failure.path, being->path);
	tell(watch, &failure);
}

/* A service is back when systemd says so: its main process may still be starting. */
static void main_set(struct watch *watch, struct being *being, uint32_t pid, uint64_t time_ns)
{
	being->main_pid = pid;
	being->is_to_look = false;
	if (!watch->is_systemd || !is_service(being->path))
		tell_recovered(watch, being->path, time_ns);
}

static void main_look(struct watch *watch, struct being *being)
{
	uint32_t pid = procfile_oldest(watch->setup.root, being->path, being->failed_ns);

	being->is_to_look = false;
	if (pid)
		main_set(watch, being, pid, host_now_ns());
}

static void being_drop(struct watch *watch, struct being *being)
{
	if (being->unit_hash)
		strcpy(watch->gone[watch->gone_idx++ % GONE_MAX], being->path);
	for (uint32_t i = 0; i < EXECS_MAX; i++)
		if (watch->exec[i].slot == (uint32_t)(being - watch->being))
			watch->exec[i].slot = 0;
	free(being->path);
	memset(being, 0, sizeof(*being));
}

static void take_instance(struct watch *watch, const struct observe_instance *info)
{
	struct being *being = &watch->being[info->slot];

	if (being->path && strcmp(being->path, info->path))
		being_drop(watch, being);
	if (!being->path) {
		being->path = strdup(info->path);
		if (!being->path)
			return;
		being->path_hash = ring_name_hash(being->path, OBSERVE_PATH_MAX);
		being->unit_hash = unit_hash(unit_of(being->path));
		look_later(watch, being);
		if (info->slot > watch->slot_top)
			watch->slot_top = info->slot;
	}
	being->is_annotated = info->slo.source != SLO_FROM_DEFAULT;
}

/* Where no record tells of the OOM killer; nor does this say whom it took. */
static void take_memory(struct watch *watch, const struct observe_memory *memory)
{
	struct being *being = being_at(watch, memory->slot);

	if (!being || !memory->events[MEMORY_EVENT_OOM_KILL] || watch->setup.is_oom_told)
		return;
	tell_failed(watch, being, FAILURE_OOM, SIGKILL, NULL);
	if (being->main_pid)
		tell_recovered(watch, being->path, host_now_ns());
}

void watch_observe(struct watch *watch, const struct observation *observation)
{
	struct being *being;

	switch (observation->kind) {
	case OBSERVE_INSTANCE:
		take_instance(watch, &observation->instance);
		break;
	case OBSERVE_GONE:
		being = being_at(watch, observation->gone.slot);
		if (being)
			being_drop(watch, being);
		break;
	case OBSERVE_MEMORY:
		take_memory(watch, &observation->memory);
		break;
	default:
		break;
	}
}

static bool is_clean(uint32_t signal)
{
	return signal == SIGHUP || signal == SIGINT || signal == SIGPIPE || signal == SIGTERM;
}

static void take_exec(struct watch *watch, struct being *being, const struct wire_task *task)
{
	if (being->main_pid)
		return;
	main_look(watch, being);
	if (!being->main_pid)
		main_set(watch, being, task->pid, task->head.time_ns);
}

static void take_exit(struct watch *watch, struct being *being, const struct wire_task *task)
{
	uint32_t signal = task->value & 0x7f, status = task->value >> 8 & 0xff;

	/* Who ends where nobody is left was the main process, also when it was never looked at. */
	if (!being->main_pid)
		main_look(watch, being);
	if (being->main_pid && being->main_pid != task->pid)
		return;
	being->main_pid = 0;
	look_later(watch, being);
	if (!task->value || is_clean(signal))
		return;
	being->failed_ns = task->head.time_ns;
	tell_failed(watch, being, signal ? FAILURE_SIGNAL : FAILURE_EXIT, signal ?: status, task);
}

static void take_oom(struct watch *watch, struct being *being, const struct wire_task *task)
{
	if (!being->main_pid)
		main_look(watch, being);
	tell_failed(watch, being, FAILURE_OOM, SIGKILL, task);
	if (being->main_pid && being->main_pid != task->pid)
		tell_recovered(watch, being->path, task->head.time_ns);
}

void watch_task(struct watch *watch, uint32_t slot, const struct wire_task *task)
{
	struct being *being = being_at(watch, slot);

	if (!being)
		return;
	if (task->head.kind == WIRE_EXEC)
		watch->exec[task->pid % EXECS_MAX] = (struct exec){ task->pid, slot };
	if (task->head.kind == WIRE_EXEC)
		take_exec(watch, being, task);
	else if (task->head.kind == WIRE_EXIT)
		take_exit(watch, being, task);
	else if (task->head.kind == WIRE_OOM)
		take_oom(watch, being, task);
}

bool watch_tick(struct watch *watch, bool is_second)
{
	uint32_t looks = 0;

	for (uint32_t slot = 1; is_second && slot <= watch->slot_top; slot++)
		if (watch->being[slot].is_annotated && !watch->being[slot].main_pid)
			look_later(watch, &watch->being[slot]);
	while (watch->looked < watch->slot_top && looks < LOOKS_PER_TICK) {
		struct being *being = &watch->being[1 + watch->look_at++ % watch->slot_top];

		watch->looked++;
		if (!being->path || !being->is_to_look)
			continue;
		main_look(watch, being);
		looks++;
	}
	return watch->looked < watch->slot_top;
}

void watch_systemd(struct watch *watch, bool is_watching)
{
	watch->is_systemd = is_watching;
}

static uint32_t path_slot(const struct watch *watch, const char *path)
{
	uint32_t hash = ring_name_hash(path, OBSERVE_PATH_MAX);

	for (uint32_t slot = 1; slot <= watch->slot_top; slot++)
		if (watch->being[slot].path_hash == hash && watch->being[slot].path && !strcmp(watch->being[slot].path, path))
			return slot;
	return 0;
}

uint32_t watch_owner(const struct watch *watch, const char *path)
{
	char above[OBSERVE_PATH_MAX];
	uint32_t own = path_slot(watch, path), slot = own;

	strcpy(above, path);
	while (!(slot && watch->being[slot].is_annotated) && strrchr(above, '/') != above) {
		*strrchr(above, '/') = '\0';
		slot = path_slot(watch, above);
	}
	return slot && watch->being[slot].is_annotated ? slot : own;
}

uint32_t watch_match(const struct watch *watch, const char *glob)
{
	for (uint32_t slot = 1; slot <= watch->slot_top; slot++)
		if (watch->being[slot].path && !fnmatch(glob, watch->being[slot].path, FNM_PATHNAME))
			return slot;
	return 0;
}

uint32_t watch_exec_owner(const struct watch *watch, uint32_t pid, char ret_path[OBSERVE_PATH_MAX])
{
	const struct exec *exec = &watch->exec[pid % EXECS_MAX];

	if (exec->pid != pid || !exec->slot)
		return 0;
	strcpy(ret_path, watch->being[exec->slot].path);
	return watch_owner(watch, ret_path);
}

const char *watch_service(const struct watch *watch, uint32_t slot)
{
	const struct being *being;

	if (slot > watch->slot_top)
		return NULL;
	being = &watch->being[slot];
	return being->path && is_service(being->path) ? unit_of(being->path) : "";
}

/* The slot of the unit's own cgroup, 0: none. */
static uint32_t unit_slot(const struct watch *watch, const char *unit)
{
	uint32_t hash = unit_hash(unit);

	for (uint32_t slot = 1; slot <= watch->slot_top; slot++)
		if (watch->being[slot].unit_hash == hash && watch->being[slot].path && !strcmp(unit_of(watch->being[slot].path), unit))
			return slot;
	return 0;
}

uint32_t watch_unit_owner(const struct watch *watch, const char *unit)
{
	uint32_t slot = unit_slot(watch, unit);

	return slot ? watch_owner(watch, watch->being[slot].path) : 0;
}

/* Where the unit lives or lived; its bare name when that was never seen. */
static const char *unit_path(const struct watch *watch, const char *unit)
{
	uint32_t slot = unit_slot(watch, unit);

	if (slot)
		return watch->being[slot].path;
	for (uint32_t i = 0; i < GONE_MAX; i++)
		if (watch->gone[i][0] && !strcmp(unit_of(watch->gone[i]), unit))
			return watch->gone[i];
	return unit;
}

void watch_unit_main(struct watch *watch, const char *unit, uint32_t pid)
{
	struct being *being = being_at(watch, unit_slot(watch, unit));

	if (!being || !pid)
		return;
	being->main_pid = pid;
	being->is_to_look = false;
}

void watch_unit_failed(struct watch *watch, const char *unit, const struct observe_failure *what)
{
	struct being *being = being_at(watch, unit_slot(watch, unit));
	struct observe_failure failure = *what;

	failure.is_annotated = being && being->is_annotated;
	strncpy(failure.path, unit_path(watch, unit), sizeof(failure.path) - 1);
	tell(watch, &failure);
}

void watch_unit_active(struct watch *watch, const char *unit, uint64_t time_ns)
{
	tell_recovered(watch, unit_path(watch, unit), time_ns);
}
