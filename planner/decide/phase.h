/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Phased provisioning: how much of a resource is held ready for an instance over the day. Pure.
 *
 * Who says how little and how much it may have (cpu=MIN..MAX), and has a resource profile that knows this time of day
 * (predict/profile.h), is held ready neither the least nor the most of it, but what the profile says that it will need in the minutes to come, as an upper quantile by
 * its tier: it starts small and has grown before the demand does. What is used beyond the quantile, or below the median, corrects that
 * within a minute upwards and within five downwards. It rises at once, and shrinks slowly once less than 80 % of it is wanted.
 */
#ifndef FORESTALL_PHASE_H
#define FORESTALL_PHASE_H

#include <stdbool.h>
#include "predict/observe.h"

#define PHASE_AHEAD_NS 300000000000ull

/* Of one instance and resource. All zero: nothing is known. */
struct phase {
	float use;	/* of the last minute */
	float off;	/* logarithm of use beside what was predicted */
	bool is_shrinking;
	float amount;	/* to be held ready, in the units of the resource; 0: the profile says nothing */
};

/* Once a second: what it uses now, between what is annotated; tier is enum tier. */
void phase_second(struct phase *phase, const struct observe_profile *profile, const struct slo_range *range, float unit, uint32_t tier,
		  float use, uint64_t now_ns);

#endif
