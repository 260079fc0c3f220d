/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed memory of one instance: what moved in this tick, in this second, and the seconds before. Pure.
 *
 * A tick is the step of the loop (100 ms); a second closes ten of them. Reflex looks at the last ticks, foresight
 * at whole seconds.
 */
#ifndef FORESTALL_WINDOW_H
#define FORESTALL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include "hist.h"
#include "observe.h"

#define WINDOW_SECONDS 64
#define WINDOW_TICKS 4
#define WINDOW_REFLEX_TICKS 2		/* what a reflex looks at, and how many waits it needs to say anything */
#define WINDOW_REFLEX_SAMPLES 20

/* What one closed second says. */
struct window_second {
	float cpu;		/* CPUs used */
	float wait;		/* runnable but not running, task seconds per second */
	float sli_ns;		/* runq p99; < 0 when too few samples */
	float p50_ns;		/* < 0 as above */
	float bad_share;	/* of waits over the bound; < 0 without bound or samples */
	float worst_bad;	/* the largest share of waits over the bound in WINDOW_REFLEX_TICKS ticks; < 0 as above */
	float psi_some;		/* share of time; < 0 when not read */
	float switches;		/* per second */
	float execs;		/* per second */
};

struct window_tick {
	uint32_t good, bad;
};

struct window {
	struct wire_counters sum;	/* of the open second */
	struct hist hist;		/* of the open second */
	uint64_t psi_some_ns;
	bool has_psi;
	struct window_tick tick[WINDOW_TICKS];	/* ring of the last ticks */
	uint32_t tick_idx;
	float worst_bad;		/* of the open second so far; < 0: nothing known */
	struct window_second second[WINDOW_SECONDS];	/* ring of closed seconds */
	uint32_t second_count;		/* closed so far, grows without bound */
};

void window_reset(struct window *window);

/* Adds what moved since the sample before. */
void window_push(struct window *window, const struct observe_sample *sample);

/* Ends a tick: the ring of ticks moves on. */
void window_tick(struct window *window);

/* Ends a second that took elapsed_ns (> 0). */
void window_second(struct window *window, uint64_t elapsed_ns);

/* The second `age` seconds ago, 0 = the one closed last; NULL when not that old. */
const struct window_second *window_at(const struct window *window, uint32_t age);

/* Share of waits over the bound in the last `ticks` ticks; < 0 with fewer than `samples_min` waits. */
float window_bad_share(const struct window *window, uint32_t ticks, uint32_t samples_min);

#endif
