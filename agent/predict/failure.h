/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failures of instances: cause, and how long until the instance was back. Pure.
 *
 * One end of one process is told by up to three witnesses that do not know of each other: the kernel's exit and OOM records
 * and systemd. What they say of the same end becomes one record with the gravest cause. Records are kept by path, so they
 * outlive the cgroup and its slot. When there is no room the oldest of an instance nobody annotated goes first.
 */
#ifndef FORESTALL_FAILURE_H
#define FORESTALL_FAILURE_H

#include <stdbool.h>
#include "observe.h"

#define FAILURES_MAX 256

struct failure {
	struct observe_failure what;	/* as first told, with the gravest cause */
	uint64_t recovered_ns;		/* 0: not yet */
};

/* A plain value, all zero at the start; records are in order of arrival. */
struct failures {
	struct failure record[FAILURES_MAX];
	uint32_t count;
	uint32_t changes;		/* grows with everything that is taken */
	uint64_t total[FAILURE_CAUSE_COUNT];	/* records made; a graver cause moves its record */
	uint64_t forgotten;		/* records that there was no room for any more */
};

/* Takes what is told: a failure, or that an instance is back, which ends all of its failures before that. */
void failures_take(struct failures *failures, const struct observe_failure *told);

/* Whether it is one of this path. A unit whose cgroup was gone before anybody saw it stands with its bare name. */
bool failure_is_of(const struct failure *failure, const char *path);

/* Whether some failure of this path has not ended. */
bool failures_is_open(const struct failures *failures, const char *path);

/* "exit", "signal", "oom", ... */
const char *failure_cause_name(enum failure_cause cause);

#endif
