/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One setting of one knob on canary in a group of instances: some of them get it, are compared with their like, and it is promoted to all
 * or rolled back by itself. Pure.
 *
 * The group is what is annotated below a glob, at most COHORT_MEMBERS_MAX of it. There are two stages, each in blocks of time as in canary.h:
 *
 * PART: half of the blocks, by lot, are with it, and in each of these a share of the members has it. They are drawn anew for every block, in
 *	pairs, and which of the two has it is a lot for each pair: so neither what a member is like nor what the load does then favours one
 *	side. Each pair is one comparison: seconds over their bounds, and work done. Without any effect its sign is a fair coin, and it is
 *	bet on (wager.h).
 * WHOLE: a share of the time all members have it, and the whole host is compared with the rest of the time.
 *
 * Members of one host share what is scarce. What some of them gain others may lose, so who has it may look better beside who has not although
 * nothing was gained (a weight), or lose what all would gain: the pairs alone can say that it hurts those who have it, and never that it is good
 * for the host. So PART ends with a rollback when the pairs, or the blocks with it beside those without, say that it harms or costs too much;
 * else it hands over to WHOLE, early where the pairs say that it is better, and with half of its time otherwise. Only WHOLE promotes: there
 * nobody is left to take from but the others on the host, and they count. So the chance to promote what is no better is CANARY_ALPHA at most.
 *
 * What a danger asks for goes first: a member whose knob the plan sets itself is left to it. A block that is far worse is cut short (canary.h).
 */
#ifndef FORESTALL_COHORT_H
#define FORESTALL_COHORT_H

#include "canary.h"

#define COHORT_MEMBERS_MAX 32	/* half of what a plan holds */
#define COHORT_TIME_SHARE 0.5f	/* of the blocks in PART */

enum cohort_stage { COHORT_PART, COHORT_WHOLE, COHORT_STAGE_COUNT };

/* What the operator says. START: all of it. BACK: the kind alone; ends one that runs, and takes back one that was promoted. */
struct cohort_order {
	uint32_t kind;		/* enum canary_order_kind */
	uint32_t knob;		/* enum knob */
	uint64_t value, period_us;	/* as struct action */
	uint64_t block_ns, max_ns;	/* max_ns: of both stages */
	float share;		/* of members, then of time */
	uint32_t pad;
	char glob[ACT_PATH_MAX];	/* fnmatch(3) over the path below the cgroup root; '*' does not match '/' */
};

struct cohort_member {
	uint64_t cgroup_id, oncpu_ns;
	uint32_t slot;
	bool has_it;
	double bad_s, work_s, seconds;	/* of this block, that counted */
};

struct cohort {
	struct cohort_order order;	/* what is tried, or was tried last */
	uint32_t state;			/* enum canary_state */
	uint32_t stage;			/* enum cohort_stage */
	uint64_t began_ns, ended_ns;
	struct canary time;		/* of this stage: with it (its candidate) and without */
	uint64_t block;			/* for which the members were drawn */
	uint32_t member_count;
	uint32_t pair_count;		/* members 2i and 2i + 1 */
	uint32_t pairs;			/* compared so far */
	bool is_on;			/* members that have it have it now */
	double bad_s, less_work_s;	/* sums over the pairs: more over the bound, and less work, with it */
	struct wager wager[CANARY_CLAIM_COUNT];
	struct cohort_member member[COHORT_MEMBERS_MAX];
};

/*
 * 0; START: -EINVAL for an order that cannot be meant, -EBUSY while one runs or rules; BACK: -ENOENT when none does. policy gives the seed.
 */
int cohort_order(struct cohort *cohort, const struct plan_policy *policy, const struct cohort_order *order, uint64_t now_ns);

/* Once per tick, before the plan is made: counts what the views tell of the tick that ended, draws, and judges. */
void cohort_tick(struct cohort *cohort, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		 uint32_t count, uint64_t now_ns, uint64_t elapsed_ns);

/* After the plan was made: adds the setting for those that have it now. */
void cohort_plan(const struct cohort *cohort, struct plan_view *const views[], uint32_t count, struct plan *plan);

/* The resource that the knob is about; RESOURCE_COUNT: it cannot be on canary, since it names a device, is no setting or stops whoever has it. */
enum resource cohort_resource(uint32_t knob);

/* How many pairs a share makes of so many members; 0: too few. */
uint32_t cohort_pairs(float share, uint32_t member_count);

bool cohort_matches(const struct cohort_order *order, const char *path);

double cohort_evidence(const struct cohort *cohort, enum canary_claim claim);

const char *cohort_stage_name(enum cohort_stage stage);

#endif
