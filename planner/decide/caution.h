/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether for somebody in danger more may be taken than weights, which conserve work. Pure.
 *
 * What is measured warrants it, and so does what was announced. A forecast does once it has earned it here (credit.h), and of a disk or a wire
 * once it was seen what hurts, or a limit was held under which nobody was hurt (knee.h): before that what a limit should leave is a
 * guess. What is lost of memory does not come back, so nobody waits for proof there. An instance that answers otherwise than its model
 * says (plan_worth.is_doubted) is not limited for by any forecast.
 */
#ifndef FORESTALL_CAUTION_H
#define FORESTALL_CAUTION_H

#include "scene.h"

/* One tick of an instance with a bound, for its credit; has_giver: somebody is there who could give. */
void caution_watch(const struct scene *scene, struct plan_view *view, bool has_giver);

/* The same with why it is in danger; moves until when limits are warranted. */
void caution_move(const struct scene *scene, struct plan_view *view, enum plan_reason reason);

#endif
