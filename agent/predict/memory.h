/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered of instances, where most of them need little of it. Parts that few need lie in arrays of their own, by
 * slot, and are not touched before they are used: what was never touched costs no memory. Pure after memory_new.
 *
 * An instance that goes may come back: a unit that restarts has a new cgroup and slot and the same path. What was learned of
 * it is parked, in places behind the last slot, and handed to whoever appears with that path. Bounded: of too many the oldest
 * that nobody annotated goes first.
 */
#ifndef FORESTALL_MEMORY_H
#define FORESTALL_MEMORY_H

#include <stddef.h>
#include "announce.h"
#include "feature.h"
#include "forecast.h"
#include "lstm.h"
#include "recur.h"
#include "response.h"
#include "skill.h"
#include "statistical.h"
#include "window.h"

#define PARKED_MAX 64

struct predictor;
struct predictor_instance;

enum memory_part {
	MEMORY_STATISTICAL,	/* since a bound was judged */
	MEMORY_ANNOUNCE,	/* since the first event */
	MEMORY_SKILL,		/* since it was annotated */
	MEMORY_RARE,		/* of the window: since somebody annotated it, or asked for it */
	MEMORY_FORESIGHT,	/* the same */
	MEMORY_RESPONSE,	/* since it had a bound */
	MEMORY_RECUR,		/* and RESOURCE_COUNT - 1 after it: since the first demand worth it of that resource */
	MEMORY_PART_COUNT = MEMORY_RECUR + RESOURCE_COUNT
};

/* What comes of the window of those who are foreseen (predictor_foresees()). All zero of the others. */
struct foresight {
	struct lstm_state lstm;
	struct frame frame;
	struct forecast forecast;	/* the one that speaks */
	float learned_risk[2];		/* the gravest that the statistical forecaster says of 2 s and 5 s */
	uint32_t warm_s;		/* seconds in a row that the LSTM was shown */
	bool has_frame;
	struct observe_announced announced[RESOURCE_COUNT];	/* demand 0: nothing is */
	struct observe_profile profile[RESOURCE_COUNT];
};

/* [places] each; places are the slots and PARKED_MAX more. */
struct memory {
	uint32_t slots_max;
	struct statistical (*statistical)[SLI_COUNT];
	struct announce (*announce)[RESOURCE_COUNT];
	struct skill *skill;
	struct window_rare *rare;
	struct response (*response)[RESPONSE_COUNT];
	struct foresight *foresight;
	struct recur *recur[RESOURCE_COUNT];
	uint32_t parked[PARKED_MAX];	/* places in use, oldest first */
	uint32_t parked_count;
};

/* 0 or -ENOMEM; memory_free() takes both. */
int memory_new(struct memory *memory, uint32_t slots_max);
void memory_free(struct memory *memory);

/* Where a part of a place lies, and its size. */
void *memory_part(struct memory *memory, uint32_t place, enum memory_part part, size_t *ret_bytes);

/* Sets the pointers of the instance at this place to its parts. */
void memory_point(struct predictor *predictor, uint32_t place);

/* It is foreseen no more: no frame, no forecast. */
void memory_blind(struct predictor_instance *instance);

/* The instance at this slot starts with nothing, or with what was parked of its path. */
void memory_start(struct predictor *predictor, uint32_t slot, const char *path);

/* Of an instance to which an event happens. [RESOURCE_COUNT] */
struct announce *memory_announce(struct predictor *predictor, struct predictor_instance *instance);

/* Of an annotated instance. */
struct skill *memory_skill(struct predictor *predictor, struct predictor_instance *instance);

/*
 * After instance->demand is known. NULL until a demand in which there could be a period: what was before it counts as zeros.
 */
struct recur *memory_recur(struct predictor *predictor, struct predictor_instance *instance, enum resource resource);

/* The instance at this slot is gone. */
void memory_park(struct predictor *predictor, uint32_t slot);

#endif
