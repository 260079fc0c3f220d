/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From forecasts to a plan: who is in danger, of what, who gives, how much. Pure.
 *
 * A plan is the whole set of actions wanted now, not a difference: what is no longer in it is released by the
 * hands, and so is everything when plans stop coming. The empty plan is legal, and the usual one wherever no instance with
 * a bound lives beside one of best effort (decide/posture.h).
 *
 * The same steps for each of the four resources: the annotated instance whose danger counts most is protected; givers are
 * the annotated instances of a lower tier that use or are about to use the resource, never an ancestor of the protected;
 * what the protected need and a headroom are kept free and the givers share the rest by their demand. How it is taken is
 * a ladder of knobs (decide/rung.h), cheapest first.
 * All this happens within the fullest directory that has a limit and holds the endangered, or else on the host: what is
 * scarce below a cpu.max is not got back from those outside it.
 * Give fast, take slow: protection starts at once, ends only after hold_ns without danger and without pressure,
 * and what a giver has lost comes back in steps.
 */
#ifndef FORESTALL_PLAN_H
#define FORESTALL_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "act/protocol.h"
#include "credit.h"
#include "knee.h"
#include "phase.h"
#include "predict/forecast.h"
#include "predict/observe.h"

enum plan_reason {
	REASON_NONE,
	REASON_REFLEX,		/* delays over the bound are seen in the last ticks */
	REASON_FORESIGHT,	/* the forecast says that the bound will be violated within act_horizon */
	REASON_HEADROOM,	/* at the rate of now the resource is soon used up */
	REASON_HOLD,		/* neither now, but the pressure that caused it is still there */
	REASON_STANDING,	/* nothing is wrong: it is held because it costs nothing (decide/posture.h) */
	REASON_LIMIT,		/* a policy with limits of its own wants it so (decide/peer.h) */
	REASON_ANNOUNCED,	/* load that was announced for now does not fit */
	REASON_PROBE,		/* to learn what it does (decide/trial.h) */
	REASON_CANARY,		/* the operator's setting, on canary or promoted (decide/cohort.h) */
	REASON_ADVICE,		/* of no action: there is none that would help, and what would is advised (decide/advice.h) */
	REASON_COUNT
};

struct plan_action {
	uint32_t slot;		/* whose knob it is */
	uint32_t for_slot;	/* who is protected */
	uint32_t knob;		/* enum knob */
	uint32_t reason;	/* enum plan_reason */
	uint64_t value;		/* as struct action */
	uint64_t period_us;
	uint32_t device;
	uint32_t resource;	/* enum resource: which danger it answers */
	float risk;		/* of the protected instance when this was decided */
	float expected;		/* what is left to the giver, in the units of the resource */
	float price;		/* of a unit of the resource where this was decided, see share.h; 0: there is enough */
	uint8_t rung;		/* of its ladder */
	uint8_t tier;		/* enum tier of the protected; 0 of what only stands */
	uint8_t is_first;	/* of the limits that this giver gets */
	uint8_t is_let_on;	/* it stood still at this limit (decide/still.h): worth a write, however small */
	uint64_t cgroup_id;	/* of slot */
	uint64_t absent_ns;	/* since when the protected is gone, see absence.h; 0: it is there */
};

/* A danger that was foreseen and left alone by lot; see arm.h. */
struct plan_arm {
	uint32_t slot;
	uint32_t resource;	/* enum resource */
	float risk;
	uint32_t pad;
};

#define PLAN_ARMS_MAX 8

/* What would help where no action does; see advice.h. */
struct plan_advice {
	uint32_t slot;		/* who suffers */
	uint32_t resource;	/* enum resource, of what */
	uint32_t why, help;	/* enum advice_why, enum advice_help */
	uint32_t other;		/* slot of who is to be changed; 0: nobody alone */
	uint32_t tier;		/* enum tier of who suffers */
	float amount;		/* that the help is about, in the units of the resource */
	float room;		/* expected to stay free on the host beside its headroom; < 0: not known */
	uint64_t since_ns;	/* it suffers */
};

#define PLAN_ADVICE_MAX 8

struct plan {
	uint64_t id;		/* counts up, one per tick */
	uint64_t time_ns;
	uint32_t count;
	uint32_t cut;		/* actions left out because ACTIONS_MAX was reached */
	uint32_t arm_count;
	uint32_t policy;	/* enum policy that it was made by; see canary.h */
	uint32_t waits;		/* starts, changes and ends left to later ticks; see decide/pace.h */
	uint32_t advice_count;
	struct plan_arm arm[PLAN_ARMS_MAX];
	struct plan_advice advice[PLAN_ADVICE_MAX];
	struct plan_action action[ACTIONS_MAX];
};

/* What decides; every number is in docs/ARCHITECTURE.md with its reason. */
struct plan_policy {
	float risk_act;		/* act on foresight from this risk on: a weight taken for nothing costs the giver
				 * some 2 % of a few seconds, a violation that comes costs whole ones */
	uint32_t act_horizon;	/* index of the farthest horizon that may cause an action */
	float bad_act;		/* act on reflex from this share of delays over the bound on */
	float quality_min;	/* no foresight from frames worse than this */
	float headroom[RESOURCE_COUNT];	/* share of capacity that stays free beside the protected */
	float giver_active[RESOURCE_COUNT];	/* who neither uses nor is about to use this much is left alone: CPUs, else
						 * share of capacity */
	float giver_min[RESOURCE_COUNT];	/* a giver keeps at least this much, in the units of the resource */
	float relax_per_s;	/* what a giver gets back per second, share of capacity */
	float step[RESOURCE_COUNT];	/* what a tick may take of what a limit leaves, see decide/pace.h: share of it */
	float churn;		/* a limit that moves by no more than this share stays where it is */
	uint32_t changes_max;	/* actions that a tick may start, change or end */
	uint64_t hold_ns;
	uint64_t escalate_ns;	/* delays over the bound this long under protection: the next rung is taken too */
	uint64_t weight;	/* cpu.weight of a giver while it gives */
	uint64_t period_us;	/* of cpu.max: short, so that a giver's turn is shorter than the bound */
	uint32_t lease_ms;
	uint32_t policy;	/* enum policy of decide/policy.h */
	uint32_t posture;	/* 1: forestall also holds what costs nothing, see decide/posture.h; 0: it only answers danger */
	float no_action;	/* share of foreseen dangers that is left alone by lot, to learn whether they come; 0: none */
	uint64_t seed;		/* of that lot */
	uint32_t probe;		/* 1: small limits on givers of best effort, to learn from; see trial.h */
	uint32_t io_cost;	/* 1: io.cost may be switched on for a disk; see iocost.h */
};

#define PLAN_NOWHERE UINT32_MAX

/* A directory that may use less than the host (cpu.max, memory.max, io.max). */
struct plan_scope {
	const char *path;	/* kept by the predictor */
	uint64_t cgroup_id;
	uint32_t slot;
	float capacity[RESOURCE_COUNT];	/* 0: it does not limit this resource; of io see io_bps */
	float memory_free;	/* bytes below memory.max; < 0: not known */
	float io_bps, io_iops;	/* of the disk most used below it, 0: no limit; what they come to depends on who uses it */
};

/* What there is to share, in the units of enum resource. */
struct plan_host {
	float capacity[RESOURCE_COUNT];
	float memory_free;	/* bytes available; < 0: not known */
	float swap_free;	/* bytes */
	uint64_t giver_cpus;	/* CPUs onto which givers may be confined now; 0: no pinning on this host */
	float served[RESOURCE_COUNT];	/* of IO and net, in the second closed last */
	bool is_second;			/* it was closed in this tick */
	struct knee *knee;		/* [RESOURCE_COUNT], kept by the caller between ticks; of IO and net */
	struct plan_disk *disk;		/* [PLAN_DISKS_MAX], kept by the caller between ticks */
	const struct plan_scope *scopes;	/* directories with limits of their own, in any order */
	uint32_t scope_count;
	const struct plan_view *view;	/* of each slot; NULL: they are to be looked for */
	const struct ledger *ledger;	/* what was of no use lately; NULL: everything is */
	struct share *share;	/* room to divide in, kept by the caller */
	struct peer *peer;	/* by slot, kept by the caller between ticks; of policies with limits of their own */
	struct pace *pace;	/* the plan of the tick before, kept by the caller */
	const struct predictor *all;	/* every instance of the host, also those that take no part; NULL: nobody else is known */
};

/* One instance and one resource, in the units of enum resource. */
struct plan_need {
	float demand;		/* now, unthrottled; of memory what is charged */
	float demand_high;	/* upper quantile within the horizon acted on */
	float coming;		/* what its own past says is coming within 5 s, times how sure that is */
	float min, max;		/* annotated; max 0: none */
	float phase;		/* to be held ready for it now, by its profile; 0: nothing is known (decide/phase.h) */
	float most;		/* more than this is worth nothing to it, by max and by its concurrency; 0: there is no such end */
	bool is_bound;		/* some SLI that is blamed on it alone has a bound */
	float bad;		/* largest share over the bound in the last ticks of an SLI blamed on it; < 0: unknown */
	bool is_violated;	/* one of these SLIs was in the second closed last */
	float risk;		/* gravest of these SLIs within the horizon acted on */
	float announced;	/* told to begin within the horizon acted on, or begun just now; 0: nothing was */
	bool may_suffer;	/* some SLI that is blamed on it, or may be, has a bound */
	float stalled;		/* share of the last second in which some task of it waited for the resource; < 0: unknown */
};

/* What more of a resource than it wants is worth to an instance with a bound; see worth.h. All zero: nothing is known. */
#define PLAN_WORTH_STEPS 2
struct plan_worth {
	float slope[PLAN_WORTH_STEPS], width[PLAN_WORTH_STEPS];	/* the first steps of its utility beyond what it wants */
	float eased_bad;	/* what the share over the bound would be beyond these steps */
	float error, trust;	/* of the model: mean absolute error of the share over the bound, and 0..1 */
	bool is_doubted;	/* it has had time to learn and is wrong all the same */
};

/* What is remembered between ticks, per resource. */
struct plan_hold {
	uint64_t protect_until_ns;	/* of a protected instance */
	uint64_t bad_since_ns;		/* when the delays over its bound began, and when they were seen last */
	uint64_t bad_last_ns;
	uint32_t level;			/* rungs taken beyond the first */
	float left;			/* of a giver: what is left to it; 0: not limited */
	float wanted;			/* of a giver: its demand before it was limited */
	uint64_t gave_ns;		/* of a giver: the tick of its last limit */
	float seen, grows, creeps;	/* of memory: demand in the tick before, and its growth per second, smoothed over ticks and over seconds */
	uint64_t still_ns;		/* of a giver of memory: since when it stands still at its limit; 0: it moves */
	uint64_t tight_ns;		/* and since when that leaves nothing to reclaim, and was not widened; 0: it does */
	float shown;			/* highest demand of closed seconds, fading */
	uint64_t active_ns;		/* of a giver: when it last used, or was about to use, much */
	float reserved;			/* of the protected: kept free for it, and when that was last said */
	uint64_t reserved_ns;
	uint64_t foreseen_ns;		/* of an instance with a bound: when a danger was last foreseen for it */
	bool is_alone;			/* that danger is left alone */
	bool is_cautious;		/* of the protected: weights alone, foresight has not earned more */
	uint64_t warranted_until_ns;	/* so long more than weights may be taken for it */
	uint64_t answered_ns;		/* when something was last done for it */
	uint64_t over_since_ns, over_last_ns;	/* of an instance with a bound: since when it is over that, and when last; see advice.h */
	struct credit credit;		/* of an instance with a bound */
};

/* What is remembered of one of several servers of a port; see balance.h. */
struct plan_balance {
	uint32_t share;		/* what all this is about */
	uint16_t weight;	/* in the plan made last */
	uint8_t step;		/* below its full weight, for the dangers that it was in */
	uint8_t endangered_at;	/* the step at which its last danger began, */
	bool is_falling;	/* which goes on, or it has not risen since */
	uint8_t reason;		/* enum plan_reason: its danger now */
	uint8_t resource;	/* enum resource: of what */
	uint64_t moved_ns;	/* when the step changed last */
	uint64_t endangered_ns;	/* when it was in danger last; 0: never */
};

/* What is remembered of io.cost on a disk, whoever was hurt there: units restart. All zero: nothing. See iocost.h. */
#define PLAN_DISKS_MAX 16
struct plan_disk {
	uint32_t device;	/* 0: a free place */
	uint32_t level;		/* of the target, 0: the loosest; and when it moved last */
	uint64_t moved_ns;
	uint64_t hurt_ns;	/* the last violated second of one with a bound on his delays; 0: there was none */
	uint64_t off_until_ns;	/* it was of no use */
	float missed;		/* violated seconds while it was on, fading */
	uint32_t pad;
};

/* What is remembered of net.first, held for the sake of one with a bound that the wire is blamed for; see first.h. */
struct plan_first {
	uint64_t held_ns;	/* the hands said so last; 0: never */
	uint64_t asked_ns;	/* since when it is asked for in vain; 0: it is not */
	uint64_t off_until_ns;	/* it was of no use, or the hands would not */
	float missed;		/* violated seconds while it was held, fading */
	float way_ns;		/* the least round trip, rising slowly; 0: none was measured */
	float queued;		/* how much longer its packets took of late, see knee.h */
	uint32_t is_asked;	/* in the open second */
};

struct plan_view {
	uint32_t slot;
	uint32_t tier;		/* enum tier */
	uint32_t kind;		/* enum kind */
	uint64_t run_ns, ran_ns;	/* since when it works without a longer pause, and when it did last */
	float ends_s;		/* of a batch that says how long it takes: what is left of its run; 0: not known */
	uint64_t cgroup_id;	/* whose memory this is: another one starts anew */
	const char *path;	/* kept by the predictor */
	bool is_bound;
	bool is_fresh;		/* a forecast was made in the last second */
	bool is_persistence;	/* its risk only says what is: no foresight */
	uint32_t has;		/* bit per enum observe_has */
	uint64_t held;		/* bit per enum knob: what the hands hold of it */
	uint32_t device;	/* the disk it uses most; 0: none seen */
	float request_bytes;	/* mean size of its IO requests */
	float cache_bytes;	/* page cache charged to it */
	float ran;		/* CPUs, in the second closed last */
	uint32_t unidentified;	/* bit per resource whose response its past does not tell; see trial.h */
	bool no_probe;		/* annotated */
	float quota;		/* CPUs that its own cpu.max leaves to it; 0: none */
	uint64_t oncpu_ns, throttled_ns;	/* since it is followed: time that it ran, and waited for its own cpu.max */
	float quality;
	struct plan_need need[RESOURCE_COUNT];
	const char *scope;	/* of the resource in hand: path of the directory that holds it back, NULL: the host */
	float scope_fullness;

	uint32_t below;		/* the deepest directory with a limit that it is, or is below, by index; PLAN_NOWHERE: none. Made anew each tick */
	uint32_t scope_of[RESOURCE_COUNT];	/* slot of the directory where it was scarce when it was last in danger; 0: the host */
	bool is_giver;		/* of the resource in hand: whether it gives, */
	float granted;		/* and what is left to it then; see share.h */
	struct plan_worth worth[RESOURCE_COUNT];

	struct plan_hold hold[RESOURCE_COUNT];
	struct phase phase[RESOURCE_COUNT];
	uint32_t beside;	/* slot of one with a bound and a higher tier that its weight acts against; 0: none known */
	uint32_t share;		/* annotated: the clients' port << 16 | its own; 0: none */
	struct plan_balance balance;
	uint32_t io_bound_us;	/* on its delays on a disk, or else on its answers; 0: none */
	struct plan_first first;
	float quota_kept;	/* what quota was before it was lifted, until it has been read again; else 0 */
	uint64_t lifted_until_ns;
};

void plan_policy_init(struct plan_policy *policy);

/* NULL: it takes no part now. */
struct plan_view *plan_view_find(struct plan_view *const views[], uint32_t count, uint32_t slot);

/* Fills *ret (id and time_ns are the caller's) and moves the memory in views[]. All capacities > 0. */
void plan_make(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
	       uint32_t count, uint64_t now_ns, uint64_t elapsed_ns, struct plan *ret);

/* It answers some danger: what only stands while nothing is wrong is no answer, and what is learned under it is learned as ever. */
bool plan_action_answers(const struct plan_action *action);
bool plan_answers(const struct plan *plan);	/* some action does */

/* What an instance uses at least that is not idle, of a resource of that capacity, in the units of enum resource. */
float plan_active_least(const struct plan_policy *policy, enum resource resource, float capacity);

/* It says nothing at all. */
bool plan_is_empty(const struct plan *plan);

const char *plan_reason_name(enum plan_reason reason);

#endif
