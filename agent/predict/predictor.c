/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "predictor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

#define WORST_BAD 0.05f	/* as plan_policy.bad_act, without its configuration: a label must not move with a setting */
#define WARM_S 8	/* a state that missed seconds is behind; so long the more worried of the two forecasters is heard */
#define CENSORED_NS 1200000000ull	/* hands that hold something say so twice a second */

struct predictor *predictor_new(const struct predictor_config *config)
{
	struct predictor *p = calloc(1, sizeof(*p));
	size_t n = config->slots_max;

	if (!p)
		return NULL;
	p->config = *config;
	p->instance = calloc(n, sizeof(*p->instance));
	p->live = calloc(n, sizeof(*p->live));
	p->inputs = calloc(n * FEATURE_COUNT, sizeof(*p->inputs));
	p->outputs = calloc(n * OUTPUT_COUNT, sizeof(*p->outputs));
	p->states = calloc(n, sizeof(*p->states));
	p->stepped = calloc(n, sizeof(*p->stepped));
	if (!p->instance || !p->live || !p->inputs || !p->outputs || !p->states || !p->stepped) {
		predictor_free(p);
		return NULL;
	}
	return p;
}

void predictor_free(struct predictor *p)
{
	if (!p)
		return;
	free(p->instance);
	free(p->live);
	free(p->inputs);
	free(p->outputs);
	free(p->states);
	free(p->stepped);
	free(p);
}

static struct predictor_instance *live_instance(struct predictor *p, uint32_t slot)
{
	if (slot == WIRE_SLOT_OTHER || slot >= p->config.slots_max || !p->instance[slot].is_live)
		return NULL;
	return &p->instance[slot];
}

static void live_remove(struct predictor *p, uint32_t slot)
{
	for (uint32_t i = 0; i < p->live_count; i++) {
		if (p->live[i] != slot)
			continue;
		memmove(&p->live[i], &p->live[i + 1], (p->live_count - i - 1) * sizeof(*p->live));
		p->live_count--;
		return;
	}
}

static void instance_start(struct predictor *p, uint32_t slot)
{
	struct predictor_instance *instance = &p->instance[slot];

	memset(instance, 0, sizeof(*instance));
	window_reset(&instance->window);
	announce_reset(&instance->announce);
	instance->limits.quota_us = QUOTA_NONE;
	instance->is_live = true;
	p->live[p->live_count++] = slot;
}

static void take_instance(struct predictor *p, const struct observe_instance *info)
{
	struct predictor_instance *instance;

	if (info->slot == WIRE_SLOT_OTHER || info->slot >= p->config.slots_max)
		return;
	instance = &p->instance[info->slot];
	if (instance->is_live && instance->info.cgroup_id != info->cgroup_id) {
		live_remove(p, info->slot);
		instance->is_live = false;
	}
	if (!instance->is_live)
		instance_start(p, info->slot);
	instance->info = *info;
}

static void take_gone(struct predictor *p, const struct observe_gone *gone)
{
	struct predictor_instance *instance = live_instance(p, gone->slot);

	if (!instance || instance->info.cgroup_id != gone->cgroup_id)
		return;
	instance->is_live = false;
	live_remove(p, gone->slot);
}

static void take_limits(struct predictor *p, const struct observe_limits *limits)
{
	struct predictor_instance *instance = live_instance(p, limits->slot);

	if (instance)
		instance->limits = *limits;
}

static void take_event(struct predictor *p, const struct observe_event *event)
{
	struct predictor_instance *instance = live_instance(p, event->slot);

	if (instance && event->name_hash)
		announce_event(&instance->announce, event->name_hash, event->time_ns);
}

static void take_sample(struct predictor *p, const struct observe_sample *sample)
{
	struct predictor_instance *instance = live_instance(p, sample->slot);

	if (instance)
		window_push(&instance->window, sample);
}

static void take_host(struct predictor *p, const struct observe_host *host)
{
	p->host.busy_ns += host->busy_ns;
	p->host.elapsed_ns += host->elapsed_ns;
	p->host.lost += host->records_lost;
}

void predictor_observe(struct predictor *p, const struct observation *observation)
{
	switch (observation->kind) {
	case OBSERVE_INSTANCE:
		take_instance(p, &observation->instance);
		break;
	case OBSERVE_LIMITS:
		take_limits(p, &observation->limits);
		break;
	case OBSERVE_GONE:
		take_gone(p, &observation->gone);
		break;
	case OBSERVE_EVENT:
		take_event(p, &observation->event);
		break;
	case OBSERVE_SAMPLE:
		take_sample(p, &observation->sample);
		break;
	case OBSERVE_HOST:
		take_host(p, &observation->host);
		break;
	case OBSERVE_ACTED:
		p->acted_ns = observation->time_ns;
		break;
	default:
		break;
	}
}

static float limit_share(const struct predictor *p, const struct observe_limits *limits)
{
	if (limits->quota_us == QUOTA_NONE || !limits->period_us)
		return 1;
	return fminf((float)limits->quota_us / (float)limits->period_us / p->config.host_cpus, 1);
}

/*
 * What nobody annotated cannot be violated. A fifth of a second that was bad enough for a reflex counts as well: a
 * reflex that works keeps the second's percentile below the bound, and would else leave foresight nothing to learn from.
 */
static bool second_violates(const struct slo *slo, const struct window_second *now)
{
	const uint64_t *bound = slo->bound;

	return (bound[SLI_RUNQ_P99] && (now->sli_ns > (float)bound[SLI_RUNQ_P99] || now->worst_bad >= WORST_BAD)) ||
	       (bound[SLI_CPU_SOME] && now->psi_some * 1e6f > (float)bound[SLI_CPU_SOME]);
}

/* Keeps the two largest, so that each instance finds the largest of the others. */
static void top_push(struct predictor_top top[2], struct predictor_top candidate)
{
	float product = candidate.demand * candidate.confidence;

	if (product > top[0].demand * top[0].confidence) {
		top[1] = top[0];
		top[0] = candidate;
	} else if (product > top[1].demand * top[1].confidence) {
		top[1] = candidate;
	}
}

/* Closes the second of one instance and adds it to the host's sums. */
static void instance_second(struct predictor *p, struct predictor_instance *instance, uint64_t elapsed_ns)
{
	const struct window_second *now;
	float limit = limit_share(p, &instance->limits);

	window_second(&instance->window, elapsed_ns);
	now = window_at(&instance->window, 0);
	instance->demand = feature_demand(now, p->config.host_cpus);
	instance->is_violated = second_violates(&instance->info.slo, now);
	recur_push(&instance->recur, instance->demand);
	announce_second(&instance->announce, instance->demand);
	feature_expect(&instance->recur, &instance->announce, &instance->expect);
	p->host.wait += now->wait;
	p->host.execs += now->execs;
	p->host.demand += instance->demand;
	if (limit < 1) {
		p->host.limit += limit;
		p->host.limited++;
	}
	for (int i = 0; i < EXPECT_SPANS; i++) {
		p->host.expect[i] += instance->expect.demand[i] * instance->expect.confidence[i];
		top_push(p->host.top[i], (struct predictor_top){ instance->info.slot, instance->expect.demand[i],
								 instance->expect.confidence[i] });
	}
}

static void host_second(struct predictor *p)
{
	struct predictor_host *host = &p->host;

	host->busy[host->count % WINDOW_SECONDS] =
		host->elapsed_ns ? fminf((float)host->busy_ns / ((float)host->elapsed_ns * p->config.host_cpus), 1) : -1;
	host->count++;
	host->wait = host->execs = host->demand = host->limit = 0;
	host->limited = 0;
	memset(host->expect, 0, sizeof(host->expect));
	memset(host->top, 0, sizeof(host->top));
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

/* What cpu.max leaves to the others that it limits; 1 when none is limited. */
static float others_limit(const struct predictor *p, const struct predictor_instance *instance)
{
	float own = limit_share(p, &instance->limits), sum = p->host.limit;
	uint32_t count = p->host.limited;

	if (own < 1) {
		sum -= own;
		count--;
	}
	return count ? fminf(fmaxf(sum, 0), 1) : 1;
}

static void others_view(const struct predictor *p, const struct predictor_instance *instance,
			struct extract_others *others)
{
	const struct window_second *now = window_at(&instance->window, 0);
	float before = others_at(p, instance, 3), mean = 0;
	uint32_t count = 0;

	for (uint32_t age = 0; age < 10; age++) {
		float value = others_at(p, instance, age);

		if (value < 0)
			continue;
		mean += value;
		count++;
	}
	others->cpu = others_at(p, instance, 0);
	others->cpu_mean = count ? mean / (float)count : -1;
	others->cpu_slope = others->cpu >= 0 && before >= 0 ? others->cpu - before : 0;
	others->wait = p->host.wait - now->wait;
	others->execs = p->host.execs - now->execs;
	others->limit = others_limit(p, instance);
	for (int i = 0; i < EXPECT_SPANS; i++) {
		const struct predictor_top *top = p->host.top[i];
		const struct predictor_top *largest = top[0].slot == instance->info.slot ? &top[1] : &top[0];

		others->expect[i] =
			fmaxf(p->host.expect[i] - instance->expect.demand[i] * instance->expect.confidence[i], 0);
		others->likeliest.demand[i] = largest->demand;
		others->likeliest.confidence[i] = largest->confidence;
	}
}

static void extract_view(const struct predictor *p, const struct predictor_instance *instance,
			 struct extract_others *others, struct extract *ret)
{
	others_view(p, instance, others);
	*ret = (struct extract){
		.window = &instance->window,
		.slo = &instance->info.slo,
		.own = &instance->expect,
		.others = others,
		.own_limit = limit_share(p, &instance->limits),
		.host_cpus = p->config.host_cpus,
		.host_idle = host_busy(p, 0) < 0 ? -1 : 1 - host_busy(p, 0),
		.delivered = p->host.lost ? 1.0f / (1.0f + log10f(1 + (float)p->host.lost)) : 1,
	};
}

/* The fallback and the baseline; what the LSTM says comes after, batched. */
static void instance_fallback(struct predictor *p, struct predictor_instance *instance, const struct extract *in,
			      uint64_t now_ns)
{
	const struct window_second *now = window_at(&instance->window, 0);
	float others_demand = p->host.demand - instance->demand;

	bool is_bound = slo_is_bound(&instance->info.slo);

	if (is_bound && (instance->is_violated || !predictor_is_censored(p, now_ns)))
		statistical_push(&instance->stat, instance->demand + others_demand, instance->is_violated);
	statistical_forecast(&instance->stat, in, instance->demand + others_demand, instance->is_violated,
			     &instance->forecast);
	if (!is_bound)
		memset(instance->forecast.risk, 0, sizeof(instance->forecast.risk));	/* nothing to violate */
	instance->learned_risk[0] = instance->forecast.risk[1];
	instance->learned_risk[1] = instance->forecast.risk[2];
	if (p->config.forecaster == FORECAST_PERSISTENCE)
		forecast_persist(instance->demand * p->config.host_cpus, now->sli_ns > 0 ? now->sli_ns / 1e6f : 0,
				 instance->is_violated, &instance->forecast);
	instance->forecast.time_ns = now_ns;
}

/*
 * Every live instance steps, so that its state keeps up with time, but for one: what an instance with a bound sees while
 * our own action protects it would teach its state that the load around it is harmless. Such a second is not shown to the
 * model, and the statistical forecaster, which learns from no such second either, speaks instead.
 */
static uint32_t lstm_gather(struct predictor *p, uint32_t *who, bool is_censored)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->live_count; i++) {
		struct predictor_instance *instance = &p->instance[p->live[i]];

		if (is_censored && !instance->is_violated && slo_is_bound(&instance->info.slo)) {
			instance->warm_s = 0;
			continue;
		}
		instance->warm_s++;
		memcpy(p->inputs + (size_t)count * FEATURE_COUNT, instance->frame.value, sizeof(instance->frame.value));
		p->states[count] = &instance->lstm;
		who[count++] = p->live[i];
	}
	return count;
}

static void lstm_speak(struct predictor *p, uint64_t now_ns)
{
	const struct predictor_config *config = &p->config;
	float learned[FORECAST_HORIZONS];
	uint32_t count;

	if (!config->weights || config->forecaster != FORECAST_LSTM)
		return;
	count = lstm_gather(p, p->stepped, predictor_is_censored(p, now_ns));
	lstm_step(config->weights, config->isa, p->states, p->inputs, p->outputs, count);
	for (uint32_t i = 0; i < count; i++) {
		struct predictor_instance *instance = &p->instance[p->stepped[i]];

		if (instance->frame.quality < 0.5f)
			continue;
		memcpy(learned, instance->forecast.risk, sizeof(learned));
		forecast_decode(p->outputs + (size_t)i * OUTPUT_COUNT, config->host_cpus,
				feature_bound_ns(&instance->info.slo), &instance->forecast);
		if (!slo_is_bound(&instance->info.slo))
			memset(instance->forecast.risk, 0, sizeof(instance->forecast.risk));
		for (int h = 0; h < FORECAST_HORIZONS && instance->warm_s < WARM_S; h++)
			instance->forecast.risk[h] = fmaxf(instance->forecast.risk[h], learned[h]);
	}
}

bool predictor_is_censored(const struct predictor *p, uint64_t now_ns)
{
	return p->acted_ns && now_ns - p->acted_ns < CENSORED_NS;
}

static void predictor_second(struct predictor *p, uint64_t now_ns, uint64_t elapsed_ns)
{
	host_second(p);
	for (uint32_t i = 0; i < p->live_count; i++)
		instance_second(p, &p->instance[p->live[i]], elapsed_ns);
	for (uint32_t i = 0; i < p->live_count; i++) {
		struct predictor_instance *instance = &p->instance[p->live[i]];
		struct extract_others others;
		struct extract in;

		extract_view(p, instance, &others, &in);
		instance_fallback(p, instance, &in, now_ns);
		in.learned_risk[0] = instance->learned_risk[0];
		in.learned_risk[1] = instance->learned_risk[1];
		instance->has_frame = feature_extract(&in, &instance->frame);
		instance->forecast.quality = instance->frame.quality;
	}
	lstm_speak(p, now_ns);
	p->host.busy_ns = p->host.elapsed_ns = p->host.lost = 0;
}

bool predictor_tick(struct predictor *p, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - p->second_start_ns;

	for (uint32_t i = 0; i < p->live_count; i++) {
		struct predictor_instance *instance = &p->instance[p->live[i]];

		if (slo_is_bound(&instance->info.slo))
			window_tick(&instance->window);
	}
	if (!p->second_start_ns) {
		p->second_start_ns = now_ns;
		return false;
	}
	/* A tick that comes a little early still closes the second. */
	if (elapsed_ns + p->config.second_ns / 50 < p->config.second_ns)
		return false;
	predictor_second(p, now_ns, elapsed_ns);
	p->second_start_ns = now_ns;
	return true;
}
