/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shape of a load over time: duty (0..1 of one CPU per thread) as straight
 * segments. Written as a comma-separated list of
 *
 *	START+LENGTH:FROM-TO[*COUNT/PERIOD[~JITTER]]
 *
 * with times in ms and duties in percent: "20000+2000:100-100*7/7300~50" is
 * seven bursts of 2 s, 7.3 s apart, each shifted by up to 50 ms either way.
 * A ramp is "0+8000:0-100", a trapezoid is ramp, step and ramp in a row.
 */
#ifndef LOAD_SHAPE_H
#define LOAD_SHAPE_H

#include <stdint.h>

#define SHAPE_SEGMENTS_MAX 256

struct shape_segment {
	uint64_t start_ms, length_ms;
	double from, to;
};

struct shape {
	unsigned int count;
	struct shape_segment segments[SHAPE_SEGMENTS_MAX];
};

/*
 * Parses text into *ret; the seed drives the jitter. Returns 0, or -EINVAL with
 * *ret_error at the offending character, or -E2BIG; *ret is then undefined.
 */
int shape_parse(const char *text, uint64_t seed, struct shape *ret, const char **ret_error);

/* Duty at a time; the last segment that covers it wins, 0 outside of all. */
double shape_duty(const struct shape *shape, uint64_t time_ms);

/* When the next segment after time_ms begins; UINT64_MAX when none does. */
uint64_t shape_next_ms(const struct shape *shape, uint64_t time_ms);

/* When the last segment ends. */
uint64_t shape_end_ms(const struct shape *shape);

#endif
