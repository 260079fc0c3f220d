/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "happening.h"

#include <math.h>
#include <string.h>

#include "predictor.h"

#define FAILURE_KIND 0xfa11u
#define RECENT_KEPT (59.0f / 60)
#define BETWEEN_RATE 0.5f
/* Without a second failure there is no mean time between them: one in ten minutes, until as many have passed. */
#define BETWEEN_FIRST_S 600.0f

static void announce_all(struct predictor *p, struct predictor_instance *instance, uint32_t kind, uint64_t time_ns)
{
	for (int r = 0; r < RESOURCE_COUNT; r++)
		announce_event(&memory_announce(p, instance)[r], kind, time_ns);
}

void happening_take(struct predictor *p, const struct observe_event *event)
{
	struct predictor_instance *instance = predictor_live(p, event->slot);

	if (!instance || !event->name_hash)
		return;
	instance->happenings.told++;
	announce_all(p, instance, event->name_hash, event->time_ns);
}

void happening_fail(struct predictor *p, const struct observe_failure *failure)
{
	if (failure->stage != FAILURE_FAILED)
		return;
	for (uint32_t i = 0; i < p->live_count; i++) {
		struct predictor_instance *instance = &p->instance[p->live[i]];

		if (strcmp(instance->info.path, failure->path))
			continue;
		/* Several witnesses tell of one end. */
		instance->happenings.told += !instance->happenings.failing.is_open;
		instance->happenings.failing.is_open = true;
		announce_all(p, instance, FAILURE_KIND, failure->time_ns);
		return;
	}
}

static void failing_second(struct failing *failing)
{
	failing->is_now = failing->is_open;
	failing->is_open = false;
	failing->recent *= RECENT_KEPT;
	failing->since_s++;
	if (!failing->is_now)
		return;
	if (failing->count == 1)
		failing->between_s = failing->since_s;
	else if (failing->count > 1)
		failing->between_s += BETWEEN_RATE * (failing->since_s - failing->between_s);
	failing->count++;
	failing->since_s = 0;
	failing->recent++;
}

/* The largest two, so that each instance finds the largest of the others. */
static void up_push(struct predictor_top top[2], uint32_t slot, float up)
{
	if (up > top[0].demand) {
		top[1] = top[0];
		top[0] = (struct predictor_top){ slot, up, 1 };
	} else if (up > top[1].demand) {
		top[1] = (struct predictor_top){ slot, up, 1 };
	}
}

void happening_second(struct predictor *p, struct predictor_instance *instance, uint64_t now_ns)
{
	struct happenings *events = &instance->happenings;
	const struct window_second *now = window_at(&instance->window, 0);
	float seconds = (float)instance->window.last_ns / 1e9f;
	const float rate[SURGE_RATE_COUNT] = {
		[SURGE_FORKS] = (float)instance->window.last.forks / seconds,
		[SURGE_PACKETS] = (float)instance->window.last.rx_packets / seconds,
		[SURGE_CPU] = now->cpu / p->config.host_cpus * 100,
	};
	uint32_t jumped = surge_second(&events->surge, rate, events->told);

	failing_second(&events->failing);
	for (int i = 0; i < SURGE_CPU; i++) {
		up_push(p->host.up[i], instance->info.slot, events->surge.up[i]);
		if (jumped >> i & 1)
			announce_all(p, instance, surge_kind((enum surge_rate)i, NULL), now_ns);
	}
	if (jumped >> SURGE_CPU & 1 && p->host.jump_count < HAPPENING_JUMPS_MAX)
		p->host.jump[p->host.jump_count++] = instance->info.slot;
	events->count = events->told + (float)__builtin_popcount(jumped);
	events->told = 0;
	p->host.events += events->count;
}

void happening_tell(struct predictor *p, uint64_t now_ns)
{
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	for (uint32_t j = 0; j < p->host.jump_count; j++) {
		uint32_t kind = surge_kind(SURGE_CPU, p->instance[p->host.jump[j]].info.path);

		for (uint32_t i = 0; i < count; i++)
			if (annotated[i] != p->host.jump[j] && slo_is_bound(&p->instance[annotated[i]].info.slo))
				announce_all(p, &p->instance[annotated[i]], kind, now_ns);
	}
}

float happening_failure_risk(const struct failing *failing, uint32_t seconds)
{
	float between = failing->count > 1 ? failing->between_s : BETWEEN_FIRST_S;

	if (!failing->count)
		return 0;
	/* What should have come long ago is less and less likely. */
	return 1 - expf(-(float)seconds / fmaxf(between, failing->since_s));
}
