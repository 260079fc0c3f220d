/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

#define ROW(f, n, u, from_, signal_, ...) \
	[MEASURE_##f##_##n] = { .family = #f, .name = #n, .unit = u, .from = MEASURE_##from_, .signal = NERVE_##signal_, __VA_ARGS__ },
#define COUNTED(f, n, u, from, signal, field, source_) \
	ROW(f, n, u, from, signal, .counter = offsetof(struct wire_counters, field), .source = source_)
#define TOTAL(f, n, u, from, signal, source_) ROW(f, n, u, from, signal, .counter = MEASURE_NO_COUNTER, .source = source_)
#define GAUGE(f, n, u, from, signal, source_) \
	ROW(f, n, u, from, signal, .counter = MEASURE_NO_COUNTER, .is_gauge = true, .source = source_)
#define SHOWN(f, n, u, from, source_, metric) \
	ROW(f, n, u, from, ALWAYS, .counter = MEASURE_NO_COUNTER, .is_gauge = true, .source = source_, .shown = metric)

const struct measure measures[MEASURE_COUNT] = { MEASURE_TABLE(COUNTED, TOTAL, GAUGE, SHOWN) };

void measure_metric(const struct measure *measure, char ret_name[MEASURE_METRIC_MAX])
{
	bool is_time = !strcmp(measure->unit, "ns");
	int name_bytes = (int)strlen(measure->name) - (is_time ? (int)strlen("_ns") : 0);

	if (measure->shown)
		snprintf(ret_name, MEASURE_METRIC_MAX, "%s", measure->shown);
	else
		snprintf(ret_name, MEASURE_METRIC_MAX, "forestall_%s_%.*s%s%s", measure->family, name_bytes, measure->name,
			 is_time ? "_seconds" : "", measure->is_gauge ? "" : "_total");
}

const char *measure_from_name(enum measure_from from)
{
	static const char *const names[] = {
		[MEASURE_HOOK] = "hook, 100 ms",
		[MEASURE_DETAIL] = "hook, 100 ms, annotated only",
		[MEASURE_KERNEL] = "in-kernel read, 100 ms",
		[MEASURE_TICK_FILE] = "file, 100 ms, annotated only",
		[MEASURE_BOUND_FILE] = "file, 1 s, with a bound 100 ms, annotated only",
		[MEASURE_CPU_FILE] = "file, 1 s, with a bound 100 ms, not annotated 10 s",
		[MEASURE_FILE] = "file, 1 s, annotated only",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == MEASURE_FROM_COUNT, "a name for each");
	return names[from];
}
