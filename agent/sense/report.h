/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is told of instances by others than the kernel side: how their main processes end, what systemd says of them, what
 * their applications say, what is written into logs. One hook for the daemon, so that each of these sources may be missing alone.
 */
#ifndef FORESTALL_REPORT_H
#define FORESTALL_REPORT_H

#include "app.h"
#include "log.h"
#include "watch.h"

struct config;

struct report;

struct report_setup {
	const char *cgroup_root;
	const char *run_dir;	/* for the sockets of applications */
	const struct config *config;	/* kept: which files are logs */
	uint32_t slots_max;
	bool is_oom_told;	/* as struct watch_setup */
	observe_fn observe;
	void *context;
};

/* NULL when out of memory. What cannot be opened now is tried again. */
struct report *report_new(const struct report_setup *setup);
void report_free(struct report *report);

/* Hears every observation, also those that it caused. May be NULL. */
void report_observe(struct report *report, const struct observation *observation);

/* Once per tick, before the mind's. True when more has come than one tick takes. */
bool report_tick(struct report *report, uint64_t now_ns, bool is_second);

/* Readable when an application speaks on a socket of all; -1: there is none. */
int report_fd(const struct report *report);

struct watch *report_watch(struct report *report);
const struct log *report_log(const struct report *report);
const struct app *report_app(const struct report *report);
const struct failures *report_failures(const struct report *report);

#endif
