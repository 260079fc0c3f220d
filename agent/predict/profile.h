/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resource profile: what one instance needs of each resource from minutes to a day ahead, learned from its own past at this
 * hour and on this day of the week. Pure; the wall clock is an argument.
 *
 * Four weeks are kept, a mean per quarter of an hour. What is coming at a time is told by the quarters that lie at most half an
 * hour from it by the clock on the wall, each with a weight: nearer ones, the same day of the week, the same kind of day
 * (working day, weekend) and younger ones count more. So a sparse day of the week shrinks towards the days like it, and
 * those towards all days; with few of them the quantiles lean on those of all hours. The quantiles are of the weighted empirical
 * distribution (the inverse of the kernel estimate in Hall, Wolff & Yao, "Methods for estimating a conditional
 * distribution function", JASA 94, 1999).
 *
 * To the season comes the level: how far the last quarter, and the last day, lay off their season, and what has followed from that so
 * far at each distance (least squares with a ridge, forgetting). The width of each quantile around the median follows its own
 * misses (after Gibbs & Candes, "Adaptive conformal inference under distribution shift", NeurIPS 2021), and is larger where few days were seen.
 *
 * All this happens in log2(1 + x / scale), scale being the instance's median: linear in what is small, a ratio in what is
 * large. Nothing is said further ahead than was looked back, unless this time of day has been seen.
 */
#ifndef FORESTALL_PROFILE_H
#define FORESTALL_PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include "forecast.h"
#include "resource.h"

#define PROFILE_SLOT_S 900
#define PROFILE_DAY_SLOTS 96
#define PROFILE_WEEK_SLOTS (7 * PROFILE_DAY_SLOTS)
#define PROFILE_SLOTS (4 * PROFILE_WEEK_SLOTS)
#define PROFILE_SPANS 8

/* A moment and what the clock on the wall is ahead of UTC then. */
struct profile_clock {
	int64_t unix_s;
	int32_t offset_s;
	uint32_t ns;		/* beyond unix_s */
};

struct profile_slot {
	uint32_t number;	/* unix_s / PROFILE_SLOT_S; 0: never filled */
	uint16_t week;		/* local quarter of the week, Monday 0:00 is 0 */
	uint16_t code[RESOURCE_COUNT];	/* 0: not measured; see profile.c */
	uint16_t pad;
};

/* Of one resource: what the level was worth so far. */
struct profile_level {
	float scale;		/* 0: nothing is known yet */
	float pool[FORECAST_QUANTILES];	/* of all hours, as log2(1 + x / scale) */
	float off[PROFILE_DAY_SLOTS];	/* a closed quarter's distance from its season, by number; NaN: not known */
	float off_day[PROFILE_DAY_SLOTS];	/* the mean of the day that ended with it */
	float product[PROFILE_SPANS][3];	/* sums of off^2, off * off_day, off_day^2 */
	float target[PROFILE_SPANS][2];		/* sums of either times what came */
	float width[PROFILE_SPANS][FORECAST_QUANTILES];
};

struct profile {
	struct profile_slot slot[PROFILE_SLOTS];	/* by number */
	struct profile_level level[RESOURCE_COUNT];
	uint32_t open;		/* number of the quarter that goes on; 0: none */
	uint32_t first;		/* of the first quarter that was ever measured */
	uint32_t behind_s;	/* how long the clock has shown an earlier time than before */
	int32_t offset_s;
	float sum[RESOURCE_COUNT];	/* of the open quarter */
	float seconds[RESOURCE_COUNT];
};

struct profile_need {
	float quantile[FORECAST_QUANTILES];	/* of the mean over a quarter of an hour, in the units of enum resource */
	float days;		/* weight of the days that speak of this time: 0, only the level does */
};

void profile_reset(struct profile *profile);

/*
 * The mean demand of the `seconds` that end now, in the units of enum resource; < 0: not measured, or not to be learned. A clock that is
 * set back is not believed for an hour; then what was learned after the time it shows is dropped. Gaps stay gaps.
 */
void profile_push(struct profile *profile, struct profile_clock now, const float demand[RESOURCE_COUNT], uint32_t seconds);

/* What is expected at a time from the open quarter to a day ahead. False: nothing can be said of it, *ret is untouched. */
bool profile_need(const struct profile *profile, enum resource resource, struct profile_clock at, struct profile_need *ret);

/* Days of history, for people. */
float profile_days(const struct profile *profile);

/* --- on disk: profile_record.c ------------------------------------------------------------------------------------------*/

#define PROFILE_PATH_MAX 256

/* What a file holds: "forestall-profile 1\n", CRC-32 of the rest, whose it is, and what was learned. Little endian. */
struct profile_record {
	char magic[20];
	uint32_t checksum;
	char path[PROFILE_PATH_MAX];
	struct profile profile;
};

void profile_format(const struct profile *profile, const char *path, struct profile_record *ret);

/* NULL, or what is wrong with it; the record is then not to be used. */
const char *profile_check(const struct profile_record *record, uint64_t bytes);

#endif
