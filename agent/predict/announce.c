/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce.h"

#include <math.h>
#include <string.h>

#define RISE_MIN 0.1f	/* a load smaller than this share of a CPU above the base is nothing to announce */

void announce_resume(struct announce *announce)
{
	announce->demand = 0;
	for (uint32_t i = 0; i < ANNOUNCE_PENDING; i++)
		announce->pending[i] = (struct announce_event){ .age_s = ANNOUNCE_AGES + 1 };
}

void announce_reset(struct announce *announce)
{
	memset(announce, 0, sizeof(*announce));
	announce_resume(announce);
}

static uint32_t kind_find(struct announce *announce, uint32_t name_hash, uint64_t now_ns)
{
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < ANNOUNCE_KINDS; i++) {
		if (announce->kind[i].name_hash == name_hash)
			return i;
		if (announce->kind[i].used_ns < announce->kind[oldest].used_ns)
			oldest = i;
	}
	announce->kind[oldest] = (struct announce_kind){ .name_hash = name_hash, .used_ns = now_ns };
	return oldest;
}

void announce_event(struct announce *announce, uint32_t name_hash, uint64_t now_ns)
{
	uint32_t idx = kind_find(announce, name_hash, now_ns);
	struct announce_event *free_event = NULL;

	announce->kind[idx].used_ns = now_ns;
	for (uint32_t i = 0; i < ANNOUNCE_PENDING; i++) {
		struct announce_event *event = &announce->pending[i];

		if (event->name_hash == name_hash && event->age_s < 2)
			return;
		if (event->age_s > ANNOUNCE_AGES)
			free_event = event;
	}
	if (!free_event)
		return;
	*free_event = (struct announce_event){ .kind_idx = idx, .name_hash = name_hash };
	announce->kind[idx].count++;
	announce->kind[idx].base += (announce->demand - announce->kind[idx].base) / (float)announce->kind[idx].count;
}

static void kind_learn(struct announce_kind *kind, uint32_t age, float demand)
{
	float deviation = demand - kind->mean[age];

	kind->followed[age]++;
	kind->mean[age] += deviation / (float)kind->followed[age];
	kind->spread[age] += deviation * (demand - kind->mean[age]);
}

void announce_second(struct announce *announce, float demand)
{
	announce->demand = demand;
	for (uint32_t i = 0; i < ANNOUNCE_PENDING; i++) {
		struct announce_event *event = &announce->pending[i];
		struct announce_kind *kind = &announce->kind[event->kind_idx];

		if (event->age_s > ANNOUNCE_AGES)
			continue;
		if (event->age_s >= 1 && kind->name_hash == event->name_hash)
			kind_learn(kind, event->age_s - 1, demand);
		event->age_s++;
	}
}

/* How much of the rise is steady: the mean rise against its own spread, and one event alone counts half. */
static float age_confidence(const struct announce_kind *kind, uint32_t age)
{
	float n = (float)kind->followed[age], rise = kind->mean[age] - kind->base, deviation;

	if (n < 1 || rise < RISE_MIN)
		return 0;
	deviation = sqrtf(fmaxf(kind->spread[age], 0) / n);
	return n / (n + 1) * rise / (rise + deviation);
}

float announce_expect(const struct announce *announce, uint32_t from, uint32_t to, float *ret_confidence)
{
	float best = 0;

	*ret_confidence = 0;
	for (uint32_t i = 0; i < ANNOUNCE_PENDING; i++) {
		const struct announce_event *event = &announce->pending[i];
		const struct announce_kind *kind = &announce->kind[event->kind_idx];

		if (event->age_s > ANNOUNCE_AGES || kind->name_hash != event->name_hash)
			continue;
		/* The second that held the event has age 0, the one closed last has age_s - 1. */
		for (uint32_t ahead = from; ahead <= to; ahead++) {
			uint32_t age = event->age_s + ahead - 1;
			float confidence;

			if (age < 1 || age > ANNOUNCE_AGES)
				continue;
			confidence = age_confidence(kind, age - 1);
			if (confidence * kind->mean[age - 1] <= best * *ret_confidence)
				continue;
			best = kind->mean[age - 1];
			*ret_confidence = confidence;
		}
	}
	return best;
}
