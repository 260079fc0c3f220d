/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "others.h"

#include <math.h>

float others_limit_share(const struct predictor *p, const struct observe_limits *limits)
{
	if (limits->quota_us == LIMIT_NONE || !limits->period_us)
		return 1;
	return fminf((float)limits->quota_us / (float)limits->period_us / p->config.host_cpus, 1);
}

static float host_busy(const struct predictor *p, uint32_t age)
{
	return age < p->host.count && age < WINDOW_SECONDS ?
		       p->host.busy[(p->host.count - 1 - age) % WINDOW_SECONDS] : -1;
}

/* Busy share of the host without the instance, `age` seconds ago; negative when unknown. */
static float others_at(const struct predictor *p, const struct predictor_instance *instance, uint32_t age)
{
	const struct window_second *second = window_at(&instance->window, age);
	float busy = host_busy(p, age);

	if (busy < 0 || !second)
		return -1;
	return fmaxf(busy - second->cpu / p->config.host_cpus, 0);
}

/* Demand of the host without the instance, `age` seconds ago, share of today's capacity; negative when unknown. */
static float others_demand(const struct predictor *p, const struct predictor_instance *instance, enum resource r,
			   uint32_t age)
{
	const struct window_second *second = window_at(&instance->window, age);
	float own = second ? feature_demand(second, &instance->limits, r) : -1;

	if (age >= p->host.count)
		return -1;
	return fmaxf(p->host.demand[(p->host.count - 1 - age) % WINDOW_SECONDS][r] -
			     fmaxf(own, 0) / p->host.capacity[r], 0);
}

static const struct predictor_top *largest_other(const struct predictor_top top[2],
						 const struct predictor_instance *instance)
{
	return top[0].slot == instance->info.slot ? &top[1] : &top[0];
}

static void others_resource(const struct predictor *p, const struct predictor_instance *instance, enum resource r,
			    struct extract_others *others)
{
	const struct expectation *own = &instance->expect[r];
	float before = others_demand(p, instance, r, 3);

	others->demand[r] = others_demand(p, instance, r, 0);
	others->slope[r] = before < 0 ? 0 : others->demand[r] - before;
	for (int i = 0; i < EXPECT_SPANS; i++) {
		const struct predictor_top *largest = largest_other(p->host.top[r][i], instance);

		others->expect[r][i] = fmaxf(p->host.expect[r][i] - own->demand[i] * own->confidence[i], 0);
		others->likeliest[r].demand[i] = largest->demand;
		others->likeliest[r].confidence[i] = largest->confidence;
		if (i == 1)
			others->likeliest_now[r] = largest->slot ? fmaxf(p->instance[largest->slot].demand[r], 0) : 0;
	}
}

static void others_view(const struct predictor *p, const struct predictor_instance *instance,
			struct extract_others *others)
{
	const struct window_second *now = window_at(&instance->window, 0);
	float before = others_at(p, instance, 3);

	others->cpu = others_at(p, instance, 0);
	others->cpu_slope = others->cpu >= 0 && before >= 0 ? others->cpu - before : 0;
	others->wait = p->host.wait - now->wait;
	others->execs = p->host.execs - now->execs;
	others->reclaim = p->host.reclaim - now->reclaim;
	others->events = p->host.events - instance->happenings.count;
	for (int i = 0; i < SURGE_CPU; i++)
		others->up[i] = largest_other(p->host.up[i], instance)->demand;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		others_resource(p, instance, (enum resource)r, others);
}

static struct extract_memory memory_view(const struct predictor_host *host)
{
	float used = host->demand[(host->count - 1) % WINDOW_SECONDS][RESOURCE_MEMORY];

	if (!host->memory_total)
		return (struct extract_memory){ -1, 0 };
	return (struct extract_memory){
		.free = 1 - used,
		.slope = host->count < 4 ? 0 : host->demand[(host->count - 4) % WINDOW_SECONDS][RESOURCE_MEMORY] - used,
	};
}

static struct extract_events events_view(const struct happenings *events)
{
	const struct failing *failing = &events->failing;

	return (struct extract_events){
		.count = events->count,
		.follows = surge_follows(&events->surge),
		.failures = failing->recent,
		.failure_due = failing->count > 1 ? failing->since_s / fmaxf(failing->between_s, 1) : 0,
	};
}

void others_extract(const struct predictor *p, const struct predictor_instance *instance, struct extract_others *others,
		    struct extract *ret)
{
	others_view(p, instance, others);
	*ret = (struct extract){
		.window = &instance->window,
		.slo = &instance->info.slo,
		.limits = &instance->limits,
		.demand = instance->demand,
		.capacity = p->host.capacity,
		.own = instance->expect,
		.surge = &instance->happenings.surge,
		.events = events_view(&instance->happenings),
		.others = others,
		.memory = memory_view(&p->host),
		.own_limit = others_limit_share(p, &instance->limits),
		.host_idle = host_busy(p, 0) < 0 ? -1 : 1 - host_busy(p, 0),
		.lacks = p->host.lacks,
		.delivered = p->host.lost ? 1.0f / (1.0f + log10f(1 + (float)p->host.lost)) : 1,
	};
}
