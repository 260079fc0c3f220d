/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shape.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct burst {
	uint64_t start_ms, length_ms, count, period_ms, jitter_ms;
	double from, to;
};

/* Reads one number and the mark before it; leaves *text alone when the mark is absent. */
static bool number_after(const char **text, char mark, uint64_t *ret)
{
	const char *digits = *text + (mark ? 1 : 0);
	char *end;

	if ((mark && **text != mark) || *digits < '0' || *digits > '9')
		return false;
	*ret = strtoull(digits, &end, 10);
	*text = end;
	return true;
}

static int burst_parse(const char **text, struct burst *ret)
{
	uint64_t from, to;

	*ret = (struct burst){.count = 1};
	if (!number_after(text, 0, &ret->start_ms) || !number_after(text, '+', &ret->length_ms) ||
	    !number_after(text, ':', &from) || !number_after(text, '-', &to) || from > 100 || to > 100)
		return -EINVAL;
	if (**text == '*' && (!number_after(text, '*', &ret->count) || !number_after(text, '/', &ret->period_ms)))
		return -EINVAL;
	if (**text == '~' && !number_after(text, '~', &ret->jitter_ms))
		return -EINVAL;
	ret->from = (double)from / 100.0;
	ret->to = (double)to / 100.0;
	return ret->jitter_ms <= ret->start_ms ? 0 : -EINVAL;
}

/* xorshift64*: the same jitter on every machine, so not rand(). */
static uint64_t random_below(uint64_t *state, uint64_t bound)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((*state * 2685821657736338717ull) >> 11) % bound;
}

static int burst_expand(const struct burst *burst, uint64_t *random, struct shape *shape)
{
	for (uint64_t i = 0; i < burst->count; i++) {
		uint64_t shift_ms = random_below(random, 2 * burst->jitter_ms + 1);

		if (shape->count == SHAPE_SEGMENTS_MAX)
			return -E2BIG;
		shape->segments[shape->count++] = (struct shape_segment){
			.start_ms = burst->start_ms + i * burst->period_ms + shift_ms - burst->jitter_ms,
			.length_ms = burst->length_ms,
			.from = burst->from,
			.to = burst->to,
		};
	}
	return 0;
}

int shape_parse(const char *text, uint64_t seed, struct shape *ret, const char **ret_error)
{
	uint64_t random = seed * 2 + 1; /* zero is the one state xorshift never leaves */

	ret->count = 0;
	for (;;) {
		struct burst burst;
		int r = burst_parse(&text, &burst);

		if (r >= 0)
			r = burst_expand(&burst, &random, ret);
		if (r >= 0 && *text && *text != ',')
			r = -EINVAL;
		if (r < 0) {
			*ret_error = text;
			return r;
		}
		if (!*text++)
			return 0;
	}
}

double shape_duty(const struct shape *shape, uint64_t time_ms)
{
	for (unsigned int i = shape->count; i-- > 0;) {
		const struct shape_segment *segment = &shape->segments[i];
		double passed;

		if (time_ms < segment->start_ms || time_ms >= segment->start_ms + segment->length_ms)
			continue;
		passed = (double)(time_ms - segment->start_ms) / (double)segment->length_ms;
		return segment->from + (segment->to - segment->from) * passed;
	}
	return 0.0;
}

uint64_t shape_next_ms(const struct shape *shape, uint64_t time_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (unsigned int i = 0; i < shape->count; i++)
		if (shape->segments[i].start_ms > time_ms && shape->segments[i].start_ms < next_ms)
			next_ms = shape->segments[i].start_ms;
	return next_ms;
}

uint64_t shape_end_ms(const struct shape *shape)
{
	uint64_t end_ms = 0;

	for (unsigned int i = 0; i < shape->count; i++)
		if (shape->segments[i].start_ms + shape->segments[i].length_ms > end_ms)
			end_ms = shape->segments[i].start_ms + shape->segments[i].length_ms;
	return end_ms;
}
