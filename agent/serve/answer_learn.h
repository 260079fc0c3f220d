/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is learned on this host, for the answer to "status". Inside of answer*.c. */
#ifndef FORESTALL_ANSWER_LEARN_H
#define FORESTALL_ANSWER_LEARN_H

#include "answer.h"

/* Null where nothing is learned. */
json_t *answer_learn(const struct answer_world *world);

#endif
