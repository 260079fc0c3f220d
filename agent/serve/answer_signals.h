/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is measured of an instance beside its SLIs, as sense/measure.h lists it, and from where, as JSON. */
#ifndef FORESTALL_ANSWER_SIGNALS_H
#define FORESTALL_ANSWER_SIGNALS_H

#include "answer.h"
#include "sense/measure.h"

/* Whether this kernel has it; sense/measure.h's NERVE_ALWAYS is there on each. */
static inline bool answer_is_measured(const struct answer_world *world, uint32_t signal)
{
	return signal == NERVE_ALWAYS || world->signals >> signal & 1;
}

/*
 * {"cpu":{...},"memory":{NAME:{"now","total","unit","from"},...},"io":{...},"net":{...}}. now: of the last second, per second where the
 * unit is a count; total: since the instance is followed. What this kernel has no hook or file for is null, both.
 * Owned by the caller, as the others.
 */
json_t *answer_signals(const struct answer_world *world, const struct predictor_instance *instance);

/* The same for /metrics: {METRIC:number} of what is measured, totals of what has one, in the units of the table. */
json_t *answer_signal_values(const struct answer_world *world, const struct predictor_instance *instance);

/*
 * Who ran while the instance waited over 1 ms, in the last minutes, most first: [{"path","cgroup_id","ns","share"}], eight at most; share
 * is of all who did. null of who is not annotated. "path" is null of a cgroup that is not followed.
 */
json_t *answer_runners(const struct answer_world *world, const struct predictor_instance *instance);

#endif
