/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Least squares with a ridge, on sums that were gathered row by row. Pure. */
#ifndef FORESTALL_RIDGE_H
#define FORESTALL_RIDGE_H

#include <stdint.h>

#define RIDGE_MAX 80

struct ridge {
	uint32_t size;	/* 1..RIDGE_MAX */
	double products[RIDGE_MAX][RIDGE_MAX], targets[RIDGE_MAX], weight[RIDGE_MAX];
};

void ridge_add(struct ridge *ridge, const float *x, float y);
/* Solves into weight; the sums are used up. */
void ridge_solve(struct ridge *ridge, double penalty);
float ridge_say(const struct ridge *ridge, const float *x);

#endif
