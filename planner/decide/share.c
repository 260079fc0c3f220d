/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "share.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rung.h"
#include "scene.h"

#define LET_GO 0.8f		/* of what is reserved: less than this is wanted before it shrinks */
#define STALE_NS 1000000000ull	/* what was reserved longer ago counts for nothing */
#define RESERVED 1e6		/* worth of what is reserved, beside a giver's 16 at most */
#define BEYOND 1e-3		/* worth of what is left beyond all wants */
#define WIDE 1e3		/* times what is wanted: no giver comes to its end there */

static const double tier_worth[] = { 1, 4, 16 };
/* Less than the 4 of a tier: a batch gives two thirds of what it wants before a stream of its tier gives anything. */
static const double kind_worth[] = { [KIND_UNKNOWN] = 2, [KIND_LATENCY] = 3.5, [KIND_BATCH] = 1, [KIND_STREAM] = 3 };
_Static_assert(sizeof(kind_worth) / sizeof(kind_worth[0]) == KIND_COUNT, "a worth per kind");
_Static_assert(sizeof(tier_worth) / sizeof(tier_worth[0]) == ALLOCATE_TIERS, "a worth per tier");

int share_new(struct share *share, uint32_t slots_max)
{
	int r = allocate_new(&share->allocate, slots_max, slots_max + 1), tree_r = subtree_new(&share->tree, slots_max);

	share->view = calloc(slots_max, sizeof(*share->view));
	share->node = calloc(slots_max, sizeof(*share->node));
	share->first = calloc((size_t)slots_max + 2, sizeof(*share->first));
	return r || tree_r || !share->view || !share->node || !share->first ? -ENOMEM : 0;
}

void share_done(struct share *share)
{
	if (share->allocate.scratch)
		allocate_done(&share->allocate);
	subtree_done(&share->tree);
	free(share->view);
	free(share->node);
	free(share->first);
}

void share_tree(struct share *share, const struct plan_host *host, struct plan_view *const views[], uint32_t count)
{
	struct subtree *tree = &share->tree;

	subtree_make(tree, host->scopes, host->scope_count, views, count);
	for (uint32_t i = 0; i < count; i++)
		tree->view[i]->below = tree->deepest[i];
}

float share_wants(const struct scene *scene, const struct plan_view *giver)
{
	return fmaxf(fmaxf(scene_wants(scene, giver), giver->need[scene->resource].demand_high),
		     scene->policy->giver_min[scene->resource]);
}

/* Give fast, take slow: also of what nobody but the plan holds. */
static float reserve_move(const struct scene *scene, struct plan_view *view)
{
	const struct plan_need *need = &view->need[scene->resource];
	struct plan_hold *hold = &view->hold[scene->resource];
	float wanted = fmaxf(need->demand_high, scene_kept(need));

	if (need->most > 0)
		wanted = fminf(wanted, need->most);
	if (scene->now_ns - hold->reserved_ns > STALE_NS || wanted > hold->reserved || wanted < hold->reserved * LET_GO)
		hold->reserved = wanted;
	hold->reserved_ns = scene->now_ns;
	return hold->reserved;
}

static bool is_protected(const struct scene *scene, const struct plan_view *view, uint32_t tier)
{
	return view->is_bound && view->tier >= tier && scene_holds(scene, view);
}

float share_reserved(const struct scene *scene, uint32_t tier)
{
	float sum = 0;

	for (uint32_t i = 0; i < scene->count; i++)
		if (is_protected(scene, scene->views[i], tier))
			sum += reserve_move(scene, scene->views[i]);
	return sum;
}

static void leaf_protect(const struct scene *scene, struct plan_view *view, struct allocate_leaf *leaf)
{
	const struct plan_worth *worth = &view->worth[scene->resource];

	leaf->segment[leaf->segment_count++] = (struct allocate_segment){ RESERVED * tier_worth[view->tier], reserve_move(scene, view) };
	for (int i = 0; i < PLAN_WORTH_STEPS && worth->width[i] > 0; i++)
		leaf->segment[leaf->segment_count++] =
			(struct allocate_segment){ worth->slope[i] * tier_worth[view->tier], worth->width[i] };
}

/* is_less: it is divided who shrinks, and there a higher tier is spared. */
static void leaf_give(const struct scene *scene, const struct plan_view *view, bool is_less, struct allocate_leaf *leaf)
{
	double wants = share_wants(scene, view), worth = tier_worth[view->tier] * kind_worth[view->kind];

	if (is_less)
		worth = 1 / worth;
	for (int third = 0; third < 3; third++)
		leaf->segment[leaf->segment_count++] = (struct allocate_segment){ worth * (4 >> third), wants / 3 };
	leaf->segment[leaf->segment_count++] = (struct allocate_segment){ worth * BEYOND, wants * WIDE };
}

/* What a directory leaves to those below it; of IO that depends on their requests, and the kernel alone sees to it. */
static double scope_room(const struct scene *scene, const struct plan_scope *scope)
{
	if (scene->resource == RESOURCE_MEMORY)
		return scope->memory_free >= 0 ? scope->memory_free : INFINITY;
	return scene->resource == RESOURCE_CPU && scope->capacity[RESOURCE_CPU] > 0 ? scope->capacity[RESOURCE_CPU] : INFINITY;
}

/* The next one above, itself included, that is a node. */
static uint32_t node_above(const struct share *share, uint32_t scope)
{
	while (scope != PLAN_NOWHERE && !share->node[scope])
		scope = share->tree.above[scope];
	return scope == PLAN_NOWHERE ? 0 : share->node[scope];
}

static void nodes_build(const struct scene *scene, struct share *share, double room)
{
	const struct plan_scope *scopes = scene->host->scopes;
	struct allocate *a = &share->allocate;

	a->node[0] = (struct allocate_node){ .cap = room };
	a->node_count = 1;
	for (uint32_t i = 0; i < scene->host->scope_count; i++) {
		uint32_t s = share->tree.order[i];

		share->node[s] = 0;
		if (isinf(scope_room(scene, &scopes[s])) || scopes[s].path == scene->path ||
		    (scene->path && !rung_is_above(scene->path, scopes[s].path)))
			continue;
		a->node[a->node_count] = (struct allocate_node){ .parent = node_above(share, s), .cap = scope_room(scene, &scopes[s]) };
		share->node[s] = a->node_count++;
	}
}

static void leaf_build(const struct scene *scene, struct share *share, uint32_t i, bool is_less)
{
	struct plan_view *view = scene->views[i];
	const struct plan_need *need = &view->need[scene->resource];
	uint32_t node = node_above(share, view->below), at = share->first[node]++;
	struct allocate_leaf *leaf = &share->allocate.leaf[at];
	bool is_memory = scene->resource == RESOURCE_MEMORY;

	*leaf = (struct allocate_leaf){ .node = node, .tier = view->tier, .min = is_memory ? 0 : need->min,
					.max = need->most > 0 && !is_memory ? need->most : INFINITY, .rise = INFINITY, .fall = INFINITY };
	if (view->is_giver)
		leaf_give(scene, view, is_less, leaf);
	else
		leaf_protect(scene, view, leaf);
	share->view[at] = i;
}

static bool takes_part(const struct scene *scene, const struct plan_view *view, const struct plan_view *victim)
{
	if (view->is_giver)
		return true;
	/* What of memory is to spare leaves out what they hold. */
	return scene->resource != RESOURCE_MEMORY && is_protected(scene, view, victim->tier);
}

/* Those of one node beside one another. */
static void leaves_build(const struct scene *scene, struct share *share, const struct plan_view *victim, bool is_less)
{
	struct allocate *a = &share->allocate;

	memset(share->first, 0, (a->node_count + 1) * sizeof(share->first[0]));
	for (uint32_t i = 0; i < scene->count; i++)
		if (takes_part(scene, scene->views[i], victim))
			share->first[node_above(share, scene->views[i]->below) + 1]++;
	for (uint32_t n = 0; n < a->node_count; n++)
		share->first[n + 1] += share->first[n];
	a->leaf_count = share->first[a->node_count];
	for (uint32_t i = 0; i < scene->count; i++)
		if (takes_part(scene, scene->views[i], victim))
			leaf_build(scene, share, i, is_less);
}

float share_solve(const struct scene *scene, const struct plan_view *victim)
{
	struct share *share = scene->host->share;
	struct allocate *a = &share->allocate;
	double room = scene->capacity * (1 - scene->policy->headroom[scene->resource]);
	bool is_less;

	if (scene->resource == RESOURCE_MEMORY)
		room = scene_memory_spare(scene) - scene->policy->headroom[RESOURCE_MEMORY] * scene->capacity;
	/* Without swap nothing shrinks. */
	is_less = room < 0 && scene->resource == RESOURCE_MEMORY && scene->host->swap_free > -room;
	nodes_build(scene, share, is_less ? -room : fmax(room, 0));
	for (uint32_t n = 0; is_less && n < a->node_count; n++)
		a->node[n].cap = -room;
	leaves_build(scene, share, victim, is_less);
	if (allocate_solve(a))
		return 0;
	for (uint32_t leaf = 0; leaf < a->leaf_count; leaf++)
		scene->views[share->view[leaf]]->granted = (float)(is_less ? -a->leaf[leaf].amount : a->leaf[leaf].amount);
	return (float)a->node[0].cap_price;
}
