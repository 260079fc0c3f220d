/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log-linear latency histogram in microseconds: 16 buckets per octave, so a
 * quantile read back is within 6 % of the true one. Histograms of neighbouring
 * bins add up, which is why the client writes them instead of percentiles only.
 */
#ifndef LOAD_HIST_H
#define LOAD_HIST_H

#include <stdint.h>
#include <stdio.h>

#define HIST_SUB_BITS 4
#define HIST_SUB_COUNT (1u << HIST_SUB_BITS)
#define HIST_OCTAVE_COUNT 24u
#define HIST_BUCKET_COUNT (HIST_SUB_COUNT * (HIST_OCTAVE_COUNT + 1))

struct hist {
	uint64_t count;
	uint32_t buckets[HIST_BUCKET_COUNT];
};

/* Adds one value; values past the last bucket (about 268 s) go into it. */
void hist_push(struct hist *hist, uint64_t value_us);

/* Adds all of `from` to `to`. */
void hist_merge(struct hist *to, const struct hist *from);

/* The upper edge of the bucket holding quantile q (0..1); 0 when empty. */
uint64_t hist_quantile_us(const struct hist *hist, double q);

/* Writes the non-empty buckets as "index:count;index:count". */
void hist_format(const struct hist *hist, FILE *out);

/*
 * Adds what hist_format() wrote. Returns 0, or -EINVAL at the first malformed
 * item; the items before it have then been added.
 */
int hist_parse(struct hist *hist, const char *text);

#endif
