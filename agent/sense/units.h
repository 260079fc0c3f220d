/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd, as PID 1, says of its units: signals of changed properties over the system bus, and once the MainPID of each
 * service that ran before us. Looks on only. Nothing here waits for the bus: what has come is taken at each tick, at most
 * UNITS_MESSAGES_MAX of it, and a bus that is not there or goes away is tried again.
 */
#ifndef FORESTALL_UNITS_H
#define FORESTALL_UNITS_H

#include "watch.h"

#define UNITS_MESSAGES_MAX 64	/* per tick */

struct units;

/* NULL when out of memory. `watch` is kept. */
struct units *units_new(struct watch *watch);
void units_free(struct units *units);

/* True when more has come than one tick takes, or answers are awaited. */
bool units_tick(struct units *units, uint64_t now_ns);

#endif
