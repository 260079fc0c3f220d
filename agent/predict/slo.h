/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SLO annotation: one line of `SLI<bound` and `key=value` words, see docs/SLO.md. Pure.
 *
 *   runq_p99<5ms cpu_some<10% window=1m budget=1% tier=critical kind=latency cpu=0.5..4
 */
#ifndef FORESTALL_SLO_H
#define FORESTALL_SLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLO_TEXT_MAX 256

enum sli {
	SLI_RUNQ_P99,	/* 99th percentile of single queue waits in a window, ns */
	SLI_CPU_SOME,	/* PSI some of cpu.pressure, parts per million of time */
	SLI_COUNT
};

enum tier { TIER_BEST_EFFORT, TIER_STANDARD, TIER_CRITICAL, TIER_COUNT };
enum kind { KIND_UNKNOWN, KIND_LATENCY, KIND_BATCH, KIND_STREAM, KIND_COUNT };

/* Where an annotation came from, highest authority first. */
enum slo_source {
	SLO_FROM_API,
	SLO_FROM_TRUSTED_XATTR,
	SLO_FROM_CONFIG,
	SLO_FROM_USER_XATTR,
	SLO_FROM_DEFAULT,
	SLO_SOURCE_COUNT
};

struct slo {
	uint64_t bound[SLI_COUNT];	/* 0: none; units as in enum sli */
	uint64_t window_ns;		/* default 60 s */
	uint32_t budget_ppm;		/* share of the window that may be bad; default 1 % */
	uint32_t tier;			/* enum tier; default standard */
	uint32_t kind;			/* enum kind */
	uint32_t cpu_min_milli;		/* thousandths of a CPU; default 0 */
	uint32_t cpu_max_milli;		/* default 0 = no bound */
	uint32_t source;		/* enum slo_source; SLO_FROM_DEFAULT after slo_init */
};

struct slo_error {
	uint32_t column;	/* 1-based position in the text */
	char reason[96];	/* names the word and the remedy */
};

void slo_init(struct slo *slo);

/* Parses `text` over the defaults. 0, or -EINVAL with *ret_error filled and *ret untouched. */
int slo_parse(const char *text, struct slo *ret, struct slo_error *ret_error);

/* The same over *base instead: what the text does not name stays as it is there. */
int slo_parse_over(const struct slo *base, const char *text, struct slo *ret, struct slo_error *ret_error);

/* Canonical text that parses back to the same slo. Returns the length, < SLO_TEXT_MAX. */
int slo_format(const struct slo *slo, char text[SLO_TEXT_MAX]);

/* True when some SLI is bound. */
bool slo_is_bound(const struct slo *slo);

/*
 * Applies what the owner of a delegated cgroup asked for (`wish`, parsed over *granted) to what the operator granted:
 * bounds and the budget only get smaller where granted, the CPU range and the tier only lower. *granted changes only
 * by tightening. True when all of the wish was granted.
 */
bool slo_tighten(struct slo *granted, const struct slo *wish);

const char *sli_name(enum sli sli);
const char *tier_name(enum tier tier);
const char *kind_name(enum kind kind);
const char *slo_source_name(enum slo_source source);

#endif
