/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_place.h"

#include <fnmatch.h>
#include <math.h>

#include "answer_instance.h"
#include "decide/placement.h"
#include "value.h"

#define HORIZON 1		/* 2 s: the one that the plan acts on */
#define QUANTILE_HIGH 2		/* .9 */
#define PIECES_MAX 10000

/* The seats of a placement, and whose they are. */
struct hall {
	struct placement placement;
	const struct predictor_instance *instance[PLACEMENT_SEATS_MAX];
};

static bool forecast_is_good(const struct mind *mind, const struct predictor_instance *instance)
{
	return instance->foresight->has_frame && instance->foresight->forecast.source != FORECAST_NONE &&
	       instance->foresight->forecast.quality >= mind->policy.quality_min;
}

/* CPUs that it is expected to want. */
static float cpus_expected(const struct mind *mind, const struct predictor_instance *instance)
{
	/* What its profile says that it will need in the next minutes is taken. */
	float now = fmaxf(fmaxf(instance->demand[RESOURCE_CPU], 0) * mind->predictor->host.capacity[RESOURCE_CPU],
			  mind->view[instance->info.slot].phase[RESOURCE_CPU].amount);

	return forecast_is_good(mind, instance) ?
		fmaxf(now, instance->foresight->forecast.demand[RESOURCE_CPU][HORIZON][QUANTILE_HIGH]) : now;
}

/* CPUs that it may have: its own limit, what its annotation grants, the host. */
static float cpus_allowed(const struct mind *mind, const struct predictor_instance *instance)
{
	const struct observe_limits *limits = &instance->limits;
	uint64_t granted = instance->info.slo.range[RESOURCE_CPU].max;
	float cpus = mind->predictor->config.host_cpus;

	if (limits->quota_us != LIMIT_NONE && limits->period_us)
		cpus = fminf(cpus, (float)limits->quota_us / (float)limits->period_us);
	return granted ? fminf(cpus, (float)granted / 1000) : cpus;
}

static struct placement_work work_used(const struct mind *mind, const struct predictor_instance *instance)
{
	const struct window *window = &instance->window;

	return (struct placement_work){ .cpus = cpus_expected(mind, instance), .bytes = window->has_memory ? (float)window->memory_bytes : 0 };
}

/* Bytes that it may have beside what it holds: its own limit, what its annotation grants. */
static float memory_allowed(const struct predictor_instance *instance, float held)
{
	uint64_t granted = instance->info.slo.range[RESOURCE_MEMORY].max;
	float most = INFINITY;

	if (instance->limits.memory_max != LIMIT_NONE)
		most = (float)instance->limits.memory_max;
	if (granted)
		most = fminf(most, (float)granted);
	return most - held;
}

static void seat_add(const struct answer_world *world, const struct predictor_instance *instance, struct hall *ret)
{
	const struct mind *mind = world->mind;
	uint32_t i = ret->placement.seat_count++;
	struct placement_seat *seat = &ret->placement.seat[i];
	struct placement_work used = work_used(mind, instance);
	struct placement_work recent =
		placement_recent(&mind->placed[instance->info.slot], instance->info.cgroup_id, world->now_ns, used);
	enum sli sli;

	ret->instance[i] = instance;
	ret->placement.host_memory_free -= recent.bytes;
	*seat = (struct placement_seat){
		.risk = forecast_is_good(mind, instance) ? forecast_risk(&instance->foresight->forecast, HORIZON, &sli) : 0,
		.free = cpus_allowed(mind, instance) - used.cpus,
		.recent = recent.cpus,
		.memory_free = memory_allowed(instance, used.bytes) - recent.bytes,
		.piece_bytes = (float)instance->info.slo.data_bytes,
		.pieces = recent.pieces,
		.pieces_max = (float)instance->info.slo.concurrency,
		.is_violated = answer_instance_is_violated(instance),
	};
}

/* CPUs that nobody is expected to use whom the plan would not limit for the sake of these. */
static float host_free(const struct mind *mind, const struct hall *hall)
{
	const struct predictor *predictor = mind->predictor;
	float free = predictor->config.host_cpus;
	uint32_t tier = TIER_COUNT;

	for (uint32_t i = 0; i < hall->placement.seat_count; i++)
		if (hall->instance[i]->info.slo.tier < tier)
			tier = hall->instance[i]->info.slo.tier;
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		const struct predictor_instance *instance = &predictor->instance[predictor->live[i]];

		if (!predictor_is_annotated(instance) || instance->info.slo.tier >= tier)
			free -= cpus_expected(mind, instance);
	}
	return free;
}

/* NULL, or what is wrong with the question. */
static json_t *hall_fill(const struct answer_world *world, const json_t *question, struct hall *ret)
{
	const char *set = json_string_value(json_object_get(question, "set"));
	const struct predictor *predictor = world->mind->predictor;

	ret->placement.seat_count = 0;
	ret->placement.piece = (float)json_number_value(json_object_get(question, "cpus"));
	ret->placement.risk_max = world->mind->policy.risk_act;
	ret->placement.host_memory_free = predictor->host.memory_total ? (float)predictor->host.memory_available : INFINITY;
	if (!set || !(ret->placement.piece > 0))
		return value_error("a placement needs a set (a glob over paths) and what a piece of work takes, in CPUs");
	for (uint32_t i = 0; i < predictor->live_count; i++) {
		const struct predictor_instance *instance = &predictor->instance[predictor->live[i]];

		if (fnmatch(set, instance->info.path, FNM_PATHNAME) != 0)
			continue;
		if (ret->placement.seat_count == PLACEMENT_SEATS_MAX)
			return value_error("'%s' matches more than %d instances; name fewer", set, PLACEMENT_SEATS_MAX);
		seat_add(world, instance, ret);
	}
	if (!ret->placement.seat_count)
		return value_error("no instance matches '%s'; 'forestall instance list' shows those observed", set);
	ret->placement.host_free = host_free(world->mind, ret);
	return NULL;
}

static json_t *seats_json(const struct hall *hall)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < hall->placement.seat_count; i++) {
		const struct placement_seat *seat = &hall->placement.seat[i];

		json_array_append_new(out, json_pack("{s:o, s:i, s:s, s:o, s:o, s:o, s:i}", "path",
						     value_text(hall->instance[i]->info.path), "count", (int)seat->count, "why",
						     placement_why_name(seat->why), "risk", value_number(seat->risk), "free",
						     value_number(seat->free), "recent", value_number(seat->recent), "pieces", (int)seat->pieces));
	}
	return out;
}

/* What was placed is remembered until it is over. */
static void seat_note(const struct answer_world *world, const struct hall *hall, uint32_t i)
{
	const struct placement_seat *seat = &hall->placement.seat[i];
	const struct observe_instance *info = &hall->instance[i]->info;
	struct placement_work work = { .cpus = (float)seat->count * hall->placement.piece, .bytes = (float)seat->count * seat->piece_bytes,
				       .pieces = (float)seat->count };

	if (seat->count)
		placement_note(&world->mind->placed[info->slot], info->cgroup_id, world->now_ns, work_used(world->mind, hall->instance[i]),
			       work, info->slo.duration_ns);
}

json_t *answer_place(const struct answer_world *world, const json_t *question)
{
	json_int_t limit = json_integer_value(json_object_get(question, "limit"));
	struct hall hall;
	uint32_t placed;
	json_t *error = limit < 1 || limit > PIECES_MAX ? value_error("limit is 1 to %d pieces of work", PIECES_MAX) :
			hall_fill(world, question, &hall);

	if (error)
		return error;
	placed = placement_choose(&hall.placement, (uint32_t)limit);
	/* Who may only look has no callbacks, and starts no work. */
	for (uint32_t i = 0; world->record && i < hall.placement.seat_count; i++)
		seat_note(world, &hall, i);
	return json_pack("{s:b, s:i, s:o, s:o}", "ok", 1, "placed", (int)placed, "host_free",
			 value_number(hall.placement.host_free), "seats", seats_json(&hall));
}
