/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the records of the arms to the figures of the table. Pure. */
#ifndef DEMO_MEASURE_H
#define DEMO_MEASURE_H

#include "arm.h"

/* A second is in violation when more than this share of its requests is over the bound. */
#define VIOLATION_SHARE 0.01

struct phase_result {
	double p50_ms, p99_ms;
	unsigned int violated_s, seconds;
	uint64_t request_count, bad_count;
	unsigned int violated_per_occurrence[OCCURRENCES_MAX]; /* from its start to the next one's */
	double units, units_kept; /* kept: share of the observe arm's */
	unsigned int change_count; /* changes of the antagonist's limits, as the witness saw them */
	unsigned int reversal_count; /* of these, changes of a limit against the direction of the one before */
	double reserved_s; /* CPU seconds that an antagonist wanted and its quota kept from it */
	double lead_s; /* median over the occurrences acted upon; NAN: none */
	unsigned int acted_count, early_count; /* occurrences acted upon at all / before the violation */
};

struct result {
	struct phase_result phases[PHASES_MAX], total; /* no lead time and no occurrences in total */
};

enum verdict { VERDICT_WON, VERDICT_LUCK, VERDICT_TIE, VERDICT_LOST, VERDICT_TIE_EXPECTED, VERDICT_COUNT };

bool second_is_violated(const struct arm *arm, unsigned int second);

/* The client's p99 over `count` bins from `first` on, in ms; NAN without requests. */
double bins_p99_ms(const struct arm *arm, unsigned int first, unsigned int count);

/* Fills *ret of one arm; kept throughput is a share of the observe arm's, which may be the same, and NAN where that is NULL. */
void measure_arm(const struct arm *observe, const struct arm *arm, struct result *ret);

/* Fills results[] of all arms; lead time and kept throughput are relative to the observe arm. */
void measure(const struct arm *const arms[ARM_COUNT], struct result results[ARM_COUNT]);

/* Nobody can foresee a step, so there a tie is what is expected. */
bool phase_is_foreseeable(const struct phase *phase);

/*
 * Of forestall against reactive by seconds in violation. Fewer of them are only
 * won if more occurrences were acted upon in time: else it was not foresight.
 */
enum verdict phase_verdict(const struct phase *phase, const struct phase_result *reactive,
			   const struct phase_result *forestall);

const char *verdict_text(enum verdict verdict);

#endif
