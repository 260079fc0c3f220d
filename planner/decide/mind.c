/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUANTILE_HIGH 2	/* .9 */
#define OPEN_NS_MIN 90000000ull	/* a tick, or nearly */

struct mind *mind_new(const struct predictor_config *config, const struct plan_policy *policy)
{
	struct mind *mind = calloc(1, sizeof(*mind));

	if (!mind)
		return NULL;
	mind->policy = *policy;
	mind->predictor = predictor_new(config);
	mind->view = calloc(config->slots_max, sizeof(*mind->view));
	mind->annotated = calloc(config->slots_max, sizeof(*mind->annotated));
	if (!mind->predictor || !mind->view || !mind->annotated) {
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
	free(mind);
}

/* FNV-1a of all before the last slash: siblings have the same. */
static uint32_t parent_of(const char *path)
{
	const char *end = strrchr(path, '/');
	uint32_t hash = 2166136261u;

	for (; end && path < end; path++)
		hash = (hash ^ (uint8_t)*path) * 16777619u;
	return hash;
}

/* Demand in the second that is still open: a reflex cannot wait for its end to know who is running. */
static float open_demand(const struct predictor *p, const struct predictor_instance *instance, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > p->second_start_ns ? now_ns - p->second_start_ns : 0;
	const struct wire_counters *sum = &instance->window.sum;

	if (elapsed_ns < OPEN_NS_MIN)
		return 0;
	return fminf((float)(sum->oncpu_ns + sum->wait_ns) / ((float)elapsed_ns * p->config.host_cpus), 1);
}

/* What changes with every tick; what a view remembers is kept. */
static void view_update(struct mind *mind, uint32_t slot, uint64_t now_ns)
{
	const struct predictor_instance *instance = &mind->predictor->instance[slot];
	const struct forecast *forecast = &instance->forecast;
	struct plan_view *view = &mind->view[slot];
	float host_cpus = mind->predictor->config.host_cpus;
	uint32_t horizon = mind->policy.act_horizon;

	if (view->slot != slot || !instance->has_frame)
		*view = (struct plan_view){ .slot = slot };
	view->parent = parent_of(instance->info.path);
	view->tier = instance->info.slo.tier;
	view->is_bound = slo_is_bound(&instance->info.slo);
	view->is_fresh = instance->has_frame;
	view->is_persistence = forecast->source == FORECAST_PERSISTENCE;
	view->coming = 0;
	for (int i = 0; i < 3; i++)
		view->coming = fmaxf(view->coming, instance->expect.demand[i] * instance->expect.confidence[i] * host_cpus);
	view->bad_share = window_bad_share(&instance->window, WINDOW_REFLEX_TICKS, WINDOW_REFLEX_SAMPLES);
	view->demand = fmaxf(instance->demand, open_demand(mind->predictor, instance, now_ns)) * host_cpus;
	view->demand_high = fminf(fmaxf(forecast->demand[0][QUANTILE_HIGH], forecast->demand[horizon][QUANTILE_HIGH]),
				  host_cpus);
	view->cpu_min = (float)instance->info.slo.cpu_min_milli / 1000;
	view->cpu_max = (float)instance->info.slo.cpu_max_milli / 1000;
	view->quality = forecast->quality;
	view->risk = forecast->risk[horizon];
}

/* Only what somebody annotated takes part: an instance without annotation neither asks nor gives. */
static uint32_t views_collect(struct mind *mind, uint64_t now_ns)
{
	const struct predictor *p = mind->predictor;
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->live_count; i++) {
		uint32_t slot = p->live[i];

		if (p->instance[slot].info.slo.source == SLO_FROM_DEFAULT)
			continue;
		view_update(mind, slot, now_ns);
		mind->annotated[count++] = &mind->view[slot];
	}
	return count;
}

bool mind_tick(struct mind *mind, uint64_t now_ns, struct plan *ret_plan)
{
	uint64_t elapsed_ns = mind->tick_ns ? now_ns - mind->tick_ns : 0;
	uint32_t count = views_collect(mind, now_ns);
	bool is_second;

	/* The reflex looks at the ticks before they move on. */
	is_second = predictor_tick(mind->predictor, now_ns);
	if (is_second)
		count = views_collect(mind, now_ns);
	ret_plan->id = ++mind->plan_id;
	ret_plan->time_ns = now_ns;
	plan_make(&mind->policy, mind->annotated, count, mind->predictor->config.host_cpus, now_ns, elapsed_ns, ret_plan);
	mind->tick_ns = now_ns;
	return is_second;
}
