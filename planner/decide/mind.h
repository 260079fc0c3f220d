/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole pure path: observations in, forecasts and a plan out. Live and replay run exactly this.
 */
#ifndef FORESTALL_MIND_H
#define FORESTALL_MIND_H

#include "advice.h"
#include "canary.h"
#include "cohort.h"
#include "ledger.h"
#include "pace.h"
#include "peer.h"
#include "placement.h"
#include "plan.h"
#include "share.h"
#include "trial.h"
#include "predict/predictor.h"

struct mind {
	struct predictor *predictor;
	struct plan_policy policy;
	struct plan_view *view;		/* [slots_max], by slot */
	struct plan_view **annotated;	/* the views the plan sees */
	struct plan_scope *scope;	/* [slots_max], the directories with limits that it sees */
	struct subtree limited;		/* of all directories with limits */
	bool *is_limit_felt;		/* [slots_max], of each of these: somebody with a bound lives below it */
	struct knee knee[RESOURCE_COUNT];
	struct plan_disk disk[PLAN_DISKS_MAX];
	struct share share;
	struct ledger ledger;
	struct advice advice;
	struct pace pace;
	struct peer *peer;		/* [slots_max], of policies with limits of their own */
	struct canary canary;
	struct cohort cohort;
	struct trial trial;
	struct placement_memory *placed;	/* [slots_max], by slot: work that was placed lately */
	uint64_t plan_id;
	uint64_t tick_ns;		/* time of the last tick */
};

/* NULL when out of memory. */
struct mind *mind_new(const struct predictor_config *config, const struct plan_policy *policy);
void mind_free(struct mind *mind);

/*
 * Ends a tick: closes windows, forecasts when a second is over, decides. *ret_plan is always filled. True when new
 * forecasts were made.
 */
bool mind_tick(struct mind *mind, uint64_t now_ns, struct plan *ret_plan);

#endif
