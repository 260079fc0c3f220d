/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hist.h"

#include <errno.h>
#include <stdlib.h>

static unsigned int bucket_of(uint64_t value_us)
{
	unsigned int octave, idx;

	if (value_us < HIST_SUB_COUNT)
		return (unsigned int)value_us;
	octave = 63u - (unsigned int)__builtin_clzll(value_us);
	idx = (octave - HIST_SUB_BITS + 1) * HIST_SUB_COUNT +
	      (unsigned int)((value_us >> (octave - HIST_SUB_BITS)) & (HIST_SUB_COUNT - 1));
	return idx < HIST_BUCKET_COUNT ? idx : HIST_BUCKET_COUNT - 1;
}

static uint64_t bucket_low_us(unsigned int idx)
{
	unsigned int octave = idx / HIST_SUB_COUNT;
	uint64_t sub = idx % HIST_SUB_COUNT;

	return octave ? (HIST_SUB_COUNT + sub) << (octave - 1) : sub;
}

void hist_push(struct hist *hist, uint64_t value_us)
{
	hist->buckets[bucket_of(value_us)]++;
	hist->count++;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (unsigned int i = 0; i < HIST_BUCKET_COUNT; i++)
		to->buckets[i] += from->buckets[i];
	to->count += from->count;
}

uint64_t hist_quantile_us(const struct hist *hist, double q)
{
	double rank = q * (double)hist->count;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HIST_BUCKET_COUNT; i++) {
		seen += hist->buckets[i];
		if (seen && (double)seen >= rank)
			return bucket_low_us(i + 1);
	}
	return 0;
}

void hist_format(const struct hist *hist, FILE *out)
{
	const char *separator = "";

	for (unsigned int i = 0; i < HIST_BUCKET_COUNT; i++) {
		if (!hist->buckets[i])
			continue;
		fprintf(out, "%s%u:%u", separator, i, hist->buckets[i]);
		separator = ";";
	}
}

int hist_parse(struct hist *hist, const char *text)
{
	while (*text >= '0' && *text <= '9') {
		char *end;
		unsigned long idx = strtoul(text, &end, 10), count;

		if (*end != ':' || idx >= HIST_BUCKET_COUNT)
			return -EINVAL;
		count = strtoul(end + 1, &end, 10);
		hist->buckets[idx] += (uint32_t)count;
		hist->count += count;
		text = *end == ';' ? end + 1 : end;
	}
	return *text && *text != '\n' ? -EINVAL : 0;
}
