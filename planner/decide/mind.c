/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "first.h"
#include "rung.h"
#include "worth.h"

#define QUANTILE_HIGH 2	/* .9 */
#define SHOWN_FADE 0.97f	/* per second: half of it in 23 s */
#define ANNOUNCED_NS 10000000000ull
#define OPEN_NS_MIN 90000000ull	/* a tick, or nearly */
#define PAUSE_NS 3000000000ull	/* who did nothing for so long starts anew */
#define RTT_SAMPLES 8
#define SPANS_ACT 3		/* of struct expectation: within 5 s */

struct mind *mind_new(const struct predictor_config *config, const struct plan_policy *policy)
{
	struct mind *mind = calloc(1, sizeof(*mind));

	if (!mind)
		return NULL;
	mind->policy = *policy;
	mind->predictor = predictor_new(config);
	mind->view = calloc(config->slots_max, sizeof(*mind->view));
	mind->annotated = calloc(config->slots_max, sizeof(*mind->annotated));
	mind->scope = calloc(config->slots_max, sizeof(*mind->scope));
	mind->is_limit_felt = calloc(config->slots_max, sizeof(*mind->is_limit_felt));
	mind->placed = calloc(config->slots_max, sizeof(*mind->placed));
	/* Not touched, and no memory, unless a policy needs it: one on canary may. */
	mind->peer = calloc(config->slots_max, sizeof(*mind->peer));
	if (subtree_new(&mind->limited, config->slots_max) || share_new(&mind->share, config->slots_max) || !mind->is_limit_felt || !mind->peer || !mind->predictor || !mind->view || !mind->annotated ||
	    !mind->scope || !mind->placed) {
		mind_free(mind);
		return NULL;
	}
	return mind;
}

void mind_free(struct mind *mind)
{
	if (!mind)
		return;
	predictor_free(mind->predictor);
	free(mind->view);
	free(mind->annotated);
	free(mind->scope);
	free(mind->peer);
	share_done(&mind->share);
	subtree_done(&mind->limited);
	free(mind->is_limit_felt);
	free(mind->placed);
	free(mind);
}

/*
 * Demand in the second that is still open, in the units of enum resource: a reflex cannot wait for its end to know who is
 * running.
 */
static float open_demand(const struct predictor *p, const struct predictor_instance *instance, enum resource resource,
			 uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > p->second_start_ns ? now_ns - p->second_start_ns : 0;
	const struct wire_counters *sum = &instance->window.sum;
	float per_second = 1e9f / (float)elapsed_ns;

	if (resource == RESOURCE_MEMORY)
		return instance->window.has_memory ? (float)instance->window.memory_bytes : 0;
	if (elapsed_ns < OPEN_NS_MIN)
		return 0;
	if (resource == RESOURCE_CPU)
		return fminf((float)(sum->oncpu_ns + sum->wait_ns) / (float)elapsed_ns, p->config.host_cpus);
	if (resource == RESOURCE_IO)
		return per_second * ((float)(sum->io_read_bytes + sum->io_write_bytes) +
				     (float)sum->io_done * RESOURCE_IO_REQUEST_BYTES);
	return per_second * (float)sum->tx_bytes;
}

/*
 * Answers that are late now may be so for any reason: blamed on the resource that holds the instance up most, or of which
 * the others are expected to want most. Of those that may come to be late the forecast says what is scarcest then.
 */
static enum resource blame(const struct predictor *p, const struct predictor_instance *instance)
{
	const struct window_second *now = window_at(&instance->window, 0);
	enum resource worst = RESOURCE_CPU;
	float score[RESOURCE_COUNT] = { 0 };

	if (!now)
		return worst;
	score[RESOURCE_CPU] = fmaxf(now->psi[PSI_CPU_SOME], now->wait / (now->wait + now->cpu + 0.01f));
	score[RESOURCE_MEMORY] = 2 * now->psi[PSI_MEMORY_SOME];	/* thrashing shows as IO pressure too */
	score[RESOURCE_IO] = now->psi[PSI_IO_SOME];
	score[RESOURCE_NET] = fminf(20 * now->sli[SLI_RETRANS], 1);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const struct expectation *own = &instance->expect[r];

		score[r] = fmaxf(score[r], 0) + p->host.expect[r][1] - own->demand[1] * own->confidence[1];
		if (score[r] > score[worst])
			worst = (enum resource)r;
	}
	return worst;
}

static float stalled(const struct window *window, enum resource resource)
{
	static const int psi[] = { [RESOURCE_CPU] = PSI_CPU_SOME, [RESOURCE_MEMORY] = PSI_MEMORY_SOME, [RESOURCE_IO] = PSI_IO_SOME };
	const struct window_second *now = window_at(window, 0);

	return now && resource != RESOURCE_NET ? now->psi[psi[resource]] : -1;
}

/* In so many seconds the run of a batch will be over, by what its annotation says it takes. */
static bool is_over(float ends_s, float seconds) { return ends_s > 0 && ends_s < seconds; }

static float coming(const struct predictor_instance *instance, enum resource resource, float capacity, float ends_s)
{
	static const float begins_s[SPANS_ACT] = { 1, 2, 3 };
	const struct expectation *expect = &instance->expect[resource];
	float most = 0;

	for (int i = 0; i < SPANS_ACT && !is_over(ends_s, begins_s[i]); i++)
		most = fmaxf(most, expect->demand[i] * expect->confidence[i] * capacity);
	return most;
}

/*
 * What to keep free for it: the upper quantile of the forecast, but of a resource whose capacity is only learned no more than it has
 * shown lately or its own past says is coming: there the quantile's error is a share of a capacity that is an error itself.
 */
static float demand_high(const struct mind *mind, const struct forecast *forecast, enum resource resource, float shown, float ends_s)
{
	const float (*demand)[FORECAST_QUANTILES] = forecast->demand[resource];
	uint32_t horizons[] = { 0, mind->policy.act_horizon };
	float high = 0;

	for (int i = 0; i < 2; i++)
		if (!is_over(ends_s, (float)forecast_horizon_s[horizons[i]]))
			high = fmaxf(high, demand[horizons[i]][QUANTILE_HIGH]);
	if (resource_is_learned(resource))
		high = fminf(high, shown);
	return fminf(high, mind->predictor->host.capacity[resource]);
}

/*
 * What was announced: for who plans, from as far ahead as it acts on until the end; as a danger only around the beginning, since later
 * it is measured.
 */
static float announced(const struct mind *mind, const struct predictor_instance *instance, enum resource resource, uint64_t now_ns,
		       bool is_danger)
{
	const struct observe_announced *told = &instance->foresight->announced[resource];
	uint64_t ahead_ns = forecast_horizon_s[mind->policy.act_horizon] * 1000000000ull;
	uint64_t until_ns = is_danger && told->until_ns > told->from_ns + ANNOUNCED_NS ? told->from_ns + ANNOUNCED_NS : told->until_ns;

	return now_ns + ahead_ns >= told->from_ns && now_ns < until_ns ? fminf(told->demand, mind->predictor->host.capacity[resource]) : 0;
}

static void need_update(struct mind *mind, const struct predictor_instance *instance, enum resource resource,
			uint64_t now_ns, struct plan_view *view)
{
	struct plan_need *need = &view->need[resource];
	const struct predictor *p = mind->predictor;
	const struct slo_range *range = &instance->info.slo.range[resource];
	float capacity = p->host.capacity[resource], unit = resource == RESOURCE_CPU ? 1e-3f : 1;
	uint32_t pieces = instance->info.slo.concurrency;

	*need = (struct plan_need){ .bad = -1, .min = (float)range->min * unit, .max = (float)range->max * unit,
				    .coming = coming(instance, resource, capacity, view->ends_s), .phase = view->phase[resource].amount };
	need->most = need->max;
	if (resource == RESOURCE_CPU && pieces && (need->max <= 0 || (float)pieces < need->max))
		need->most = (float)pieces;
	need->demand = open_demand(p, instance, resource, now_ns);
	if (resource != RESOURCE_MEMORY)
		need->demand = fmaxf(need->demand, fmaxf(instance->demand[resource], 0) * capacity);
	need->stalled = stalled(&instance->window, resource);
	need->demand_high = demand_high(mind, &instance->foresight->forecast, resource,
				       fmaxf(view->hold[resource].shown, fmaxf(need->coming, need->demand)), view->ends_s);
	need->demand_high = fmaxf(need->demand_high, announced(mind, instance, resource, now_ns, false));
	need->announced = announced(mind, instance, resource, now_ns, true);
	need->coming = fmaxf(need->coming, need->announced);
}

/* Each SLI counts against the resource that it is blamed on. */
static void dangers_update(struct mind *mind, const struct predictor_instance *instance, struct plan_view *view)
{
	const struct slo *slo = &instance->info.slo;

	for (int sli = 0; sli < SLI_COUNT; sli++) {
		enum resource resource = sli_resource((enum sli)sli);
		struct plan_need *need;
		float bad;

		if (!slo->bound[sli])
			continue;
		for (int r = 0; r < RESOURCE_COUNT; r++)
			view->need[r].may_suffer |= resource == RESOURCE_COUNT || (enum resource)r == resource;
		bad = window_bad(&instance->window, slo, (enum sli)sli, mind->predictor->config.tick_ns);
		if (resource == RESOURCE_COUNT)
			resource = bad >= mind->policy.bad_act ? blame(mind->predictor, instance) :
								 (enum resource)instance->foresight->forecast.scarcest;
		need = &view->need[resource];
		need->is_bound |= sli_resource((enum sli)sli) == resource;
		need->bad = fmaxf(need->bad, bad);
		need->is_violated |= instance->violated >> sli & 1;
		need->risk = fmaxf(need->risk, instance->foresight->forecast.risk[sli][mind->policy.act_horizon]);
	}
}

/* Once a second. */
static void shown_update(const struct predictor *p, const struct predictor_instance *instance, struct plan_view *view)
{
	for (int r = 0; r < RESOURCE_COUNT; r++)
		view->hold[r].shown = fmaxf(instance->demand[r] * p->host.capacity[r], view->hold[r].shown * SHOWN_FADE);
}

/* Once a second. */
static void phases_update(const struct predictor *p, const struct predictor_instance *instance, uint64_t now_ns, struct plan_view *view)
{
	for (int r = 0; r < RESOURCE_COUNT; r++)
		phase_second(&view->phase[r], &instance->foresight->profile[r], &instance->info.slo.range[r], r == RESOURCE_CPU ? 1e-3f : 1,
			     view->tier, instance->demand[r] * p->host.capacity[r], now_ns);
}

/* CPUs; 0: it has no cpu.max. */
static float own_quota(const struct predictor *p, const struct observe_limits *limits)
{
	if (limits->quota_us == LIMIT_NONE || !limits->period_us)
		return 0;
	return fminf((float)limits->quota_us / (float)limits->period_us, p->config.host_cpus);
}

/* Since when it works, and of a batch how long it will go on; who takes longer than was said says nothing any more. */
static void run_update(const struct mind *mind, const struct predictor_instance *instance, uint64_t now_ns, struct plan_view *view)
{
	const struct slo *slo = &instance->info.slo;
	bool is_active = false;

	for (int r = 0; r < RESOURCE_COUNT; r++)
		is_active |= r != RESOURCE_MEMORY &&
			     open_demand(mind->predictor, instance, (enum resource)r, now_ns) >=
				     plan_active_least(&mind->policy, (enum resource)r, mind->predictor->host.capacity[r]);
	if (is_active && (!view->ran_ns || now_ns - view->ran_ns > PAUSE_NS))
		view->run_ns = now_ns;
	if (is_active)
		view->ran_ns = now_ns;
	view->ends_s = 0;
	if (slo->kind == KIND_BATCH && slo->duration_ns && view->run_ns && now_ns - view->run_ns <= slo->duration_ns)
		view->ends_s = (float)(slo->duration_ns - (now_ns - view->run_ns)) / 1e9f;
}

/* An answer that may not take longer may not wait longer for a disk either. */
static uint32_t io_bound_us(const struct slo *slo)
{
	return (uint32_t)fminf((float)(slo->bound[SLI_IO_P99] ?: slo->bound[SLI_RESP_P99]) / 1e3f, 1e9f);
}

/* What changes with every tick; what a view remembers is kept. */
static void view_update(struct mind *mind, uint32_t slot, uint64_t now_ns, bool is_second)
{
	const struct predictor_instance *instance = &mind->predictor->instance[slot];
	const struct window_second *now = window_at(&instance->window, 0);
	const struct wire_counters *open = &instance->window.sum;
	struct plan_view *view = &mind->view[slot];

	if (view->cgroup_id != instance->info.cgroup_id)
		*view = (struct plan_view){ .slot = slot, .cgroup_id = instance->info.cgroup_id };
	view->path = instance->info.path;
	view->tier = instance->info.slo.tier;
	view->kind = instance->info.slo.kind;
	view->is_bound = slo_is_bound(&instance->info.slo);
	view->share = instance->info.slo.share;
	view->is_fresh = instance->foresight->has_frame;
	view->is_persistence = instance->foresight->forecast.source == FORECAST_PERSISTENCE;
	view->has = instance->limits.has;
	view->device = instance->limits.device;
	view->cache_bytes = (float)instance->window.rare->memory_last.file_bytes;
	/* Whoever pauses goes on as before: a limit that stands counts requests of that size. */
	if (now && now->io_done > 0)
		view->request_bytes = now->io_bytes / now->io_done;
	else if (!view->request_bytes && open->io_done)
		view->request_bytes = (float)(open->io_read_bytes + open->io_write_bytes) / (float)open->io_done;
	view->quality = instance->foresight->forecast.quality;
	view->quota = own_quota(mind->predictor, &instance->limits);
	view->ran = now ? now->cpu : 0;
	view->no_probe = instance->info.slo.no_probe;
	view->oncpu_ns = instance->window.total.oncpu_ns + instance->window.sum.oncpu_ns;
	view->throttled_ns = instance->window.total.wait_quota_ns + instance->window.sum.wait_quota_ns;
	if (is_second) {
		shown_update(mind->predictor, instance, view);
		phases_update(mind->predictor, instance, now_ns, view);
		view->unidentified = view->is_bound && mind->policy.probe ? trial_unidentified(mind->predictor, instance) : 0;
	}
	run_update(mind, instance, now_ns, view);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		need_update(mind, instance, (enum resource)r, now_ns, view);
		if (is_second && view->is_bound)
			worth_update(mind->predictor, instance, (enum resource)r, view->need[r].demand_high, &view->worth[r]);
	}
	dangers_update(mind, instance, view);
	view->io_bound_us = io_bound_us(&instance->info.slo);
	view->held = predictor_held(instance, now_ns);
	if (view->held >> KNOB_NET_FIRST & 1)
		view->first.held_ns = instance->held_ns;
	first_tick(view, open->rtt_samples >= RTT_SAMPLES ? (float)open->rtt_ns / (float)open->rtt_samples : now ? now->rtt_ns : -1);
	if (is_second)
		first_second(view, now ? now->rtt_ns : -1, now_ns);
}

/* What the directory's own limits leave to it and all below it. */
static void scope_fill(const struct predictor *p, const struct predictor_instance *instance, struct plan_scope *ret)
{
	const struct observe_limits *limits = &instance->limits;
	bool has_max = limits->memory_max != LIMIT_NONE;

	*ret = (struct plan_scope){ .path = instance->info.path, .cgroup_id = instance->info.cgroup_id, .slot = instance->info.slot,
				    .memory_free = -1 };
	ret->capacity[RESOURCE_CPU] = own_quota(p, limits);
	if (limits->io_bps != LIMIT_NONE)
		ret->io_bps = (float)limits->io_bps;
	if (limits->io_iops != LIMIT_NONE)
		ret->io_iops = (float)limits->io_iops;
	if (has_max && limits->memory_max)
		ret->capacity[RESOURCE_MEMORY] = (float)limits->memory_max;
	if (has_max && instance->window.has_memory)
		ret->memory_free = fmaxf((float)limits->memory_max - (float)instance->window.memory_bytes, 0);
}

static bool holds_bound(const struct subtree *tree, uint32_t scope)
{
	for (uint32_t i = 0; i < tree->count[scope]; i++)
		if (tree->view[tree->from[scope] + i]->is_bound)
			return true;
	return false;
}

/* The limits of directories that hold nobody with a bound do not matter. */
static uint32_t scopes_collect(struct mind *mind, uint32_t view_count)
{
	struct predictor *p = mind->predictor;
	uint32_t count = 0, limited_count;
	const uint32_t *limited = predictor_limited(p, &limited_count);

	for (uint32_t i = 0; i < limited_count; i++)
		scope_fill(p, &p->instance[limited[i]], &mind->scope[i]);
	if (subtree_make(&mind->limited, mind->scope, limited_count, mind->annotated, view_count))
		for (uint32_t i = 0; i < limited_count; i++)
			mind->is_limit_felt[i] = holds_bound(&mind->limited, i);
	for (uint32_t i = 0; i < limited_count; i++)
		if (mind->is_limit_felt[i])
			mind->scope[count++] = mind->scope[i];
	return count;
}

static struct plan_host host_view(struct mind *mind, uint32_t scope_count, bool is_second)
{
	const struct predictor *p = mind->predictor;
	struct plan_host host = { .memory_free = -1, .swap_free = (float)p->host.swap_free, .giver_cpus = p->host.giver_cpus, .scopes = mind->scope,
				  .scope_count = scope_count, .is_second = is_second, .knee = mind->knee, .disk = mind->disk, .peer = mind->peer,
				  .share = &mind->share, .ledger = &mind->ledger, .pace = &mind->pace, .view = mind->view, .all = p };

	memcpy(host.capacity, p->host.capacity, sizeof(host.capacity));
	memcpy(host.served, p->host.served, sizeof(host.served));
	if (p->host.memory_total)
		host.memory_free = (float)p->host.memory_available;
	return host;
}

/* Only what somebody annotated takes part: an instance without annotation neither asks nor gives. */
static uint32_t views_collect(struct mind *mind, uint64_t now_ns, bool is_second)
{
	uint32_t count;
	const uint32_t *slot = predictor_annotated(mind->predictor, &count);

	for (uint32_t i = 0; i < count; i++) {
		view_update(mind, slot[i], now_ns, is_second);
		mind->annotated[i] = &mind->view[slot[i]];
	}
	return count;
}

bool mind_tick(struct mind *mind, uint64_t now_ns, struct plan *ret_plan)
{
	uint64_t elapsed_ns = mind->tick_ns ? now_ns - mind->tick_ns : 0;
	struct plan_host host;
	uint32_t count = views_collect(mind, now_ns, false);
	struct plan_policy policy;	/* of this tick */
	enum ledger_hands hands;
	bool is_second;

	/* The reflex looks at the ticks before they move on. */
	is_second = predictor_tick(mind->predictor, now_ns);
	if (is_second)
		count = views_collect(mind, now_ns, true);
	ret_plan->id = ++mind->plan_id;
	ret_plan->time_ns = now_ns;
	host = host_view(mind, scopes_collect(mind, count), is_second);
	ret_plan->policy = canary_tick(&mind->canary, &mind->policy, &host, mind->annotated, count, now_ns, elapsed_ns);
	policy = mind->policy;
	policy.policy = ret_plan->policy;
	cohort_tick(&mind->cohort, &mind->policy, &host, mind->annotated, count, now_ns, elapsed_ns);
	plan_make(&policy, &host, mind->annotated, count, now_ns, elapsed_ns, ret_plan);
	cohort_plan(&mind->cohort, mind->annotated, count, ret_plan);
	trial_plan(&mind->trial, &policy, &host, mind->annotated, count, elapsed_ns, predictor_is_held(mind->predictor, now_ns), ret_plan);
	hands = predictor_is_censored(mind->predictor, now_ns) ? LEDGER_HANDS_ACT :
		predictor_is_held(mind->predictor, now_ns)     ? LEDGER_HANDS_HOLD : LEDGER_HANDS_EMPTY;
	advice_tick(&mind->advice, &policy, &host, mind->annotated, count, hands, ret_plan);
	ledger_tick(&mind->ledger, &policy, &host, mind->annotated, count, ret_plan, elapsed_ns, hands);
	mind->tick_ns = now_ns;
	return is_second;
}
