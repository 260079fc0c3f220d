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

#define WINDOW_SECONDS 32
#define WINDOW_TICKS 4
#define WINDOW_REFLEX_TICKS 2		/* what a reflex looks at, and how many delays it needs to say anything */
#define WINDOW_REFLEX_SAMPLES 20
#define WINDOW_BAD_MIN 5		/* or so many that are late: of 19, with 1 % late, once in a million */

/* What one closed second says. Rates are per second; a value that could not be measured is negative. */
struct window_second {
	float cpu;		/* CPUs used */
	float wait;		/* runnable but not running, task seconds per second */
	float switches;
	float execs;
	float memory;		/* bytes charged at the end of the second */
	float major_faults;
	float reclaim;		/* seconds spent reclaiming, per second */
	float refaults;		/* pages */
	float io_bytes;		/* read and written */
	float io_done;		/* requests */
	float tx_bytes;
	float rx_bytes;
	float rtt_ns;		/* mean */
	float p50_ns;		/* of queue waits */
	float psi[PSI_COUNT];	/* share of time */
	float sli[SLI_COUNT];	/* ns or share, as in SLI_TABLE */
};

/* How the second closed last was against its bounds. */
struct window_judged {
	float bad[SLI_COUNT];	/* of delays or segments: share over the bound; of pressure: 1 over the bound, else 0 */
	float worst_bad[SLI_COUNT];	/* the largest share in WINDOW_REFLEX_TICKS ticks of the second */
};

/* What an application told of one of its SLIs; all zero: nothing. */
struct window_app {
	uint32_t good, bad;	/* single values of a timer */
	float value;		/* told last */
	bool is_told;
};

/* What one tick adds: enough to say how bad the last ticks were. */
struct window_tick {
	struct {
		uint32_t good, bad;
	} delay[WIRE_DELAY_COUNT];
	uint32_t segments, retransmits;
	struct window_app app[SLO_APP_MAX];
	uint64_t psi_ns[PSI_COUNT];
	uint32_t psi_known;
};

/* Quantiles of delays of a second in ns; negative: too few of them. */
struct window_delay {
	float p50_ns, p99_ns;
};

/* What few need: the annotated, and those that somebody looks at. All zero, and not touched, until then. */
struct window_rare {
	struct hist hist[WIRE_DELAY_ALL];	/* of the open second */
	struct window_delay delay[WIRE_DELAY_ALL - 1];	/* of the second closed last, from WIRE_DELAY_IO on */
	struct observe_memory memory_last;	/* as told last; memory_told is how often */
	struct observe_memory memory_total;	/* sums of what grows */
	uint32_t memory_told;
	struct window_tick tick[WINDOW_TICKS];	/* ring of the last ticks */
	struct window_second second[WINDOW_SECONDS];	/* ring of closed seconds */
};

struct window {
	struct window_rare *rare;	/* kept by the owner */
	bool is_rare;			/* it is used, for the seconds from this one on */
	uint32_t rare_since;
	struct wire_counters sum;	/* of the open second */
	struct wire_counters total;	/* since the instance is followed */
	struct wire_counters last;	/* of the last closed second, which took last_ns */
	uint64_t last_ns;
	struct window_delay queue;	/* of the open second: of one that is not remembered, which is told once a second */
	uint64_t psi_ns[PSI_COUNT];
	uint32_t psi_known;
	uint64_t memory_bytes;		/* last told */
	uint64_t refaults;
	bool has_memory;
	bool has_refaults;
	struct window_app app[SLO_APP_MAX];	/* of the open second */
	uint32_t tick_idx;
	float worst_bad[SLI_COUNT];	/* of the open second so far; < 0: nothing known */
	struct window_second second;	/* closed last */
	uint32_t second_count;		/* closed so far, grows without bound */
	struct window_judged judged;
};

/* `rare` must be all zero and live as long as the window. */
void window_reset(struct window *window, struct window_rare *rare);

/* From now on ticks and closed seconds are remembered; until then the last second is all there is. */
void window_remember(struct window *window);

/* After an absence of so many seconds, each of second_ns, in which nothing moved; what was still open is dropped. */
void window_resume(struct window *window, const struct slo *slo, uint32_t missed, uint64_t second_ns);

/* Of the second closed last, from WIRE_DELAY_IO on. */
struct window_delay window_delay(const struct window *window, enum wire_delay delay);

/* Adds what moved since the sample before. */
void window_push(struct window *window, const struct observe_sample *sample);
void window_app(struct window *window, const struct observe_app *app);
void window_memory(struct window *window, const struct observe_memory *memory);

/* Ends a tick of tick_ns: the ring of ticks moves on. */
void window_tick(struct window *window, const struct slo *slo, uint64_t tick_ns);

/* Ends a second that took elapsed_ns (> 0). */
void window_second(struct window *window, const struct slo *slo, uint64_t elapsed_ns);

/* The second `age` seconds ago, 0 = the one closed last; NULL when not that old. */
const struct window_second *window_at(const struct window *window, uint32_t age);

/* Which pressure the bounds are judged by at each tick, bit per enum psi; of the rest the second's is enough. */
uint32_t window_pressures(const struct slo *slo);

/*
 * How bad the last WINDOW_REFLEX_TICKS ticks of tick_ns were for this SLI: the share of delays or segments over the bound
 * (needs WINDOW_REFLEX_SAMPLES of them, or of delays WINDOW_BAD_MIN that are over it), or 1 when the share of stalled time is over its bound, else 0. Negative: unknown.
 */
float window_bad(const struct window *window, const struct slo *slo, enum sli sli, uint64_t tick_ns);

#endif
