/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "adam.h"

#include <math.h>

#define BETA_FIRST 0.9f
#define BETA_SECOND 0.999f
#define EPSILON 1e-8f

struct adam_rate adam_rate_at(float rate, unsigned int step)
{
	return (struct adam_rate) {
		.rate = rate,
		.first_correction = (float)(1 / (1 - pow(BETA_FIRST, step))),
		.second_correction = (float)(1 / (1 - pow(BETA_SECOND, step))),
	};
}

void adam_update(const struct adam_rate *rate, float decay, float *restrict weights, const float *restrict gradient,
		 float *restrict first, float *restrict second, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		float g = gradient[i], step;

		first[i] = BETA_FIRST * first[i] + (1 - BETA_FIRST) * g;
		second[i] = BETA_SECOND * second[i] + (1 - BETA_SECOND) * g * g;
		step = first[i] * rate->first_correction / (sqrtf(second[i] * rate->second_correction) + EPSILON);
		weights[i] -= rate->rate * (step + decay * weights[i]);
	}
}
