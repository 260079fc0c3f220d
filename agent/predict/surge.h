/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to an instance against what usually happens to it. Pure.
 *
 * Of each rate of events a baseline is kept (an exponentially weighted mean, slower while the rate stands above it), and how
 * far the last second stood above it. A rate that jumps is an event of its own, like an exec: a fork burst, a surge of
 * connections, a load that begins. Of all events together it is also kept whether load follows them: the correlation of their
 * fading trace with CPU demand.
 */
#ifndef FORESTALL_SURGE_H
#define FORESTALL_SURGE_H

#include <stdint.h>

enum surge_rate { SURGE_FORKS, SURGE_PACKETS, SURGE_CPU, SURGE_RATE_COUNT };

struct surge {
	float base[SURGE_RATE_COUNT];
	float up[SURGE_RATE_COUNT];	/* log2 of the last second's rate over the baseline */
	float trace;			/* of events: log2(1 + events), halved every two seconds */
	float trace_mean, trace_square, cpu_mean, cpu_square, product;	/* for the correlation */
	uint32_t seconds;		/* seen */
};

/* Seconds before a baseline says anything. */
#define SURGE_SETTLED_S 5

/*
 * One second: rates per second (packets received; of CPU percent of the host), and events that were told of it. Returns
 * a bit per rate that jumped in it.
 */
uint32_t surge_second(struct surge *surge, const float rate[SURGE_RATE_COUNT], float events);

/* The trace of its events times how well load has followed them so far, >= 0. */
float surge_follows(const struct surge *surge);

/* The kind of event that a jump is, as announce_event() takes it: of the instance itself, or, of another's load, of that one. */
uint32_t surge_kind(enum surge_rate rate, const char *path);

#endif
