/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All instances of a host: observations in, a forecast per second out of those who are foreseen. Pure after predictor_new.
 *
 * Of every instance it is known what it uses and, by its past, will use: the others' forecasts need it. Who is annotated is foreseen: a
 * frame, the LSTM, risks and quantiles. So is, for a while, who was asked for; of the many others nobody would read it.
 *
 * Order within a tick: gone, instance, limits, event, sample, host in any order, then predictor_tick once. The same
 * sequence gives the same bytes.
 */
#ifndef FORESTALL_PREDICTOR_H
#define FORESTALL_PREDICTOR_H

#include "announce.h"
#include "happening.h"
#include "extract.h"
#include "feature.h"
#include "forecast.h"
#include "lstm.h"
#include "memory.h"
#include "observe.h"
#include "recur.h"
#include "skill.h"
#include "statistical.h"
#include "window.h"

#define PREDICTOR_BATCH 64	/* instances that the LSTM steps at a time */
#define PREDICTOR_ASKED_SECONDS 300	/* who was asked for is foreseen so much longer */

struct predictor_config {
	uint32_t slots_max;	/* slots are 1..slots_max - 1 */
	float host_cpus;	/* > 0; moves with struct observe_host */
	uint64_t second_ns;	/* length of a frame: 1 s */
	uint64_t tick_ns;	/* length of a tick: 100 ms */
	enum forecast_source forecaster;	/* who speaks when all is well */
	const struct lstm_weights *weights;	/* derived; NULL: no model. Kept by the caller */
	enum lstm_isa isa;
	bool sees_all;		/* all are foreseen, whether annotated or not: for who learns from them */
};

struct predictor_instance {
	struct observe_instance info;
	struct observe_limits limits;
	struct window window;
	struct expectation expect[RESOURCE_COUNT];
	struct happenings happenings;
	struct foresight *foresight;	/* lies in the memory, never NULL of one that is live */
	float demand[RESOURCE_COUNT];	/* of the last second, share of capacity, unthrottled; < 0: not measured */
	float memory_wanted;		/* most that it held lately while no memory.high held it, bytes */
	uint32_t violated;		/* in the last second, bit per SLI */
	uint32_t parts;			/* that it uses: bit per enum memory_part but MEMORY_RARE, which the window knows */
	uint32_t recur_count[RESOURCE_COUNT];	/* seconds in which the demand was known */
	uint32_t parked_at;		/* of one that is gone: seconds that the host had closed */
	uint32_t asked_at;	/* 1 + seconds that the host had closed when somebody last asked for its forecast; 0: nobody did */
	uint64_t held, held_ns;	/* what the hands held of it when they spoke last, bit per enum knob, and when that was; 0: never */
	bool is_live;
};

/* The host's own memory: what it used per second, and sums over its instances. */
struct predictor_host {
	float busy[WINDOW_SECONDS];			/* share; < 0: not measured */
	float demand[WINDOW_SECONDS][RESOURCE_COUNT];	/* share of capacity; of memory: what is not available */
	uint32_t count;
	float capacity[RESOURCE_COUNT];		/* in the units of enum resource; of IO and net: the highest served */
	uint64_t busy_ns, elapsed_ns, lost;	/* of the open second */
	uint64_t lacks;		/* bit per enum observe_lack, as last told */
	uint64_t giver_cpus;	/* as last told; see struct observe_host */
	uint64_t memory_total, memory_available, swap_free;	/* last told; total 0: not known */
	float wait, execs, reclaim, events;	/* sums over instances, last second */
	float total[RESOURCE_COUNT];		/* demand of the last second, share of capacity */
	float served[RESOURCE_COUNT];		/* of IO and net: what was done in it, in the units of enum resource */
	struct conform_risk conform_risk[FORECAST_HORIZONS];	/* what the model's risks have come to mean here */
	float expect[RESOURCE_COUNT][EXPECT_SPANS];	/* sum over instances of demand times confidence */
	struct predictor_top {
		uint32_t slot;
		float demand, confidence;
	} top[RESOURCE_COUNT][EXPECT_SPANS][2];	/* the two with the largest product */
	struct predictor_top up[SURGE_CPU][2];	/* the two furthest above their baseline */
	uint32_t jump[HAPPENING_JUMPS_MAX];		/* slots whose load jumped in the last second */
	uint32_t jump_count;
};

struct predictor {
	struct predictor_config config;
	struct predictor_instance *instance;	/* by slot; behind the slots those that are parked */
	struct memory memory;
	uint32_t *live;				/* slots in use, in order of arrival */
	uint32_t live_count;
	struct predictor_host host;
	uint64_t second_start_ns;		/* 0 before the first tick */
	uint64_t acted_ns;			/* when the hands last held something of ours against a danger */
	uint64_t held_ns;			/* or that only stands */
	uint32_t *annotated;			/* those of the live that somebody annotated; see predictor_annotated() */
	uint32_t annotated_count;
	uint32_t *limited;			/* those of the live that a limit holds; see predictor_limited() */
	uint32_t limited_count;
	bool is_annotated_stale, is_limited_stale;
	float *inputs, *outputs;		/* [PREDICTOR_BATCH][FEATURE_COUNT], [PREDICTOR_BATCH][OUTPUT_COUNT] */
	struct lstm_state *states[PREDICTOR_BATCH];
	struct predictor_instance *stepped[PREDICTOR_BATCH];
	uint32_t untrained;			/* SLIs that the model was taught nothing of, bit per SLI */
};

static inline bool predictor_uses(const struct predictor_instance *instance, enum memory_part part)
{
	return part == MEMORY_RARE ? instance->window.is_rare : instance->parts >> part & 1;
}

static inline bool predictor_is_annotated(const struct predictor_instance *instance)
{
	return instance->info.slo.source != SLO_FROM_DEFAULT;
}

/* NULL when out of memory. */
struct predictor *predictor_new(const struct predictor_config *config);
void predictor_free(struct predictor *predictor);

/*
 * Speaks with other weights from the next second on; NULL: with none. What the LSTM remembers of each instance is forgotten, since it means
 * nothing to another network: for some seconds the more worried of the two forecasters is heard (speak.c). All else is kept.
 */
void predictor_model(struct predictor *predictor, const struct lstm_weights *weights);

/*
 * Takes one observation of any kind but OBSERVE_TICK. A new cgroup id on a slot starts a new memory, or goes on
 * with that of a cgroup of the same path that is gone; the same id only changes the annotation. What names no live slot is ignored: a cgroup may vanish at any time.
 */
void predictor_observe(struct predictor *predictor, const struct observation *observation);

/* NULL when nobody lives in this slot. */
struct predictor_instance *predictor_live(struct predictor *predictor, uint32_t slot);

/*
 * Whether what happens now is the outcome of our own action, so that "not violated" teaches nothing about what would have
 * happened without it. Stays true for a while after the last word of the hands.
 */
bool predictor_is_censored(const struct predictor *predictor, uint64_t now_ns);

/* What the hands hold of one, bit per enum knob, as far as it is known. */
uint64_t predictor_held(const struct predictor_instance *instance, uint64_t now_ns);

/* The same as predictor_is_censored() of whatever the hands hold, also what only stands. */
bool predictor_is_held(const struct predictor *predictor, uint64_t now_ns);

/* Slots of the live that somebody annotated, in order of arrival; valid until the next observation. */
const uint32_t *predictor_annotated(struct predictor *predictor, uint32_t *ret_count);

/* The same of those whose directory has a cpu.max, memory.max or io.max of its own. */
const uint32_t *predictor_limited(struct predictor *predictor, uint32_t *ret_count);

/* Whether it has frames and forecasts of its own. */
bool predictor_foresees(const struct predictor *predictor, const struct predictor_instance *instance);

/* Ends a tick; true when it also closed a second, so that everyone foreseen has a new frame and forecast. */
bool predictor_tick(struct predictor *predictor, uint64_t now_ns);

#endif
