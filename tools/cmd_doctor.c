/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall doctor */
#include <stdio.h>

#include "client.h"
#include "print.h"
#include "print_report.h"
#include "sense/probe.h"
#include "serve/value.h"

/* What the probes add up to. */
struct verdict {
	bool can_observe, can_act;
};

static void verdict_add(struct verdict *verdict, enum probe_need need, enum probe_state state)
{
	if (state != PROBE_MISSING)
		return;
	if (need == PROBE_FOR_OBSERVE)
		verdict->can_observe = verdict->can_act = false;
	if (need == PROBE_FOR_ACT)
		verdict->can_act = false;
}

static json_t *probe_json(size_t idx, const struct probe_result *result)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", probe_name(idx), "state",
			 probe_state_name(result->state), "needed_to", probe_need_name(probe_need(idx)), "purpose",
			 probe_purpose(idx), "reason", value_text(result->reason), "remedy",
			 result->remedy[0] ? value_text(result->remedy) : json_null());
}

/* A remedy has a line of its own: both texts are too long to stand side by side. */
static void probe_print(size_t idx, const struct probe_result *result)
{
	printf("%-8s  %-19s  %s\n", probe_state_name(result->state), probe_name(idx), result->reason);
	if (result->state == PROBE_OK)
		return;
	printf("%31sneeded to %s: %s\n", "", probe_need_name(probe_need(idx)), probe_purpose(idx));
	if (result->remedy[0])
		printf("%31s-> %s\n", "", result->remedy);
}

static void verdict_print(const struct verdict *verdict)
{
	if (!verdict->can_observe)
		puts("\nforestall cannot run here: see what is missing to observe.");
	else if (!verdict->can_act)
		puts("\nforestall can observe here and cannot act: see what is missing to act.");
	else
		puts("\nforestall can observe and act here.");
}

/* NULL when no mind runs that could tell. */
static json_t *coverage_ask(const struct context *context)
{
	int error;
	json_t *answer = client_call(context->run_dir, json_pack("{s:s}", "q", "status"), &error);
	json_t *coverage = json_incref(json_object_get(answer, "coverage"));

	json_decref(answer);
	return coverage;
}

int cmd_doctor(const struct context *context, int argc, char **argv)
{
	const struct probe_roots roots = PROBE_ROOTS_HOST;
	struct verdict verdict = { true, true };
	json_t *probes, *coverage;
	int status;

	(void)argv;
	if (argc != 1)
		return command_usage("doctor", "");
	probes = json_array();
	for (size_t i = 0; i < probe_count(); i++) {
		struct probe_result result;

		probe_run(i, &roots, &result);
		verdict_add(&verdict, probe_need(i), result.state);
		if (context->is_json)
			json_array_append_new(probes, probe_json(i, &result));
		else
			probe_print(i, &result);
	}
	coverage = coverage_ask(context);
	if (context->is_json) {
		status = print_json(context, json_pack("{s:b, s:b, s:O, s:O?}", "can_observe", verdict.can_observe, "can_act",
						       verdict.can_act, "probes", probes, "coverage", coverage));
	} else {
		verdict_print(&verdict);
		if (coverage)
			coverage_print(coverage);
		status = print_end();
	}
	json_decref(coverage);
	json_decref(probes);
	return status || !verdict.can_observe ? 1 : 0;
}
