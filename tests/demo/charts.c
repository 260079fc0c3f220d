/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charts.h"

#include <math.h>
#include <string.h>

#include "fan.h"
#include "measure.h"
#include "plot.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

static const double latency_ticks_ms[] = {1, 10, 100, 1000};

struct plot chart_plot(FILE *out, const struct arm *arm, double top, double height, double from, double to)
{
	return (struct plot){
		.out = out,
		.left = CHART_LEFT,
		.top = top,
		.width = CHART_PLOT_WIDTH,
		.height = height,
		.time_from_s = 0,
		.time_to_s = arm->seconds,
		.value_from = from,
		.value_to = to,
	};
}

static void svg_open(FILE *out, double height, const char *label)
{
	fprintf(out, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"%s\">\n", CHART_WIDTH, height, label);
}

void chart_occurrences(const struct plot *plot, const struct arm *arm)
{
	for (unsigned int i = 0; i < arm->phase_count; i++)
		for (unsigned int j = 0; j < arm->phases[i].count; j++)
			plot_span(plot, arm->phases[i].occurrences[j].start_s, arm->phases[i].occurrences[j].end_s,
				  "wanted", NULL);
}

static void draw_phase_names(const struct plot *plot, const struct arm *arm)
{
	for (unsigned int i = 0; i < arm->phase_count; i++) {
		const struct phase *phase = &arm->phases[i];

		plot_text(plot, (phase->from_s + phase->to_s) / 2, -22, "phase mid", phase->name);
	}
}

static void draw_violations(const struct plot *plot, const struct arm *arm)
{
	for (unsigned int second = 0; second < arm->seconds; second++) {
		char title[64];

		if (!second_is_violated(arm, second))
			continue;
		snprintf(title, sizeof(title), "second %u in violation, p99 %.1f ms", second,
			 bins_p99_ms(arm, second * BINS_PER_S, BINS_PER_S));
		plot_span(plot, second, second + 1, "violated", title);
	}
}

static void draw_client(const struct plot *plot, const struct arm *arm, unsigned int bins_per_point,
			const char *class_name)
{
	static struct line line;
	char label[32];

	line.count = 0;
	for (unsigned int i = 0; i < arm->bin_count; i += bins_per_point)
		line_push(&line, (double)i / BINS_PER_S, bins_p99_ms(arm, i, bins_per_point));
	line_push(&line, (double)arm->bin_count / BINS_PER_S, NAN);
	plot_steps(plot, &line, class_name);
	snprintf(label, sizeof(label), "%g ms", (double)arm->bound_us / 1000);
	plot_level(plot, (double)arm->bound_us / 1000, "bound", label);
}

void chart_overview(FILE *out, const struct arm *const arms[ARM_COUNT])
{
	svg_open(out, 40 + ARM_COUNT * 142, "client p99 of the three arms");
	for (unsigned int i = 0; i < ARM_COUNT; i++) {
		struct plot plot = chart_plot(out, arms[i], 48 + i * 142, 100, 1, 1000);
		char title[64], class_name[32];

		plot.is_log = true;
		snprintf(title, sizeof(title), "<tspan class=\"strong\">%s</tspan>", arm_names[i]);
		snprintf(class_name, sizeof(class_name), "line %s", arm_names[i]);
		chart_occurrences(&plot, arms[i]);
		draw_violations(&plot, arms[i]);
		plot_frame(&plot, title, latency_ticks_ms, LEN(latency_ticks_ms), " ms", true);
		draw_client(&plot, arms[i], BINS_PER_S, class_name);
		if (i == 0)
			draw_phase_names(&plot, arms[i]);
	}
	fputs("</svg>\n", out);
}

static void draw_risk(const struct plot *plot, const struct group *server)
{
	static struct line line;

	line.count = 0;
	for (unsigned int i = 0; i < server->forecast_count; i++)
		line_push(&line, server->forecasts[i].time_s, server->forecasts[i].risk[FAN_HORIZON]);
	plot_steps(plot, &line, "line risk");
}

/* Lines of equal values are drawn once: the witness looked 20 times a second. */
static void push_changes(struct line *line, double time_s, double value, bool is_last)
{
	const struct point *last = line->count ? &line->points[line->count - 1] : NULL;
	bool same = last && (last->value == value || (isnan(last->value) && isnan(value)));

	if (!same || is_last)
		line_push(line, time_s, value);
}

static bool is_cpu(const struct arm *arm)
{
	return !strcmp(arm->family->name, "cpu");
}

static void draw_limits(const struct plot *plot, const struct arm *arm, bool is_quota)
{
	static struct line line;

	for (unsigned int i = 0; i < arm->phase_count; i++) {
		const struct group *group = &arm->groups[i];
		char class_name[32];

		line.count = 0;
		for (unsigned int j = 0; j < group->limit_count; j++) {
			const struct limit *limit = &group->limits[j];
			double quota = isnan(limit->quota_cpus) ? 1 : limit->quota_cpus;
			double main_limit = is_cpu(arm) ? limit->weight : limit->cap;

			push_changes(&line, limit->time_s, is_quota ? quota : main_limit, j + 1 == group->limit_count);
		}
		snprintf(class_name, sizeof(class_name), "line group%u", i % 4);
		plot_steps(plot, &line, class_name);
	}
}

static void draw_actions(const struct plot *plot, const struct arm *arm)
{
	for (unsigned int i = 0; i < arm->action_count; i++) {
		const struct action *action = &arm->actions[i];
		double x = plot_x(plot, action->time_s), y = plot->top + plot->height + 4;

		fprintf(plot->out,
			"<path class=\"act %s\" d=\"M%.1f %.1fl-3 7h6z\"><title>%.1f s: %s %s = %s, "
			"%s</title></path>\n",
			action->reason, x, y, action->time_s,
			action->group_idx < arm->phase_count ? arm->phases[action->group_idx].name : "server",
			action->knob, action->value, action->reason);
	}
}

static void draw_activity(const struct plot *plot, const struct arm *arm)
{
	static struct line line;

	for (unsigned int i = 0; i < arm->phase_count; i++) {
		const struct group *group = &arm->groups[i];
		char class_name[32];

		line.count = 0;
		/* Four samples of 50 ms, so that one tick of the scheduler is not a spike. */
		for (unsigned int j = 4; j < group->limit_count; j += 4) {
			double span_s = group->limits[j].time_s - group->limits[j - 4].time_s;
			double moved = (group->limits[j].usage - group->limits[j - 4].usage) / span_s;
			double got = arm->family->usage_is_level ? group->limits[j].usage : moved;

			line_push(&line, group->limits[j].time_s, got > 0.005 * arm->family->usage_top ? got : NAN);
		}
		snprintf(class_name, sizeof(class_name), "line group%u", i % 4);
		plot_line(plot, &line, class_name);
	}
}

static bool any_quota(const struct arm *arm)
{
	for (unsigned int i = 0; i < arm->phase_count; i++)
		for (unsigned int j = 0; j < arm->groups[i].limit_count; j++)
			if (!isnan(arm->groups[i].limits[j].quota_cpus))
				return true;
	return false;
}

static double chart_client(FILE *out, const struct arm *arm)
{
	struct plot plot = chart_plot(out, arm, 48, 110, 1, 1000);

	plot.is_log = true;
	chart_occurrences(&plot, arm);
	draw_violations(&plot, arm);
	plot_frame(&plot, "client: p99 per 100 ms", latency_ticks_ms, LEN(latency_ticks_ms), " ms", false);
	draw_client(&plot, arm, 1, "line client");
	draw_phase_names(&plot, arm);
	return plot.top + plot.height;
}

static double chart_forecasts(FILE *out, const struct arm *arm, double top)
{
	struct plot plot = chart_plot(out, arm, top + 30, 60, 0, 1);

	chart_occurrences(&plot, arm);
	plot_frame(&plot, "risk: P(server's SLO violated within 2 s), as forecast", (double[]){0, 0.5, 1}, 3, "",
		   false);
	draw_risk(&plot, &arm->groups[arm->phase_count]);
	fan_draw_sli(out, arm, top + 120);
	fan_draw_demand(out, arm, top + 250);
	return top + 340;
}

static double chart_limits(FILE *out, const struct arm *arm, double top)
{
	struct plot plot = chart_plot(out, arm, top + 30, 90, 1, arm->family->limit_top);

	plot.is_log = true;
	chart_occurrences(&plot, arm);
	plot_frame(&plot, arm->family->limit, latency_ticks_ms, LEN(latency_ticks_ms), "", false);
	draw_limits(&plot, arm, false);
	draw_actions(&plot, arm);
	if (!any_quota(arm))
		return plot.top + plot.height + 8;
	plot = chart_plot(out, arm, plot.top + plot.height + 38, 70, 0, 1);
	chart_occurrences(&plot, arm);
	plot_frame(&plot, "cpu.max of the antagonists in CPUs (1: none)", (double[]){0, 0.5, 1}, 3, "", false);
	draw_limits(&plot, arm, true);
	return plot.top + plot.height;
}

void chart_arm(FILE *out, const struct arm *arm)
{
	double height = 48 + 110 + (arm->has_decisions ? 340 : 0) + 128 + (any_quota(arm) ? 100 : 0) + 150;
	double top, usage_top = arm->family->usage_top;
	struct plot plot;
	char title[96];

	svg_open(out, height, "one arm in detail");
	top = chart_client(out, arm);
	if (arm->has_decisions)
		top = chart_forecasts(out, arm, top);
	top = chart_limits(out, arm, top);
	plot = chart_plot(out, arm, top + 34, 80, 0, usage_top);
	chart_occurrences(&plot, arm);
	snprintf(title, sizeof(title), "%s (shaded: when they wanted it)", arm->family->usage);
	plot_frame(&plot, title, (double[]){0, usage_top / 2, usage_top}, 3, "", true);
	draw_activity(&plot, arm);
	fputs("</svg>\n", out);
}
