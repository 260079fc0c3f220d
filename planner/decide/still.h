/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who stands still at memory.high. The kernel makes it sleep where it takes a page, so it does not come to where it would give some back, and
 * what it holds stays held for longer than it is wanted. Pure.
 *
 * Such a giver is let on by STILL_STEP at a time, no sooner than STILL_NS after it last moved: as long as nobody protected is over a bound of
 * memory, and what is to spare stays above STILL_SPARE of the headroom. So all of them together take at most the rest of it, and no faster
 * than STILL_STEP a second each.
 *
 * The hands hold a limit below which nothing is left to reclaim for MEMORY_STUCK_MS at most (act/protocol.h), and without it all that is left
 * would be taken at once. So before that it is widened by STILL_STEP, whether there is room or not: by that much in eight seconds.
 */
#ifndef FORESTALL_STILL_H
#define FORESTALL_STILL_H

#include "scene.h"

#define STILL_NS 1000000000ull
#define STILL_STEP 4e6f		/* bytes beyond what it holds: what a giver may grow before a new limit is felt, too */
#define STILL_SPARE 0.5f

/* Whether it waits for memory most of the time. */
bool still_stalls(const struct plan_view *giver);

/* To be called once the limit of this tick is known: moves what is remembered of the giver. What is to be left to it to let it on; 0: as it is. */
float still_lets_on(const struct scene *scene, struct plan_view *giver);

#endif
