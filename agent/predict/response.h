/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one SLI of one instance answers to more or less of one resource, identified from its own past. Pure.
 *
 * What is looked at is pressure: what it wanted of the resource over what it could have had, both as measured in a closed second, so 0.5
 * is twice as much as it wanted. For each second the share of delays over the bound is noted by pressure, in bins whose memory is
 * bounded and therefore fades; what is known of a bin that is not visited stays. More pressure never makes an SLI
 * better, which is all that is assumed of the curve: isotonic regression over the bins (pool adjacent violators; Ayer et al., 1955), and
 * straight lines between them. Beyond what was ever seen it is flat.
 *
 * Each second is first predicted and then learned. The mean absolute error of that is published, and is the model's authority:
 * the planner follows it only so far as trust says. A model that is surprised forgets faster, everywhere.
 */
#ifndef FORESTALL_RESPONSE_H
#define FORESTALL_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>
#include "resource.h"
#include "slo.h"

#define RESPONSE_BINS 16
/* An SLI that is blamed on one resource has one model, any other one for each resource. */
#define RESPONSE_FIXED (SLI_LEARNED_COUNT - 1)
#define RESPONSE_COUNT (RESPONSE_FIXED + (1 + SLO_APP_MAX) * RESOURCE_COUNT)

struct response {
	float weight[RESPONSE_BINS];	/* seconds in it, fading */
	float pressure[RESPONSE_BINS];	/* their means */
	float bad[RESPONSE_BINS];
	float error;			/* mean absolute, of shares predicted a second ahead, fading */
	uint32_t seconds;		/* learned from */
};

/* The fitted curve: corners by rising pressure. */
struct response_curve {
	uint32_t count;
	struct {
		float pressure, bad;
	} at[RESPONSE_BINS];
};

/* The place of a model among RESPONSE_COUNT; RESPONSE_COUNT when the SLI is not blamed on the resource. */
uint32_t response_index(enum sli sli, enum resource resource);

/* One closed second. */
void response_push(struct response *response, float pressure, float bad);

/* count 0: nothing is known. */
struct response_curve response_fit(const struct response *response);

/* The share over the bound under so much pressure; < 0: nothing is known. */
float response_bad(const struct response_curve *curve, float pressure);

/* The highest pressure at which the share is still expected to be no more than `bad`; < 0: none is known to be. */
float response_pressure(const struct response_curve *curve, float bad);

/* It has seen as many seconds as an error needs to say something. */
bool response_has_learned(const struct response *response);

/* Whether it has seen pressures that differ, so that it knows more than what is. */
bool response_is_identified(const struct response *response);

/* 0 not to be followed .. 1 */
float response_trust(const struct response *response);

#endif
