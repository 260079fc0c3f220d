/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predictor.h"

#define PARK_SECONDS_MIN 60	/* who was not annotated and lived shorter has little to come back to */

int memory_new(struct memory *memory, uint32_t slots_max)
{
	size_t places = (size_t)slots_max + PARKED_MAX;
	bool is_whole;

	memory->slots_max = slots_max;
	memory->statistical = calloc(places, sizeof(*memory->statistical));
	memory->announce = calloc(places, sizeof(*memory->announce));
	memory->skill = calloc(places, sizeof(*memory->skill));
	memory->rare = calloc(places, sizeof(*memory->rare));
	memory->foresight = calloc(places, sizeof(*memory->foresight));
	memory->response = calloc(places, sizeof(*memory->response));
	is_whole = memory->statistical && memory->announce && memory->rare && memory->foresight && memory->response && memory->skill;
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		memory->recur[r] = calloc(places, sizeof(*memory->recur[r]));
		is_whole = is_whole && memory->recur[r];
	}
	return is_whole ? 0 : -ENOMEM;
}

void memory_free(struct memory *memory)
{
	free(memory->statistical);
	free(memory->announce);
	free(memory->skill);
	free(memory->rare);
	free(memory->response);
	free(memory->foresight);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		free(memory->recur[r]);
}

void *memory_part(struct memory *memory, uint32_t place, enum memory_part part, size_t *ret_bytes)
{
	switch (part) {
	case MEMORY_STATISTICAL:
		*ret_bytes = sizeof(memory->statistical[place]);
		return memory->statistical[place];
	case MEMORY_ANNOUNCE:
		*ret_bytes = sizeof(memory->announce[place]);
		return memory->announce[place];
	case MEMORY_SKILL:
		*ret_bytes = sizeof(memory->skill[place]);
		return &memory->skill[place];
	case MEMORY_RARE:
		*ret_bytes = sizeof(memory->rare[place]);
		return &memory->rare[place];
	case MEMORY_RESPONSE:
		*ret_bytes = sizeof(memory->response[place]);
		return memory->response[place];
	case MEMORY_FORESIGHT:
		*ret_bytes = sizeof(memory->foresight[place]);
		return &memory->foresight[place];
	default:
		*ret_bytes = sizeof(struct recur);
		return &memory->recur[part - MEMORY_RECUR][place];
	}
}

/* Leaves a place as if it had never been used. */
static void place_clear(struct predictor *p, uint32_t place)
{
	struct predictor_instance *instance = &p->instance[place];
	size_t bytes;

	for (int part = 0; part < MEMORY_PART_COUNT; part++)
		if (predictor_uses(instance, (enum memory_part)part)) {
			void *at = memory_part(&p->memory, place, (enum memory_part)part, &bytes);

			memset(at, 0, bytes);
		}
	memset(instance, 0, sizeof(*instance));
}

void memory_point(struct predictor *p, uint32_t place)
{
	p->instance[place].window.rare = &p->memory.rare[place];
	p->instance[place].foresight = &p->memory.foresight[place];
}

static void place_copy(struct predictor *p, uint32_t from, uint32_t to)
{
	struct predictor_instance *instance = &p->instance[to];
	size_t bytes;

	place_clear(p, to);
	*instance = p->instance[from];
	for (int part = 0; part < MEMORY_PART_COUNT; part++)
		if (predictor_uses(instance, (enum memory_part)part)) {
			const void *at = memory_part(&p->memory, from, (enum memory_part)part, &bytes);

			memcpy(memory_part(&p->memory, to, (enum memory_part)part, &bytes), at, bytes);
		}
	memory_point(p, to);
}

static void parked_remove(struct memory *memory, uint32_t at)
{
	memory->parked_count--;
	memmove(&memory->parked[at], &memory->parked[at + 1], (memory->parked_count - at) * sizeof(memory->parked[0]));
}

static uint32_t parked_find(const struct predictor *p, const char *path)
{
	const struct memory *memory = &p->memory;

	for (uint32_t i = 0; i < memory->parked_count; i++)
		if (!strcmp(p->instance[memory->parked[i]].info.path, path))
			return i;
	return PARKED_MAX;
}

/* A place to park at: one that is free, else that of the oldest stranger, else of the oldest. */
static uint32_t place_take(struct predictor *p)
{
	struct memory *memory = &p->memory;
	uint32_t place = memory->slots_max, at = 0;

	if (memory->parked_count < PARKED_MAX) {
		while (p->instance[place].window.rare)
			place++;
		return place;
	}
	while (at < PARKED_MAX && predictor_is_annotated(&p->instance[memory->parked[at]]))
		at++;
	at %= PARKED_MAX;
	place = memory->parked[at];
	parked_remove(memory, at);
	return place;
}

void memory_park(struct predictor *p, uint32_t slot)
{
	struct predictor_instance *instance = &p->instance[slot];
	uint32_t at = parked_find(p, instance->info.path), place;

	if (!predictor_is_annotated(instance) && instance->window.second_count < PARK_SECONDS_MIN)
		return;
	if (at < PARKED_MAX) {
		place = p->memory.parked[at];
		parked_remove(&p->memory, at);
	} else {
		place = place_take(p);
	}
	place_copy(p, slot, place);
	p->instance[place].parked_at = p->host.count;
	p->memory.parked[p->memory.parked_count++] = place;
}

void memory_blind(struct predictor_instance *instance)
{
	if (predictor_uses(instance, MEMORY_FORESIGHT))
		memset(instance->foresight, 0, sizeof(*instance->foresight));
	instance->parts &= ~(1u << MEMORY_FORESIGHT);
}

/* While it was away it asked for nothing, and what is only about now is over. */
static void absence_pass(struct predictor *p, uint32_t slot)
{
	struct predictor_instance *instance = &p->instance[slot];
	uint32_t missed = p->host.count - instance->parked_at;

	window_resume(&instance->window, &instance->info.slo, missed, p->config.second_ns);
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		if (predictor_uses(instance, MEMORY_RECUR + r))
			for (uint32_t i = 0; i < missed && i < RECUR_SECONDS; i++)
				recur_push(&p->memory.recur[r][slot], 0);
		if (predictor_uses(instance, MEMORY_ANNOUNCE))
			announce_resume(&p->memory.announce[slot][r]);
		instance->recur_count[r] += missed;
		instance->demand[r] = 0;
	}
	if (predictor_uses(instance, MEMORY_SKILL))
		skill_resume(&p->memory.skill[slot]);
	memset(instance->expect, 0, sizeof(instance->expect));
	memory_blind(instance);
	instance->violated = 0;
	instance->asked_at = 0;
}

void memory_start(struct predictor *p, uint32_t slot, const char *path)
{
	struct predictor_instance *instance = &p->instance[slot];
	uint32_t at = parked_find(p, path);

	place_clear(p, slot);
	window_reset(&instance->window, &p->memory.rare[slot]);
	memory_point(p, slot);
	if (at < PARKED_MAX) {
		uint32_t place = p->memory.parked[at];

		place_copy(p, place, slot);
		place_clear(p, place);
		parked_remove(&p->memory, at);
		absence_pass(p, slot);
	}
}

struct announce *memory_announce(struct predictor *p, struct predictor_instance *instance)
{
	struct announce *announce = p->memory.announce[instance->info.slot];

	for (int r = 0; !predictor_uses(instance, MEMORY_ANNOUNCE) && r < RESOURCE_COUNT; r++) {
		announce_reset(&announce[r]);
		announce[r].demand = fmaxf(instance->demand[r], 0);
	}
	instance->parts |= 1u << MEMORY_ANNOUNCE;
	return announce;
}

struct skill *memory_skill(struct predictor *p, struct predictor_instance *instance)
{
	instance->parts |= 1u << MEMORY_SKILL;
	return &p->memory.skill[instance->info.slot];
}

struct recur *memory_recur(struct predictor *p, struct predictor_instance *instance, enum resource r)
{
	struct recur *recur = &p->memory.recur[r][instance->info.slot];

	if (!predictor_uses(instance, MEMORY_RECUR + r)) {
		if (instance->demand[r] < RECUR_DEMAND_MIN)
			return NULL;
		instance->parts |= 1u << (MEMORY_RECUR + r);
		recur->count = instance->recur_count[r];
	}
	return recur;
}
