/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is believed of what, on this host. For each annotated instance, each output and each horizon: of a demand or an SLI
 * persistence, half or all of what the model says, or the statistical forecaster, whichever lost least of late; of a risk the
 * model or the statistical forecaster, since persistence foresees nothing of who is still well. Quantiles, and what the model
 * says of risks, are kept in agreement with what happened (conform.h). What is remembered is bounded: of each horizon SKILL_PENDING forecasts wait for
 * their outcome. Pure; the same seconds give the same bytes.
 *
 * A median loses by its absolute error, a risk by the square of it. What our own action shaped is no outcome, see
 * predictor_is_censored(). What stands still and what moves miss by different amounts, so an output's quantiles are kept for each of
 * the two by itself. Until there were SKILL_PROVEN outcomes a demand is not moved from what it is now, and until
 * SKILL_PROVEN_RISK a risk is the model's. Where hardly anything bad ever happened, silence costs nothing, so a model is not silenced for small worries that
 * did not come true.
 */
#ifndef FORESTALL_SKILL_H
#define FORESTALL_SKILL_H

#include <stdbool.h>
#include "conform.h"
#include "trust.h"

#define SKILL_OUTPUTS (RESOURCE_COUNT + 1)	/* demands, then the leading SLI */
#define SKILL_PENDING 5
#define SKILL_PACES 2		/* an output stands still, or moves */
#define SKILL_PROVEN 16
#define SKILL_PROVEN_RISK 60	/* neighbouring seconds share their fate */

struct predictor;
struct predictor_instance;

/* The first four are rivals of a contest, in the order of trust.h. */
enum skill_by {
	SKILL_PERSISTENCE,
	SKILL_HALF,
	SKILL_MODEL,
	SKILL_STATISTICAL,
	SKILL_UNPROVEN,	/* too few outcomes to tell */
	SKILL_BY_COUNT
};

/* What was said at one second, to be held against what comes. NaN: not measured. */
struct skill_said {
	float now[SKILL_OUTPUTS], model[SKILL_OUTPUTS], statistical[SKILL_OUTPUTS];	/* medians; of an SLI as in FEATURE_OWN_SLI */
	float said[SKILL_OUTPUTS][FORECAST_QUANTILES];
	float raw[SLI_COUNT], risk_model[SLI_COUNT], risk_statistical[SLI_COUNT];
	uint32_t moving;	/* then, bit per output */
	uint32_t violated;	/* then, bit per SLI */
	uint32_t happened, known;	/* since; known: in every second, or it happened */
	uint32_t second;
};

/* All zero at the start. */
struct skill {
	struct forecast statistical;	/* of this second */
	struct trust output[FORECAST_HORIZONS][SKILL_OUTPUTS], risk[FORECAST_HORIZONS][SLI_COUNT];
	struct conform conform[FORECAST_HORIZONS][SKILL_OUTPUTS][SKILL_PACES];
	float last[SKILL_OUTPUTS];	/* measured */
	float moved[SKILL_OUTPUTS];	/* sum of steps, each forgotten in some seconds */
	uint32_t happened[FORECAST_HORIZONS][SLI_COUNT];	/* outcomes that were bad */
	uint8_t output_by[FORECAST_HORIZONS][SKILL_OUTPUTS], risk_by[FORECAST_HORIZONS][SLI_COUNT];	/* enum skill_by, last */
	struct skill_said pending[FORECAST_HORIZONS][SKILL_PENDING];
	uint8_t pending_count[FORECAST_HORIZONS];
	uint32_t second;
	uint32_t measured;	/* SLIs that were, at some time: since, a second without a measurement is one without a violation */
	uint64_t bound[SLI_COUNT];	/* that all this was learned with */
};

/* After all have spoken: settles what is due, and changes each annotated instance's forecast into what is to be believed. */
void skill_all(struct predictor *predictor, uint64_t now_ns);

/* The instance was away. */
void skill_resume(struct skill *skill);

/* Another model speaks from now on: it has shown nothing yet. */
void skill_forget(struct skill *skill);

/* Why it was said so: who, and how much less it lost than persistence (1: nothing at all; 0: as much, or not known). */
struct skill_verdict {
	enum skill_by by;
	float skill;
};

struct skill_verdict skill_of_output(const struct skill *skill, uint32_t horizon, uint32_t output);
struct skill_verdict skill_of_risk(const struct skill *skill, uint32_t horizon, enum sli sli);

const char *skill_by_name(enum skill_by by);

#endif
