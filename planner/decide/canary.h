/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second policy on canary: it rules a share of time, is compared with the one that rules the rest, and is promoted or rolled
 * back by itself. Pure.
 *
 * Time is divided, and not the instances: those of one host share what is scarce, so what is done for some changes how the others fare.
 * Blocks of time make rounds of 1/share of them. Of each round two blocks that follow each other are a pair by lot, and which of
 * the two is the candidate's is a second lot; all other blocks are the base's. The lots are hashes of a seed that recordings hold. What
 * happens in the first WASHOUT of a block is the work of the policy before and does not count.
 *
 * Each pair is one comparison: seconds over their bounds of all instances (the candidate's less the base's), and work done by those
 * without a bound. If the two policies are equal, the second lot makes this difference as likely as its negative, whatever the
 * load does and however skewed it is; so it can be bet on (wager.h).
 *
 * A block of the candidate in which far more is over a bound than in any of the base's so far is cut short: the base rules the rest of it, and what
 * was seen stands for the whole. That only ever speaks against the candidate.
 *
 * It ends promoted, once the wealth of who bets on it is 1/ALPHA and it does not cost more work than it may; rolled back, once the
 * wealth of who bets against it is 1/ALPHA_BACK, or of who bets that it costs more than it may; or rolled back as undecided after max_ns.
 * A mind that ends takes the canary with it: the base rules again.
 */
#ifndef FORESTALL_CANARY_H
#define FORESTALL_CANARY_H

#include "plan.h"
#include "wager.h"

#define CANARY_ALPHA 0.05	/* of promoting one that is no better */
#define CANARY_ALPHA_BACK 0.1	/* of calling one worse that is not: nothing is lost by it */
#define CANARY_COST_MAX 0.1	/* work that it may cost more, as a share of the whole of a resource */
#define CANARY_SHARE_MAX 0.5f
#define CANARY_SHARE_MIN 0.01f
#define CANARY_BLOCK_NS_MIN 1000000000ull	/* whoever asks for less than 10 s mixes the two policies */
#define CANARY_CUT_S 5		/* over a bound in a block before it may be cut short, */
#define CANARY_CUT_TIMES 2	/* and so many times as much as in the worst block of the base */

enum canary_state {
	CANARY_NONE,
	CANARY_RUNS,
	CANARY_PROMOTED,	/* it rules */
	CANARY_WORSE,		/* all below: rolled back */
	CANARY_COSTLY,
	CANARY_UNDECIDED,
	CANARY_STOPPED,		/* by the operator, also of one that was promoted */
	CANARY_STATE_COUNT
};

/* What is bet on. */
enum canary_claim { CANARY_BETTER, CANARY_HARMS, CANARY_COSTS, CANARY_CLAIM_COUNT };

enum canary_arm { CANARY_BASE, CANARY_CANDIDATE, CANARY_ARM_COUNT };

enum canary_order_kind { CANARY_ORDER_START, CANARY_ORDER_BACK };

/* What the operator says. START: all of it. BACK: ends the canary that runs, else the configured policy, which it names, rules. */
struct canary_order {
	uint32_t kind;		/* enum canary_order_kind */
	uint32_t policy;	/* enum policy: the candidate, or the configured */
	float share;		/* of time, CANARY_SHARE_MIN..CANARY_SHARE_MAX; never exceeded */
	uint32_t pad;
	uint64_t block_ns;
	uint64_t max_ns;	/* then it is rolled back */
};

/* What was counted in one block. */
struct canary_block {
	double bad_s;		/* instance seconds over a bound */
	double work_s;		/* done by those without a bound: seconds of a whole resource, over CPU, IO and net */
	double seconds;		/* that counted */
	bool is_cut;
};

struct canary {
	uint32_t state;		/* enum canary_state */
	uint32_t base, candidate;	/* enum policy */
	uint32_t round_blocks;
	uint64_t seed, began_ns, ended_ns, block_ns, max_ns;
	uint64_t block;		/* that is open, from began_ns on */
	struct canary_block open;
	struct canary_block pair[CANARY_ARM_COUNT];	/* of this round; seconds 0: not over yet */
	uint32_t pairs;		/* compared so far */
	uint32_t cuts;		/* blocks that were cut short */
	uint64_t cut_block;	/* 1 + the last of them; 0: none */
	double base_bad_s;	/* the most over a bound in a block of the base */
	double bad_s, less_work_s;	/* sums over the pairs: more over the bound, and less work, under the candidate */
	struct wager wager[CANARY_CLAIM_COUNT];
	uint64_t oncpu_ns;	/* of all without a bound, at the tick before */
};

/*
 * 0; START: -EINVAL for an order that cannot be meant or a candidate that rules already, -EBUSY while one runs; BACK: -ENOENT when the configured policy
 * rules alone. policy->policy is who rules outside of the candidate's blocks.
 */
int canary_order(struct canary *canary, struct plan_policy *policy, const struct canary_order *order, uint64_t now_ns);

/*
 * Once per tick, before the plan is made: counts what the views tell of the tick that ended, and says who rules from now on (enum policy).
 * Moves policy->policy when it promotes.
 */
uint32_t canary_tick(struct canary *canary, struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		     uint32_t count, uint64_t now_ns, uint64_t elapsed_ns);

/* What happens now counts: it is not washed out, and the block was not cut short. */
bool canary_counts(const struct canary *canary, uint64_t now_ns);

/* Some SLI of an instance with a bound is over it. */
bool canary_is_over(const struct plan_view *view, const struct plan_policy *policy);

/* What it does of IO and net, as a share of the whole of each: who is limited has done no more than was left to it. */
double canary_work_done(const struct plan_host *host, const struct plan_view *view);

/* Whose block it is. */
enum canary_arm canary_arm(const struct canary *canary, uint64_t now_ns);

/* The wealth of who bets on this claim. */
double canary_evidence(const struct canary *canary, enum canary_claim claim);

const char *canary_state_name(enum canary_state state);

#endif
