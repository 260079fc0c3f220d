/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is measured of an instance beside its SLIs, as sense/measure.h lists it, and from where, as JSON. */
#ifndef FORESTALL_ANSWER_SIGNALS_H
#define FORESTALL_ANSWER_SIGNALS_H

#include "answer.h"

/*
 * {"cpu":{...},"memory":{NAME:{"now","total","unit","from"},...},"io":{...},"net":{...}}. now: of the last second, per second where the
 * unit is a count; total: since the instance is followed. What this kernel has no hook or file for is null, both.
 * Owned by the caller.
 */
json_t *answer_signals(const struct answer_world *world, const struct window *window);

#endif
