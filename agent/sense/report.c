/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <stdlib.h>

struct report {
	struct failures failures;
	struct watch *watch;
};

struct report *report_new(const struct report_setup *setup)
{
	struct report *report = calloc(1, sizeof(*report));
	struct watch_setup watch = {
		.root = setup->cgroup_root, .slots_max = setup->slots_max, .is_oom_told = setup->is_oom_told,
		.observe = setup->observe, .context = setup->context,
	};

	if (!report)
		return NULL;
	watch.failures = &report->failures;
	report->watch = watch_new(&watch);
	if (report->watch)
		return report;
	report_free(report);
	return NULL;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	watch_free(report->watch);
	free(report);
}

void report_observe(struct report *report, const struct observation *observation)
{
	if (!report)
		return;
	if (observation->kind == OBSERVE_FAILURE)
		failures_take(&report->failures, &observation->failure);
	else
		watch_observe(report->watch, observation);
}

void report_tick(struct report *report, uint64_t now_ns, bool is_second)
{
	(void)now_ns;
	watch_tick(report->watch, is_second);
}

struct watch *report_watch(struct report *report) { return report->watch; }
const struct failures *report_failures(const struct report *report) { return &report->failures; }
