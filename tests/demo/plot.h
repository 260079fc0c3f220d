/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plots over time as inline SVG. Colours are CSS classes of the page, so that
 * one drawing serves light and dark.
 */
#ifndef DEMO_PLOT_H
#define DEMO_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_POINTS_MAX 8192

struct point {
	double time_s, value;
};

/* NAN in a value interrupts the line. */
struct line {
	size_t count;
	struct point points[LINE_POINTS_MAX];
};

/* A rectangle in SVG units and the ranges of time and value that it shows. */
struct plot {
	FILE *out;
	double left, top, width, height;
	double time_from_s, time_to_s, value_from, value_to;
	bool is_log;
};

/* Adds a point; past LINE_POINTS_MAX points are left out. */
void line_push(struct line *line, double time_s, double value);

double plot_x(const struct plot *plot, double time_s);
/* Clamped to the plot. */
double plot_y(const struct plot *plot, double value);

/* Grid, title, value ticks at the given values (shown with %g and unit), and time ticks if wanted. */
void plot_frame(const struct plot *plot, const char *title, const double *ticks, size_t tick_count, const char *unit,
		bool has_time);

void plot_line(const struct plot *plot, const struct line *line, const char *class_name);
/* As plot_line(), but a value holds until the next point. */
void plot_steps(const struct plot *plot, const struct line *line, const char *class_name);
/* The area between two lines with points at equal times. */
void plot_band(const struct plot *plot, const struct line *low, const struct line *high, const char *class_name);
void plot_dots(const struct plot *plot, const struct line *line, double radius, const char *class_name);
/* Full height from one time to the other; title (may be NULL) shows on hover. */
void plot_span(const struct plot *plot, double from_s, double to_s, const char *class_name, const char *title);
void plot_level(const struct plot *plot, double value, const char *class_name, const char *label);
void plot_text(const struct plot *plot, double time_s, double dy, const char *class_name, const char *text);

#endif
