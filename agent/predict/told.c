/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include <math.h>

static struct foresight *foresight_of(struct predictor *p, uint32_t slot)
{
	struct predictor_instance *instance = predictor_live(p, slot);

	if (!instance)
		return NULL;
	instance->parts |= 1u << MEMORY_FORESIGHT;
	return instance->foresight;
}

void told_announced(struct predictor *p, const struct observe_announced *announced)
{
	bool is_sound = announced->resource < RESOURCE_COUNT && announced->demand >= 0 && !isinf(announced->demand);
	struct foresight *foresight = is_sound ? foresight_of(p, announced->slot) : NULL;

	if (foresight)
		foresight->announced[announced->resource] = *announced;
}

static bool quarters_are_sound(const struct observe_profile *profile)
{
	for (int i = 0; i < OBSERVE_QUARTERS; i++)
		if (!(profile->usual[i] >= 0 && profile->usual[i] <= profile->high[i] && profile->high[i] <= profile->highest[i]) ||
		    isinf(profile->highest[i]))
			return false;
	return profile->resource < RESOURCE_COUNT;
}

void told_profile(struct predictor *p, const struct observe_profile *profile)
{
	struct foresight *foresight = quarters_are_sound(profile) ? foresight_of(p, profile->slot) : NULL;

	if (foresight)
		foresight->profile[profile->resource] = *profile;
}
