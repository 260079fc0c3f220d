/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is the main process of each instance, how it ends, and when there is one again.
 *
 * The main process is what systemd calls MainPID, of a service it runs. Else it is the oldest process of the cgroup when
 * it was first looked at; of a cgroup that was empty then, the first that starts a program in it. When a main process
 * ends well, the oldest that is left takes its place, as of a daemon that forks. It is followed by the cgroup itself, not
 * by those below: each directory is an instance of its own.
 *
 * A failure is a main process that ends with a status other than 0 or by a signal other than SIGHUP, SIGINT, SIGPIPE and
 * SIGTERM, which ask for an end; any process chosen by the OOM killer; and a unit that systemd calls failed. The instance
 * is back when a unit is active again, where systemd tells, else when a main process that started later runs. When the
 * OOM killer took another than the main process, it never was away.
 */
#ifndef FORESTALL_WATCH_H
#define FORESTALL_WATCH_H

#include "predict/failure.h"

struct watch;

struct watch_setup {
	const char *root;		/* mount point of the cgroup v2 tree */
	uint32_t slots_max;
	bool is_oom_told;		/* there are WIRE_OOM records; else memory.events is believed */
	const struct failures *failures;	/* what was told so far; kept */
	observe_fn observe;
	void *context;
};

/* NULL when out of memory. */
struct watch *watch_new(const struct watch_setup *setup);
void watch_free(struct watch *watch);

/* Hears of instances and of their memory.events; all else is ignored. */
void watch_observe(struct watch *watch, const struct observation *observation);

/* An exec, exit or OOM record of this slot; of an OOM record task is the victim of a struct wire_oom. */
void watch_task(struct watch *watch, uint32_t slot, const struct wire_task *task);

/* Looks for the main process of those that were not looked at yet, a few at a time; `is_second`: of the annotated again. True when some are left. */
bool watch_tick(struct watch *watch, bool is_second);

/* What systemd says of a unit of the host. Until it says that it watches, nothing of this is waited for. */
void watch_systemd(struct watch *watch, bool is_watching);
void watch_unit_main(struct watch *watch, const char *unit, uint32_t pid);
void watch_unit_failed(struct watch *watch, const char *unit, const struct observe_failure *what);
void watch_unit_active(struct watch *watch, const char *unit, uint64_t time_ns);

/* Name of the service of the host that lives in this slot; "" when it is none, NULL from the first slot never used on. */
const char *watch_service(const struct watch *watch, uint32_t slot);

/* The instance of a unit of the host, as watch_owner has it of the unit's cgroup; 0: none. */
uint32_t watch_unit_owner(const struct watch *watch, const char *unit);

/* The instance of a cgroup path: the nearest that is annotated, at the path or above it, else its own; 0: none. */
uint32_t watch_owner(const struct watch *watch, const char *path);

/* The same of a process that has ended, by its last exec; fills in the path then. */
uint32_t watch_exec_owner(const struct watch *watch, uint32_t pid, char ret_path[OBSERVE_PATH_MAX]);

/* The first instance whose path matches a glob as in instances.d; 0: none. */
uint32_t watch_match(const struct watch *watch, const char *glob);

#endif
