/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as one HTML page, and its table for a terminal. */
#ifndef DEMO_PAGE_H
#define DEMO_PAGE_H

#include <stdio.h>

#include "measure.h"

void page_write(FILE *out, const struct arm *const arms[ARM_COUNT], const struct result results[ARM_COUNT]);

void table_print(FILE *out, const struct arm *const arms[ARM_COUNT], const struct result results[ARM_COUNT]);

#endif
