/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print_report.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "print.h"

void app_print(const json_t *metrics)
{
	static const char *const headings[] = { "NAME", "KIND", ">LAST SECOND", "SLI" };
	struct table *table = table_new(headings, 4);
	const json_t *metric;
	size_t i;

	json_array_foreach((json_t *)metrics, i, metric) {
		table_cell(table, "%s", json_string_value(json_object_get(metric, "name")));
		table_cell(table, "%s", json_string_value(json_object_get(metric, "kind")));
		table_number(table, json_object_get(metric, "value"), 1, 3);
		table_cell(table, "%s", json_is_true(json_object_get(metric, "bound")) ? "yes" : "-");
	}
	if (i) {
		printf("\nsaid by the application (timer: 99th percentile, counter: per second):\n");
		table_print(table, SIZE_MAX);
	}
	table_free(table);
}

void log_print(json_t *log)
{
	static const char *const headings[] = { ">AGO s", ">COUNT", "SEVERITY", "TEMPLATE" };
	struct table *table = table_new(headings, 4);
	const json_t *template;
	const char *severity;
	json_t *count;
	size_t i;

	json_array_foreach(json_object_get(log, "templates"), i, template) {
		table_number(table, json_object_get(template, "ago_s"), 1, 1);
		table_number(table, json_object_get(template, "count"), 1, 0);
		table_cell(table, "%s", json_string_value(json_object_get(template, "severity")));
		table_cell(table, "%s", json_string_value(json_object_get(template, "text")));
	}
	if (i) {
		printf("\nlogged:");
		json_object_foreach(json_object_get(log, "lines"), severity, count)
			if (json_integer_value(count))
				printf(" %" JSON_INTEGER_FORMAT " %s", json_integer_value(count), severity);
		putchar('\n');
		table_print(table, SIZE_MAX);
	}
	table_free(table);
}

void runners_print(const json_t *runners)
{
	static const char *const headings[] = { "RAN MEANWHILE", ">SHARE%", ">ms" };
	struct table *table = table_new(headings, 3);
	const json_t *runner;
	size_t i;

	json_array_foreach((json_t *)runners, i, runner) {
		const char *path = json_string_value(json_object_get(runner, "path"));

		if (path)
			table_cell(table, "%s", path);
		else
			table_cell(table, "cgroup %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(runner, "cgroup_id")));
		table_number(table, json_object_get(runner, "share"), 100, 1);
		table_number(table, json_object_get(runner, "ns"), 1e-6, 1);
	}
	if (i) {
		printf("\nran while it waited over 1 ms for a CPU, in the last minutes:\n");
		table_print(table, SIZE_MAX);
	}
	table_free(table);
}

void response_print(json_t *response)
{
	static const char *const headings[] = { "SLI", "RESOURCE", ">PRESSURE", ">ERROR", ">TRUST", ">SECONDS", "VARIED", "BAD% AT PRESSURE" };
	struct table *table = table_new(headings, 8);
	const char *sli, *resource;
	json_t *models, *model, *corner;
	char text[200];
	size_t i;

	json_object_foreach(response, sli, models)
		json_object_foreach(models, resource, model) {
			size_t used = 0;

			table_cell(table, "%s", sli);
			table_cell(table, "%s", resource);
			table_number(table, json_object_get(model, "pressure"), 1, 2);
			table_number(table, json_object_get(model, "error"), 1, 3);
			table_number(table, json_object_get(model, "trust"), 1, 2);
			table_number(table, json_object_get(model, "seconds"), 1, 0);
			table_cell(table, "%s", json_is_true(json_object_get(model, "identified")) ? "yes" : "no");
			text[0] = '\0';
			json_array_foreach(json_object_get(model, "curve"), i, corner)
				if (used < sizeof(text))
					used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.1f@%.2f", i ? " " : "",
								 100 * json_number_value(json_array_get(corner, 1)),
								 json_number_value(json_array_get(corner, 0)));
			table_cell(table, "%s", text);
		}
	if (json_object_size(response)) {
		printf("\nhow it answers to pressure (what it wants over what it can have), learned from its own past:\n");
		table_print(table, SIZE_MAX);
	}
	table_free(table);
}

void credit_print(json_t *credit)
{
	const char *resource;
	json_t *earned;

	json_object_foreach(credit, resource, earned)
		printf("\nforecasts of %s, tried here and fading: %.1f came, %.1f did not; of those like the one of now %.0f %%, and a limit takes %.0f %%\n",
		       resource, json_number_value(json_object_get(earned, "came")), json_number_value(json_object_get(earned, "failed")),
		       100 * json_number_value(json_object_get(earned, "share")), 100 * json_number_value(json_object_get(earned, "needed")));
}

void coverage_print(const json_t *coverage)
{
	double told = json_number_value(json_object_get(coverage, "switches")), unseen = json_number_value(json_object_get(coverage, "switches_unseen"));

	if (json_is_null(json_object_get(coverage, "switches")))
		printf("coverage    of switches is not known: this kernel does not say how many it makes");
	else
		printf("coverage    %.0f of %.0f switches not seen (%.4f %%)", unseen, told + unseen, 100 * unseen / fmax(told + unseen, 1));
	if (json_is_integer(json_object_get(coverage, "io_unseen")))
		printf(", the beginning of %.0f IOs not seen", json_number_value(json_object_get(coverage, "io_unseen")));
	if (json_is_integer(json_object_get(coverage, "calls_skipped")))
		printf(", %.0f calls left out by the kernel", json_number_value(json_object_get(coverage, "calls_skipped")));
	putchar('\n');
}
