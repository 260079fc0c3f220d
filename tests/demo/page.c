/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page.h"

#include <math.h>

#include "charts.h"
#include "style.h"

static double most_violated(const struct result results[ARM_COUNT], unsigned int phase_idx)
{
	double most = 1;

	for (unsigned int i = 0; i < ARM_COUNT; i++)
		most = fmax(most, results[i].phases[phase_idx].violated_s);
	return most;
}

static void write_bars(FILE *out, const struct result results[ARM_COUNT], unsigned int phase_idx)
{
	for (unsigned int i = 0; i < ARM_COUNT; i++) {
		unsigned int violated_s = results[i].phases[phase_idx].violated_s;

		fprintf(out,
			"<div class=\"bar\"><span>%s</span><i class=\"%s\" style=\"width:%.0f%%\"></i><b>%u "
			"s</b></div>\n",
			arm_names[i], arm_names[i], 100 * violated_s / most_violated(results, phase_idx), violated_s);
	}
}

static void write_card(FILE *out, const struct arm *arm, const struct result results[ARM_COUNT],
		       unsigned int phase_idx)
{
	const struct phase *phase = &arm->phases[phase_idx];
	const struct phase_result *forestall = &results[ARM_FORESTALL].phases[phase_idx];
	enum verdict verdict = phase_verdict(phase, &results[ARM_REACTIVE].phases[phase_idx], forestall);
	const char *class_name = verdict == VERDICT_WON ? "won" : verdict == VERDICT_TIE_EXPECTED ? "tie" : "not";

	fprintf(out, "<div class=\"card %s\"><h3>%s</h3><div class=\"verdict\">%s</div>\n", class_name, phase->name,
		verdict_text(verdict));
	write_bars(out, results, phase_idx);
	fprintf(out, "<div class=\"soft\">in time for %u of %u", forestall->early_count, phase->count);
	if (forestall->acted_count)
		fprintf(out, ", median lead %+.1f s", forestall->lead_s);
	fprintf(out, "<br>antagonist’s work kept: %.1f %%</div></div>\n", 100 * forestall->units_kept);
}

static void write_figures(FILE *out, const struct phase_result *result)
{
	fprintf(out, "<td>%.1f</td><td>%.1f</td><td>%u / %u</td><td>%.1f %%</td><td>%.1f %%</td><td>%u</td>",
		result->p50_ms, result->p99_ms, result->violated_s, result->seconds,
		100 * (double)result->bad_count / (double)(result->request_count ? result->request_count : 1),
		100 * result->units_kept, result->change_count);
}

static void write_lead(FILE *out, const struct phase *phase, const struct phase_result *result)
{
	if (result->acted_count)
		fprintf(out, "<td>%+.1f s</td><td>%u / %u</td><td>", result->lead_s, result->early_count,
			phase->count);
	else
		fprintf(out, "<td>–</td><td>0 / %u</td><td>", phase->count);
	for (unsigned int i = 0; i < phase->count; i++)
		fprintf(out, "<span class=\"cell%s\">%u</span>", result->violated_per_occurrence[i] ? " hit" : "",
			result->violated_per_occurrence[i]);
	fputs("</td>", out);
}

static void write_row(FILE *out, const char *first, enum arm_id id, const struct phase *phase,
		      const struct phase_result *result)
{
	fprintf(out, "<tr class=\"%s\"><td>%s</td><td><i class=\"dot %s\"></i>%s</td>", *first ? "first" : "", first,
		arm_names[id], arm_names[id]);
	write_figures(out, result);
	if (phase)
		write_lead(out, phase, result);
	else
		fputs("<td></td><td></td><td></td>", out);
	fputs("</tr>\n", out);
}

static void write_table(FILE *out, const struct arm *arm, const struct result results[ARM_COUNT])
{
	fputs("<div class=\"scroll\"><table><tr><th>disturbance</th><th>arm</th><th>p50 ms</th><th>p99 ms</th>"
	      "<th>violated s</th><th>over bound</th><th>work kept</th><th>limit changes</th><th>lead, median</th>"
	      "<th>in time</th><th>violated s of each occurrence</th></tr>\n",
	      out);
	for (unsigned int i = 0; i < arm->phase_count; i++)
		for (unsigned int j = 0; j < ARM_COUNT; j++)
			write_row(out, j ? "" : arm->phases[i].name, j, &arm->phases[i], &results[j].phases[i]);
	for (unsigned int j = 0; j < ARM_COUNT; j++)
		write_row(out, j ? "" : "whole run", j, NULL, &results[j].total);
	fputs("</table></div>\n", out);
}

/* The only text of ours with a "<" in it. */
static void escape(const char *text, char *to, size_t size)
{
	size_t length = 0;

	for (; *text && length + 5 < size; text++)
		length += (size_t)snprintf(to + length, size - length, *text == '<' ? "&lt;%.0s" : "%.1s", text);
	to[length] = '\0';
}

static void write_head(FILE *out, const struct arm *arm)
{
	char slo[512];

	escape(arm->slo, slo, sizeof(slo));
	fprintf(out,
		"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width\"><title>forestall: the "
		"demo</title><style>%s</style>"
		"</head><body><main>\n",
		style_css);
	fprintf(out,
	      "<h1>forestall: the demo, %s</h1><p>%s Its SLO is <code>%s</code>. "
	      "The same load ran three times: <b>observe</b> changes nothing, <b>reactive</b> acts with a forecaster "
	      "that says “the future is like now”, <b>forestall</b> acts on its forecasts. Planner and knobs are the "
	      "same.</p>\n",
	      arm->family->name, arm->family->scene, slo);
	fprintf(out,
		"<p class=\"soft\">All figures come from an emulated guest (QEMU, one vCPU, time by instructions "
		"executed): compare the arms with each other, and take nothing as absolute performance. Load seed "
		"%llu. "
		"A second is in violation when over %g %% of its requests took longer than %g ms, counted from when "
		"they were due.</p>\n",
		(unsigned long long)arm->seed, 100 * VIOLATION_SHARE, (double)arm->bound_us / 1000);
}

static void write_notes(FILE *out)
{
	fputs("<p class=\"soft\"><b>lead</b>: from the tightening of the antagonist’s limit that was in force to the "
	      "first "
	      "violated 100 ms that the client saw at the same occurrence of the observe arm (at most 5 s before the "
	      "occurrence, never before the end of the last one); negative means too late. <b>in time</b>: "
	      "occurrences with a "
	      "positive lead. <b>work kept</b>: the antagonist’s work against the observe arm. <b>limit changes</b>: "
	      "of this disturbance’s "
	      "antagonist in its phase; for the whole run, of all. Limits were read "
	      "from the cgroups by a program of their own, not taken from forestall’s log, but for those on sending, which "
	      "no file shows.</p>\n",
	      out);
}

static void write_key(FILE *out, const struct arm *arm)
{
	fputs("<div class=\"key\">", out);
	for (unsigned int i = 0; i < arm->phase_count; i++)
		fprintf(out, "<span><i class=\"swatch group%u\"></i>%s</span>", i % 4, arm->phases[i].name);
	fputs("<span><i class=\"swatch\" style=\"--c:var(--fan)\"></i>forecast</span>"
	      "<span><i class=\"swatch\" style=\"--c:var(--bad)\"></i>violation, risk</span>"
	      "<span><i class=\"swatch\" style=\"--c:var(--forestall)\"></i>action by foresight</span>"
	      "<span><i class=\"swatch\" style=\"--c:var(--reactive)\"></i>by reflex</span></div>\n",
	      out);
}

void page_write(FILE *out, const struct arm *const arms[ARM_COUNT], const struct result results[ARM_COUNT])
{
	static const enum arm_id order[] = {ARM_FORESTALL, ARM_REACTIVE, ARM_OBSERVE};
	const struct arm *first = arms[ARM_OBSERVE];

	write_head(out, first);
	fputs("<div class=\"cards\">\n", out);
	for (unsigned int i = 0; i < first->phase_count; i++)
		write_card(out, first, results, i);
	fputs("</div>\n<h2>What the client saw</h2><div class=\"chart\">\n", out);
	chart_overview(out, arms);
	fputs("</div><p class=\"soft\">p99 per second; shaded grey: the antagonist wants its resource; shaded red: a "
	      "second in "
	      "violation; dashed: the bound.</p>\n<h2>Figures</h2>\n",
	      out);
	write_table(out, first, results);
	write_notes(out);
	for (unsigned int i = 0; i < ARM_COUNT; i++) {
		const struct arm *arm = arms[order[i]];

		fprintf(out, "<h2>Arm: %s</h2>", arm_names[order[i]]);
		if (*arm->sources)
			fprintf(out, "<p class=\"soft\">Forecasts made by: %s.</p>", arm->sources);
		write_key(out, arm);
		fputs("<div class=\"chart\">\n", out);
		chart_arm(out, arm);
		fputs("</div>\n", out);
	}
	fputs("</main></body></html>\n", out);
}
