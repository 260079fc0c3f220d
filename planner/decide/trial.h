/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small limits for some seconds, to learn what they do: an instance whose past never varied says nothing of what it would be like with more of a
 * resource (predict/response.h). Where the operator allows it ([plan] probe) one giver of best effort, by lot, is left a little less
 * than it uses, and what the SLI of an instance with a bound is like meanwhile teaches that one's model. Pure.
 *
 * Bounds, of each: never memory; a giver of tier best-effort without a bound, whose annotation does not say probe=no, that no other action limits; it keeps at
 * least 1 - TRIAL_CUT_MAX of what it uses, and giver_min; one at a time on the host, TRIAL_NS long, TRIAL_PAUSE_NS apart; never within TRIAL_CALM_NS
 * of any danger, and over with the first sign of one; TRIAL_TRIES_MAX for one instance and resource in TRIAL_AGAIN_NS. They are actions like any
 * other: leased, journalled, and not written in observe and shadow. Only downwards: it is never the instance with a bound that is put at risk.
 */
#ifndef FORESTALL_TRIAL_H
#define FORESTALL_TRIAL_H

#include "plan.h"
#include "predict/predictor.h"

#define TRIAL_NS 3000000000ull
#define TRIAL_PAUSE_NS 30000000000ull
#define TRIAL_CALM_NS 10000000000ull
#define TRIAL_AGAIN_NS 3600000000000ull
#define TRIAL_CUT_MIN 0.1f
#define TRIAL_CUT_MAX 0.3f
#define TRIAL_TRIES_MAX 10
#define TRIAL_REMEMBERED 16

/* planned: the hands held nothing of it. */
enum trial_end { TRIAL_WHOLE, TRIAL_CUT_SHORT, TRIAL_PLANNED, TRIAL_END_COUNT };

struct trial {
	uint64_t began_ns;		/* 0: none runs */
	uint64_t ended_ns;		/* of the one before */
	uint64_t calm_ns;		/* since when nothing is in danger; 0: something is */
	uint64_t giver_id, victim_id;	/* cgroup ids */
	uint32_t giver, victim;		/* slots */
	uint32_t resource;		/* enum resource */
	bool was_held;
	float used, left;		/* by and to the giver, in the units of the resource */
	uint64_t ended[TRIAL_END_COUNT];
	double taken[RESOURCE_COUNT];	/* resource-seconds */
	struct trial_tries {
		uint64_t victim_id, since_ns;
		uint32_t resource, count;
	} tries[TRIAL_REMEMBERED];
};

/* Bit per resource of which some bound SLI has a model that had time to learn and saw only one pressure, and that one near enough to matter. */
uint32_t trial_unidentified(const struct predictor *predictor, const struct predictor_instance *instance);

/* Once per tick, after the plan was made: adds to it. is_held: the hands hold something of ours. */
void trial_plan(struct trial *trial, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		uint32_t count, uint64_t elapsed_ns, bool is_held, struct plan *plan);

const char *trial_end_name(enum trial_end end);

#endif
