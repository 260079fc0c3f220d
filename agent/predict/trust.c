/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trust.h"

#include <math.h>

void trust_learn(struct trust *trust, uint32_t memory, const float *loss, uint32_t rivals)
{
	float rate;

	trust->count += trust->count < UINT32_MAX;
	rate = 1.0f / (float)(trust->count < memory ? trust->count : memory);
	for (uint32_t i = 0; i < rivals; i++)
		trust->loss[i] += rate * (loss[i] - trust->loss[i]);
}

uint32_t trust_best(const struct trust *trust, uint32_t rivals)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < rivals; i++)
		if (trust->loss[i] < trust->loss[best])
			best = i;
	return best;
}

float trust_between(enum trust_level level, float now, float forecast)
{
	return now + (float)level / (TRUST_LEVELS - 1) * (forecast - now);
}

void trust_errors(float now, float forecast, float outcome, float *ret)
{
	for (int level = 0; level < TRUST_LEVELS; level++)
		ret[level] = fabsf(trust_between((enum trust_level)level, now, forecast) - outcome);
}
