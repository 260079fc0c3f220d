/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which instances are told one by one where all would be too many: those somebody annotated and, of the others, those that used
 * most CPU in the last second. The rest is one sum, so a host with ten thousand cgroups costs who asks each second no more than
 * one with a hundred.
 */
#ifndef FORESTALL_ANSWER_PICK_H
#define FORESTALL_ANSWER_PICK_H

#include "answer.h"

#define PICK_ANNOTATED_MAX 500	/* those beyond are in the sum */
#define PICK_TOP_MAX 20
#define PICK_WHOLE_MAX 25	/* instances on a page with their signals */

/* The question instance.pick. The top ones come first: only they change places between two pages. */
json_t *answer_pick(const struct answer_world *world, const json_t *question);

#endif
