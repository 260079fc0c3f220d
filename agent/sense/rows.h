/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the kernel's per-CPU rows to the sample of one instance: what moved since the last look. */
#ifndef FORESTALL_ROWS_H
#define FORESTALL_ROWS_H

#include <stdbool.h>
#include "load.h"
#include "predict/observe.h"

/* Histograms that only the annotated have, by enum wire_delay. */
struct rows_detail {
	uint32_t hist[WIRE_DELAY_ALL][WIRE_HIST_COUNT];
};

/* Totals of a slot at the last look. */
struct rows_mark {
	struct wire_counters counters;
	uint32_t octave[WIRE_OCTAVES];
	struct rows_detail *detail;	/* NULL: it has none */
};

/*
 * Fills slot, moved and the buckets of *ret, moves *mark. `detail`: index of the instance's histograms, 0: it has
 * none; then nothing is told of its IO and responses, and queue waits are spread over their octaves. False when nothing moved; *ret is then undefined. A row is read
 * while its CPU writes it: each counter is one aligned load, so a value may be a moment older than its neighbour and
 * the difference comes with the next look.
 */
bool rows_read(const struct nerve *nerve, uint32_t slot, uint32_t detail, struct rows_mark *mark,
	       struct observe_sample *ret);

/* rows_read() of this slot is about to come: asks the processor for what it will read. */
void rows_expect(const struct nerve *nerve, uint32_t slot);

#endif
