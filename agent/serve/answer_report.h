/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What applications say and what is written into logs, as JSON. Inside of answer.c; all are new references, null when nobody listens. */
#ifndef FORESTALL_ANSWER_REPORT_H
#define FORESTALL_ANSWER_REPORT_H

#include "answer.h"

/* What became of all lines, and "problem": the last bad one. */
json_t *answer_app_counts(const struct answer_world *world);

/* [{"name","kind","value","bound"}]: every name of an instance; bound tells whether it is an SLI of its annotation. */
json_t *answer_app_metrics(const struct answer_world *world, uint32_t slot);

/* {"lines":{SOURCE:n},"dropped":{SOURCE:n},"strangers":{SOURCE:n}} */
json_t *answer_log_counts(const struct answer_world *world);

/* {"lines":{SEVERITY:n},"templates":[{"text","severity","count","ago_s"}]}: some of those seen last, the youngest first. */
json_t *answer_log(const struct answer_world *world, uint32_t slot);

#endif
