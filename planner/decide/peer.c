/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer.h"

#include <math.h>
#include <string.h>

#include "policy.h"
#include "predict/slo.h"
#include "rung.h"

#define SENPAI_STALL_US 10000
#define SENPAI_INTERVAL_S 6
#define SENPAI_PROBE 0.01f	/* most that it tightens, reached at a tenth of the stall */
#define SENPAI_PROBE_AT 10
#define SENPAI_BACKOFF 1.0f	/* most that it widens, reached at twenty times the stall */
#define SENPAI_BACKOFF_AT 20

#define VPA_QUANTILE 0.9f
#define VPA_MARGIN 1.15f
#define VPA_FADE 0.99999198f	/* per second: half of it in 24 hours */
#define VPA_WEIGHT_MIN 0.1f
#define VPA_CPU_MIN 0.025f
#define VPA_BUCKET 0.01f	/* width of the first, CPUs */
#define VPA_GROWTH 1.05f

#define CAPTAIN_TARGET_BOUND 0.02f
#define CAPTAIN_TARGET_OTHER 0.3f
#define CAPTAIN_MARGIN 3
#define CAPTAIN_CPU_MIN 0.1f	/* the hands take no less: 1 ms of 10 */

/* Who is limited, on behalf of whom, and between which CPUs. */
struct subject {
	const struct plan_policy *policy;
	const struct plan_host *host;
	struct plan_view *view;
	struct peer *peer;
	uint32_t for_slot;
	float least, most;
	float seconds;		/* since the tick before */
};

static void push(const struct subject *of, enum knob knob, float value, struct plan *plan)
{
	bool is_cpu = knob == KNOB_CPU_MAX;

	rung_add(plan, &(struct plan_action){
		.slot = of->view->slot, .cgroup_id = of->view->cgroup_id, .for_slot = of->for_slot, .knob = knob, .reason = REASON_LIMIT,
		.value = (uint64_t)(is_cpu ? value * (float)of->policy->period_us : value),
		.period_us = is_cpu ? of->policy->period_us : 0,
		.resource = is_cpu ? RESOURCE_CPU : RESOURCE_MEMORY, .expected = value });
}

static float clamp(const struct subject *of, float cpus) { return fminf(fmaxf(cpus, of->least), of->most); }

static void senpai_second(const struct subject *of)
{
	struct peer *peer = of->peer;
	float stalled = of->view->need[RESOURCE_MEMORY].stalled, error;

	if (peer->memory_limit <= 0) {
		peer->memory_limit = of->view->need[RESOURCE_MEMORY].demand;
		peer->grace = SENPAI_INTERVAL_S;
	}
	peer->stalled_us += fmaxf(stalled, 0) * 1e6f;
	if (peer->stalled_us <= SENPAI_STALL_US && peer->grace) {
		peer->grace--;
		return;
	}
	error = peer->stalled_us / SENPAI_STALL_US;
	if (error > 1)
		peer->memory_limit *= 1 + fminf(error * error / (SENPAI_BACKOFF_AT * SENPAI_BACKOFF_AT), 1) * SENPAI_BACKOFF;
	else
		peer->memory_limit *= 1 - fminf(1 / (error * error * SENPAI_PROBE_AT * SENPAI_PROBE_AT + 1e-9f), 1) * SENPAI_PROBE;
	peer->memory_limit = fminf(fmaxf(peer->memory_limit, of->policy->giver_min[RESOURCE_MEMORY]),
				   of->host->capacity[RESOURCE_MEMORY]);
	peer->stalled_us = 0;
	peer->grace = SENPAI_INTERVAL_S - 1;
}

static void senpai_plan(const struct subject *of, struct plan *plan)
{
	if (!(of->view->has >> OBSERVE_HAS_MEMORY & 1) || of->view->is_bound)
		return;
	if (of->host->is_second)
		senpai_second(of);
	if (of->peer->memory_limit > 0)
		push(of, KNOB_MEMORY_HIGH, of->peer->memory_limit, plan);
}

static uint32_t bucket_of(float cpus)
{
	float at = logf(cpus * (VPA_GROWTH - 1) / VPA_BUCKET + 1) / logf(VPA_GROWTH);

	return (uint32_t)fminf(at, PEER_BUCKETS - 1);
}

/* The upper end of the bucket that holds the quantile. */
static float quantile(const struct peer *peer)
{
	float sum = 0, passed = 0;
	uint32_t i = 0;

	for (uint32_t k = 0; k < PEER_BUCKETS; k++)
		sum += peer->weight[k];
	while (i < PEER_BUCKETS - 1 && (passed += peer->weight[i]) < sum * VPA_QUANTILE)
		i++;
	return VPA_BUCKET * (powf(VPA_GROWTH, (float)(i + 1)) - 1) / (VPA_GROWTH - 1);
}

static void vpa_second(const struct subject *of, float cpus)
{
	struct peer *peer = of->peer;

	for (uint32_t i = 0; i < PEER_BUCKETS; i++)
		peer->weight[i] *= VPA_FADE;
	peer->weight[bucket_of(cpus)] += fmaxf(peer->limit, VPA_WEIGHT_MIN);
	peer->limit = fmaxf(quantile(peer) * VPA_MARGIN, VPA_CPU_MIN);
	peer->memory_limit = fmaxf(peer->memory_limit, of->view->need[RESOURCE_MEMORY].demand * VPA_MARGIN);
}

/* Mean of the last so many ticks. */
static float used(const struct peer *peer, uint32_t count)
{
	float sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += peer->use[(peer->ticks + PEER_USES - i) % PEER_USES];
	return sum / (float)count;
}

static void vpa_plan(const struct subject *of, struct plan *plan)
{
	struct peer *peer = of->peer;

	if (of->host->is_second)
		vpa_second(of, used(peer, PEER_THROTTLES));
	if (peer->limit > 0 && of->view->has >> OBSERVE_HAS_CPU & 1)
		push(of, KNOB_CPU_MAX, clamp(of, peer->limit), plan);
	if (peer->memory_limit > 0 && of->view->has >> OBSERVE_HAS_MEMORY & 1 && !of->view->is_bound)
		push(of, KNOB_MEMORY_HIGH, fmaxf(peer->memory_limit, of->policy->giver_min[RESOURCE_MEMORY]), plan);
}

static float throttled_share(const struct peer *peer)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < PEER_THROTTLES; i++)
		sum += peer->throttled[i];
	return (float)sum / PEER_THROTTLES;
}

static float captain_wish(const struct peer *peer)
{
	float mean = used(peer, PEER_USES), most = 0, square = 0;

	for (uint32_t i = 0; i < PEER_USES; i++) {
		most = fmaxf(most, peer->use[i]);
		square += (peer->use[i] - mean) * (peer->use[i] - mean);
	}
	return most + sqrtf(square / (PEER_USES - 1)) * peer->margin;
}

/* A step down that throttles is taken back at once, and the margin grows by what it was wrong. */
static void captain_take_back(struct peer *peer, float target)
{
	float throttled = throttled_share(peer);

	if (!peer->is_down || throttled <= 3 * target)
		return;
	peer->limit = 2 * peer->before - peer->limit;
	peer->margin += throttled - target;
	memset(peer->throttled, 0, sizeof(peer->throttled));
	peer->is_down = false;
}

static void captain_second(struct peer *peer, float target)
{
	float throttled = throttled_share(peer), wish;

	peer->before = peer->limit;
	peer->margin = fmaxf(peer->margin + throttled - target, 0);
	peer->is_down = false;
	wish = captain_wish(peer);
	if (throttled > 3 * target) {
		peer->limit *= 1 + throttled - 3 * target;
	} else if (wish <= peer->limit * 0.9f) {
		peer->limit = fmaxf(peer->limit * 0.5f, wish);
		peer->is_down = true;
	}
	peer->limit = fmaxf(peer->limit, CAPTAIN_CPU_MIN);
	memset(peer->throttled, 0, sizeof(peer->throttled));
}

static void captain_plan(const struct subject *of, struct plan *plan)
{
	struct peer *peer = of->peer;
	float target = of->view->is_bound ? CAPTAIN_TARGET_BOUND : CAPTAIN_TARGET_OTHER;

	if (!(of->view->has >> OBSERVE_HAS_CPU & 1))
		return;
	if (peer->limit <= 0) {
		peer->limit = peer->before = of->view->quota > 0 ? of->view->quota : of->host->capacity[RESOURCE_CPU];
		peer->margin = CAPTAIN_MARGIN;
	}
	captain_take_back(peer, target);
	if (of->host->is_second)
		captain_second(peer, target);
	peer->limit = clamp(of, peer->limit);
	push(of, KNOB_CPU_MAX, peer->limit, plan);
}

static void peer_tick(const struct subject *of)
{
	struct peer *peer = of->peer;
	const struct plan_view *view = of->view;

	if (peer->cgroup_id != view->cgroup_id)
		*peer = (struct peer){ .cgroup_id = view->cgroup_id, .is_managed = !view->is_bound || view->quota > 0,
				       .oncpu_ns = view->oncpu_ns, .throttled_ns = view->throttled_ns };
	peer->ticks++;
	peer->use[peer->ticks % PEER_USES] =
		of->seconds > 0 ? (float)(view->oncpu_ns - peer->oncpu_ns) / (of->seconds * 1e9f) : 0;
	/* Another policy may have ruled since the tick before this one. */
	peer->use[peer->ticks % PEER_USES] = fminf(peer->use[peer->ticks % PEER_USES], of->host->capacity[RESOURCE_CPU]);
	peer->throttled[peer->ticks % PEER_THROTTLES] = view->throttled_ns > peer->throttled_ns;
	peer->oncpu_ns = view->oncpu_ns;
	peer->throttled_ns = view->throttled_ns;
}

/* The instance with a bound and a higher tier on behalf of which this one is limited; an ancestor of it would limit it too. */
static const struct plan_view *protected_from(struct plan_view *const views[], uint32_t count, const struct plan_view *view)
{
	for (uint32_t i = 0; i < count; i++)
		if (views[i]->is_bound && views[i]->tier > view->tier)
			return rung_is_above(view->path, views[i]->path) ? NULL : views[i];
	return NULL;
}

void peer_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
	       uint64_t elapsed_ns, struct plan *plan)
{
	static void (*const plans[POLICY_COUNT])(const struct subject *of, struct plan *plan) = {
		[POLICY_SENPAI] = senpai_plan, [POLICY_VPA] = vpa_plan, [POLICY_CAPTAIN] = captain_plan,
	};

	for (uint32_t i = 0; i < count; i++) {
		struct plan_view *view = views[i];
		const struct plan_need *need = &view->need[RESOURCE_CPU];
		const struct plan_view *for_whom = view->is_bound ? view : protected_from(views, count, view);
		struct subject of = { policy, host, view, &host->peer[view->slot], for_whom ? for_whom->slot : 0,
				      fmaxf(need->min, CAPTAIN_CPU_MIN), need->max > 0 ? need->max : host->capacity[RESOURCE_CPU],
				      (float)elapsed_ns / 1e9f };

		if (!for_whom)
			continue;
		peer_tick(&of);
		if (of.peer->is_managed)
			plans[policy->policy](&of, plan);
	}
}
