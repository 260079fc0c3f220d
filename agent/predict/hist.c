/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hist.h"

#include <string.h>

uint32_t hist_bucket(uint64_t ns)
{
	uint32_t exp;

	if (ns < (1ull << WIRE_HIST_MIN_EXP))
		return 0;
	exp = 63u - (uint32_t)__builtin_clzll(ns);
	if (exp >= WIRE_HIST_MIN_EXP + WIRE_HIST_OCTAVES)
		return WIRE_HIST_COUNT - 1;
	return ((exp - WIRE_HIST_MIN_EXP) << WIRE_HIST_SUB_BITS) +
	       (uint32_t)((ns >> (exp - WIRE_HIST_SUB_BITS)) & (HIST_SUB_COUNT - 1)) + 1;
}

uint64_t hist_bucket_floor(uint32_t bucket)
{
	uint32_t exp, sub;

	if (bucket == 0)
		return 0;
	exp = (bucket - 1) / HIST_SUB_COUNT + WIRE_HIST_MIN_EXP;
	sub = (bucket - 1) % HIST_SUB_COUNT;
	return (1ull << exp) + ((uint64_t)sub << (exp - WIRE_HIST_SUB_BITS));
}

uint32_t hist_spread(uint32_t octave, uint32_t count, uint32_t ret_count[HIST_SUB_COUNT])
{
	uint64_t before = HIST_SUB_COUNT / 2;

	if (!octave || octave == WIRE_OCTAVES - 1) {
		memset(ret_count, 0, HIST_SUB_COUNT * sizeof(*ret_count));
		ret_count[0] = count;
		return octave ? WIRE_HIST_COUNT - 1 : 0;
	}
	for (uint32_t sub = 0; sub < HIST_SUB_COUNT; sub++) {
		uint64_t after = before + count;

		ret_count[sub] = (uint32_t)(after / HIST_SUB_COUNT - before / HIST_SUB_COUNT);
		before = after;
	}
	return (octave - 1) * HIST_SUB_COUNT + 1;
}

void hist_reset(struct hist *hist)
{
	memset(hist, 0, sizeof(*hist));
}

void hist_add(struct hist *hist, uint32_t bucket, uint32_t count)
{
	hist->count[bucket] += count;
	hist->total += count;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++)
		to->count[i] += from->count[i];
	to->total += from->total;
}

uint64_t hist_quantile(const struct hist *hist, double q)
{
	double rank = q * (double)hist->total, seen = 0;

	for (uint32_t i = 0; i < WIRE_HIST_COUNT; i++) {
		uint64_t floor = hist_bucket_floor(i), width;

		if (!hist->count[i] || (seen += hist->count[i]) < rank)
			continue;
		width = (i + 1 < WIRE_HIST_COUNT ? hist_bucket_floor(i + 1) : floor) - floor;
		return floor + (uint64_t)((double)width * (1.0 - (seen - rank) / hist->count[i]));
	}
	return 0;
}
