/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would help where the plan has nothing left to do, as JSON. */
#ifndef FORESTALL_ANSWER_ADVICE_H
#define FORESTALL_ANSWER_ADVICE_H

#include "answer.h"

/* All of the plan of now: [{"path","resource","why","help","other","amount","room","lasts_s"},...]. */
json_t *answer_advice(const struct answer_world *world);

/* Of one decision; null: there was none. */
json_t *answer_advice_of(const struct answer_world *world, const struct decision *decision);

#endif
