/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the memory of an instance and of its host to the frame of feature.h. Pure. */
#ifndef FORESTALL_EXTRACT_H
#define FORESTALL_EXTRACT_H

#include <stdbool.h>
#include "announce.h"
#include "feature.h"
#include "recur.h"
#include "slo.h"
#include "surge.h"
#include "window.h"

#define EXPECT_SPANS 4	/* 1 s, 2 s, 3..5 s, 6..15 s ahead */

/* Demand (share of capacity) that history says is coming, and how far to believe it (0..1). */
struct expectation {
	float demand[EXPECT_SPANS];
	float confidence[EXPECT_SPANS];
};

/* What happened to the instance in the second closed last. */
struct extract_events {
	float count;		/* of all kinds */
	float follows;		/* surge_follows() */
	float failures;		/* of it, each forgotten in a minute */
	float failure_due;	/* time since the last over the mean time between them; 0 before the second */
};

/* All that competes with the instance; shares of capacity, negative where not measured. */
struct extract_others {
	float cpu, cpu_slope;
	float wait, execs, reclaim;
	float events;
	float up[SURGE_CPU];	/* the largest of struct surge */
	float demand[RESOURCE_COUNT];	/* sum over them */
	float slope[RESOURCE_COUNT];	/* of it, over 3 s */
	float expect[RESOURCE_COUNT][EXPECT_SPANS];	/* sum over them of demand times confidence */
	struct expectation likeliest[RESOURCE_COUNT];	/* of the one with the largest demand times confidence */
	float likeliest_now[RESOURCE_COUNT];	/* demand of the one that is likeliest within 2 s */
};

/* The host's memory; negative where not measured. */
struct extract_memory {
	float free;	/* available share */
	float slope;	/* of it, over 3 s */
};

struct extract {
	const struct window *window;
	const struct slo *slo;
	const struct observe_limits *limits;
	const float *demand;			/* own, [RESOURCE_COUNT], share of capacity */
	const float *capacity;			/* [RESOURCE_COUNT], in the units of enum resource */
	const struct expectation *own;		/* [RESOURCE_COUNT] */
	const struct surge *surge;
	struct extract_events events;
	const struct extract_others *others;
	struct extract_memory memory;
	float own_limit;	/* share of the host that cpu.max leaves it, 1 when unlimited */
	float host_idle;	/* share, negative when not measured */
	float learned_risk[2];	/* within 2 s and 5 s, by the statistical forecaster; 0 without a bound */
	float delivered;	/* 0..1: share of the kernel's records that arrived */
	uint64_t lacks;		/* bit per enum observe_lack */
};

/* False while no second has been closed; then *ret is untouched. */
bool feature_extract(const struct extract *in, struct frame *ret);

/* What recurrence and events of one resource say of each span. Either may be NULL: there was none yet. */
void feature_expect(const struct recur *recur, const struct announce *announce, struct expectation *ret);

/* The bound of an SLI in its own unit (ns, or share of 1), or what stands for it where none is annotated. */
float feature_bound(const struct slo *slo, enum sli sli);

/* log2(value / bound) / 4, at least -3: 0 at the bound, .25 at twice it. */
float feature_sli_scaled(float value, float bound);

/*
 * Unthrottled demand of a second in the units of enum resource: CPU is what ran plus what wanted to; memory what is
 * charged plus what was refaulted; IO what was done, and under a limit of io.max so much more as tasks stalled for it.
 * Negative: not measured.
 */
float feature_demand(const struct window_second *second, const struct observe_limits *limits, enum resource resource);

#endif
