/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "subtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rung.h"

/* What the tree was made from: nothing of it is followed again. */
struct subtree_key {
	struct key_view {
		const struct plan_view *view;
		const char *path;
		uint64_t cgroup_id;
		bool is_bound;
	} *view;
	struct key_scope {
		const char *path;
		uint64_t cgroup_id;
	} *scope;
	struct named {
		const char *path;
		uint32_t scope;
	} *named;	/* scopes, to be sorted */
};

int subtree_new(struct subtree *tree, uint32_t slots_max)
{
	struct subtree_key *key = calloc(1, sizeof(*key));

	*tree = (struct subtree){ .view = calloc(slots_max, sizeof(*tree->view)),
				  .deepest = calloc(slots_max, sizeof(*tree->deepest)),
				  .order = calloc(slots_max, sizeof(*tree->order)),
				  .above = calloc(slots_max, sizeof(*tree->above)),
				  .from = calloc(slots_max, sizeof(*tree->from)),
				  .count = calloc(slots_max, sizeof(*tree->count)),
				  .key = key };
	if (!key)
		return -ENOMEM;
	key->view = calloc(slots_max, sizeof(*key->view));
	key->scope = calloc(slots_max, sizeof(*key->scope));
	key->named = calloc(slots_max, sizeof(*key->named));
	return tree->view && tree->deepest && tree->order && tree->above && tree->from && tree->count && key->view && key->scope && key->named ? 0 : -ENOMEM;
}

void subtree_done(struct subtree *tree)
{
	free(tree->view);
	free(tree->deepest);
	free(tree->order);
	free(tree->above);
	free(tree->from);
	free(tree->count);
	if (tree->key) {
		free(tree->key->view);
		free(tree->key->scope);
		free(tree->key->named);
	}
	free(tree->key);
}

static int path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == '/' || *b == '/')
		return *a == *b ? 0 : *a == '/' ? (*b ? -1 : 1) : (*a ? 1 : -1);
	return (unsigned char)*a - (unsigned char)*b;
}

static int view_compare(const void *a, const void *b)
{
	const struct plan_view *one = *(struct plan_view *const *)a, *other = *(struct plan_view *const *)b;

	return path_compare(one->path, other->path);
}

static int named_compare(const void *a, const void *b)
{
	return path_compare(((const struct named *)a)->path, ((const struct named *)b)->path);
}

static void scopes_sort(struct subtree *tree, const struct plan_scope *scopes)
{
	struct named *named = tree->key->named;

	for (uint32_t s = 0; s < tree->scope_count; s++)
		named[s] = (struct named){ scopes[s].path, s };
	qsort(named, tree->scope_count, sizeof(*named), named_compare);
	for (uint32_t s = 0; s < tree->scope_count; s++)
		tree->order[s] = named[s].scope;
}

/* Remembers what it is made from; true when that is what it was made from before. */
static bool key_keep(struct subtree *tree, const struct plan_scope *scopes, uint32_t scope_count, struct plan_view *const views[],
		     uint32_t count)
{
	bool is_same = tree->scope_count == scope_count && tree->view_count == count;

	for (uint32_t i = 0; i < count; i++) {
		struct key_view *key = &tree->key->view[i];
		const struct plan_view *view = views[i];

		is_same &= key->view == view && key->path == view->path && key->cgroup_id == view->cgroup_id && key->is_bound == view->is_bound;
		*key = (struct key_view){ view, view->path, view->cgroup_id, view->is_bound };
	}
	for (uint32_t s = 0; s < scope_count; s++) {
		struct key_scope *key = &tree->key->scope[s];

		is_same &= key->path == scopes[s].path && key->cgroup_id == scopes[s].cgroup_id;
		*key = (struct key_scope){ scopes[s].path, scopes[s].cgroup_id };
	}
	return is_same;
}

/* The scopes come in the order of the walk, so the one above is among those that are open. */
static void scopes_link(struct subtree *tree, const struct plan_scope *scopes)
{
	uint32_t open = PLAN_NOWHERE, from = 0;

	for (uint32_t i = 0; i < tree->scope_count; i++) {
		uint32_t s = tree->order[i];

		while (open != PLAN_NOWHERE && !rung_is_above(scopes[open].path, scopes[s].path))
			open = tree->above[open];
		tree->above[s] = open;
		open = s;
		while (from < tree->view_count && path_compare(tree->view[from]->path, scopes[s].path) < 0)
			from++;
		tree->from[s] = from;
		tree->count[s] = 0;
		for (uint32_t v = from; v < tree->view_count && rung_is_above(scopes[s].path, tree->view[v]->path); v++) {
			tree->deepest[v] = s;
			tree->count[s]++;
		}
	}
}

bool subtree_make(struct subtree *tree, const struct plan_scope *scopes, uint32_t scope_count, struct plan_view *const views[], uint32_t count)
{
	if (key_keep(tree, scopes, scope_count, views, count))
		return false;
	tree->scope_count = scope_count;
	tree->view_count = count;
	memcpy(tree->view, views, count * sizeof(views[0]));
	for (uint32_t v = 0; v < count; v++)
		tree->deepest[v] = PLAN_NOWHERE;
	/* Where nothing has a limit nobody asks who lives below it. */
	if (!scope_count)
		return true;
	qsort(tree->view, count, sizeof(tree->view[0]), view_compare);
	scopes_sort(tree, scopes);
	scopes_link(tree, scopes);
	return true;
}
