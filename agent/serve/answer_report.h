/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What applications say, as JSON. Inside of answer.c; all are new references, null when nobody listens. */
#ifndef FORESTALL_ANSWER_REPORT_H
#define FORESTALL_ANSWER_REPORT_H

#include "answer.h"

/* What became of all lines, and "problem": the last bad one. */
json_t *answer_app_counts(const struct answer_world *world);

/* [{"name","kind","value","bound"}]: every name of an instance; bound tells whether it is an SLI of its annotation. */
json_t *answer_app_metrics(const struct answer_world *world, uint32_t slot);

#endif
