/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is learned on this host, and which model speaks. Inside of answer*.c. */
#ifndef FORESTALL_ANSWER_LEARN_H
#define FORESTALL_ANSWER_LEARN_H

#include "answer.h"

/* Null where nothing is learned. */
json_t *answer_learn(const struct answer_world *world);

/* The model that speaks; shadow_s: for so many seconds nothing is done on its word. */
json_t *answer_model(const struct answer_world *world);

json_t *answer_model_promote(const struct answer_world *world, const json_t *question);
json_t *answer_model_rollback(const struct answer_world *world, const json_t *question);
json_t *answer_model_challenge(const struct answer_world *world, const json_t *question);

#endif
