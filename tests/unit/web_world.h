/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers of the mind as forestall-web's tests need them. */
#ifndef FORESTALL_WEB_WORLD_H
#define FORESTALL_WEB_WORLD_H

#include "unit.h"
#include "serve/web_poll.h"

static inline json_t *instance(const char *path, const char *slo, double cpu)
{
	return json_pack("{s:s, s:s, s:{s:s}, s:f, s:f, s:f, s:n, s:f, s:b}", "path", path, "tier",
			 slo[0] ? "critical" : "normal", "slo", "text", slo, "cpu", cpu, "wait", cpu / 2, "runq_p99_ms",
			 2.5, "psi_some", "risk", 0.25, "violated", slo[0] != '\0');
}

static inline struct web_view view_of(json_t *instances)
{
	return (struct web_view){
		.status = json_pack("{s:b, s:s, s:{s:i, s:i}, s:{s:i}}", "ok", 1, "mode", "observe", "ring",
				    "produced", 7, "dropped", 0, "instances", "observed", 3),
		.instances = instances,
		.rounds = 1,
	};
}

static inline void view_done(struct web_view *view)
{
	json_decref(view->status);
	json_decref(view->instances);
	json_decref(view->plan);
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
