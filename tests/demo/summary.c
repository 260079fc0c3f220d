/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char *scenario_of(const struct arm *arm) { return *arm->scenario ? arm->scenario : arm->family->name; }

static void summary_line(FILE *out, const struct arm *arm, unsigned int phase_idx, const char *name,
			 const struct result *result)
{
	bool is_total = phase_idx == arm->phase_count;
	const struct phase_result *of = is_total ? &result->total : &result->phases[phase_idx];

	fprintf(out, "%s,%" PRIu64 ",%s,%s,%u,%u,%.2f,%.5f,", scenario_of(arm), arm->seed,
		is_total ? "whole" : arm->phases[phase_idx].name, name, of->violated_s, of->seconds, of->p99_ms,
		(double)of->bad_count / (double)(of->request_count ? of->request_count : 1));
	if (!isnan(of->units_kept))
		fprintf(out, "%.4f", of->units_kept);
	fputc(',', out);
	if (of->acted_count)
		fprintf(out, "%.2f", of->lead_s);
	fprintf(out, ",%u,%u,%u,%u,%" PRIu64 ",%u,%.2f\n", of->acted_count, of->early_count,
		is_total ? 0 : arm->phases[phase_idx].count, of->change_count, of->bad_count, of->reversal_count, of->reserved_s);
}

/* Opened to add lines, with the head where the file is new; NULL with errno set. */
static FILE *open_for_more(const char *path, const char *head)
{
	FILE *out = fopen(path, "ae");

	if (out && ftell(out) == 0)
		fprintf(out, "%s\n", head);
	return out;
}

static int close_whole(FILE *out)
{
	int failed = ferror(out);

	return fclose(out) || failed ? -EIO : 0;
}

int summary_append(const char *path, const struct arm *arm, const char *name, const struct result *result)
{
	FILE *out = open_for_more(path, "family,seed,phase,arm,violated_s,seconds,p99_ms,over_share,units_kept,lead_s,acted,early,"
					"occurrences,changes,late,reversals,reserved_s");

	if (!out)
		return -errno;
	for (unsigned int i = 0; i <= arm->phase_count; i++)
		summary_line(out, arm, i, name, result);
	return close_whole(out);
}

int summary_append_occurrences(const char *path, const struct arm *arm, const char *name, const struct result *result)
{
	FILE *out = open_for_more(path, "family,seed,phase,arm,occurrence,violated_s");

	if (!out)
		return -errno;
	for (unsigned int i = 0; i < arm->phase_count; i++)
		for (unsigned int k = 0; k < arm->phases[i].count; k++)
			fprintf(out, "%s,%" PRIu64 ",%s,%s,%u,%u\n", scenario_of(arm), arm->seed, arm->phases[i].name, name, k,
				result->phases[i].violated_per_occurrence[k]);
	return close_whole(out);
}
