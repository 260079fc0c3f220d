/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay_sound.h"

#include <math.h>
#include <string.h>

#include "decide/balance.h"
#include "decide/policy.h"

#define SLOTS_MAX 65536	/* as in forestall.conf */

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

bool sound_config(const struct predictor_config *config)
{
	return config->slots_max >= 2 && config->slots_max <= SLOTS_MAX && config->host_cpus > 0 && config->host_cpus < 1e6f &&
	       config->tick_ns > 0 && config->second_ns >= config->tick_ns && config->second_ns < 3600000000000ull;
}

bool sound_setup(const struct recording_setup *setup)
{
	return sound_config(&setup->config) && setup->policy.policy < POLICY_COUNT &&
	       setup->policy.act_horizon < FORECAST_HORIZONS && is_text(setup->label, sizeof(setup->label));
}

static bool slo_is_sound(const struct slo *slo)
{
	for (int i = 0; i < SLO_APP_MAX; i++)
		if (!is_text(slo->app[i], sizeof(slo->app[i])))
			return false;
	if (!(slo->share >> 16) != !(slo->share & 0xffff))
		return false;
	return slo->tier < TIER_COUNT && slo->kind < KIND_COUNT && slo->source < SLO_SOURCE_COUNT;
}

static bool failure_is_sound(const struct observe_failure *failure)
{
	return failure->stage <= FAILURE_RECOVERED && failure->cause < FAILURE_CAUSE_COUNT &&
	       is_text(failure->path, sizeof(failure->path)) && is_text(failure->program, sizeof(failure->program));
}

static bool sample_is_sound(const struct observe_sample *sample)
{
	if (sample->bucket_count > OBSERVE_BUCKETS_MAX)
		return false;
	for (uint32_t i = 0; i < sample->bucket_count; i++)
		if (sample->bucket[i].idx >= WIRE_HIST_COUNT || sample->bucket[i].delay >= WIRE_DELAY_ALL)
			return false;
	return true;
}

bool sound_instance(const struct observe_instance *instance)
{
	return is_text(instance->path, sizeof(instance->path)) && slo_is_sound(&instance->slo);
}

bool sound_observation(const struct observation *observation)
{
	switch (observation->kind) {
	case OBSERVE_FAILURE:
		return failure_is_sound(&observation->failure);
	case OBSERVE_SAMPLE:
		return sample_is_sound(&observation->sample);
	case OBSERVE_INSTANCE:
		return sound_instance(&observation->instance);
	case OBSERVE_APP:
		return observation->app.idx < SLO_APP_MAX && observation->app.kind < APP_KIND_COUNT &&
		       !isnan(observation->app.value);
	default:
		return true;
	}
}

bool sound_memory(const struct recording_memory *memory, uint32_t slots_max)
{
	bool is_live = memory->slot < slots_max;
	uint32_t slot = memory->instance.info.slot;

	if (memory->view.balance.step > BALANCE_STEPS || memory->view.balance.resource >= RESOURCE_COUNT)
		return false;
	if (!memory->slot || memory->slot >= slots_max + PARKED_MAX || !sound_instance(&memory->instance.info))
		return false;
	/* One that is parked keeps the slot that it had. */
	return is_live ? slot == memory->slot && (!memory->view.cgroup_id || memory->view.slot == slot) : slot < slots_max + PARKED_MAX;
}

static bool announce_is_sound(const struct announce *announce)
{
	for (int i = 0; i < ANNOUNCE_PENDING; i++)
		if (announce->pending[i].kind_idx >= ANNOUNCE_KINDS)
			return false;
	return true;
}

static bool forecast_is_sound(const struct forecast *forecast)
{
	return forecast->source < FORECAST_SOURCE_COUNT && forecast->scarcest < RESOURCE_COUNT && forecast->impairment <= RESOURCE_COUNT &&
	       forecast->sli_id < SLI_COUNT;
}

static bool skill_is_sound(const struct skill *skill)
{
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		if (skill->pending_count[h] > SKILL_PENDING)
			return false;
	return forecast_is_sound(&skill->statistical);
}

bool sound_part(enum memory_part part, const void *at, size_t bytes)
{
	const struct announce *announce = at;
	bool is_good = true;

	if (part == MEMORY_FORESIGHT)
		return forecast_is_sound(&((const struct foresight *)at)->forecast);
	if (part == MEMORY_SKILL)
		return skill_is_sound(at);
	if (part >= MEMORY_RECUR)
		return ((const struct recur *)at)->period_s < RECUR_LAGS;
	for (size_t i = 0; part == MEMORY_ANNOUNCE && i < bytes / sizeof(*announce); i++)
		is_good = is_good && announce_is_sound(&announce[i]);
	return is_good;
}

bool sound_result(const struct result *result, size_t bytes)
{
	if (bytes < offsetof(struct result, item) || result->count > ACTIONS_MAX ||
	    bytes != offsetof(struct result, item) + result->count * sizeof(result->item[0]))
		return false;
	for (uint32_t i = 0; i < result->count; i++)
		if (!is_text(result->item[i].text, sizeof(result->item[i].text)))
			return false;
	return true;
}

static bool text_ends(const char *text, size_t bytes) { return memchr(text, '\0', bytes); }

/* What is remembered beside the decisions, as far as it is an index or a shift. */
static bool memory_is_sound(const struct ledger *ledger)
{
	for (int i = 0; i < FORBIDDEN_MAX; i++)
		if (ledger->forbidden[i].times > LEDGER_TWICE_MAX || ledger->forbidden[i].resource >= RESOURCE_COUNT)
			return false;
	for (int i = 0; i < LEDGER_WATCHED_MAX; i++)
		if (ledger->watched[i].resource >= RESOURCE_COUNT)
			return false;
	for (int i = 0; i < LEDGER_ALONE_MAX; i++)
		if (ledger->alone[i].resource >= RESOURCE_COUNT)
			return false;
	return true;
}

bool sound_ledger(const struct ledger *ledger)
{
	for (int i = 0; i < DECISIONS_MAX; i++) {
		const struct decision *decision = &ledger->decision[i];

		if (decision->resource >= RESOURCE_COUNT || decision->reason >= REASON_COUNT || decision->verdict >= VERDICT_COUNT || decision->policy >= POLICY_COUNT ||
		    !text_ends(decision->path, sizeof(decision->path)) || !text_ends(decision->scope, sizeof(decision->scope)))
			return false;
		if (decision->advice.why >= ADVICE_WHY_COUNT || decision->advice.help >= ADVICE_HELP_COUNT ||
		    !text_ends(decision->advice_path, sizeof(decision->advice_path)))
			return false;
		for (int k = 0; k < DECISION_GIVERS_MAX; k++)
			if (!text_ends(decision->giver[k].path, sizeof(decision->giver[k].path)))
				return false;
	}
	return memory_is_sound(ledger);
}

static bool one_is_sound(const struct plan_advice *one, uint32_t slots_max)
{
	return one->slot < slots_max && one->other < slots_max && one->resource < RESOURCE_COUNT && one->why < ADVICE_WHY_COUNT &&
	       one->help < ADVICE_HELP_COUNT && one->tier < TIER_COUNT;
}

bool sound_advice(const struct advice *advice, uint32_t slots_max)
{
	if (advice->count > PLAN_ADVICE_MAX)
		return false;
	for (uint32_t i = 0; i < advice->count; i++)
		if (!one_is_sound(&advice->list[i], slots_max))
			return false;
	return true;
}

bool sound_canary(const struct canary *canary)
{
	if (canary->state >= CANARY_STATE_COUNT || canary->base >= POLICY_COUNT || canary->candidate >= POLICY_COUNT)
		return false;
	return canary->state != CANARY_RUNS || (canary->round_blocks >= 2 && canary->block_ns >= CANARY_BLOCK_NS_MIN);
}

bool sound_cohort(const struct cohort *cohort, uint32_t slots_max)
{
	bool is_used = cohort->state == CANARY_RUNS || cohort->state == CANARY_PROMOTED;

	if (cohort->state >= CANARY_STATE_COUNT || cohort->stage >= COHORT_STAGE_COUNT || cohort->member_count > COHORT_MEMBERS_MAX ||
	    cohort->pair_count > cohort->member_count / 2 || !sound_canary(&cohort->time) ||
	    (is_used && cohort_resource(cohort->order.knob) == RESOURCE_COUNT) ||
	    !text_ends(cohort->order.glob, sizeof(cohort->order.glob)))
		return false;
	for (uint32_t i = 0; i < cohort->member_count; i++)
		if (cohort->member[i].slot >= slots_max)
			return false;
	return true;
}

bool sound_trial(const struct trial *trial, uint32_t slots_max)
{
	return trial->resource < RESOURCE_COUNT && trial->giver < slots_max && trial->victim < slots_max;
}

bool sound_pace(const struct pace *pace)
{
	if (pace->count > ACTIONS_MAX)
		return false;
	for (uint32_t i = 0; i < pace->count; i++)
		if (pace->action[i].knob >= KNOB_COUNT || pace->action[i].resource >= RESOURCE_COUNT ||
		    pace->action[i].reason >= REASON_COUNT || pace->action[i].tier >= TIER_COUNT)
			return false;
	return true;
}
