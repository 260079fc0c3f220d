/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the mind as forestall-web's tests need them. */
#ifndef FORESTALL_WEB_WORLD_H
#define FORESTALL_WEB_WORLD_H

#include "unit.h"
#include "serve/web_poll.h"

/* One with an annotation is bound to runq_p99 and mem_some, of which the second was not measured. */
static inline json_t *instance(const char *path, const char *slo, double cpu)
{
	json_t *slis = json_object();

	if (slo[0])
		slis = json_pack("{s:{s:f, s:f, s:s, s:f, s:b, s:f}, s:{s:n, s:f, s:s, s:n, s:b, s:f}}", "runq_p99", "value", 2.5,
				 "bound", 5.0, "unit", "ms", "bad_share", 0.002, "violated", 1, "risk", 0.25, "mem_some", "value",
				 "bound", 0.02, "unit", "share", "bad_share", "violated", 0, "risk", 0.125);
	return json_pack("{s:s, s:s, s:{s:s}, s:f, s:f, s:f, s:f, s:n, s:{s:n, s:f}, s:o, s:{s:f, s:f}, s:{s:f}, s:f, s:s, s:b}",
			 "path", path, "tier", slo[0] ? "critical" : "normal", "slo", "text", slo, "cpu", cpu, "wait", cpu / 2,
			 "memory_bytes", 4096.0, "io_bytes", cpu * 1000, "tx_bytes", "psi", "cpu_some", "io_full", 0.25, "slis",
			 slis, "demand", "cpu", cpu * 2, "io", 7.0, "expected", "memory", 8192.0, "risk", 0.25, "impairment",
			 slo[0] ? "memory" : "none", "violated", slo[0] != '\0');
}

static inline struct web_view view_of(json_t *instances)
{
	return (struct web_view){
		.status = json_pack("{s:b, s:s, s:{s:i, s:i}, s:{s:i}, s:{s:f}, s:{s:{s:i}, s:f}}", "ok", 1, "mode", "observe", "ring",
				    "produced", 7, "dropped", 0, "instances", "observed", 3, "capacity", "net", 1e6, "ledger", "begun", "foresight", 5, "prevented", 1.5),
		.instances = instances,
		.rounds = 1,
	};
}

static inline void view_done(struct web_view *view)
{
	json_decref(view->status);
	json_decref(view->instances);
	json_decref(view->rest);
	json_decref(view->plan);
	json_decref(view->failures);
}

/* Some that are annotated, and others that are not, the later the busier. */
static inline json_t *crowd(int annotated, int others)
{
	json_t *all = json_array();
	char path[32];

	for (int i = 0; i < annotated; i++) {
		snprintf(path, sizeof(path), "/slo/%d", i);
		json_array_append_new(all, instance(path, "runq_p99<5ms", 0));
	}
	for (int i = 0; i < others; i++) {
		snprintf(path, sizeof(path), "/crowd/%d", i);
		json_array_append_new(all, instance(path, "", i * 0.001));
	}
	return all;
}

#endif
