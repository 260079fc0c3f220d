/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A setting on canary in a group (decide/cohort.h): orders, and how it does. */
#ifndef FORESTALL_ANSWER_COHORT_H
#define FORESTALL_ANSWER_COHORT_H

#include "answer.h"

json_t *answer_cohort_canary(const struct answer_world *world, const json_t *question);
json_t *answer_cohort_rollback(const struct answer_world *world, const json_t *question);

/* The one that runs, rules or ran last; null: there was none. */
json_t *answer_cohort_state(const struct answer_world *world);

#endif
