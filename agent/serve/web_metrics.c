/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What each named instance shows; a null value is no line. */
struct series {
	const char *name, *key, *help;
	double scale;
	double (*other)(const struct web_pick *pick);	/* NULL: makes no sense as a sum */
};

static double other_cpu(const struct web_pick *pick)
{
	return pick->other_cpu;
}

static double other_wait(const struct web_pick *pick)
{
	return pick->other_wait;
}

static const struct series all_series[] = {
	{ "forestall_cpu_cores", "cpu", "CPUs used in the last second", 1, other_cpu },
	{ "forestall_wait_cores", "wait", "CPUs waited for in the last second, in CPU seconds per second", 1,
	  other_wait },
	{ "forestall_demand_cores", "demand", "CPUs used and waited for", 1, NULL },
	{ "forestall_runq_p99_seconds", "runq_p99_ms", "99th percentile of run queue waits of the last second", 1e-3,
	  NULL },
	{ "forestall_psi_cpu_some_ratio", "psi_some", "CPU pressure, share of the last second", 1, NULL },
	{ "forestall_risk_2s_ratio", "risk", "probability of a violation within 2 seconds", 1, NULL },
};

static void heading(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s.\n# TYPE %s %s\n", name, help, name, type);
}

static void single(FILE *out, const char *name, const char *help, double value)
{
	if (!isfinite(value))
		return;
	heading(out, name, "gauge", help);
	fprintf(out, "%s %.9g\n", name, value);
}

/* A cgroup's name may hold any byte but '/' and NUL; JSON made it UTF-8 on the way. */
static void label_put(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
}

static void instance_line(FILE *out, const char *name, const json_t *instance, double value)
{
	fprintf(out, "%s{path=\"", name);
	label_put(out, web_pick_text(instance, "path"));
	fputs("\",tier=\"", out);
	label_put(out, web_pick_text(instance, "tier"));
	fprintf(out, "\"} %.9g\n", value);
}

static void series_put(FILE *out, const struct series *series, const struct web_pick *pick)
{
	heading(out, series->name, "gauge", series->help);
	for (size_t i = 0; i < pick->count; i++) {
		double value = web_pick_number(pick->item[i], series->key);

		if (isfinite(value))
			instance_line(out, series->name, pick->item[i], value * series->scale);
	}
	if (series->other && pick->other_count)
		fprintf(out, "%s{path=\"other\",tier=\"\"} %.9g\n", series->name, series->other(pick));
}

static void violated_put(FILE *out, const struct web_pick *pick)
{
	heading(out, "forestall_violated", "gauge", "1 when the annotated bound was broken in the last second");
	for (size_t i = 0; i < pick->count; i++) {
		const json_t *value = json_object_get(pick->item[i], "violated");

		instance_line(out, "forestall_violated", pick->item[i], json_is_true(value));
	}
}

/* The numbers of one object of the status, one label value per key. */
static void family_put(FILE *out, const char *name, const char *type, const char *help, const char *label,
		       json_t *object)
{
	const char *key;
	json_t *value;

	heading(out, name, type, help);
	json_object_foreach(object, key, value)
		if (json_is_number(value))
			fprintf(out, "%s{%s=\"%s\"} %.17g\n", name, label, key, json_number_value(value));
}

static void status_put(FILE *out, const json_t *status)
{
	const json_t *tick = json_object_get(status, "tick");

	heading(out, "forestall_mode", "gauge", "1 with the label of what forestall may do");
	fputs("forestall_mode{mode=\"", out);
	label_put(out, web_pick_text(status, "mode"));
	fputs("\"} 1\n", out);
	family_put(out, "forestall_ring_records_total", "counter", "Records of the kernel side, by what became of them",
		   "state", json_object_get(status, "ring"));
	family_put(out, "forestall_instances", "gauge", "Instances, by sort; max is how many there may be", "sort",
		   json_object_get(status, "instances"));
	single(out, "forestall_tick_cost_seconds", "How long the mind's last tick took",
	       web_pick_number(tick, "cost_ns") * 1e-9);
	single(out, "forestall_tick_late_seconds_max", "The latest that a tick of the mind began",
	       web_pick_number(tick, "late_ns_max") * 1e-9);
	single(out, "forestall_host_cpus", "CPUs of the host", web_pick_number(status, "host_cpus"));
}

static void view_put(FILE *out, const struct web_view *view)
{
	struct web_pick pick;

	web_pick_make(view->instances, &pick);
	status_put(out, view->status);
	single(out, "forestall_plan_actions", "Actions that the plan wants now",
	       (double)json_array_size(json_object_get(view->plan, "actions")));
	single(out, "forestall_other_instances", "Instances that path=\"other\" sums up", (double)pick.other_count);
	for (size_t i = 0; i < sizeof(all_series) / sizeof(all_series[0]); i++)
		series_put(out, &all_series[i], &pick);
	violated_put(out, &pick);
}

char *web_metrics_format(const struct web_view *view, bool is_fresh, bool has_history, size_t *ret_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_bytes);
	bool is_whole;

	if (!out)
		return NULL;
	single(out, "forestall_mind_up", "1 when the mind answered in the last 5 seconds", is_fresh);
	single(out, "forestall_history_up", "1 when seconds and actions are being kept", has_history);
	if (is_fresh)
		view_put(out, view);
	is_whole = !ferror(out);
	if (fclose(out) == 0 && is_whole)
		return text;
	free(text);
	return NULL;
}
