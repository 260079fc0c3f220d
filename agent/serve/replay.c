/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/policy.h"
#include "replay_sound.h"

/* memory is NULL for a mind that knows nothing yet. */
static int mind_restore(struct replay *replay, const struct recording_mind *memory)
{
	struct predictor_config config = replay->setup.config;

	config.weights = replay->model ? &replay->model->weights : NULL;
	config.isa = lstm_isa_best();
	replay->mind = mind_new(&config, &replay->setup.policy);
	if (!replay->mind)
		return -ENOMEM;
	if (!memory)
		return 0;
	replay->mind->predictor->host = memory->host;
	memcpy(replay->mind->knee, memory->knee, sizeof(memory->knee));
	memcpy(replay->mind->disk, memory->disk, sizeof(memory->disk));
	replay->mind->ledger = memory->ledger;
	replay->mind->advice = memory->advice;
	replay->mind->pace = memory->pace;
	replay->mind->canary = memory->canary;
	replay->mind->cohort = memory->cohort;
	replay->mind->trial = memory->trial;
	replay->mind->predictor->second_start_ns = memory->second_start_ns;
	replay->mind->predictor->acted_ns = memory->acted_ns;
	replay->mind->predictor->held_ns = memory->held_ns;
	replay->mind->plan_id = memory->plan_id;
	replay->mind->tick_ns = memory->tick_ns;
	return 0;
}

static int memory_restore(struct replay *replay, const struct recording_memory *memory, bool is_live)
{
	struct predictor *p = replay->mind->predictor;
	uint32_t place = memory->slot;

	if (!sound_memory(memory, p->config.slots_max) || is_live != (place < p->config.slots_max) ||
	    p->instance[place].window.rare)
		return -EINVAL;
	p->instance[place] = memory->instance;
	memory_point(p, place);
	p->instance[place].is_live = is_live;
	if (is_live) {
		p->live[p->live_count++] = place;
		replay->mind->view[place] = memory->view;
		replay->mind->peer[place] = memory->peer;
	} else {
		p->memory.parked[p->memory.parked_count++] = place;
	}
	return 0;
}

static int part_restore(struct replay *replay, const struct recording_part *head, size_t bytes)
{
	struct predictor *p = replay->mind->predictor;
	size_t wanted;
	void *at;

	if (bytes < sizeof(*head) || head->slot >= p->config.slots_max + PARKED_MAX || head->part >= MEMORY_PART_COUNT)
		return -EINVAL;
	at = memory_part(&p->memory, head->slot, (enum memory_part)head->part, &wanted);
	if (bytes != sizeof(*head) + wanted || !sound_part((enum memory_part)head->part, head + 1, wanted))
		return -EINVAL;
	memcpy(at, head + 1, wanted);
	return 0;
}

static int model_restore(struct replay *replay, const void *bytes, size_t size)
{
	char error[REPLAY_ERROR_MAX];
	struct model *model = calloc(1, sizeof(*model)), *before = replay->model;
	int r = model ? model_parse(bytes, size, model, error, sizeof(error)) : -ENOMEM;

	if (r < 0) {
		free(model);
		return r == -ENOMEM ? r : -EINVAL;
	}
	replay->model = model;
	/* One in the middle of a run was taken over there. */
	if (replay->mind)
		predictor_model(replay->mind->predictor, &model->weights);
	free(before);
	return 0;
}

/*
 * What is only retold may have been made by a build whose policy is another: that of this build counts anyway, and the host comes
 * first in the setup and the label last.
 */
static int setup_retell(struct replay *replay, const struct recording_setup *setup, size_t bytes)
{
	struct recording_setup *to = &replay->setup;

	if (bytes < sizeof(to->config) + sizeof(to->label) || !sound_config(&setup->config))
		return -EPROTO;
	memset(to, 0, sizeof(*to));
	to->config = setup->config;
	memcpy(to->label, (const char *)setup + bytes - sizeof(to->label), sizeof(to->label));
	to->label[sizeof(to->label) - 1] = '\0';
	return 0;
}

static int setup_take(struct replay *replay, const struct recording_setup *setup, size_t bytes)
{
	if (replay->is_retold)
		return setup_retell(replay, setup, bytes);
	if (bytes != sizeof(*setup) || !sound_setup(setup))
		return -EPROTO;
	if (setup->memory_bytes != RECORDING_MEMORY_BYTES || setup->made_bytes != RECORDING_MADE_BYTES)
		return -EPROTO;
	replay->setup = *setup;
	return 0;
}

/* A mind that knows nothing yet, of the same host. */
static int mind_fresh(struct replay *replay)
{
	replay->setup.config.forecaster = FORECAST_STATISTICAL;
	replay->setup.config.sees_all = true;
	plan_policy_init(&replay->setup.policy);
	return mind_restore(replay, NULL);
}

/* Everything up to the first observation is what the mind was when the recording began. */
static int head_read(struct replay *replay)
{
	bool is_setup = false;
	const void *payload;
	uint32_t kind;
	size_t bytes;
	int r = 0;

	while (!r && !replay->mind) {
		if (recording_next(replay->recording, &kind, &payload, &bytes) != 1)
			return -EINVAL;
		if (kind == RECORDING_SETUP) {
			r = setup_take(replay, payload, bytes);
			is_setup = true;
			if (!r && replay->is_retold)
				r = mind_fresh(replay);
		} else if (kind == RECORDING_MODEL) {
			r = model_restore(replay, payload, bytes);
		} else if (kind == RECORDING_MIND && is_setup && bytes == sizeof(struct recording_mind) &&
			   sound_ledger(&((const struct recording_mind *)payload)->ledger) &&
			   sound_advice(&((const struct recording_mind *)payload)->advice, replay->setup.config.slots_max) &&
			   sound_pace(&((const struct recording_mind *)payload)->pace) &&
			   sound_canary(&((const struct recording_mind *)payload)->canary) &&
			   sound_cohort(&((const struct recording_mind *)payload)->cohort, replay->setup.config.slots_max) &&
			   sound_trial(&((const struct recording_mind *)payload)->trial, replay->setup.config.slots_max)) {
			r = mind_restore(replay, payload);
		} else {
			r = -EINVAL;
		}
	}
	return r;
}

int replay_open(const char *path, bool is_retold, struct replay **ret_replay, char error[REPLAY_ERROR_MAX])
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int r;

	if (!replay)
		return -ENOMEM;
	replay->is_retold = is_retold;
	r = recording_open(path, is_retold ? RECORDING_VERSION_RETOLD : RECORDING_VERSION, &replay->recording);
	if (!r)
		r = head_read(replay);
	if (r) {
		snprintf(error, REPLAY_ERROR_MAX, "recording %s: %s", path,
			 r == -EINVAL ? "not a forestall recording or damaged; record again" :
			 r == -EPROTO ? "made by another build of forestall; replay it with that build" : strerror(-r));
		replay_close(replay);
		return r;
	}
	*ret_replay = replay;
	return 0;
}

void replay_close(struct replay *replay)
{
	if (!replay)
		return;
	recording_close(replay->recording);
	mind_free(replay->mind);
	free(replay->model);
	free(replay);
}

static void differ(struct replay *replay, uint64_t count)
{
	if (count && !replay->differing)
		replay->first_differing_ns = replay->time_ns;
	replay->differing += count;
}

static void forecast_compare(struct replay *replay, const struct recording_forecast *block)
{
	const struct predictor *p = replay->mind->predictor;

	replay->forecasts++;
	if (replay->forecasts_due)
		replay->forecasts_due--;
	if (block->slot >= p->config.slots_max ||
	    memcmp(&p->memory.foresight[block->slot].forecast, &block->forecast, sizeof(block->forecast)))
		differ(replay, 1);
}

static void plan_compare(struct replay *replay, const struct plan *plan, size_t bytes)
{
	size_t used = offsetof(struct plan, action) + replay->plan.count * sizeof(plan->action[0]);

	replay->plans++;
	replay->is_plan_due = false;
	if (bytes != used || memcmp(plan, &replay->plan, used))
		differ(replay, 1);
}

static uint32_t foreseen_count(const struct predictor *p)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->live_count; i++)
		count += predictor_foresees(p, &p->instance[p->live[i]]);
	return count;
}

static void tick_run(struct replay *replay, uint64_t time_ns)
{
	if (!replay->is_retold)
		differ(replay, replay->forecasts_due + (replay->is_plan_due ? 1 : 0));
	replay->time_ns = time_ns;
	replay->is_second = mind_tick(replay->mind, time_ns, &replay->plan);
	replay->forecasts_due = replay->is_second ? foreseen_count(replay->mind->predictor) : 0;
	replay->is_plan_due = !plan_is_empty(&replay->plan) || replay->was_plan_open;
	replay->was_plan_open = !plan_is_empty(&replay->plan);
	replay->ticks++;
}

#define WORK_OFFSET offsetof(struct observe_instance, slo.data_bytes)
#define WORK_BYTES (offsetof(struct observe_instance, path) - WORK_OFFSET)

/* An annotation of an older recording ends before what its work is like. */
static void instance_widen(const struct replay *replay, struct observe_instance *info)
{
	char *at = (char *)info;

	if (recording_version(replay->recording) >= RECORDING_VERSION_WORK)
		return;
	memmove(info->path, at + WORK_OFFSET, sizeof(info->path));
	memset(at + WORK_OFFSET, 0, WORK_BYTES);
}

/* Who was there when the recording began: an instance's memory starts with what was observed of it. */
static int instance_retell(struct replay *replay, const struct observe_instance *info)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE, .instance = *info };

	_Static_assert(offsetof(struct recording_memory, instance.info) == 0, "info comes first");
	instance_widen(replay, &observation.instance);
	if (!sound_instance(&observation.instance))
		return -EINVAL;
	predictor_observe(replay->mind->predictor, &observation);
	return 0;
}

int replay_next(struct replay *replay)
{
	struct observation observation;
	const void *payload;
	uint32_t kind;
	size_t bytes;
	int r;

	while ((r = recording_next(replay->recording, &kind, &payload, &bytes)) == 1) {
		if (replay->is_retold && kind == RECORDING_MEMORY && bytes >= sizeof(struct observe_instance)) {
			if (instance_retell(replay, payload))
				return -EINVAL;
		} else if (replay->is_retold && kind >= RECORDING_MODEL && kind != RECORDING_RESULT) {
			continue;
		} else if ((kind == RECORDING_MEMORY || kind == RECORDING_PARKED) && bytes == sizeof(struct recording_memory)) {
			if (memory_restore(replay, payload, kind == RECORDING_MEMORY))
				return -EINVAL;
		} else if (kind == RECORDING_MODEL) {
			if (model_restore(replay, payload, bytes))
				return -EINVAL;
		} else if (kind == RECORDING_ORDER && bytes == sizeof(struct canary_order)) {
			canary_order(&replay->mind->canary, &replay->mind->policy, payload, replay->mind->tick_ns);
		} else if (kind == RECORDING_COHORT && bytes == sizeof(struct cohort_order)) {
			cohort_order(&replay->mind->cohort, &replay->mind->policy, payload, replay->mind->tick_ns);
		} else if (kind == RECORDING_PART) {
			if (part_restore(replay, payload, bytes))
				return -EINVAL;
		} else if (kind == RECORDING_FORECAST && bytes == sizeof(struct recording_forecast)) {
			forecast_compare(replay, payload);
		} else if (kind == RECORDING_PLAN && bytes >= offsetof(struct plan, action)) {
			plan_compare(replay, payload, bytes);
		} else if (kind == RECORDING_RESULT && sound_result(payload, bytes)) {
			replay->result = payload;
			return REPLAY_RESULT;
		} else if (kind == OBSERVE_TICK && bytes == sizeof(uint64_t)) {
			tick_run(replay, *(const uint64_t *)payload);
			return REPLAY_TICK;
		} else if (kind < OBSERVE_KIND_COUNT && bytes <= sizeof(observation) - offsetof(struct observation, time_ns)) {
			memset(&observation, 0, offsetof(struct observation, sample));
			observation.kind = kind;
			memcpy(&observation.time_ns, payload,
			       sizeof(observation) - offsetof(struct observation, time_ns));
			if (kind == OBSERVE_INSTANCE)
				instance_widen(replay, &observation.instance);
			if (!sound_observation(&observation))
				return -EINVAL;
			if (kind == OBSERVE_FAILURE)
				failures_take(&replay->failures, &observation.failure);
			predictor_observe(replay->mind->predictor, &observation);
		} else {
			return -EINVAL;
		}
	}
	return r < 0 ? r : REPLAY_END;
}
