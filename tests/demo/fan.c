/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fan.h"

#include <math.h>

#include "charts.h"

#define HORIZON_S 2.0
#define LEN(array) (sizeof(array) / sizeof(*(array)))

struct fan {
	struct line low, middle, high, measured;
};

/* A forecast for after the run has nothing to be held against. */
static void fan_push(struct fan *fan, double time_s, double end_s, const double quantiles[QUANTILES], double measured)
{
	bool is_shown = time_s + HORIZON_S <= end_s;

	line_push(&fan->low, time_s + HORIZON_S, is_shown ? quantiles[0] : NAN);
	line_push(&fan->middle, time_s + HORIZON_S, is_shown ? quantiles[1] : NAN);
	line_push(&fan->high, time_s + HORIZON_S, is_shown ? quantiles[2] : NAN);
	line_push(&fan->measured, time_s, measured);
}

static void fan_break(struct fan *fan)
{
	fan_push(fan, 0, 0, (const double[QUANTILES]){NAN, NAN, NAN, NAN}, NAN);
}

static void fan_reset(struct fan *fan)
{
	fan->low.count = fan->middle.count = fan->high.count = fan->measured.count = 0;
}

static void fan_draw(const struct plot *plot, const struct fan *fan)
{
	plot_band(plot, &fan->low, &fan->high, "fan");
	plot_line(plot, &fan->middle, "line middle");
	plot_dots(plot, &fan->measured, 2.2, "came");
}

static double fan_top(const struct fan *fan, double at_least)
{
	for (size_t i = 0; i < fan->high.count; i++) {
		at_least = fmax(at_least, fan->high.points[i].value);
		at_least = fmax(at_least, fan->measured.points[i].value);
	}
	return at_least;
}

void fan_draw_sli(FILE *out, const struct arm *arm, double top)
{
	static const double ticks[] = {0.01, 0.1, 1, 10, 100};
	const struct group *server = &arm->groups[arm->phase_count];
	struct plot plot = chart_plot(out, arm, top, 100, 0.01, 100);
	const char *unit = *arm->sli_unit == '%' ? " %" : " ms";
	static struct fan fan;
	char label[32], title[128];

	plot.is_log = true;
	fan_reset(&fan);
	for (unsigned int i = 0; i < server->forecast_count; i++)
		fan_push(&fan, server->forecasts[i].time_s, arm->seconds, server->forecasts[i].sli[FAN_HORIZON],
			 server->forecasts[i].sli_now);
	chart_occurrences(&plot, arm);
	snprintf(title, sizeof(title), "server's %s: said 2 s before (.1 to .9 band, median) against what came (dots)",
		 arm->sli_name);
	plot_frame(&plot, title, ticks, LEN(ticks), unit, false);
	fan_draw(&plot, &fan);
	snprintf(label, sizeof(label), "%g%s", arm->sli_bound, unit);
	plot_level(&plot, arm->sli_bound, "bound", label);
}

void fan_draw_demand(FILE *out, const struct arm *arm, double top)
{
	static struct fan fan;
	struct plot plot;
	char title[96];
	double high;

	fan_reset(&fan);
	for (unsigned int i = 0; i < arm->phase_count; i++) {
		const struct group *group = &arm->groups[i];

		fan_break(&fan);
		for (unsigned int j = 0; j < group->forecast_count; j++) {
			const struct forecast *forecast = &group->forecasts[j];

			if (forecast->time_s >= arm->phases[i].from_s && forecast->time_s < arm->phases[i].to_s)
				fan_push(&fan, forecast->time_s, arm->seconds, forecast->demand[FAN_HORIZON],
					 forecast->demand_now);
		}
	}
	high = ceil(fan_top(&fan, 1));
	plot = chart_plot(out, arm, top, 90, 0, high);
	chart_occurrences(&plot, arm);
	snprintf(title, sizeof(title), "antagonist's demand in %s: said 2 s before against what came", arm->family->demand);
	plot_frame(&plot, title, (double[]){0, high / 2, high}, 3, "", false);
	fan_draw(&plot, &fan);
}
