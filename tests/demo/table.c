/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "page.h"

static void print_row(FILE *out, const char *phase, const char *arm, const struct phase_result *result)
{
	fprintf(out, "%-10s %-9s %8.1f %8.1f %6u/%-3u %8.1f%% %8.1f%% %8u ", phase, arm, result->p50_ms,
		result->p99_ms, result->violated_s, result->seconds,
		100 * (double)result->bad_count / (double)(result->request_count ? result->request_count : 1),
		100 * result->units_kept, result->change_count);
	if (!isnan(result->lead_s) && result->acted_count)
		fprintf(out, "%+7.1f s", result->lead_s);
	else
		fprintf(out, "%9s", "-");
}

static void print_occurrences(FILE *out, const struct phase *phase, const struct phase_result *result)
{
	fprintf(out, "  %u/%u ", result->early_count, phase->count);
	for (unsigned int i = 0; i < phase->count; i++)
		fprintf(out, " %u", result->violated_per_occurrence[i]);
}

void table_print(FILE *out, const struct arm *const arms[ARM_COUNT], const struct result results[ARM_COUNT])
{
	const struct arm *first = arms[ARM_OBSERVE];

	fputs("phase      arm         p50 ms   p99 ms  violated  over bound  work kept  changes  lead    early  "
	      "violated s "
	      "per occurrence\n",
	      out);
	for (unsigned int i = 0; i < first->phase_count; i++) {
		for (unsigned int j = 0; j < ARM_COUNT; j++) {
			print_row(out, j ? "" : first->phases[i].name, arm_names[j], &results[j].phases[i]);
			print_occurrences(out, &first->phases[i], &results[j].phases[i]);
			fputc('\n', out);
		}
		fprintf(out, "%-10s %s\n", "",
			verdict_text(phase_verdict(&first->phases[i], &results[ARM_REACTIVE].phases[i],
						   &results[ARM_FORESTALL].phases[i])));
	}
	for (unsigned int j = 0; j < ARM_COUNT; j++) {
		print_row(out, j ? "" : "whole run", arm_names[j], &results[j].total);
		fputc('\n', out);
	}
	fprintf(out,
		"violated: seconds in which over %g %% of requests took longer than %g ms; emulated guest, ratios "
		"only\n",
		100 * VIOLATION_SHARE, (double)first->bound_us / 1000);
}
