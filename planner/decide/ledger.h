/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was decided, why, what was expected of it and what came of it. Pure.
 *
 * A decision is one story: an instance is protected from a shortage of one resource, from the first action to CLOSE_NS after the
 * last, or from the first advice where there is no action (decide/advice.h). Its cause is the first of reflex, foresight, announcement, headroom
 * and advice that called for it. What only stands (decide/posture.h) and what
 * policies with limits of their own do is no decision.
 *
 * A decision is judged while it lasts. A limit (a rung beyond the weight, which costs no work) that was held SETTLE_NS without the share
 * over the bound falling below nine tenths of what it was, or since which another instance with a bound came to be
 * over it, is released, and not tried again for this pair for FORBID_NS, twice as long each time that it happens again. What was foreseen, or
 * was over, is judged the same from when it comes all the same, or again. Of disks and wires the limit still moves for seconds
 * (decide/knee.h), so they have longer; memory is only judged by the harm to others: what was lost does not come back with a limit.
 *
 * Seconds saved are an estimate: time in which the hands carried a decision out, its resource was pressed all the same, and the bound held,
 * each second times the probability that it would have been over the bound. That is 1 where it was over it when the decision began (so at most so
 * much), else the risk that was forecast. They are earned by what called for the decision. What stands is credited with nothing:
 * what it prevents nobody sees. How right the risks are the dangers say that are left alone by lot (decide/arm.h), and what a whole policy saves one on
 * canary (decide/canary.h).
 *
 * What stands without a danger (decide/posture.h), and what the protected itself holds (a quota that was lifted, memory.low), is watched for
 * the harm to others alone: for some seconds after it began, a giver that was idle began to feel it, a limit became tighter, or who it is held for
 * began to use much more, which is when others may come to lack what is kept away from the giver or taken by the other. What only stands may
 * harm nobody with a bound; what an instance holds itself, nobody of its own tier and above. That one came after the other is no proof: it is let
 * go on trial, and if that does not end the harm within LEDGER_TRY_NS it stands again, and is not suspected for as long as it would have been
 * forbidden.
 */
#ifndef FORESTALL_LEDGER_H
#define FORESTALL_LEDGER_H

#include "plan.h"

#define DECISIONS_MAX 64	/* remembered; the oldest that is over goes first */
#define DECISION_GIVERS_MAX 4	/* named; more are counted */
#define FORBIDDEN_MAX 64
#define LEDGER_TWICE_MAX 6	/* times that it is forbidden for twice as long: then it is an hour */

enum verdict {
	VERDICT_OPEN,
	VERDICT_HELPED,		/* it was over the bound, and is so less than half as much 1 to 5 s later */
	VERDICT_PREVENTED,	/* it was foreseen, the resource was pressed, and the bound held */
	VERDICT_CAME,		/* it was foreseen, and came all the same */
	VERDICT_FALSE,		/* it was foreseen, and there was never any pressure */
	VERDICT_USELESS,	/* it was over the bound, and went on */
	VERDICT_WORSE,		/* a limit was taken back, see above */
	VERDICT_PLANNED,	/* nothing was done: the mode did not let the hands, they refused all of it, or there are none */
	VERDICT_ADVISED,	/* there was nothing that the hands could do; what would help was said */
	VERDICT_COUNT
};

/* Which of the three earned something. */
enum earner { EARNER_REFLEX, EARNER_HEADROOM, EARNER_FORESIGHT, EARNER_COUNT };

/* Who might have given and did not, by why. */
enum spared { SPARED_TIER, SPARED_IDLE, SPARED_ABOVE, SPARED_COUNT };

struct decision_giver {
	char path[OBSERVE_PATH_MAX];
	uint32_t slot;
	uint32_t knobs;		/* bit per enum knob that was taken */
	float wanted, left;	/* at the tightest, in the units of the resource; left 0: weights alone */
};

struct decision {
	uint64_t id;		/* counts up from 1 */
	uint64_t began_ns, last_ns, ended_ns;	/* ended 0: it lasts */
	char path[OBSERVE_PATH_MAX];	/* of the protected */
	char scope[OBSERVE_PATH_MAX];	/* where it is scarce; "": the host */
	uint64_t cgroup_id;
	uint32_t slot;
	uint32_t resource;	/* enum resource */
	uint32_t reason;	/* enum plan_reason it began with */
	uint32_t verdict;	/* enum verdict */
	uint32_t policy;	/* enum policy that began it */
	/* What was known. */
	float risk, bad, demand, demand_high, quality, error, trust, capacity;
	float price;		/* the highest; see share.h */
	uint32_t spared[SPARED_COUNT];
	/* What was done. */
	uint32_t level;		/* rungs beyond the first, at most */
	uint32_t giver_count;	/* may be more than are named */
	struct decision_giver giver[DECISION_GIVERS_MAX];
	double taken;		/* wanted and not left, over time: resource-seconds; weights take nothing */
	struct plan_advice advice;	/* the last; why 0: there was something to do at any time */
	char advice_path[OBSERVE_PATH_MAX];	/* of its other; "": it is about nobody alone */
	/* What came of it. */
	double saved_s;
	float expected_bad;	/* share over the bound as the response has it; < 0: it is not trusted */
	float actual_bad;	/* mean of 1 to 5 s after it began; < 0: not known */
	uint32_t actual_ticks;
	uint32_t bad_ticks;	/* over the bound */
	bool was_pressed;
	uint64_t done_ns;	/* when the hands last held something that is done for it; 0: never */
	uint64_t limited_ns;	/* when its highest limit came */
	uint64_t came_ns;	/* since then: when what was foreseen, or had been ended, came all the same */
	uint64_t others_ns;	/* since when others are worse than then; 0: they are not */
	uint32_t limit_level, others_bad;	/* at that time */
	float limited_bad;
	float recent_bad;	/* of the last ticks, smoothed */
};

/* What was taken back because it did not help or harmed others. */
enum taken_back { TAKEN_BACK_LIMIT, TAKEN_BACK_STANDING, TAKEN_BACK_OWN, TAKEN_BACK_COUNT };

#define LEDGER_DONE_NS 1200000000ull	/* since it was last known to be done: the hands let go of what nobody renews */
#define LEDGER_RUNG_OWN 8	/* beyond all ladders: what the protected holds itself */
#define LEDGER_WATCHED_MAX ACTIONS_MAX
#define LEDGER_TRY_NS 3000000000ull
#define LEDGER_ALONE_MAX 16

/* Counted since the mind started. */
struct ledger_sums {
	uint64_t begun[REASON_COUNT], ended[VERDICT_COUNT];
	double protected_s[REASON_COUNT];	/* for which reason */
	double bad_s[2];			/* over the bound with nobody acting yet, and under protection */
	double prevented;	/* expected number: the risk of each that was foreseen and did not come */
	double taken[RESOURCE_COUNT];	/* resource-seconds */
	uint64_t taken_back[TAKEN_BACK_COUNT];
	double saved_s[EARNER_COUNT];
	uint64_t alone, alone_came;	/* foreseen dangers that were left alone by lot, and those that came */
	double alone_risk;		/* how many were to come */
};

struct ledger {
	struct decision decision[DECISIONS_MAX];	/* ring by id */
	uint64_t last_id;
	uint64_t now_ns;
	double elapsed_s;	/* of this tick */
	struct ledger_sums sums;
	struct ledger_forbidden {
		uint64_t victim, giver;	/* cgroup ids */
		uint64_t until_ns;
		uint32_t resource, rung;
		uint32_t times;		/* so far */
		/* On trial, because others were over their bounds. */
		uint32_t slot, tier;	/* who is none of them, and from what tier on */
		uint32_t over;		/* so many bounds were broken */
		uint64_t tried_ns;	/* since when; 0: it is not */
		uint64_t eased_ns;	/* since when there are fewer; 0: there are not */
		uint64_t innocent_until_ns;
	} forbidden[FORBIDDEN_MAX];
	uint64_t forbidden_until_ns;	/* the last of them */
	struct ledger_watched {
		uint64_t victim, giver;	/* cgroup ids */
		uint64_t since_ns, last_ns;	/* felt by the giver, and in a plan */
		uint64_t others_ns;	/* since when others are worse than then; 0: they are not */
		uint32_t resource, rung;
		uint64_t value;		/* the widest since then */
		uint32_t others_bad;	/* at that time */
		float used;		/* the least since then, by who it is held for */
		bool is_felt;
	} watched[LEDGER_WATCHED_MAX];
	struct ledger_alone {
		uint64_t cgroup_id, last_ns;	/* left alone until; id 0: free */
		uint32_t slot, resource;
		float risk;		/* the highest */
		bool came;
	} alone[LEDGER_ALONE_MAX];
};

/* What the hands said lately: that they hold something, and something against danger. */
enum ledger_hands { LEDGER_HANDS_EMPTY, LEDGER_HANDS_HOLD, LEDGER_HANDS_ACT };

/* Whether the hands hold something that is done for it: nothing is earned, judged or paid for that they refused. */
static inline bool ledger_is_done(const struct ledger *ledger, const struct decision *decision)
{
	return decision->done_ns && ledger->now_ns - decision->done_ns < LEDGER_DONE_NS;
}

/* To be called once per tick with the plan that was made. */
void ledger_tick(struct ledger *ledger, const struct plan_policy *policy, const struct plan_host *host,
		 struct plan_view *const views[], uint32_t count, const struct plan *plan, uint64_t elapsed_ns, enum ledger_hands hands);

/* Whether a rung of this ladder was of no use between the two lately. */
bool ledger_forbids(const struct ledger *ledger, const struct plan_view *victim, const struct plan_view *giver,
		    enum resource resource, uint32_t rung);

/* The same on behalf of anybody. */
bool ledger_forbids_standing(const struct ledger *ledger, const struct plan_view *giver, enum resource resource, uint32_t rung);

/* NULL: there is none of this id, or it is forgotten. */
const struct decision *ledger_find(const struct ledger *ledger, uint64_t id);

/* Whether what is done for this reason is a decision. */
bool ledger_is_decided(enum plan_reason reason);

const char *verdict_name(enum verdict verdict);
const char *earner_name(enum earner earner);

#endif
