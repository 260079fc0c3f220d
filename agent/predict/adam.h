/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adam with decoupled weight decay (Kingma & Ba 2015, Loshchilov & Hutter 2019), beta .9 and .999. Pure. */
#ifndef FORESTALL_ADAM_H
#define FORESTALL_ADAM_H

#include <stddef.h>

struct adam_rate {
	float rate;
	float first_correction;		/* 1 / (1 - .9^step) */
	float second_correction;	/* 1 / (1 - .999^step) */
};

/* The rate of update number step, counted from 1. */
struct adam_rate adam_rate_at(float rate, unsigned int step);

/* Moves count weights; first and second are the moments, zero at the start. decay is 0 for biases. */
void adam_update(const struct adam_rate *rate, float decay, float *restrict weights, const float *restrict gradient,
		 float *restrict first, float *restrict second, size_t count);

#endif
