/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "allocate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "allocate_internal.h"

static void *array(size_t count, size_t bytes) { return calloc(count ? count : 1, bytes); }

int allocate_new(struct allocate *a, uint32_t leaves_max, uint32_t nodes_max)
{
	size_t pieces = (size_t)leaves_max * ALLOCATE_PIECES + 1;
	struct allocate_scratch *s = calloc(1, sizeof(*s));

	*a = (struct allocate){ .leaves_max = leaves_max, .nodes_max = nodes_max, .scratch = s,
				.leaf = array(leaves_max, sizeof(*a->leaf)), .node = array(nodes_max, sizeof(*a->node)) };
	if (!s)
		return -ENOMEM;
	*s = (struct allocate_scratch){
		.piece = { array(pieces, sizeof(double)), array(pieces, sizeof(double)) },
		.list = { { array(pieces, sizeof(double)), array(pieces, sizeof(double)) },
			  { array(pieces, sizeof(double)), array(pieces, sizeof(double)) } },
		.lo = array(leaves_max, sizeof(double)), .hi = array(leaves_max, sizeof(double)),
		.kept = { array(leaves_max, sizeof(double)), array(leaves_max, sizeof(double)) },
		.below = array(nodes_max, sizeof(*s->below)),
	};
	if (a->leaf && a->node && s->piece.slope && s->piece.width && s->list[0].slope && s->list[0].width &&
	    s->list[1].slope && s->list[1].width && s->lo && s->hi && s->kept[0] && s->kept[1] && s->below)
		return 0;
	return -ENOMEM;
}

static void pieces_free(struct allocate_pieces *pieces)
{
	free(pieces->slope);
	free(pieces->width);
}

void allocate_done(struct allocate *a)
{
	struct allocate_scratch *s = a->scratch;

	free(a->leaf);
	free(a->node);
	if (s) {
		pieces_free(&s->piece);
		pieces_free(&s->list[0]);
		pieces_free(&s->list[1]);
		free(s->lo);
		free(s->hi);
		free(s->kept[0]);
		free(s->kept[1]);
		free(s->below);
	}
	free(s);
	*a = (struct allocate){ 0 };
}

/* Which leaves lie below each node; false where the order of the header is not kept. */
static bool tree_read(struct allocate *a)
{
	struct allocate_below *below = a->scratch->below;

	for (uint32_t n = 0; n < a->node_count; n++) {
		const struct allocate_node *node = &a->node[n];

		if ((n && node->parent >= n) || isnan(node->floor) || !(node->cap >= 0) || (!n && isinf(node->cap)) || node->tier >= ALLOCATE_TIERS)
			return false;
		below[n] = (struct allocate_below){ .floor = node->floor, .first = UINT32_MAX };
	}
	for (uint32_t i = 0; i < a->leaf_count; i++) {
		uint32_t n = a->leaf[i].node;

		if (n >= a->node_count) {
			a->bad_leaf = i;
			return false;
		}
		if (below[n].first == UINT32_MAX)
			below[n].first = i;
		below[n].end = i + 1;
	}
	for (uint32_t n = a->node_count - 1; n; n--) {
		struct allocate_below *up = &below[a->node[n].parent];

		up->first = below[n].first < up->first ? below[n].first : up->first;
		up->end = below[n].end > up->end ? below[n].end : up->end;
	}
	return a->node_count && !isnan(a->cost);
}

/* A leaf between two others of a subtree that is not in it would be cut with them. */
static bool tree_is_ordered(struct allocate *a)
{
	const struct allocate_below *below = a->scratch->below;

	for (uint32_t i = 1; i < a->leaf_count; i++) {
		uint32_t up = a->leaf[i].node;

		if (up == a->leaf[i - 1].node)
			continue;
		for (uint32_t n = a->leaf[i - 1].node; n; n = a->node[n].parent)
			if (below[n].end > i) {	/* its subtree goes on: this leaf has to be in it */
				for (up = a->leaf[i].node; up > n;)
					up = a->node[up].parent;
				if (up != n) {
					a->bad_leaf = i;
					return false;
				}
			}
	}
	return true;
}

/* Without the rules that fmin() has for what is no number, and so without a branch. */
static inline double least(double a, double b) { return a < b ? a : b; }
static inline double most(double a, double b) { return a > b ? a : b; }

static bool leaf_bounds(const struct allocate *a, const struct allocate_leaf *leaf, double *ret_lo, double *ret_hi)
{
	/* What does not fit under the host's cap still is a floor, to be told where it gives way. */
	double lo = least(least(most(leaf->min, leaf->held - leaf->fall), leaf->max), leaf->held + leaf->rise);
	/* All it could make use of; not less, or equals that ask for more than there is would be made the same. */
	double reach = a->node[0].cap;

	for (uint32_t k = 0; k < leaf->segment_count && k < ALLOCATE_SEGMENTS; k++)
		reach += leaf->segment[k].width;
	*ret_lo = lo;
	*ret_hi = most(least(least(leaf->held + leaf->rise, leaf->max), reach), lo);
	return leaf->min >= 0 && leaf->max >= 0 && leaf->rise >= 0 && leaf->fall >= 0 && leaf->held >= 0 && leaf->churn_up >= 0 &&
	       leaf->churn_down >= 0 && leaf->tier < ALLOCATE_TIERS && leaf->segment_count <= ALLOCATE_SEGMENTS && lo < INFINITY && reach < INFINITY;
}

/*
 * The stretches of equal utility between lo and hi, each cut at what is held where moving costs. Without a branch that depends on where
 * these lie: a piece without width is overwritten by the next. false: the utility is not concave, or no number.
 */
static bool leaf_pieces(const struct allocate *a, const struct allocate_leaf *leaf, double lo, double hi, double *restrict to_slope,
			double *restrict to_width)
{
	double from = 0, left = lo, before = INFINITY;
	bool is_sound = true, has_churn = leaf->churn_up > 0 || leaf->churn_down > 0;
	uint32_t p = 0;

	for (uint32_t i = 0; i < ALLOCATE_PIECES; i++)
		to_slope[i] = to_width[i] = 0;
	for (uint32_t k = 0; k <= leaf->segment_count; k++) {
		bool is_rest = k == leaf->segment_count;
		double slope = is_rest ? least(before, 0) : leaf->segment[k].slope, right;

		is_sound &= slope <= before && (is_rest || leaf->segment[k].width >= 0);
		from = is_rest ? INFINITY : from + leaf->segment[k].width;
		right = most(least(from, hi), left);
		before = slope;
		slope -= a->cost;
		if (has_churn) {
			double middle = least(most(leaf->held, left), right);

			to_slope[p] = slope + leaf->churn_down;
			to_width[p] = middle - left;
			p += middle > left;
			left = middle;
			slope -= leaf->churn_up;
		}
		to_slope[p] = slope;
		to_width[p] = right - left;
		p += right > left;
		left = right;
	}
	return is_sound;
}

/* Bounds first: floors that do not fit give way before anybody's pieces are cut from them. */
static int bounds_read(struct allocate *a)
{
	struct allocate_scratch *s = a->scratch;
	struct allocate_below *below = s->below;

	for (uint32_t i = 0; i < a->leaf_count; i++) {
		struct allocate_leaf *leaf = &a->leaf[i];

		if (!leaf_bounds(a, leaf, &s->lo[i], &s->hi[i])) {
			a->bad_leaf = i;
			return -EINVAL;
		}
		leaf->gave_way = 0;
		below[leaf->node].lo += s->lo[i];
		below[leaf->node].hi += s->hi[i];
	}
	return 0;
}

static void floors_fit(struct allocate *a)
{
	struct allocate_below *below = a->scratch->below;

	for (uint32_t n = a->node_count; n--;) {
		struct allocate_node *node = &a->node[n];
		double room = node->cap < below[n].hi ? node->cap : below[n].hi;

		node->gave_way = 0;
		/* A floor above what those below can take at most is none. */
		if (below[n].floor > room) {
			node->gave_way = below[n].floor - room;
			below[n].floor = room;
		}
		if (below[n].lo > node->cap)
			allocate_give_way(a, n, node->cap);
		below[n].low = fmax(below[n].floor, below[n].lo);
		below[n].high = fmax(room, below[n].low);
		if (n) {
			below[node->parent].lo += below[n].low;
			below[node->parent].hi += below[n].high;
		}
	}
}

static bool leaves_start(struct allocate *a)
{
	struct allocate_scratch *s = a->scratch;

	for (uint32_t i = 0; i < a->leaf_count; i++) {
		double *slope = s->piece.slope + i * ALLOCATE_PIECES, *width = s->piece.width + i * ALLOCATE_PIECES;

		a->leaf[i].amount = s->lo[i];
		a->bad_leaf = i;
		if (!leaf_pieces(a, &a->leaf[i], s->lo[i], s->hi[i], slope, width))
			return false;
	}
	return true;
}

/* What is above the cut goes to the leaves for good (is_given), or is all that is left to be given. */
static void cut_make(struct allocate *a, const struct allocate_below *below, struct allocate_cut cut, bool is_given)
{
	_Static_assert(ALLOCATE_PIECES % 2 == 0, "pairs");
	for (uint32_t i = below->first; i < below->end; i++) {
		const allocate_pair *slope = (const allocate_pair *)(a->scratch->piece.slope + i * ALLOCATE_PIECES);
		allocate_pair *width = (allocate_pair *)(a->scratch->piece.width + i * ALLOCATE_PIECES), sum = { 0, 0 };

		for (uint32_t p = 0; p < ALLOCATE_PIECES / 2; p++) {
			allocate_pair above = pair_where(slope[p] > cut.price, width[p]) +
					      pair_where(slope[p] == cut.price, width[p] * cut.share);

			sum += above;
			width[p] = is_given ? width[p] - above : above;
		}
		if (is_given)
			a->leaf[i].amount += sum[0] + sum[1];
	}
}

static struct allocate_cut cut_find(struct allocate *a, const struct allocate_below *below, double total, double target)
{
	struct allocate_scratch *s = a->scratch;

	if (below->first >= below->end || total <= target)
		return (struct allocate_cut){ -INFINITY, 1 };
	return allocate_cut(s, &s->piece, below->first * ALLOCATE_PIECES, below->end * ALLOCATE_PIECES, total, fmax(target, 0));
}

static void node_cut(struct allocate *a, uint32_t n)
{
	struct allocate_below *below = &a->scratch->below[n];

	below->floor_price = INFINITY;
	below->cap_price = -INFINITY;
	if (below->floor > below->lo) {
		struct allocate_cut cut = cut_find(a, below, below->hi - below->lo, below->low - below->lo);

		below->floor_price = cut.price;
		cut_make(a, below, cut, true);
	}
	if (n && below->hi > a->node[n].cap) {
		struct allocate_cut cut = cut_find(a, below, below->hi - below->low, below->high - below->low);

		below->cap_price = cut.price;
		cut_make(a, below, cut, false);
	}
}

/* What is worth nothing is not taken only because it is there. */
static void root_cut(struct allocate *a)
{
	struct allocate_below *below = &a->scratch->below[0];
	struct allocate_cut cut = cut_find(a, below, below->hi - below->low, below->high - below->low);

	if (cut.price <= 0)
		cut = (struct allocate_cut){ 0, 0 };
	below->cap_price = cut.price;
	cut_make(a, below, cut, true);
}

static void prices_tell(struct allocate *a)
{
	struct allocate_below *below = a->scratch->below;

	for (uint32_t n = 0; n < a->node_count; n++) {
		struct allocate_node *node = &a->node[n];
		double above = n ? below[node->parent].price : 0;
		double price = fmin(fmax(above, below[n].cap_price), below[n].floor_price);

		below[n].price = price;
		node->cap_price = price > above ? price - above : 0;
		node->floor_price = price < above ? above - price : 0;
	}
	for (uint32_t i = 0; i < a->leaf_count; i++)
		a->leaf[i].price = below[a->leaf[i].node].price;
}

int allocate_solve(struct allocate *a)
{
	int r;

	a->bad_leaf = a->leaf_count;
	if (!tree_read(a) || !tree_is_ordered(a))
		return -EINVAL;
	r = bounds_read(a);
	if (r)
		return r;
	floors_fit(a);
	if (!leaves_start(a))
		return -EINVAL;
	for (uint32_t n = a->node_count; n--;)
		node_cut(a, n);
	root_cut(a);
	prices_tell(a);
	a->gave_way_count = 0;
	for (uint32_t n = 0; n < a->node_count; n++)
		a->gave_way_count += a->node[n].gave_way > 0;
	for (uint32_t i = 0; i < a->leaf_count; i++)
		a->gave_way_count += a->leaf[i].gave_way > 0;
	a->bad_leaf = a->leaf_count;
	return 0;
}
