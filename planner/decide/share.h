/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets how much of a scene, as a question to decide/allocate.h. Pure after share_new.
 *
 * The scene's capacity less the headroom is the root; directories with limits below it are nodes. The protected (a bound, and the tier
 * of the endangered or a higher one) come first with what is reserved for them: the upper quantile of their forecast,
 * which rises at once and is let go only when less than 80 % of it is wanted. What more than that is worth to them their own
 * response says (decide/worth.h). Givers share the rest: the first third of what they want is worth more than the last, four times as much a
 * tier higher and more or less by kind, so equals get the same share of what they want. What is left beyond that is theirs in the same proportion.
 */
#ifndef FORESTALL_SHARE_H
#define FORESTALL_SHARE_H

#include "allocate.h"
#include "subtree.h"
struct scene;

struct share {
	struct allocate allocate;
	struct subtree tree;
	uint32_t *view;		/* of each leaf */
	uint32_t *node;		/* of each scope, 0: none in this scene */
	uint32_t *first;	/* leaf of each node, and of the next */
};

/* 0 or -ENOMEM; share_done() takes both. */
int share_new(struct share *share, uint32_t slots_max);
void share_done(struct share *share);

/* Once per tick: who lives below which directory with a limit, and `below` of each view. */
void share_tree(struct share *share, const struct plan_host *host, struct plan_view *const views[], uint32_t count);

/*
 * Sets `granted` of all views with is_giver set, in the units of the scene's resource; of memory what they may grow by, or < 0, have to
 * shrink by. Returns the price: what one unit more of the scene's capacity would be worth, 0 where there is enough.
 */
float share_solve(const struct scene *scene, const struct plan_view *victim);

/* What is reserved for the protected of this tier and above. */
float share_reserved(const struct scene *scene, uint32_t tier);

/* What a giver would use if it were left alone. */
float share_wants(const struct scene *scene, const struct plan_view *giver);

#endif
