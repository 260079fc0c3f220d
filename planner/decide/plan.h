/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From forecasts to a plan: who is in danger, who gives, how much. Pure.
 *
 * A plan is the whole set of actions wanted now, not a difference: what is no longer in it is released by the
 * hands, and so is everything when plans stop coming. The empty plan is legal and the usual one.
 *
 * One level for now: CPU of the host, givers are the annotated instances of a lower tier than the one in danger. Knobs
 * are a ladder, cheapest first: a sibling's cpu.weight (it conserves work: measured, weight 1 brings the tail back to
 * calm and keeps 98 % of the giver's throughput), then cpu.max, which costs far more and helps less; it is used where
 * a weight cannot act (the giver is no sibling) or has not ended the waits over the bound within escalate_ns.
 * Give fast, take slow: protection starts at once, ends only after hold_ns without danger and without pressure,
 * and what a giver has lost comes back in steps.
 */
#ifndef FORESTALL_PLAN_H
#define FORESTALL_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "act/protocol.h"
#include "predict/forecast.h"

enum plan_reason {
	REASON_NONE,
	REASON_REFLEX,		/* waits over the bound are seen in the last ticks */
	REASON_FORESIGHT,	/* the forecast says that the bound will be violated within act_horizon */
	REASON_HOLD,		/* neither now, but the pressure that caused it is still there */
	REASON_COUNT
};

struct plan_action {
	uint32_t slot;		/* who gives */
	uint32_t for_slot;	/* who is protected */
	uint32_t knob;		/* enum knob */
	uint32_t reason;	/* enum plan_reason */
	uint64_t value;		/* as struct action */
	uint64_t period_us;
	float risk;		/* of the protected instance when this was decided */
	float expected;		/* CPUs left to the giver */
};

struct plan {
	uint64_t id;		/* counts up, one per tick */
	uint64_t time_ns;
	uint32_t count;
	uint32_t cut;		/* actions left out because ACTIONS_MAX was reached */
	struct plan_action action[ACTIONS_MAX];
};

/* What decides; every number is in docs/ARCHITECTURE.md with its reason. */
struct plan_policy {
	float risk_act;		/* act on foresight from this risk on: a weight taken for nothing costs the giver
				 * some 2 % of a few seconds, a violation that comes costs whole ones */
	uint32_t act_horizon;	/* index of the farthest horizon that may cause an action */
	float bad_act;		/* act on reflex from this share of waits over the bound on */
	float quality_min;	/* no foresight from frames worse than this */
	float headroom;		/* share of the host that stays free beside the protected */
	float giver_active;	/* who neither uses nor is about to use this much, CPUs, is left alone */
	float giver_min;	/* a giver keeps at least this share of a CPU */
	float relax_per_s;	/* what a giver gets back per second, share of the host */
	uint64_t hold_ns;
	uint64_t escalate_ns;	/* waits over the bound this long under protection: weights were not enough */
	uint64_t weight;	/* cpu.weight of a giver while it gives */
	uint64_t period_us;	/* of cpu.max: short, so that a giver's turn is shorter than the bound */
	uint32_t lease_ms;
};

/* What the plan sees of an instance, and what it remembers between ticks (below the blank line). */
struct plan_view {
	uint32_t slot;
	uint32_t tier;		/* enum tier */
	uint32_t parent;	/* equal for siblings */
	bool is_bound;
	bool is_fresh;		/* a forecast was made in the last second */
	bool is_persistence;	/* its risk only says what is: no foresight */
	float bad_share;	/* in the last ticks, negative without enough waits */
	float demand;		/* now, unthrottled, CPUs */
	float demand_high;	/* upper quantile within the horizon acted on, CPUs */
	float coming;		/* what its own past says is coming within 5 s, times how sure that is, CPUs */
	float cpu_min, cpu_max;	/* annotated, CPUs; cpu_max 0: none */
	float quality;
	float risk;		/* within the horizon acted on */

	uint64_t protect_until_ns;	/* of a protected instance */
	uint64_t bad_since_ns;		/* when the waits over its bound began, and when they were seen last */
	uint64_t bad_last_ns;
	bool is_escalated;
	uint64_t active_ns;		/* of a giver: when it last used, or was about to use, much */
	float left;			/* of a giver: CPUs left to it; 0: not limited */
};

void plan_policy_init(struct plan_policy *policy);

/* Fills *ret (id and time_ns are the caller's) and moves the memory in views[]. host_cpus > 0. */
void plan_make(const struct plan_policy *policy, struct plan_view *const views[], uint32_t count, float host_cpus,
	       uint64_t now_ns, uint64_t elapsed_ns, struct plan *ret);

const char *plan_reason_name(enum plan_reason reason);

#endif
