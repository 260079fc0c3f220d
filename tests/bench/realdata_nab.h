/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol: after the probation samples a file may raise one alarm in two days, at least one. Samples are taken by
 * falling score while that is above the file's median, 3 h apart. A window counts once however many alarms fall into it;
 * alarms outside every window are false.
 */
#ifndef FORESTALL_REALDATA_NAB_H
#define FORESTALL_REALDATA_NAB_H

#include "realdata.h"

#define NAB_APART 36	/* steps */

struct nab_outcome {
	uint32_t windows, hit, false_alarms;
};

uint32_t nab_probation(uint32_t steps);
uint32_t nab_budget(double days);
/* Marks the highest scores above least as alarms (positive); returns how many. None may be marked before. */
uint32_t nab_alarms(struct scored *scores, uint32_t steps, uint32_t from, uint32_t budget, float least);
/* Marks alarms above level, and counts. */
struct nab_outcome nab_judge(const struct series *series, struct scored *scores, float level);

#endif
