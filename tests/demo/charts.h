/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The charts of the report, each written as one <svg>. */
#ifndef DEMO_CHARTS_H
#define DEMO_CHARTS_H

#include <stdio.h>

#include "arm.h"

/* What the client saw in all arms, on one time axis. */
void chart_overview(FILE *out, const struct arm *const arms[ARM_COUNT]);

/* Client, risk, forecasts, limits and antagonists of one arm. */
void chart_arm(FILE *out, const struct arm *arm);

#endif
