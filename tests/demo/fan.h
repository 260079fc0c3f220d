/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was forecast two seconds before, against what came. */
#ifndef DEMO_FAN_H
#define DEMO_FAN_H

#include <stdio.h>

#include "arm.h"

#define FAN_HORIZON 1 /* index of the horizon of 2 s */

/* The server's SLI. */
void fan_draw_sli(FILE *out, const struct arm *arm, double top);

/* The demand of the antagonist whose phase it is. */
void fan_draw_demand(FILE *out, const struct arm *arm, double top);

#endif
