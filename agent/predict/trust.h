/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A forecast is used only where it has shown skill: who says how much of what is to come is a contest, and its losses are
 * remembered as means that age. Of a change that is forecast none, half or all is believed. Pure; all zero at the start.
 */
#ifndef FORESTALL_TRUST_H
#define FORESTALL_TRUST_H

#include <stdint.h>

/* How much of the forecast change is believed; none is persistence. */
enum trust_level { TRUST_NONE, TRUST_HALF, TRUST_ALL, TRUST_LEVELS };

#define TRUST_RIVALS (TRUST_LEVELS + 1)	/* and whoever stands beside the forecaster */

struct trust {
	float loss[TRUST_RIVALS];
	uint32_t count;		/* outcomes so far */
};

/* One outcome: the loss of each rival. The mean is plain until there were `memory` of them, and ages from then on. */
void trust_learn(struct trust *trust, uint32_t memory, const float *loss, uint32_t rivals);

/* Who lost least so far, the lower index among equals. */
uint32_t trust_best(const struct trust *trust, uint32_t rivals);

/* What is said at a level: now, and so much of the way to the forecast. */
float trust_between(enum trust_level level, float now, float forecast);

/* Absolute errors of the levels, into ret[TRUST_LEVELS]. */
void trust_errors(float now, float forecast, float outcome, float *ret);

#endif
