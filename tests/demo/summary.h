/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What arms came to, in a file that awk reads: for several seeds or many arms together. */
#ifndef DEMO_SUMMARY_H
#define DEMO_SUMMARY_H

#include "measure.h"

/* Adds one line per phase and one for the whole run, and a head where the file is new. 0 or -errno. */
int summary_append(const char *path, const struct arm *arm, const char *name, const struct result *result);

/* The same, a line for each occurrence of a load: seconds in violation from its start to the next one's. */
int summary_append_occurrences(const char *path, const struct arm *arm, const char *name, const struct result *result);

#endif
