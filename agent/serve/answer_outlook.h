/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hours to come as JSON. Inside of answer.c; a new reference. */
#ifndef FORESTALL_ANSWER_OUTLOOK_H
#define FORESTALL_ANSWER_OUTLOOK_H

#include "answer.h"

json_t *answer_profile_show(const struct answer_world *world, const json_t *question);

#endif
