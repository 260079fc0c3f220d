/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures as JSON. Inside of answer.c; all are new references. */
#ifndef FORESTALL_ANSWER_FAILURE_H
#define FORESTALL_ANSWER_FAILURE_H

#include "answer.h"

json_t *answer_failure_list(const struct answer_world *world, const json_t *question);

/* Those of one path, NULL: of all; the youngest first. */
json_t *answer_failures(const struct answer_world *world, const char *path);

/* One number per cause, "open" and "changes"; null when nobody watches. */
json_t *answer_failure_counts(const struct answer_world *world);

/* One record. */
json_t *answer_failure(const struct failure *failure);

#endif
