/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of what an application says of itself, StatsD or OpenMetrics. Pure: text in, a sample out.
 *
 *	checkout_ms:12.5|ms|@0.1|#env:prod	timers are ms, h and d; c counters; g gauges, of which +N and -N move the last
 *	queue_length 17 1700000000		a gauge; a counter when `# TYPE queue_length counter` came before it in the same
 *						packet or when it ends in _total
 *
 * Tags of StatsD are passed over. A series of OpenMetrics has no label but quantile="0.99" of a summary, whose other
 * quantiles, _sum, _count and _bucket are passed over: one name has one value here.
 */
#ifndef FORESTALL_APPLINE_H
#define FORESTALL_APPLINE_H

#include <stdbool.h>
#include <stddef.h>
#include "predict/observe.h"

#define APPLINE_NAME_MAX (SLO_APP_NAME_MAX - 4)	/* as an annotation can name it, with the NUL */
#define APPLINE_TYPES_MAX 8

/* What `# TYPE` lines of one packet said. All zero: nothing. */
struct appline_types {
	char name[APPLINE_TYPES_MAX][APPLINE_NAME_MAX];
	bool is_counter[APPLINE_TYPES_MAX];
	uint32_t count;
};

struct appline {
	char name[APPLINE_NAME_MAX];
	enum app_kind kind;
	double value;
	double weight;		/* how many values this one stands for; >= 1 */
	bool is_delta;		/* of a gauge: moves what was said last */
	bool is_total;		/* of a counter: value is what was counted since the application started */
};

/* 1 and *ret; 0: a line that says nothing; -EINVAL: neither, and why. Never reads line[bytes]. */
int appline_parse(const char *line, size_t bytes, struct appline_types *types, struct appline *ret, const char **ret_why);

#endif
