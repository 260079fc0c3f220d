/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rung.h"

#include "ledger.h"
#include "pace.h"
#include "policy.h"

#include <math.h>
#include <string.h>

#define CPU_QUOTA_MIN_US 1000
#define MEMORY_STEP (16u << 20)		/* protection moves in steps, or it would be written at every tick */
#define RECLAIM_STEP (16u << 20)	/* taken per renewal */
#define KNOBS_MAX 4
/* Not the least: below io.cost a cgroup of 1 beside one of 100 waits so long that what it sends then comes in bunches. */
#define IO_WEIGHT 10
/* The hands refuse less. */
#define IO_BYTES_MIN (1u << 20)
#define IO_REQUESTS_MIN 16

struct rung {
	bool (*applies)(const struct rung_wish *wish);
	uint64_t (*value)(const struct rung_wish *wish, enum knob knob);
	uint32_t knob_count;
	enum knob knob[KNOBS_MAX];
};

static bool has(const struct rung_wish *wish, enum observe_has what)
{
	return wish->giver->has >> what & 1;
}

static float left(const struct rung_wish *wish)
{
	return wish->giver->hold[wish->resource].left;
}

bool rung_is_above(const char *path, const char *below)
{
	size_t length = strlen(path);

	return !strncmp(path, below, length) && (length <= 1 || below[length] == '/' || !below[length]);
}

/* Weights divide what the children of one directory get: that directory has to hold the victim too. */
bool rung_competes(const char *giver, const char *victim)
{
	const char *slash = strrchr(giver, '/');
	size_t length = slash ? (size_t)(slash - giver) : 0;

	return !strncmp(giver, victim, length) && victim[length] == '/';
}

static bool competes(const struct rung_wish *wish) { return rung_competes(wish->giver->path, wish->victim->path); }
static bool weight_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_CPU) && competes(wish); }
static bool quota_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_CPU); }
static bool memory_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_MEMORY); }
/* What has neither page cache nor swap to go to cannot be reclaimed: the kernel would look for it in vain at each step. */
static bool reclaim_applies(const struct rung_wish *wish)
{
	return memory_applies(wish) && (wish->giver->cache_bytes >= RECLAIM_STEP || wish->host->swap_free >= RECLAIM_STEP);
}
static bool io_weight_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_IO_WEIGHT) && competes(wish); }
/* Which disk a giver uses is known after its first second on one; until then it is the one that the protected waits for. */
static uint32_t disk_of(const struct rung_wish *wish) { return wish->giver->device ? wish->giver->device : wish->victim->device; }
static bool io_max_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_IO) && disk_of(wish); }
static bool net_applies(const struct rung_wish *wish) { return has(wish, OBSERVE_HAS_PROCESS); }

static bool pin_applies(const struct rung_wish *wish)
{
	return has(wish, OBSERVE_HAS_CPUSET) && wish->host->giver_cpus;
}

uint64_t rung_weight(const struct plan_policy *policy, enum knob knob) { return knob == KNOB_IO_WEIGHT ? IO_WEIGHT : policy->weight; }

static uint64_t weight_value(const struct rung_wish *wish, enum knob knob)
{
	return rung_weight(wish->policy, knob);
}

static uint64_t pin_value(const struct rung_wish *wish, enum knob knob)
{
	(void)knob;
	return wish->host->giver_cpus;
}

static uint64_t quota_value(const struct rung_wish *wish, enum knob knob)
{
	(void)knob;
	return (uint64_t)fmaxf(left(wish) * (float)wish->policy->period_us, CPU_QUOTA_MIN_US);
}

static uint64_t left_value(const struct rung_wish *wish, enum knob knob)
{
	(void)knob;
	return (uint64_t)left(wish);
}

static uint64_t reclaim_value(const struct rung_wish *wish, enum knob knob)
{
	(void)wish;
	(void)knob;
	return RECLAIM_STEP;
}

/* From the cost that enum resource counts back to requests, and to bytes of the size that the giver sends now. */
static uint64_t io_value(const struct rung_wish *wish, enum knob knob)
{
	float requests = left(wish) / (wish->giver->request_bytes + RESOURCE_IO_REQUEST_BYTES);

	if (knob == KNOB_IO_RBPS || knob == KNOB_IO_WBPS)
		return (uint64_t)fmaxf(requests * fmaxf(wish->giver->request_bytes, 4096), IO_BYTES_MIN);
	return (uint64_t)fmaxf(requests, IO_REQUESTS_MIN);
}

static const struct rung cpu_ladder[] = {
	{ weight_applies, weight_value, 1, { KNOB_CPU_WEIGHT } },
	{ pin_applies, pin_value, 1, { KNOB_CPUSET_CPUS } },
	{ quota_applies, quota_value, 1, { KNOB_CPU_MAX } },
};
static const struct rung memory_ladder[] = {
	{ memory_applies, left_value, 1, { KNOB_MEMORY_HIGH } },
	{ reclaim_applies, reclaim_value, 1, { KNOB_MEMORY_RECLAIM } },
};
static const struct rung io_ladder[] = {
	{ io_weight_applies, weight_value, 1, { KNOB_IO_WEIGHT } },
	{ io_max_applies, io_value, 4, { KNOB_IO_RIOPS, KNOB_IO_WIOPS, KNOB_IO_RBPS, KNOB_IO_WBPS } },
};
static const struct rung net_ladder[] = {
	{ net_applies, left_value, 1, { KNOB_NET_EGRESS } },
};

#define LADDER(rungs) { rungs, sizeof(rungs) / sizeof((rungs)[0]) }
static const struct {
	const struct rung *rungs;
	size_t count;
} ladders[RESOURCE_COUNT] = {
	[RESOURCE_CPU] = LADDER(cpu_ladder),
	[RESOURCE_MEMORY] = LADDER(memory_ladder),
	[RESOURCE_IO] = LADDER(io_ladder),
	[RESOURCE_NET] = LADDER(net_ladder),
};

uint32_t rung_count(enum resource resource) { return (uint32_t)ladders[resource].count; }

/* The knob of a giver that was limited below a directory already holds the smaller value when the host's turn comes. */
static struct plan_action *plan_find(struct plan *plan, const struct plan_action *like)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == like->slot && plan->action[i].knob == like->knob &&
		    plan->action[i].device == like->device)
			return &plan->action[i];
	return NULL;
}

/* In a full plan one stays out: the last to be served of all. */
static void plan_squeeze(struct plan *plan, const struct plan_action *action)
{
	struct plan_action *last = &plan->action[0];

	for (uint32_t i = 1; i < plan->count; i++)
		if (pace_compare(&plan->action[i], last) < 0)
			last = &plan->action[i];
	plan->cut++;
	if (pace_compare(action, last) > 0)
		*last = *action;
}

void rung_add(struct plan *plan, const struct plan_action *action)
{
	struct plan_action *same = plan_find(plan, action);

	if (same)
		*same = *action;
	else if (plan->count < ACTIONS_MAX)
		plan->action[plan->count++] = *action;
	else
		plan_squeeze(plan, action);
}

static struct plan_action action_start(const struct rung_wish *wish, const struct plan_view *whose)
{
	return (struct plan_action){
		.slot = whose->slot,
		.cgroup_id = whose->cgroup_id,
		.for_slot = wish->victim->slot,
		.tier = (uint8_t)wish->victim->tier,
		.reason = wish->reason,
		.resource = wish->resource,
		.risk = wish->victim->need[wish->resource].risk,
		.expected = whose->hold[wish->resource].left,
		.price = wish->price,
	};
}

bool rung_is_weight_only(const struct rung_wish *wish)
{
	return policy_is_standing(wish->policy) || (wish->reason != REASON_STANDING && wish->victim->hold[wish->resource].is_cautious);
}

static bool is_forbidden(const struct rung_wish *wish, size_t rung)
{
	return wish->host->ledger && ledger_forbids(wish->host->ledger, wish->victim, wish->giver, wish->resource, (uint32_t)rung);
}

void rung_push(const struct rung_wish *wish, struct plan *plan)
{
	struct plan_action action = action_start(wish, wish->giver);
	uint32_t wanted = 1 + wish->victim->hold[wish->resource].level;
	bool has_limit = false;

	for (size_t i = 0; wanted && i < ladders[wish->resource].count; i++) {
		const struct rung *rung = &ladders[wish->resource].rungs[i];

		bool is_limit = rung->value != weight_value;

		if (!rung->applies(wish) || (is_limit && (rung_is_weight_only(wish) || is_forbidden(wish, i))))
			continue;
		for (uint32_t k = 0; k < rung->knob_count; k++) {
			action.knob = rung->knob[k];
			action.rung = (uint8_t)i;
			action.is_first = is_limit && !has_limit && !k;
			action.is_let_on = wish->is_let_on && action.knob == KNOB_MEMORY_HIGH;
			action.value = rung->value(wish, rung->knob[k]);
			action.period_us = action.knob == KNOB_CPU_MAX ? wish->policy->period_us : 0;
			action.device = rung->knob_count > 1 ? disk_of(wish) : 0;
			rung_add(plan, &action);
		}
		has_limit |= is_limit;
		wanted--;
	}
}

void rung_protect(const struct rung_wish *wish, struct plan *plan)
{
	const struct plan_need *need = &wish->victim->need[wish->resource];
	struct rung_wish own = { .host = wish->host, .giver = wish->victim, .victim = wish->victim, .resource = wish->resource };
	struct plan_action action = action_start(wish, wish->victim);
	/* What the pressure has already taken from it is to come back, as far as it was promised. */
	float wanted = fmaxf(need->demand, scene_kept(need)), held = need->max > 0 ? fminf(wanted, need->max) : wanted;

	if (is_forbidden(&own, LEDGER_RUNG_OWN))
		return;
	if (wish->resource != RESOURCE_MEMORY || policy_is_standing(wish->policy) || !(wish->victim->has >> OBSERVE_HAS_MEMORY & 1) || held <= 0)
		return;
	action.knob = KNOB_MEMORY_LOW;
	action.value = ((uint64_t)held / MEMORY_STEP + 1) * MEMORY_STEP;
	rung_add(plan, &action);
}
