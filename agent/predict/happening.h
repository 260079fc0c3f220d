/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to instances: programs that start, log lines that are new, rates that jump (surge.h), failures. Each is an event that
 * load may follow (announce.h): of the instance itself, and, when its own load jumps, of those with a bound beside it, which
 * it may reach next. Pure.
 */
#ifndef FORESTALL_HAPPENING_H
#define FORESTALL_HAPPENING_H

#include <stdbool.h>
#include "observe.h"
#include "surge.h"

#define HAPPENING_JUMPS_MAX 4	/* so many loads that jump in one second are told to others */

struct predictor;
struct predictor_instance;

/* How an instance fails. All zero: it never did. */
struct failing {
	uint32_t count;
	float since_s;		/* the last one */
	float between_s;	/* mean over the last few */
	float recent;		/* how many, each forgotten in a minute */
	bool is_open;		/* in the open second */
	bool is_now;		/* in the second closed last */
};

struct happenings {
	struct surge surge;
	struct failing failing;
	float told;		/* in the open second */
	float count;		/* in the second closed last */
};

void happening_take(struct predictor *predictor, const struct observe_event *event);
/* A failure is an event of the live instance of that path, if there is one. */
void happening_fail(struct predictor *predictor, const struct observe_failure *failure);

/* Closes the second of one instance, whose window is closed. */
void happening_second(struct predictor *predictor, struct predictor_instance *instance, uint64_t now_ns);

/* After all of them: tells those with a bound whose load has jumped. */
void happening_tell(struct predictor *predictor, uint64_t now_ns);

/* P(it fails within so many seconds) if it goes on as it did, from how often it failed. */
float happening_failure_risk(const struct failing *failing, uint32_t seconds);

#endif
