/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who lives below which directory with a limit. Pure after subtree_new.
 *
 * In the order of a walk of the tree ('/' before everything else) those below a directory lie together, so each has a range of them. Sorted
 * when somebody came or went, which costs n log n; else a look at each, which compares no path.
 */
#ifndef FORESTALL_SUBTREE_H
#define FORESTALL_SUBTREE_H

#include "plan.h"

struct subtree_key;

struct subtree {
	struct plan_view **view;	/* all, in the order of the walk */
	uint32_t view_count;
	uint32_t *deepest;	/* of each of these: the deepest scope that it lives below, by index; PLAN_NOWHERE: none */
	uint32_t scope_count;
	uint32_t *order;		/* scopes, by index, in the order of the walk */
	uint32_t *above;		/* of each scope by index: the next one above; PLAN_NOWHERE: none */
	uint32_t *from, *count;		/* of each scope by index: its range in view[] */
	struct subtree_key *key;
};

/* 0 or -ENOMEM; subtree_done() takes both. As many views and scopes as there are slots. */
int subtree_new(struct subtree *tree, uint32_t slots_max);
void subtree_done(struct subtree *tree);

/* True when it is another than before; a view with a bound is another than the same without. */
bool subtree_make(struct subtree *tree, const struct plan_scope *scopes, uint32_t scope_count, struct plan_view *const views[], uint32_t count);

#endif
