/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FORESTALL_ALLOCATE_INTERNAL_H
#define FORESTALL_ALLOCATE_INTERNAL_H

#include "allocate.h"

/* Two at a time: where a slope lies is not to be guessed, and a comparison of vectors is no branch. */
typedef double allocate_pair __attribute__((vector_size(16)));
typedef int64_t allocate_mask __attribute__((vector_size(16)));

static inline allocate_pair pair_where(allocate_mask mask, allocate_pair pair)
{
	return (allocate_pair)(mask & (allocate_mask)pair);
}

/* Pieces above the price are taken whole, those at it by this share. */
struct allocate_cut {
	double price, share;
};

/*
 * The pieces of utility, ALLOCATE_PIECES of each leaf, many of no width: what is always the same needs no branch. One more, as a piece
 * is written before it is known to be nothing.
 */
struct allocate_pieces {
	double *slope, *width;
};

struct allocate_scratch {
	struct allocate_pieces piece;
	struct allocate_pieces list[2];	/* of the search for a cut */
	double *lo, *hi;		/* [leaves_max] */
	double *kept[2];		/* [leaves_max] answers that are mixed */
	struct allocate_below {
		double lo, hi;		/* sums over what is directly below it */
		double low, high;	/* the same within its floor and cap */
		double floor;		/* what is left of it */
		double tried;		/* low, while floors give way */
		double cap_price, floor_price;	/* of its own cuts */
		double price;		/* at its children */
		uint32_t first, end;	/* its leaves */
	} *below;			/* [nodes_max] */
};

/* Where to cut pieces [first, end) so that they come to `target` of `total` (> target >= 0). */
struct allocate_cut allocate_cut(struct allocate_scratch *scratch, const struct allocate_pieces *from, uint32_t first, uint32_t end,
				 double total, double target);

/* Lowers floors below node n by the order of the header until they fit into `room`. */
void allocate_give_way(struct allocate *allocate, uint32_t n, double room);

#endif
