/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The charts of the report, each written as one <svg>. */
#ifndef DEMO_CHARTS_H
#define DEMO_CHARTS_H

#include <stdio.h>

#include "arm.h"
#include "plot.h"

#define CHART_WIDTH 1200
#define CHART_LEFT 62
#define CHART_PLOT_WIDTH 1076

/* What the client saw in all arms, on one time axis. */
void chart_overview(FILE *out, const struct arm *const arms[ARM_COUNT]);

/* Client, risk, forecasts, limits and antagonists of one arm. */
void chart_arm(FILE *out, const struct arm *arm);

/* A linear plot over the whole run in the common columns. */
struct plot chart_plot(FILE *out, const struct arm *arm, double top, double height, double from, double to);

/* When the antagonists wanted the CPU, as a shade behind a plot. */
void chart_occurrences(const struct plot *plot, const struct arm *arm);

#endif
