/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plot.h"

#include <math.h>

#define TIME_TICK_S 10

void line_push(struct line *line, double time_s, double value)
{
	if (line->count < LINE_POINTS_MAX)
		line->points[line->count++] = (struct point){time_s, value};
}

static double clamp(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

double plot_x(const struct plot *plot, double time_s)
{
	double share = (time_s - plot->time_from_s) / (plot->time_to_s - plot->time_from_s);

	return plot->left + clamp(share, 0, 1) * plot->width;
}

double plot_y(const struct plot *plot, double value)
{
	double share;

	if (plot->is_log)
		share = log(fmax(value, plot->value_from) / plot->value_from) /
			log(plot->value_to / plot->value_from);
	else
		share = (value - plot->value_from) / (plot->value_to - plot->value_from);
	return plot->top + plot->height * (1 - clamp(share, 0, 1));
}

static void time_ticks(const struct plot *plot)
{
	for (int t = (int)plot->time_from_s; t <= (int)plot->time_to_s; t += TIME_TICK_S)
		fprintf(plot->out, "<text class=\"tick mid\" x=\"%.1f\" y=\"%.1f\">%d s</text>\n", plot_x(plot, t),
			plot->top + plot->height + 14, t);
}

void plot_frame(const struct plot *plot, const char *title, const double *ticks, size_t tick_count, const char *unit,
		bool has_time)
{
	double right = plot->left + plot->width;

	for (size_t i = 0; i < tick_count; i++) {
		double y = plot_y(plot, ticks[i]);

		fprintf(plot->out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
			plot->left, right, y, y);
		fprintf(plot->out, "<text class=\"tick end\" x=\"%.1f\" y=\"%.1f\">%g%s</text>\n", plot->left - 5,
			y + 3.5, ticks[i], unit);
	}
	fprintf(plot->out, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", plot->left, plot->top - 6,
		title);
	if (has_time)
		time_ticks(plot);
}

static void path_points(const struct plot *plot, const struct line *line, bool is_steps)
{
	bool is_open = false;
	double y = 0;

	for (size_t i = 0; i < line->count; i++) {
		const struct point *point = &line->points[i];
		double x = plot_x(plot, point->time_s);

		if (isnan(point->value)) {
			if (is_open && is_steps)
				fprintf(plot->out, "L%.1f %.1f", x, y);
			is_open = false;
			continue;
		}
		if (is_open && is_steps)
			fprintf(plot->out, "L%.1f %.1f", x, y);
		y = plot_y(plot, point->value);
		fprintf(plot->out, "%c%.1f %.1f", is_open ? 'L' : 'M', x, y);
		is_open = true;
	}
}

void plot_line(const struct plot *plot, const struct line *line, const char *class_name)
{
	fprintf(plot->out, "<path class=\"%s\" d=\"", class_name);
	path_points(plot, line, false);
	fputs("\"/>\n", plot->out);
}

void plot_steps(const struct plot *plot, const struct line *line, const char *class_name)
{
	fprintf(plot->out, "<path class=\"%s\" d=\"", class_name);
	path_points(plot, line, true);
	fputs("\"/>\n", plot->out);
}

/* One closed run of points without a gap. */
static void band_run(const struct plot *plot, const struct line *low, const struct line *high, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		fprintf(plot->out, "%c%.1f %.1f", i == from ? 'M' : 'L', plot_x(plot, high->points[i].time_s),
			plot_y(plot, high->points[i].value));
	for (size_t i = to; i-- > from;)
		fprintf(plot->out, "L%.1f %.1f", plot_x(plot, low->points[i].time_s),
			plot_y(plot, low->points[i].value));
	fputc('Z', plot->out);
}

void plot_band(const struct plot *plot, const struct line *low, const struct line *high, const char *class_name)
{
	size_t from = 0;

	fprintf(plot->out, "<path class=\"%s\" d=\"", class_name);
	for (size_t i = 0; i <= low->count && i <= high->count; i++) {
		bool is_gap = i == low->count || i == high->count || isnan(low->points[i].value) ||
			      isnan(high->points[i].value);

		if (!is_gap)
			continue;
		if (i > from)
			band_run(plot, low, high, from, i);
		from = i + 1;
	}
	fputs("\"/>\n", plot->out);
}

void plot_dots(const struct plot *plot, const struct line *line, double radius, const char *class_name)
{
	for (size_t i = 0; i < line->count; i++)
		if (!isnan(line->points[i].value))
			fprintf(plot->out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>", class_name,
				plot_x(plot, line->points[i].time_s), plot_y(plot, line->points[i].value), radius);
	fputc('\n', plot->out);
}

void plot_span(const struct plot *plot, double from_s, double to_s, const char *class_name, const char *title)
{
	double x = plot_x(plot, from_s);

	fprintf(plot->out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">", class_name, x,
		plot->top, plot_x(plot, to_s) - x, plot->height);
	if (title)
		fprintf(plot->out, "<title>%s</title>", title);
	fputs("</rect>\n", plot->out);
}

void plot_level(const struct plot *plot, double value, const char *class_name, const char *label)
{
	double y = plot_y(plot, value), right = plot->left + plot->width;

	fprintf(plot->out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", class_name,
		plot->left, right, y, y);
	fprintf(plot->out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", right + 4, y + 3.5, label);
}

void plot_text(const struct plot *plot, double time_s, double dy, const char *class_name, const char *text)
{
	fprintf(plot->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class_name, plot_x(plot, time_s),
		plot->top + dy, text);
}
