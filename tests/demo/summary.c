/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void summary_line(FILE *out, const struct arm *arm, unsigned int phase_idx, const char *name,
			 const struct result *result)
{
	bool is_total = phase_idx == arm->phase_count;
	const struct phase_result *of = is_total ? &result->total : &result->phases[phase_idx];

	fprintf(out, "%s,%" PRIu64 ",%s,%s,%u,%u,%.2f,%.5f,%.4f,", arm->family->name, arm->seed,
		is_total ? "whole" : arm->phases[phase_idx].name, name, of->violated_s, of->seconds, of->p99_ms,
		(double)of->bad_count / (double)(of->request_count ? of->request_count : 1), of->units_kept);
	if (of->acted_count)
		fprintf(out, "%.2f", of->lead_s);
	fprintf(out, ",%u,%u,%u,%u\n", of->acted_count, of->early_count, is_total ? 0 : arm->phases[phase_idx].count,
		of->change_count);
}

int summary_append(const char *path, const struct arm *arm, const char *name, const struct result *result)
{
	FILE *out = fopen(path, "ae");
	int failed;

	if (!out)
		return -errno;
	if (ftell(out) == 0)
		fputs("family,seed,phase,arm,violated_s,seconds,p99_ms,over_share,units_kept,lead_s,acted,early,occurrences,changes\n",
		      out);
	for (unsigned int i = 0; i <= arm->phase_count; i++)
		summary_line(out, arm, i, name, result);
	failed = ferror(out);
	return fclose(out) || failed ? -EIO : 0;
}
