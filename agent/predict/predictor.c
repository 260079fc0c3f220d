/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "predictor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "foresee.h"
#include "others.h"
#include "respond.h"
#include "speak.h"
#include "told.h"

#define WORST_BAD 0.05f	/* as plan_policy.bad_act, without its configuration: a label must not move with a setting */
/* Before a host has shown more: bytes, bytes per second. */
#define MEMORY_CAPACITY_MIN 64e6f
#define IO_CAPACITY_MIN 16e6f
#define NET_CAPACITY_MIN 1e6f
#define HELD 0.95f		/* of memory.high */
#define WANTED_DECAY 0.999f	/* a second; half is forgotten in twelve minutes */
#define CENSORED_NS 1200000000ull	/* hands that hold something say so twice a second */

struct predictor *predictor_new(const struct predictor_config *config)
{
	struct predictor *p = calloc(1, sizeof(*p));
	size_t n = config->slots_max;

	if (!p)
		return NULL;
	p->config = *config;
	p->untrained = speak_untrained(config->weights);
	p->host.capacity[RESOURCE_CPU] = config->host_cpus;
	p->host.capacity[RESOURCE_MEMORY] = MEMORY_CAPACITY_MIN;
	p->host.capacity[RESOURCE_IO] = IO_CAPACITY_MIN;
	p->host.capacity[RESOURCE_NET] = NET_CAPACITY_MIN;
	p->instance = calloc(n + PARKED_MAX, sizeof(*p->instance));
	p->live = calloc(n, sizeof(*p->live));
	p->annotated = calloc(n, sizeof(*p->annotated));
	p->limited = calloc(n, sizeof(*p->limited));
	p->inputs = calloc((size_t)PREDICTOR_BATCH * FEATURE_COUNT, sizeof(*p->inputs));
	p->outputs = calloc((size_t)PREDICTOR_BATCH * OUTPUT_COUNT, sizeof(*p->outputs));
	p->is_annotated_stale = p->is_limited_stale = true;
	if (memory_new(&p->memory, config->slots_max) || !p->instance || !p->live || !p->annotated || !p->limited ||
	    !p->inputs || !p->outputs) {
		predictor_free(p);
		return NULL;
	}
	return p;
}

void predictor_free(struct predictor *p)
{
	if (!p)
		return;
	memory_free(&p->memory);
	free(p->instance);
	free(p->live);
	free(p->inputs);
	free(p->outputs);
	free(p->annotated);
	free(p->limited);
	free(p);
}

/* What the model before had in mind, and how far it was to be believed. */
static void model_forget(struct predictor *p, uint32_t place)
{
	struct foresight *foresight = &p->memory.foresight[place];

	memset(&foresight->lstm, 0, sizeof(foresight->lstm));
	foresight->warm_s = 0;
	if (predictor_uses(&p->instance[place], MEMORY_SKILL))
		skill_forget(&p->memory.skill[place]);
}

void predictor_model(struct predictor *p, const struct lstm_weights *weights)
{
	p->config.weights = weights;
	p->untrained = speak_untrained(weights);
	for (uint32_t i = 0; i < p->live_count; i++)
		model_forget(p, p->live[i]);
	for (uint32_t i = 0; i < p->memory.parked_count; i++)
		model_forget(p, p->memory.parked[i]);
	memset(p->host.conform_risk, 0, sizeof(p->host.conform_risk));
}

bool predictor_foresees(const struct predictor *p, const struct predictor_instance *instance)
{
	return p->config.sees_all || predictor_is_annotated(instance) ||
	       (instance->asked_at && p->host.count - instance->asked_at < PREDICTOR_ASKED_SECONDS);
}

struct predictor_instance *predictor_live(struct predictor *p, uint32_t slot)
{
	if (slot == WIRE_SLOT_OTHER || slot >= p->config.slots_max || !p->instance[slot].is_live)
		return NULL;
	return &p->instance[slot];
}

static void live_remove(struct predictor *p, uint32_t slot)
{
	p->is_limited_stale = true;
	for (uint32_t i = 0; i < p->live_count; i++) {
		if (p->live[i] != slot)
			continue;
		memmove(&p->live[i], &p->live[i + 1], (p->live_count - i - 1) * sizeof(*p->live));
		p->live_count--;
		return;
	}
}

static void instance_start(struct predictor *p, uint32_t slot, const char *path)
{
	struct predictor_instance *instance = &p->instance[slot];

	memory_start(p, slot, path);
	instance->limits = (struct observe_limits){ .slot = slot, LIMITS_NONE };
	instance->is_live = p->is_limited_stale = true;
	p->live[p->live_count++] = slot;
}

static void take_instance(struct predictor *p, const struct observe_instance *info)
{
	struct predictor_instance *instance;

	if (info->slot == WIRE_SLOT_OTHER || info->slot >= p->config.slots_max)
		return;
	instance = &p->instance[info->slot];
	p->is_annotated_stale |= (instance->is_live && predictor_is_annotated(instance)) || info->slo.source != SLO_FROM_DEFAULT;
	if (instance->is_live && instance->info.cgroup_id != info->cgroup_id) {
		live_remove(p, info->slot);
		instance->is_live = false;
		memory_park(p, info->slot);
	}
	if (!instance->is_live)
		instance_start(p, info->slot, info->path);
	instance->info = *info;
	if (predictor_foresees(p, instance))
		window_remember(&instance->window);
}

static void take_gone(struct predictor *p, const struct observe_gone *gone)
{
	struct predictor_instance *instance = predictor_live(p, gone->slot);

	if (!instance || instance->info.cgroup_id != gone->cgroup_id)
		return;
	p->is_annotated_stale |= predictor_is_annotated(instance);
	instance->is_live = false;
	live_remove(p, gone->slot);
	memory_park(p, gone->slot);
}

static void take_limits(struct predictor *p, const struct observe_limits *limits)
{
	struct predictor_instance *instance = predictor_live(p, limits->slot);

	if (!instance)
		return;
	instance->limits = *limits;
	p->is_limited_stale = true;
}

static void take_asked(struct predictor *p, const struct observe_asked *asked)
{
	struct predictor_instance *instance = predictor_live(p, asked->slot);

	if (!instance || instance->info.cgroup_id != asked->cgroup_id)
		return;
	instance->asked_at = p->host.count + 1;
	window_remember(&instance->window);
}

static void take_sample(struct predictor *p, const struct observe_sample *sample)
{
	struct predictor_instance *instance = predictor_live(p, sample->slot);

	if (instance)
		window_push(&instance->window, sample);
}

static void take_memory(struct predictor *p, const struct observe_memory *memory)
{
	struct predictor_instance *instance = predictor_live(p, memory->slot);

	if (instance)
		window_memory(&instance->window, memory);
}

static void take_app(struct predictor *p, const struct observe_app *app)
{
	struct predictor_instance *instance = predictor_live(p, app->slot);

	if (instance)
		window_app(&instance->window, app);
}

static void take_host_memory(struct predictor *p, const struct observe_host_memory *memory)
{
	p->host.memory_total = memory->total_bytes;
	p->host.memory_available = memory->available_bytes;
	p->host.swap_free = memory->swap_free_bytes;
	if (memory->total_bytes)
		p->host.capacity[RESOURCE_MEMORY] = (float)memory->total_bytes;
}

static void take_host(struct predictor *p, const struct observe_host *host)
{
	p->host.busy_ns += host->busy_ns;
	p->host.elapsed_ns += host->elapsed_ns;
	p->host.lost += host->records_lost;
	p->host.lacks = host->lacks;
	/* CPUs go offline and come back. */
	if (!host->cpus)
		return;
	p->config.host_cpus = p->host.capacity[RESOURCE_CPU] = (float)host->cpus;
	p->host.giver_cpus = host->giver_cpus;
}

static void take_hands(struct predictor *p, const struct observe_hands *told)
{
	struct predictor_instance *instance = predictor_live(p, told->slot);

	if (!instance)
		return;
	instance->held = told->held;
	instance->held_ns = told->time_ns;
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
		happening_take(p, &observation->event);
		break;
	case OBSERVE_FAILURE:
		happening_fail(p, &observation->failure);
		break;
	case OBSERVE_SAMPLE:
		take_sample(p, &observation->sample);
		break;
	case OBSERVE_HOST:
		take_host(p, &observation->host);
		break;
	case OBSERVE_MEMORY:
		take_memory(p, &observation->memory);
		break;
	case OBSERVE_APP:
		take_app(p, &observation->app);
		break;
	case OBSERVE_ANNOUNCED:
		told_announced(p, &observation->announced);
		break;
	case OBSERVE_PROFILE:
		told_profile(p, &observation->profile);
		break;
	case OBSERVE_ASKED:
		take_asked(p, &observation->asked);
		break;
	case OBSERVE_HANDS:
		take_hands(p, &observation->hands);
		break;
	case OBSERVE_HOST_MEMORY:
		take_host_memory(p, &observation->host_memory);
		break;
	case OBSERVE_ACTED:
		p->acted_ns = observation->time_ns;
		break;
	case OBSERVE_HELD:
		p->held_ns = observation->time_ns;
		break;
	default:
		break;
	}
}

/*
 * What nobody annotated cannot be violated. A fifth of a second that was bad enough for a reflex counts as well: a
 * reflex that works keeps the second's percentile below the bound, and would else leave foresight nothing to learn from. So does a
 * second with too few delays for a percentile, most of them late.
 */
static uint32_t second_violated(const struct slo *slo, const struct window *window)
{
	const struct window_second *now = window_at(window, 0);
	uint32_t violated = 0;

	for (int sli = 0; sli < SLI_COUNT; sli++) {
		bool is_late = sli_unit((enum sli)sli) == SLI_UNIT_NS &&
			       (window->judged.worst_bad[sli] >= WORST_BAD || (now->sli[sli] < 0 && window->judged.bad[sli] >= WORST_BAD));

		if (slo->bound[sli] && (now->sli[sli] > feature_bound(slo, (enum sli)sli) || is_late))
			violated |= 1u << sli;
	}
	return violated;
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

/* What one resource of one instance did and is expected to do; shares of capacity. */
static void demand_second(struct predictor *p, struct predictor_instance *instance, enum resource r)
{
	struct expectation *expect = &instance->expect[r];
	float demand = instance->demand[r];
	struct announce *announce = NULL;
	struct recur *recur = memory_recur(p, instance, r);

	if (recur)
		recur_push(recur, demand);
	instance->recur_count[r]++;
	if (predictor_uses(instance, MEMORY_ANNOUNCE)) {
		announce = &p->memory.announce[instance->info.slot][r];
		announce_second(announce, demand);
	}
	feature_expect(recur, announce, expect);
	for (int i = 0; i < EXPECT_SPANS; i++) {
		p->host.expect[r][i] += expect->demand[i] * expect->confidence[i];
		top_push(p->host.top[r][i],
			 (struct predictor_top){ instance->info.slot, expect->demand[i], expect->confidence[i] });
	}
}

/* Memory does not grow beyond its limit: who is held at memory.high wants what it had when it was free to. */
static float memory_wanted(struct predictor_instance *instance, float demand)
{
	bool is_limited = instance->limits.memory_high != LIMIT_NONE;

	if (is_limited && demand >= HELD * (float)instance->limits.memory_high)
		return fmaxf(demand, instance->memory_wanted);
	if (!is_limited)
		instance->memory_wanted = fmaxf(demand, instance->memory_wanted * WANTED_DECAY);
	return demand;
}

/* Closes the second of one instance; its demand is not yet a share, since the capacity may still grow. */
static void instance_close(struct predictor *p, struct predictor_instance *instance, uint64_t elapsed_ns)
{
	const struct window_second *now;
	bool is_annotated = instance->info.slo.source != SLO_FROM_DEFAULT;

	window_second(&instance->window, &instance->info.slo, elapsed_ns);
	now = window_at(&instance->window, 0);
	instance->violated = second_violated(&instance->info.slo, &instance->window);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		/* Memory and limits of the others are read for the sake of those below them, who are counted themselves. */
		instance->demand[r] = r != RESOURCE_MEMORY || is_annotated ?
			feature_demand(now, &instance->limits, (enum resource)r) : -1;
		if (r == RESOURCE_MEMORY)
			instance->demand[r] = memory_wanted(instance, instance->demand[r]);
		p->host.total[r] += fmaxf(instance->demand[r], 0);
	}
	p->host.served[RESOURCE_IO] += now->io_bytes + now->io_done * RESOURCE_IO_REQUEST_BYTES;
	p->host.served[RESOURCE_NET] += now->tx_bytes;
	p->host.wait += now->wait;
	p->host.execs += now->execs;
	p->host.reclaim += now->reclaim;
}

/* Shares of capacity: of a CPU demand no more than all of it. */
static void instance_share(struct predictor *p, struct predictor_instance *instance)
{
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		if (instance->demand[r] < 0)
			continue;
		instance->demand[r] = fminf(instance->demand[r] / p->host.capacity[r], 1);
		demand_second(p, instance, (enum resource)r);
	}
}

static void host_open(struct predictor_host *host)
{
	host->wait = host->execs = host->reclaim = host->events = 0;
	host->jump_count = 0;
	memset(host->total, 0, sizeof(host->total));
	memset(host->served, 0, sizeof(host->served));
	memset(host->expect, 0, sizeof(host->expect));
	memset(host->top, 0, sizeof(host->top));
	memset(host->up, 0, sizeof(host->up));
}

/* Sums become shares of capacity; what a disk or a wire can do is learned here, from what it did and not from what was wanted. */
static void host_close(struct predictor *p)
{
	struct predictor_host *host = &p->host;
	uint32_t at = host->count++ % WINDOW_SECONDS;

	host->busy[at] =
		host->elapsed_ns ? fminf((float)host->busy_ns / ((float)host->elapsed_ns * p->config.host_cpus), 1) : -1;
	if (host->memory_total)
		host->total[RESOURCE_MEMORY] = (float)(host->memory_total - host->memory_available);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		if (resource_is_learned((enum resource)r))
			host->capacity[r] = fmaxf(host->capacity[r], host->served[r]);
		host->total[r] /= host->capacity[r];
		host->demand[at][r] = host->total[r];
	}
}

bool predictor_is_censored(const struct predictor *p, uint64_t now_ns)
{
	return p->acted_ns && now_ns - p->acted_ns < CENSORED_NS;
}

uint64_t predictor_held(const struct predictor_instance *instance, uint64_t now_ns)
{
	return instance->held_ns && now_ns - instance->held_ns < CENSORED_NS ? instance->held : 0;
}

bool predictor_is_held(const struct predictor *p, uint64_t now_ns)
{
	return predictor_is_censored(p, now_ns) || (p->held_ns && now_ns - p->held_ns < CENSORED_NS);
}

static void predictor_second(struct predictor *p, uint64_t now_ns, uint64_t elapsed_ns)
{
	host_open(&p->host);
	for (uint32_t i = 0; i < p->live_count; i++) {
		instance_close(p, &p->instance[p->live[i]], elapsed_ns);
		happening_second(p, &p->instance[p->live[i]], now_ns);
	}
	happening_tell(p, now_ns);
	host_close(p);
	for (uint32_t i = 0; i < p->live_count; i++)
		instance_share(p, &p->instance[p->live[i]]);
	for (uint32_t i = 0; i < p->live_count; i++) {
		struct predictor_instance *instance = &p->instance[p->live[i]];

		if (predictor_is_annotated(instance))
			respond_second(p, instance, now_ns);
		if (predictor_foresees(p, instance))
			foresee(p, instance, now_ns);
		else
			memory_blind(instance);
	}
	speak_all(p, now_ns);
	skill_all(p, now_ns);
	p->host.busy_ns = p->host.elapsed_ns = p->host.lost = 0;
}

bool predictor_tick(struct predictor *p, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - p->second_start_ns;
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	for (uint32_t i = 0; i < count; i++) {
		struct predictor_instance *instance = &p->instance[annotated[i]];

		if (slo_is_bound(&instance->info.slo))
			window_tick(&instance->window, &instance->info.slo, p->config.tick_ns);
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
