/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was decided and what came of it: questions about decide/ledger.h. */
#ifndef FORESTALL_ANSWER_DECISION_H
#define FORESTALL_ANSWER_DECISION_H

#include "answer.h"

json_t *answer_decision_list(const struct answer_world *world, const json_t *question);
json_t *answer_decision_show(const struct answer_world *world, const json_t *question);
json_t *answer_ledger(const struct answer_world *world, const json_t *question);

/* The counters of the ledger, also for the status. */
json_t *answer_ledger_counts(const struct ledger *ledger);

#endif
