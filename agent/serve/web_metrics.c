/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sense/measure.h"

#define HELP_MAX 128
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A number of an instance under a key of its own; a null value is no line. Lines of one metric stand together. */
struct number {
	const char *name, *help;
	const char *key, *resource;	/* resource: the label's value; NULL: the metric has none */
};

/* One metric of an instance's object: a line for each of its keys, in the unit `unit` if that is given. */
struct series {
	const char *name, *help;
	const char *object, *label;	/* key in the instance, and what its keys are called */
	const char *field;		/* of the value, which is an object then; NULL: the value itself */
	const char *unit;
	double scale;
	const char *more;		/* labels that are the same in all lines */
};

#define USED "forestall_used", "What was used in the last second: CPUs, bytes, bytes per second (net: sent)"
static const struct number all_numbers[] = {
	{ USED, "cpu", "cpu" }, { USED, "memory_bytes", "memory" }, { USED, "io_bytes", "io" }, { USED, "tx_bytes", "net" },
	{ "forestall_wait_cores", "CPUs waited for in the last second, in CPU seconds per second", "wait", NULL },
	{ "forestall_failure_risk_ratio", "Probability that it fails within 2 s", "failure_risk", NULL },
	{ "forestall_share_weight", "Weight that the plan gives it of the new connections to the port that it shares, at most 1000", "share_weight", NULL },
};

#define FORESEEN ",horizon=\"2\""
static const struct series all_series[] = {
	{ "forestall_demand", "What was used and wanted in the last second: CPUs, bytes, bytes per second", "demand",
	  "resource", NULL, NULL, 1, "" },
	{ "forestall_demand_expected", "What the demand that is forecast stays below with the probability that is its level, in the same units", "expected", "resource",
	  NULL, NULL, 1, ",level=\"0.9\"" FORESEEN },
	{ "forestall_pressure_ratio", "Share of the last second in which tasks stalled", "psi", "pressure", NULL, NULL, 1, "" },
	{ "forestall_sli_seconds", "Delays of the last second, as their SLI says", "slis", "sli", "value", "ms", 1e-3, "" },
	{ "forestall_sli_ratio", "Shares of the last second, as their SLI says", "slis", "sli", "value", "share", 1, "" },
	{ "forestall_sli_number", "What the application said in the last second, as its SLI says", "slis", "sli", "value", "number",
	  1, "" },
	{ "forestall_bound_number", "What that is bound to", "slis", "sli", "bound", "number", 1, "" },
	{ "forestall_bound_seconds", "What such a delay is bound to", "slis", "sli", "bound", "ms", 1e-3, "" },
	{ "forestall_bound_ratio", "What such a share is bound to", "slis", "sli", "bound", "share", 1, "" },
	{ "forestall_bad_ratio", "Share over the bound in the last second", "slis", "sli", "bad_share", NULL, 1, "" },
	{ "forestall_violated", "1 when the annotated bound was broken in the last second", "slis", "sli", "violated", NULL,
	  1, "" },
	{ "forestall_risk_ratio", "Probability of a violation within the horizon, in seconds", "slis", "sli", "risk", NULL, 1,
	  FORESEEN },
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

/* instance NULL: the sum of all that are not named. `label` may be NULL; its value and `more` are our own words. */
static void instance_line(FILE *out, const char *name, const json_t *instance, const char *label, const char *label_value,
			  const char *more, double value)
{
	if (!isfinite(value))
		return;
	fprintf(out, "%s{path=\"", name);
	label_put(out, instance ? web_pick_text(instance, "path") : "other");
	fputs("\",tier=\"", out);
	label_put(out, web_pick_text(instance, "tier"));
	fputc('"', out);
	if (label)
		fprintf(out, ",%s=\"%s\"", label, label_value);
	fprintf(out, "%s} %.9g\n", more, value);
}

static void numbers_put(FILE *out, const struct web_pick *pick)
{
	for (size_t n = 0; n < ARRAY_COUNT(all_numbers); n++) {
		const struct number *number = &all_numbers[n];
		const char *label = number->resource ? "resource" : NULL;

		if (!n || strcmp(number->name, number[-1].name))
			heading(out, number->name, "gauge", number->help);
		for (size_t i = 0; i < pick->count; i++)
			instance_line(out, number->name, pick->item[i], label, number->resource, "",
				      web_pick_number(pick->item[i], number->key));
		instance_line(out, number->name, NULL, label, number->resource, "", web_pick_other(pick, number->key));
	}
}

/* Of one value of a series' object; NAN: no line. */
static double series_number(const struct series *series, const json_t *value)
{
	if (series->unit && strcmp(web_pick_text(value, "unit"), series->unit))
		return NAN;
	if (series->field)
		value = json_object_get(value, series->field);
	if (json_is_boolean(value))
		return json_is_true(value);
	return json_is_number(value) ? json_number_value(value) * series->scale : NAN;
}

static void series_put(FILE *out, const struct series *series, const struct web_pick *pick)
{
	const char *key;
	json_t *value;

	heading(out, series->name, "gauge", series->help);
	for (size_t i = 0; i < pick->count; i++)
		json_object_foreach(json_object_get(pick->item[i], series->object), key, value)
			instance_line(out, series->name, pick->item[i], series->label, key, series->more,
				      series_number(series, value));
}

/*
 * Everything that is measured, by the table that the mind measures by. All metrics have their heading, also those of which this
 * kernel tells nothing, and those that stand elsewhere are not told twice.
 */
static void signals_put(FILE *out, const struct web_pick *pick)
{
	for (int m = 0; m < MEASURE_COUNT; m++) {
		const struct measure *measure = &measures[m];
		bool is_ns = !strcmp(measure->unit, "ns");
		char name[MEASURE_METRIC_MAX], help[HELP_MAX];

		if (measure->shown)
			continue;
		measure_metric(measure, name);
		snprintf(help, sizeof(help), "Signal %s.%s, %s (%s)", measure->family, measure->name,
			 is_ns ? "seconds" : measure->unit, measure_from_name(measure->from));
		heading(out, name, measure->is_gauge ? "gauge" : "counter", help);
		for (size_t i = 0; i < pick->count; i++)
			instance_line(out, name, pick->item[i], NULL, NULL, "",
				      web_pick_number(json_object_get(pick->item[i], "signals"), name) * (is_ns ? 1e-9 : 1));
	}
}

/* What the gravest risk is blamed on; who is not at risk has no line. */
static void impaired_put(FILE *out, const struct web_pick *pick)
{
	heading(out, "forestall_impaired", "gauge", "1 with the resource that the gravest risk is blamed on, or failure");
	for (size_t i = 0; i < pick->count; i++) {
		const char *resource = web_pick_text(pick->item[i], "impairment");

		if (resource[0] && strcmp(resource, "none"))
			instance_line(out, "forestall_impaired", pick->item[i], "resource", resource, "", 1);
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

static void ledger_put(FILE *out, const json_t *ledger)
{
	family_put(out, "forestall_decisions_total", "counter", "Decisions begun, by what first called for them", "reason",
		   json_object_get(ledger, "begun"));
	family_put(out, "forestall_decisions_ended_total", "counter", "Decisions that are over, by what came of them", "verdict",
		   json_object_get(ledger, "verdicts"));
	family_put(out, "forestall_protected_seconds_total", "counter", "Time under protection of instances with a bound, by why", "reason",
		   json_object_get(ledger, "protected_s"));
	family_put(out, "forestall_over_bound_seconds_total", "counter", "Time over a bound, by whether something was being done", "state",
		   json_object_get(ledger, "bad_s"));
	family_put(out, "forestall_taken_total", "counter", "What limits took from givers: CPU seconds, byte seconds, bytes", "resource",
		   json_object_get(ledger, "taken"));
	family_put(out, "forestall_saved_seconds_total", "counter", "Time over a bound that was saved, an estimate, by what earned it", "by",
		   json_object_get(ledger, "saved_s"));
	family_put(out, "forestall_left_alone_total", "counter", "Foreseen dangers left alone by lot, how many came and were expected to", "what",
		   json_object_get(ledger, "left_alone"));
	family_put(out, "forestall_taken_back_total", "counter", "What was taken back because it did not help or harmed others", "what",
		   json_object_get(ledger, "taken_back"));
	heading(out, "forestall_prevented_total", "counter", "Violations prevented, by the risk of those that were foreseen and did not come");
	fprintf(out, "forestall_prevented_total %.9g\n", json_number_value(json_object_get(ledger, "prevented")));
}

/* What the keys of an object say, as labels of one metric. */
static void labels_put(FILE *out, const char *name, const json_t *object, const char *const keys[], size_t count)
{
	fputs(name, out);
	for (size_t key = 0; key < count; key++) {
		fprintf(out, "%c%s=\"", key ? ',' : '{', keys[key]);
		label_put(out, web_pick_text(object, keys[key]));
		fputc('"', out);
	}
	fputc('}', out);
}

/* What would help where nothing is left to be done, with whom. */
static void advice_put(FILE *out, const json_t *status)
{
	static const char *const keys[] = { "path", "resource", "why", "help", "other" };
	json_t *advice;
	size_t i;

	heading(out, "forestall_advice", "gauge", "1 for who misses its bound while nothing is left to be done: why, and what would help");
	json_array_foreach(json_object_get(status, "advice"), i, advice) {
		labels_put(out, "forestall_advice", advice, keys, ARRAY_COUNT(keys));
		fputs(" 1\n", out);
	}
}

static const char *canary_name(char name[HELP_MAX], const char *of, const char *key)
{
	snprintf(name, HELP_MAX, "forestall_%s_%s", of, key);
	return name;
}

/* A canary that runs or ran last, of a policy or of a setting. */
static void canary_put(FILE *out, const char *of, const json_t *canary)
{
	char name[HELP_MAX];

	heading(out, canary_name(name, of, "state"), "gauge", "1 with the state of the one that runs or ran last");
	fprintf(out, "%s{state=\"%s\"} 1\n", name, web_pick_text(canary, "state"));
	single(out, canary_name(name, of, "pairs"), "Pairs that were compared", web_pick_number(canary, "pairs"));
	single(out, canary_name(name, of, "cuts"), "Blocks with it that were too bad to last", web_pick_number(canary, "cuts"));
	single(out, canary_name(name, of, "over_bound_seconds"), "Instance seconds over a bound in a block, more with it",
	       web_pick_number(canary, "bad_s"));
	single(out, canary_name(name, of, "less_work_seconds"), "Work in a block, less with it", web_pick_number(canary, "less_work_s"));
	family_put(out, canary_name(name, of, "evidence"), "gauge", "Wealth of who bets on the claim, on all pairs", "claim",
		   json_object_get(canary, "evidence"));
	family_put(out, canary_name(name, of, "needed"), "gauge", "Evidence at which the claim is believed", "claim",
		   json_object_get(canary, "needed"));
}

static void policy_put(FILE *out, const json_t *status)
{
	const json_t *canary = json_object_get(status, "canary");

	heading(out, "forestall_policy", "gauge", "1 with the policy that rules, and with the one on canary");
	fprintf(out, "forestall_policy{policy=\"%s\",role=\"rules\"} 1\n", web_pick_text(status, "policy"));
	if (!json_is_object(canary))
		return;
	fprintf(out, "forestall_policy{policy=\"%s\",role=\"canary\"} %d\n", web_pick_text(canary, "candidate"),
		!strcmp(web_pick_text(canary, "state"), "runs"));
	canary_put(out, "canary", canary);
}

static void setting_put(FILE *out, const json_t *setting)
{
	static const char *const keys[] = { "glob", "knob", "value", "stage" };

	if (!json_is_object(setting))
		return;
	heading(out, "forestall_setting", "gauge", "1 while members of the group have the setting that is, or was last, on canary");
	labels_put(out, "forestall_setting", setting, keys, ARRAY_COUNT(keys));
	fprintf(out, " %d\n", json_is_true(json_object_get(setting, "on")));
	single(out, "forestall_setting_members", "Instances of its group", web_pick_number(setting, "members"));
	canary_put(out, "setting", setting);
	family_put(out, "forestall_setting_time_evidence", "gauge", "Wealth of who bets on the claim, on the whole host in time", "claim",
		   json_object_get(setting, "time_evidence"));
}

static void probes_put(FILE *out, const json_t *probes)
{
	single(out, "forestall_probes_allowed", "1 when givers are limited a little to learn from it ([plan] probe)",
	       json_is_true(json_object_get(probes, "allowed")));
	family_put(out, "forestall_probes_total", "counter", "Such limits, by how they ended", "end", json_object_get(probes, "ended"));
	family_put(out, "forestall_probes_taken_total", "counter", "What they took: CPU seconds, bytes", "resource",
		   json_object_get(probes, "taken"));
}

static void status_put(FILE *out, const json_t *status)
{
	const json_t *tick = json_object_get(status, "tick");

	heading(out, "forestall_mode", "gauge", "1 with the label of what forestall may do");
	fputs("forestall_mode{mode=\"", out);
	label_put(out, web_pick_text(status, "mode"));
	fputs("\"} 1\n", out);
	policy_put(out, status);
	setting_put(out, json_object_get(status, "setting"));
	advice_put(out, status);
	probes_put(out, json_object_get(status, "probes"));
	family_put(out, "forestall_ring_records_total", "counter", "Records of the kernel side, by what became of them",
		   "state", json_object_get(status, "ring"));
	family_put(out, "forestall_coverage_total", "counter",
		   "Switches that the kernel told of, that it did not, bios of whose beginning it did not, calls of our programs that it left out", "what",
		   json_object_get(status, "coverage"));
	family_put(out, "forestall_instances", "gauge", "Instances, by sort; max is how many there may be", "sort",
		   json_object_get(status, "instances"));
	family_put(out, "forestall_failures_total", "counter", "Failures of all instances since the mind started, by cause", "cause",
		   json_object_get(json_object_get(status, "failures"), "causes"));
	single(out, "forestall_failures_open", "Failures whose instance is not back",
	       web_pick_number(json_object_get(status, "failures"), "open"));
	family_put(out, "forestall_app_lines_total", "counter", "Lines of applications, by what became of them; strangers are packets",
		   "state", json_object_get(json_object_get(status, "app"), "lines"));
	family_put(out, "forestall_log_lines_total", "counter", "Lines of logs of instances, by where they come from", "source",
		   json_object_get(json_object_get(status, "log"), "lines"));
	family_put(out, "forestall_log_dropped_total", "counter", "Lines that were skipped because there were too many; of files bytes",
		   "source", json_object_get(json_object_get(status, "log"), "dropped"));
	single(out, "forestall_tick_cost_seconds", "How long the mind's last tick took",
	       web_pick_number(tick, "cost_ns") * 1e-9);
	single(out, "forestall_tick_late_seconds_max", "The latest that a tick of the mind began",
	       web_pick_number(tick, "late_ns_max") * 1e-9);
	heading(out, "forestall_other_cpu_seconds_total", "counter", "CPU time of tasks whose cgroup is not followed");
	fprintf(out, "forestall_other_cpu_seconds_total %.9g\n", json_number_value(json_object_get(status, "other_cpu_s")));
	single(out, "forestall_host_cpus", "CPUs of the host", web_pick_number(status, "host_cpus"));
}

static void view_put(FILE *out, const struct web_view *view)
{
	struct web_pick pick;

	web_pick_make(view, &pick);
	status_put(out, view->status);
	ledger_put(out, json_object_get(view->status, "ledger"));
	single(out, "forestall_plan_actions", "Actions that the plan wants now",
	       (double)json_array_size(json_object_get(view->plan, "actions")));
	single(out, "forestall_other_instances", "Instances that path=\"other\" sums up", (double)pick.other_count);
	numbers_put(out, &pick);
	for (size_t i = 0; i < ARRAY_COUNT(all_series); i++)
		series_put(out, &all_series[i], &pick);
	impaired_put(out, &pick);
	signals_put(out, &pick);
	family_put(out, "forestall_capacity", "gauge", "What there is to share: CPUs, bytes, and the most bytes per second seen",
		   "resource", json_object_get(view->status, "capacity"));
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
