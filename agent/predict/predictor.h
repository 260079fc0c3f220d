/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All instances of a host: observations in, a forecast per instance and second out. Pure after predictor_new.
 *
 * Order within a tick: gone, instance, limits, event, sample, host in any order, then predictor_tick once. The same
 * sequence gives the same bytes.
 */
#ifndef FORESTALL_PREDICTOR_H
#define FORESTALL_PREDICTOR_H

#include "announce.h"
#include "extract.h"
#include "feature.h"
#include "forecast.h"
#include "lstm.h"
#include "observe.h"
#include "recur.h"
#include "statistical.h"
#include "window.h"

struct predictor_config {
	uint32_t slots_max;	/* slots are 1..slots_max - 1 */
	float host_cpus;	/* > 0 */
	uint64_t second_ns;	/* length of a frame: 1 s */
	enum forecast_source forecaster;	/* who speaks when all is well */
	const struct lstm_weights *weights;	/* derived; NULL: no model. Kept by the caller */
	enum lstm_isa isa;
};

struct predictor_instance {
	struct observe_instance info;
	struct observe_limits limits;
	struct window window;
	struct recur recur;
	struct announce announce;
	struct statistical stat;
	struct expectation expect;
	struct lstm_state lstm;
	struct frame frame;
	struct forecast forecast;	/* the one that speaks */
	float learned_risk[2];		/* what the statistical forecaster says of 2 s and 5 s */
	float demand;			/* of the last second, share of the host, unthrottled */
	uint32_t warm_s;		/* seconds in a row that the LSTM was shown */
	bool is_live;
	bool has_frame;
	bool is_violated;		/* in the last second */
};

/* The host's own memory: busy share per second. */
struct predictor_host {
	float busy[WINDOW_SECONDS];
	uint32_t count;
	uint64_t busy_ns, elapsed_ns, lost;	/* of the open second */
	float wait, execs, demand;		/* sums over instances, last second */
	float limit;				/* sum of what cpu.max leaves to the limited */
	uint32_t limited;			/* how many are limited */
	float expect[EXPECT_SPANS];		/* sum over instances of demand times confidence */
	struct predictor_top {
		uint32_t slot;
		float demand, confidence;
	} top[EXPECT_SPANS][2];			/* the two with the largest product */
};

struct predictor {
	struct predictor_config config;
	struct predictor_instance *instance;	/* [slots_max] */
	uint32_t *live;				/* slots in use, in order of arrival */
	uint32_t live_count;
	struct predictor_host host;
	uint64_t second_start_ns;		/* 0 before the first tick */
	uint64_t acted_ns;			/* when the hands last held something of ours */
	float *inputs, *outputs;		/* [slots_max][FEATURE_COUNT], [slots_max][OUTPUT_COUNT] */
	struct lstm_state **states;
	uint32_t *stepped;			/* slots that stepped in this second */
};

/* NULL when out of memory. */
struct predictor *predictor_new(const struct predictor_config *config);
void predictor_free(struct predictor *predictor);

/*
 * Takes one observation of any kind but OBSERVE_TICK. A new cgroup id on a slot starts a new memory, the same id only
 * changes the annotation. What names no live slot is ignored: a cgroup may vanish at any time.
 */
void predictor_observe(struct predictor *predictor, const struct observation *observation);

/*
 * Whether what happens now is the outcome of our own action, so that "not violated" teaches nothing about what would have
 * happened without it. Stays true for a while after the last word of the hands.
 */
bool predictor_is_censored(const struct predictor *predictor, uint64_t now_ns);

/* Ends a tick; true when it also closed a second, so that every live instance has a new frame and forecast. */
bool predictor_tick(struct predictor *predictor, uint64_t now_ns);

#endif
