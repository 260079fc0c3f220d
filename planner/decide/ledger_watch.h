/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The harm that what is held does to others. Inside of the ledger. Pure. */
#ifndef FORESTALL_LEDGER_WATCH_H
#define FORESTALL_LEDGER_WATCH_H

#include "ledger.h"

/* Whose bounds count: all but the slot's, of those who give nothing of the resource in this tick, from a tier on. */
struct ledger_others {
	float bad_act;
	uint32_t slot, resource, tier;
	uint64_t now_ns;
};

/* How many bounds, by resource, are broken now. */
uint32_t ledger_others_over(const struct ledger_others *others, struct plan_view *const views[], uint32_t count);

/*
 * Whether more are broken than before something began, since soon after that and for long enough to be no chance. *others_ns remembers since when, 0
 * at the start.
 */
bool ledger_others_worse(uint32_t over, uint32_t before, uint64_t since_ns, uint64_t now_ns, uint64_t *others_ns);

/* What is remembered of a pair that was let go once; NULL: nothing. */
struct ledger_forbidden *ledger_forbidden_find(struct ledger *ledger, uint64_t victim, uint64_t giver, uint32_t resource, uint32_t rung);

/* It is not tried again for a while, each time for twice as long. Returns what is remembered of it. */
struct ledger_forbidden *ledger_forbid(struct ledger *ledger, uint64_t victim, uint64_t giver, uint32_t resource, uint32_t rung);

/* Once per tick, whatever is held. */
void ledger_trials(struct ledger *ledger, const struct plan_policy *policy, struct plan_view *const views[], uint32_t count);

/* Once per tick, while the hands hold what the plan says: watches what only stands, and what the protected hold themselves. */
void ledger_watch(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
		  struct plan_view *const views[], uint32_t count, const struct plan *plan);

#endif
