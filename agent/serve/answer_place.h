/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FORESTALL_ANSWER_PLACE_H
#define FORESTALL_ANSWER_PLACE_H

#include "answer.h"

/* Where new work goes (decide/placement.h); what is placed is remembered, since asking is placing. */
json_t *answer_place(const struct answer_world *world, const json_t *question);

#endif
