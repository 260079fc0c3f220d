/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The best division of one resource on a tree: exact, for concave utilities that are linear in pieces. Pure after allocate_new.
 *
 *	maximise   sum of utility(amount) - cost * amount - churn(amount - held)      over the leaves
 *	subject to min <= amount <= max, -fall <= amount - held <= rise               of each leaf
 *	           floor <= sum of the leaves below it <= cap                         of each node
 *
 * Nodes of a tree are a laminar family, for which taking pieces of utility by their slope is optimal (Federgruen and Groenevelt,
 * 1986). From the deepest node up, each keeps the steepest pieces up to its cap, and takes for good the steepest up to its floor; no
 * piece that a cap left out, or a floor took, can be another's in any better division. The slope at which a node cuts is found without
 * sorting (allocate_cut.c), in time proportional to the pieces. Pieces of equal slope are cut in proportion, so that
 * equals share by what they ask for.
 *
 * The slopes of the cuts are the prices: what one unit more of a cap, or less of a floor, would be worth.
 *
 * Floors that cannot all be kept give way in a fixed order, within the deepest node where they do not fit: first what is only to be taken
 * slowly (fall), then whole tiers from the lowest, the last of them in proportion. A max stands above a min, a cap above a floor.
 */
#ifndef FORESTALL_ALLOCATE_H
#define FORESTALL_ALLOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALLOCATE_SEGMENTS 4
#define ALLOCATE_TIERS 3
#define ALLOCATE_PIECES (ALLOCATE_SEGMENTS + 2)	/* of a leaf: one more for what is above them, one for what it holds */

struct allocate_segment {
	double slope, width;	/* slopes never rise; above the last segment the utility stays as it is */
};

struct allocate_leaf {
	uint32_t node;
	uint32_t tier;		/* 0: its floor gives way first */
	double min, max;
	double held;
	double rise, fall;	/* INFINITY: it may move as far as it wants */
	double churn_up, churn_down;	/* cost of a unit above and below what it holds, >= 0 */
	uint32_t segment_count;
	struct allocate_segment segment[ALLOCATE_SEGMENTS];	/* from amount 0 on */
	/* The answer. */
	double amount;
	double price;		/* of a unit at its place */
	double gave_way;	/* by how much its floor had to be lowered */
};

struct allocate_node {
	uint32_t parent;	/* lower than its own index; the root is 0 and has itself */
	uint32_t tier;
	double floor, cap;
	/* The answer. */
	double cap_price, floor_price;	/* 0: does not bind */
	double gave_way;
};

struct allocate {
	struct allocate_leaf *leaf;	/* those of one subtree lie together */
	struct allocate_node *node;
	uint32_t leaf_count, node_count;	/* nodes >= 1 */
	double cost;			/* of a unit */
	uint32_t leaves_max, nodes_max;
	uint32_t gave_way_count;	/* of the answer: floors that had to give way */
	uint32_t bad_leaf;		/* set with -EINVAL: who is at fault; leaf_count: a node or the cost */
	struct allocate_scratch *scratch;
};

/* 0 or -ENOMEM; allocate_done() takes both. */
int allocate_new(struct allocate *allocate, uint32_t leaves_max, uint32_t nodes_max);
void allocate_done(struct allocate *allocate);

/*
 * Fills the answers; no allocation. -EINVAL for what cannot be read (a slope that rises, a number that is none, leaves out of
 * order): nothing is answered then.
 */
int allocate_solve(struct allocate *allocate);

/* What a leaf is worth at an amount, less cost and churn; and all of the answer. */
double allocate_worth(const struct allocate *allocate, const struct allocate_leaf *leaf, double amount);
double allocate_value(const struct allocate *allocate);

/*
 * Several resources that share a budget: sum over them of weight * (sum of amounts) <= budget, all weights > 0. The price of the budget is
 * searched where the lines of the two answers that enclose it cross, or half way; at the price found both are best, and are
 * mixed so that the budget is spent exactly. *ret_price 0: the budget does not bind. -ENOSPC: the floors alone cost more; they
 * are the answer then.
 */
int allocate_couple(struct allocate *const problem[], const double weight[], uint32_t count, double budget, double *ret_price);

#endif
