/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a pace costs and gains can be told from recordings as far as it needs no answer of the world: how much of a giver's demand goes on
 * while its limit is still on the way to where step = 1 has it at once, how much is taken while nobody is harmed, and how much is written.
 * The forecaster says that the future is like now: what is paced is mostly the reflex's.
 */
#include "plan_pace.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/replay.h"
#include "tools/corpus_run.h"

#define SLOTS 32
#define TICKS_MAX 4096
#define NEAR 20		/* ticks: harm that is farther away is no reason for a limit */
#define TICK_S 0.1
#define PACES (sizeof(paces) / sizeof(paces[0]))

static const struct {
	float step;
	uint32_t changes_max;
} paces[] = { { 1, 32 }, { 0.75f, 32 }, { 0.5f, 32 }, { 0.25f, 32 }, { 0.75f, 4 }, { 0.75f, 1 } };	/* the first is what the others are held against */

struct course {
	float left[SLOTS][RESOURCE_COUNT][TICKS_MAX];	/* of a giver's demand; 1: no limit */
	bool is_bad[RESOURCE_COUNT][TICKS_MAX];
	uint32_t ticks;
};

struct tally {
	double late_s;		/* of a giver's whole demand, that goes on until the limit is where it is wanted */
	double late_bad_s;	/* of these, while somebody protected was over its bound of that resource */
	double nothing_s;	/* of a giver's whole demand, that is taken without any harm within 2 s */
	double seconds;		/* of recordings */
	uint64_t changes, waits;	/* of actions: starts, other values, ends; and those put off to a later tick */
};

static struct course at_once, paced;
static struct tally tallies[2][PACES];	/* look-alikes, harmful */

static bool is_held(const struct plan *plan, const struct plan_action *like)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->action[i].slot == like->slot && plan->action[i].knob == like->knob && plan->action[i].value == like->value)
			return true;
	return false;
}

static void changes_count(const struct plan *before, const struct plan *now, struct tally *tally)
{
	for (uint32_t i = 0; i < now->count; i++)
		tally->changes += !is_held(before, &now->action[i]);
	for (uint32_t i = 0; i < before->count; i++) {
		struct plan_action any = before->action[i];
		bool is_there = false;

		for (uint32_t k = 0; k < now->count; k++)
			is_there |= now->action[k].slot == any.slot && now->action[k].knob == any.knob;
		tally->changes += !is_there;
	}
	tally->waits += now->waits;
}

static void tick_take(const struct replay *replay, struct course *course)
{
	const struct mind *mind = replay->mind;
	uint32_t count, at = course->ticks++;
	const uint32_t *annotated = predictor_annotated(mind->predictor, &count);

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		course->is_bad[r][at] = false;
		for (uint32_t i = 0; i < count; i++)
			course->is_bad[r][at] |= mind->view[annotated[i]].is_bound && mind->view[annotated[i]].need[r].bad >= mind->policy.bad_act;
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			course->left[slot][r][at] = 1;
	}
	for (uint32_t i = 0; i < replay->plan.count; i++) {
		const struct plan_action *action = &replay->plan.action[i];
		float wants = fmaxf(mind->view[action->slot].hold[action->resource].wanted, mind->view[action->slot].need[action->resource].demand);

		if (action->is_first && action->slot < SLOTS && action->resource != RESOURCE_MEMORY && wants > 0)
			course->left[action->slot][action->resource][at] = fminf(action->expected / wants, 1);
	}
}

static int course_run(const char *path, size_t pace, struct course *ret, bool *ret_is_harmful)
{
	static struct plan before;
	char error[REPLAY_ERROR_MAX];
	struct corpus_run run = { 0 };
	struct replay *replay;
	int kind, r = replay_open(path, true, &replay, error);

	if (r < 0)
		return r;
	corpus_run_parse(replay->setup.label, &run);
	*ret_is_harmful = run.is_harmful;
	replay->mind->policy.posture = 0;
	replay->mind->predictor->config.forecaster = FORECAST_PERSISTENCE;
	replay->mind->policy.changes_max = paces[pace].changes_max;
	for (int resource = 0; resource < RESOURCE_COUNT; resource++)
		if (resource != RESOURCE_MEMORY)
			replay->mind->policy.step[resource] = paces[pace].step;
	ret->ticks = before.count = 0;
	while ((kind = replay_next(replay)) > REPLAY_END) {
		if (kind != REPLAY_TICK || ret->ticks == TICKS_MAX)
			continue;
		tick_take(replay, ret);
		changes_count(&before, &replay->plan, &tallies[run.is_harmful][pace]);
		before = replay->plan;
	}
	replay_close(replay);
	return kind;
}

static bool is_harm_near(const struct course *course, int resource, uint32_t at)
{
	for (uint32_t i = at > NEAR ? at - NEAR : 0; i < at + NEAR && i < course->ticks; i++)
		if (course->is_bad[resource][i])
			return true;
	return false;
}

static void course_measure(const struct course *course, struct tally *tally)
{
	tally->seconds += course->ticks * TICK_S;
	for (int r = 0; r < RESOURCE_COUNT; r++)
		for (uint32_t at = 0; at < course->ticks && at < at_once.ticks; at++) {
			double late = 0, taken = 0;

			for (uint32_t slot = 0; slot < SLOTS; slot++) {
				late += fmaxf(course->left[slot][r][at] - at_once.left[slot][r][at], 0);
				taken += 1 - course->left[slot][r][at];
			}
			tally->late_s += late * TICK_S;
			tally->late_bad_s += course->is_bad[r][at] ? late * TICK_S : 0;
			tally->nothing_s += taken > 0 && !is_harm_near(course, r, at) ? taken * TICK_S : 0;
		}
}

int pace_take(const char *path)
{
	for (size_t pace = 0; pace < PACES; pace++) {
		struct course *course = pace ? &paced : &at_once;
		bool is_harmful = false;
		int r = course_run(path, pace, course, &is_harmful);

		if (r < 0)
			return r;
		course_measure(course, &tallies[is_harmful][pace]);
	}
	return 0;
}

void pace_print(void)
{
	printf("pace, without a forecast: s of a giver's demand let through on the way, of these under harm; taken for nothing; changes a minute; waits\n");
	for (int harmful = 1; harmful >= 0; harmful--)
		for (size_t i = 0; i < PACES; i++) {
			const struct tally *t = &tallies[harmful][i];

			printf("%-10s step %.2f changes_max %2u  late %6.1f %6.1f  nothing %6.1f  changes %6.1f  waits %llu\n",
			       harmful ? "harmful" : "look-alike", (double)paces[i].step, paces[i].changes_max, t->late_s, t->late_bad_s, t->nothing_s,
			       t->seconds > 0 ? (double)t->changes * 60 / t->seconds : 0, (unsigned long long)t->waits);
		}
}

void pace_json(void)
{
	printf(",\"pace\":[");
	for (size_t i = 0; i < PACES; i++) {
		const struct tally *hurt = &tallies[1][i], *alike = &tallies[0][i];

		printf("%s{\"step\":%.2f,\"changes_max\":%u,\"late_s\":%.1f,\"late_under_harm_s\":%.1f,\"nothing_s\":%.1f,\"alike_nothing_s\":%.1f,"
		       "\"changes\":%llu}", i ? "," : "", (double)paces[i].step, paces[i].changes_max, hurt->late_s, hurt->late_bad_s,
		       hurt->nothing_s, alike->nothing_s, (unsigned long long)(hurt->changes + alike->changes));
	}
	printf("]");
}
