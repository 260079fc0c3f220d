/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log-linear histogram of wire.h, user side. Pure. */
#ifndef FORESTALL_HIST_H
#define FORESTALL_HIST_H

#include <stdint.h>
#include "wire.h"

struct hist {
	uint32_t count[WIRE_HIST_COUNT];
	uint64_t total;
};

/* Fewer samples than this say nothing about a 99th percentile. */
#define HIST_P99_SAMPLES_MIN 20

/* Bucket of a value in ns; the same rule as hist_bucket() in bpf/sched.bpf.c. */
uint32_t hist_bucket(uint64_t ns);

/* Smallest value in ns that falls into the bucket (0 for bucket 0). */
uint64_t hist_bucket_floor(uint32_t bucket);

#define HIST_SUB_COUNT (1u << WIRE_HIST_SUB_BITS)

/*
 * `count` delays of which only the octave is known (of WIRE_OCTAVES) among its sub-buckets, evenly; what cannot be
 * divided goes to those in the middle. The bucket of ret_count[0]; those that the octave has no sub-bucket for are 0.
 */
uint32_t hist_spread(uint32_t octave, uint32_t count, uint32_t ret_count[HIST_SUB_COUNT]);

void hist_reset(struct hist *hist);
void hist_add(struct hist *hist, uint32_t bucket, uint32_t count);
void hist_merge(struct hist *to, const struct hist *from);

/*
 * The quantile q in 0..1 in ns, interpolated within its bucket; 0 when empty. The error is at most one sub-bucket,
 * 1/8 of an octave; of what was spread, one octave.
 */
uint64_t hist_quantile(const struct hist *hist, double q);

#endif
