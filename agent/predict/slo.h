/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SLO annotation: one line of `SLI<bound` and `key=value` words, see docs/SLO.md. Pure.
 *
 *   runq_p99<5ms resp_p99<20ms mem_full<1% window=1m budget=1% tier=critical kind=latency cpu=0.5..4 memory=256M..2G
 *   io=..200M net=..100mbit app.checkout_ms<250 data=64M duration=20s concurrency=8 share=80:8081
 */
#ifndef FORESTALL_SLO_H
#define FORESTALL_SLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "resource.h"

#define SLO_TEXT_MAX 704
#define SLO_NUMBER_MAX 10000000000000ull	/* before the unit; in millionths it still fits 64 bits */
#define SLO_APP_MAX 2		/* SLIs of an instance that its application measures itself */
#define SLO_APP_NAME_MAX 32	/* with the "app." before it */

/*
 * The one table of SLIs: X(id, name, unit, resource, what it is). NS: a 99th percentile of single delays, bound in ns;
 * SHARE: a share of time or of segments, bound in parts per million. NUMBER: what an application says (sense/app.h). The resource is what a violation is blamed on;
 * RESOURCE_COUNT: whichever is under pressure.
 */
#define SLI_TABLE(X)                                                                                     \
	X(RUNQ_P99, "runq_p99", SLI_UNIT_NS, RESOURCE_CPU, "99th percentile of single queue waits")         \
	X(CPU_SOME, "cpu_some", SLI_UNIT_SHARE, RESOURCE_CPU, "share of time some task waited for a CPU")   \
	X(MEM_SOME, "mem_some", SLI_UNIT_SHARE, RESOURCE_MEMORY, "share of time some task stalled on memory") \
	X(MEM_FULL, "mem_full", SLI_UNIT_SHARE, RESOURCE_MEMORY, "share of time all tasks stalled on memory") \
	X(IO_P99, "io_p99", SLI_UNIT_NS, RESOURCE_IO, "99th percentile of block IO from queued to complete") \
	X(RESP_P99, "resp_p99", SLI_UNIT_NS, RESOURCE_COUNT, "99th percentile of server response times, TCP") \
	X(RETRANS, "retrans", SLI_UNIT_SHARE, RESOURCE_NET, "share of TCP segments sent again")

enum sli_unit { SLI_UNIT_NS, SLI_UNIT_SHARE, SLI_UNIT_NUMBER };

enum sli {
#define SLI_ENUM(id, name, unit, resource, what) SLI_##id,
	SLI_TABLE(SLI_ENUM)
#undef SLI_ENUM
	SLI_LEARNED_COUNT,	/* the model speaks of these; its outputs have their shape */
	SLI_APP = SLI_LEARNED_COUNT,	/* then what the application says: only the statistical forecaster speaks of it */
	SLI_COUNT = SLI_APP + SLO_APP_MAX
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

/* What an instance shall keep and may get: thousandths of a CPU, bytes, bytes per second. max 0: as much as it wants. */
struct slo_range {
	uint64_t min, max;
};

struct slo {
	uint64_t bound[SLI_COUNT];	/* 0: none; units as in enum sli, of an app's millionths of what it counts in */
	char app[SLO_APP_MAX][SLO_APP_NAME_MAX];	/* "app.NAME" of SLI_APP + i; "": none */
	uint64_t window_ns;		/* default 60 s */
	uint32_t budget_ppm;		/* share of the window that may be bad; default 1 % */
	uint32_t tier;			/* enum tier; default standard */
	uint16_t kind;			/* enum kind */
	uint16_t no_probe;		/* probe=no: it is not limited to learn what that does, nor anybody for its sake */
	uint32_t source;		/* enum slo_source; SLO_FROM_DEFAULT after slo_init */
	struct slo_range range[RESOURCE_COUNT];
	/* What its work is like, a piece of it being a request, a job or a run; 0: not said. */
	uint64_t data_bytes;		/* that a piece holds in memory */
	uint64_t duration_ns;		/* that a piece is expected to take; of a batch its whole run */
	uint32_t concurrency;		/* pieces that it works on at once, each on one CPU at most */
	uint32_t share;			/* of the connections to one TCP port: that << 16 | where it listens itself; 0: none */
};

struct slo_error {
	uint32_t column;	/* 1-based position in the text */
	char reason[128];	/* names the word and the remedy */
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

/* The SLI that stands for the instance where one number is wanted: the first bound one of the table, else runq_p99. */
enum sli slo_leading(const struct slo *slo);

/*
 * Applies what the owner of a delegated cgroup asked for (`wish`, parsed over *granted) to what the operator granted:
 * bounds, the budget and the concurrency only get smaller where granted, the ranges and the tier only lower. *granted changes only by
 * tightening. True when all of the wish was granted.
 */
bool slo_tighten(struct slo *granted, const struct slo *wish);

/* The same of those that the model knows. */
enum sli slo_leading_learned(const struct slo *slo);

/* The name of a learned SLI; of the application's what is the same for all of them. */
const char *sli_name(enum sli sli);

/* The name as it is in this annotation. */
const char *slo_sli_name(const struct slo *slo, enum sli sli);
enum sli_unit sli_unit(enum sli sli);
enum resource sli_resource(enum sli sli);
const char *tier_name(enum tier tier);
const char *kind_name(enum kind kind);
const char *slo_source_name(enum slo_source source);

#endif
