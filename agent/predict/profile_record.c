/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "model_internal.h"

#define MAGIC "forestall-profile 1\n"

_Static_assert(sizeof(MAGIC) - 1 == sizeof(((struct profile_record *)0)->magic), "the magic fills its place");
_Static_assert(sizeof(struct profile_slot) == 16 && sizeof(struct profile_level) == 1076 &&
		       sizeof(struct profile) == PROFILE_SLOTS * 16 + RESOURCE_COUNT * 1076 + 48,
	       "the layout of version 1: count the version up when it moves");

static uint32_t checksum(const struct profile_record *record)
{
	return model_checksum((const uint8_t *)record->path, sizeof(*record) - offsetof(struct profile_record, path));
}

void profile_format(const struct profile *profile, const char *path, struct profile_record *ret)
{
	memcpy(ret->magic, MAGIC, sizeof(ret->magic));
	memset(ret->path, 0, sizeof(ret->path));
	memcpy(ret->path, path, strnlen(path, sizeof(ret->path) - 1));
	ret->profile = *profile;
	ret->checksum = checksum(ret);
}

/* A file with the right checksum may still have been made by hand. */
static bool level_is_sound(const struct profile_level *level)
{
	bool is_sound = level->scale >= 0 && isfinite(level->scale);

	for (int q = 0; q < FORECAST_QUANTILES; q++)
		is_sound &= isfinite(level->pool[q]) != 0;
	for (int i = 0; i < PROFILE_DAY_SLOTS; i++)
		is_sound &= !isinf(level->off[i]) && !isinf(level->off_day[i]);
	for (int s = 0; s < PROFILE_SPANS; s++) {
		for (int i = 0; i < 3; i++)
			is_sound &= isfinite(level->product[s][i]) != 0;
		for (int i = 0; i < 2; i++)
			is_sound &= isfinite(level->target[s][i]) != 0;
		for (int q = 0; q < FORECAST_QUANTILES; q++)
			is_sound &= level->width[s][q] > 0 && level->width[s][q] < 1e3f;
		is_sound &= level->product[s][0] >= 0 && level->product[s][2] >= 0 &&
			    level->product[s][1] * level->product[s][1] <= 1.001f * level->product[s][0] * level->product[s][2] + 1e-6f;
	}
	return is_sound;
}

const char *profile_check(const struct profile_record *record, uint64_t bytes)
{
	const struct profile *profile = &record->profile;
	bool is_sound = profile->open >= profile->first;

	if (bytes < sizeof(record->magic) || memcmp(record->magic, MAGIC, strlen("forestall-profile ")))
		return "not a profile";
	if (memcmp(record->magic, MAGIC, sizeof(record->magic)))
		return "of another version";
	if (bytes != sizeof(*record))
		return "cut short or too long";
	if (record->checksum != checksum(record))
		return "damaged: its checksum does not fit";
	if (record->path[0] != '/' || !memchr(record->path, '\0', sizeof(record->path)))
		return "names no instance";
	for (int r = 0; r < RESOURCE_COUNT; r++)
		is_sound &= level_is_sound(&profile->level[r]) && profile->sum[r] >= 0 && profile->seconds[r] >= 0 &&
			    isfinite(profile->sum[r]) && isfinite(profile->seconds[r]);
	for (uint32_t i = 0; i < PROFILE_SLOTS; i++)
		is_sound &= profile->slot[i].week < PROFILE_WEEK_SLOTS && profile->slot[i].number <= profile->open;
	return is_sound ? NULL : "holds values that no history has";
}
