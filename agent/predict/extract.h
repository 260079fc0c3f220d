/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the memory of an instance and of its host to the frame of feature.h. Pure. */
#ifndef FORESTALL_EXTRACT_H
#define FORESTALL_EXTRACT_H

#include <stdbool.h>
#include "announce.h"
#include "feature.h"
#include "recur.h"
#include "slo.h"
#include "window.h"

#define EXPECT_SPANS 4	/* 1 s, 2 s, 3..5 s, 6..15 s ahead */

/* Demand (share of the host) that history says is coming, and how far to believe it (0..1). */
struct expectation {
	float demand[EXPECT_SPANS];
	float confidence[EXPECT_SPANS];
};

/* All that competes with the instance; shares of the host, negative where not measured. */
struct extract_others {
	float cpu, cpu_mean, cpu_slope;
	float wait, execs;
	float limit;
	float expect[EXPECT_SPANS];	/* sum over them of demand times confidence */
	struct expectation likeliest;	/* of the one with the largest demand times confidence */
};

struct extract {
	const struct window *window;
	const struct slo *slo;
	const struct expectation *own;
	const struct extract_others *others;
	float own_limit;	/* share of the host that cpu.max leaves it, 1 when unlimited */
	float host_cpus;
	float host_idle;	/* share, negative when not measured */
	float learned_risk[2];	/* within 2 s and 5 s, by the statistical forecaster; 0 without a bound */
	float delivered;	/* 0..1: share of the kernel's records that arrived */
};

/* False while no second has been closed; then *ret is untouched. */
bool feature_extract(const struct extract *in, struct frame *ret);

void feature_expect(const struct recur *recur, const struct announce *announce, struct expectation *ret);

/* Runq bound in ns; 5 ms where none is annotated. */
float feature_bound_ns(const struct slo *slo);

/* log2(sli / bound) / 4, at least -3: 0 at the bound, .25 at twice it. */
float feature_sli_scaled(float sli_ns, float bound_ns);

/* Unthrottled demand of a second, share of the host 0..1: what ran plus what wanted to. */
float feature_demand(const struct window_second *second, float host_cpus);

#endif
