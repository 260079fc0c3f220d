/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which floors give way when not all of them fit. Seldom, so simple rather than fast. */
#include "allocate_internal.h"

#include <math.h>
#include <string.h>

#define LEVELS (ALLOCATE_TIERS + 1)	/* what is to be taken slowly, then the tiers */
#define HALVINGS 60

static double leaf_kept(const struct allocate *a, uint32_t i, const double keep[LEVELS])
{
	double hard = fmin(a->scratch->lo[i], fmin(a->leaf[i].min, a->leaf[i].max));

	return keep[1 + a->leaf[i].tier] * hard + keep[0] * (a->scratch->lo[i] - hard);
}

/* What must be given below node n when floors are kept to these shares. Other subtrees do not touch n: their parents are elsewhere. */
static double floors_kept(struct allocate *a, uint32_t n, const double keep[LEVELS])
{
	struct allocate_below *below = a->scratch->below;

	for (uint32_t m = n; m < a->node_count; m++)
		below[m].tried = 0;
	for (uint32_t i = below[n].first; i < below[n].end; i++)
		below[a->leaf[i].node].tried += leaf_kept(a, i, keep);
	for (uint32_t m = a->node_count - 1; m > n; m--) {
		below[m].tried = fmax(below[m].tried, keep[1 + a->node[m].tier] * below[m].floor);
		if (a->node[m].parent >= n)
			below[a->node[m].parent].tried += below[m].tried;
	}
	return below[n].tried;
}

/* n itself is, too. */
static bool is_below(const struct allocate *a, uint32_t m, uint32_t n)
{
	while (m > n)
		m = a->node[m].parent;
	return m == n;
}

static void floors_lower(struct allocate *a, uint32_t n, const double keep[LEVELS])
{
	struct allocate_below *below = a->scratch->below;

	for (uint32_t i = below[n].first; i < below[n].end; i++) {
		double kept = leaf_kept(a, i, keep);

		a->leaf[i].gave_way += a->scratch->lo[i] - kept;
		a->scratch->lo[i] = kept;
	}
	for (uint32_t m = a->node_count - 1; m > n; m--) {
		if (!is_below(a, m, n))
			continue;
		a->node[m].gave_way += below[m].floor * (1 - keep[1 + a->node[m].tier]);
		below[m].floor *= keep[1 + a->node[m].tier];
	}
}

/* The sums of the subtree again. */
static void sums_renew(struct allocate *a, uint32_t n)
{
	struct allocate_below *below = a->scratch->below;
	static const double all[LEVELS] = { 1, 1, 1, 1 };

	_Static_assert(LEVELS == 4, "a one for each level");
	floors_kept(a, n, all);
	for (uint32_t m = n; m < a->node_count; m++) {
		if (!is_below(a, m, n))
			continue;
		below[m].low = below[m].tried;
		below[m].lo = 0;
	}
	for (uint32_t i = below[n].first; i < below[n].end; i++)
		below[a->leaf[i].node].lo += a->scratch->lo[i];
	for (uint32_t m = a->node_count - 1; m > n; m--) {
		if (is_below(a, m, n))
			below[a->node[m].parent].lo += below[m].low;
	}
}

void allocate_give_way(struct allocate *a, uint32_t n, double room)
{
	double keep[LEVELS] = { 1, 1, 1, 1 }, low = 0, high = 1;
	int level = 0;

	for (; level < LEVELS; level++) {
		keep[level] = 0;
		if (floors_kept(a, n, keep) <= room)
			break;
	}
	if (level == LEVELS)
		level--;
	for (int i = 0; i < HALVINGS; i++) {
		keep[level] = (low + high) / 2;
		if (floors_kept(a, n, keep) <= room)
			low = keep[level];
		else
			high = keep[level];
	}
	keep[level] = low;
	floors_lower(a, n, keep);
	sums_renew(a, n);
}
