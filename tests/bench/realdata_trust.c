/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "realdata_trust.h"

#include <math.h>

#define TRUST_RATE (1.0f / 576)	/* two days */

static float trust_level(int level)
{
	return (float)level / (TRUST_LEVELS - 1);
}

float trust_apply(const struct trust *trust, float now, float median)
{
	int best = 0;

	for (int i = 1; i < TRUST_LEVELS; i++)
		if (trust->error[i] < trust->error[best])
			best = i;
	return now + trust_level(best) * (median - now);
}

void trust_learn(struct trust *trust, float now, float median, float label)
{
	for (int i = 0; i < TRUST_LEVELS; i++)
		trust->error[i] += TRUST_RATE * (fabsf(now + trust_level(i) * (median - now) - label) - trust->error[i]);
}
