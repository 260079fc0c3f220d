/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "allocate_oracle.h"

#define TREES 3000
#define LEAVES 14
#define MANY 300	/* leaves of trees so large that cuts are searched for and not sorted */
#define NODES 7

static uint64_t seed = 88172645463325252ull;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static double drawn(double below) { return below * draw(1u << 30) / (1u << 30); }

static double sum_below(const struct allocate *a, uint32_t n, const double amount[])
{
	double sum = 0;

	for (uint32_t i = 0; i < a->leaf_count; i++) {
		uint32_t up = a->leaf[i].node;

		while (up > n)
			up = a->node[up].parent;
		sum += up == n ? amount[i] : 0;
	}
	return sum;
}

/* Half of all slopes are multiples of 1/4, so that many are equal; some utilities fall. */
static void utility_draw(struct allocate_leaf *leaf)
{
	double slope = drawn(8);

	leaf->segment_count = draw(ALLOCATE_SEGMENTS + 1);
	for (uint32_t k = 0; k < leaf->segment_count; k++) {
		slope = draw(2) ? floor(slope * 4) / 4 : slope;
		leaf->segment[k] = (struct allocate_segment){ slope, draw(8) ? drawn(3) : 0 };
		slope -= drawn(3);
	}
}

/* Bounds around an answer that there is; half of them are loose. */
static void leaf_draw(struct allocate_leaf *leaf, double around)
{
	utility_draw(leaf);
	leaf->min = draw(2) ? 0 : fmax(around - drawn(2), 0);
	leaf->max = draw(3) ? around + drawn(4) : INFINITY;
	leaf->held = draw(2) ? drawn(4) : around;
	leaf->rise = draw(2) ? INFINITY : fmax(around - leaf->held, 0) + drawn(1);
	leaf->fall = draw(2) ? INFINITY : fmax(leaf->held - around, 0) + drawn(1);
	leaf->churn_up = draw(2) ? 0 : drawn(1);
	leaf->churn_down = draw(2) ? 0 : drawn(1);
	leaf->tier = draw(ALLOCATE_TIERS);
}

static void tree_draw(struct allocate *a, uint32_t leaves)
{
	double around[MANY], sum;

	a->node_count = 1 + draw(NODES);
	a->leaf_count = leaves;
	a->cost = draw(2) ? 0 : drawn(1);
	for (uint32_t n = 0; n < a->node_count; n++) {
		/* In the order of a walk: the parent is the node before, or above it. */
		uint32_t parent = n ? n - 1 : 0;

		while (parent && draw(2))
			parent = a->node[parent].parent;
		a->node[n] = (struct allocate_node){ .parent = parent, .tier = draw(ALLOCATE_TIERS) };
	}
	for (uint32_t i = 0; i < leaves; i++) {
		a->leaf[i] = (struct allocate_leaf){ .node = i * a->node_count / leaves };
		around[i] = drawn(4);
		leaf_draw(&a->leaf[i], around[i]);
	}
	for (uint32_t n = 0; n < a->node_count; n++) {
		sum = sum_below(a, n, around);
		a->node[n].cap = draw(4) || !n ? sum + (draw(2) ? drawn(2) : 0) : INFINITY;
		a->node[n].floor = draw(3) ? 0 : fmax(sum - drawn(2), 0);
	}
}

static double spent(const struct allocate *a)
{
	double sum = 0;

	for (uint32_t i = 0; i < a->leaf_count; i++)
		sum += a->leaf[i].amount;
	return sum;
}

static void assert_kept(const struct allocate *a)
{
	double amount[MANY];

	for (uint32_t i = 0; i < a->leaf_count; i++) {
		const struct allocate_leaf *leaf = &a->leaf[i];

		amount[i] = leaf->amount;
		assert_true(leaf->amount >= fmax(leaf->min, leaf->held - leaf->fall) - 1e-9);
		assert_true(leaf->amount <= fmin(leaf->max, leaf->held + leaf->rise) + 1e-9);
	}
	for (uint32_t n = 0; n < a->node_count; n++) {
		assert_true(sum_below(a, n, amount) <= a->node[n].cap + 1e-9);
		assert_true(sum_below(a, n, amount) >= a->node[n].floor - 1e-9);
	}
	assert_int_equal(a->gave_way_count, 0);
}

static void assert_near(double one, double other) { assert_true(fabs(one - other) <= 1e-9 * (1 + fabs(other))); }

static void trees_compare(int trees, uint32_t leaves)
{
	struct allocate a;
	int bound = 0;

	assert_int_equal(allocate_new(&a, leaves, NODES), 0);
	for (int tree = 0; tree < trees; tree++) {
		struct oracle oracle = oracle_new(INFINITY);
		double best;

		tree_draw(&a, 1 + draw(leaves));
		assert_int_equal(allocate_solve(&a), 0);
		assert_kept(&a);
		oracle_add(&oracle, &a, 0);
		best = oracle_solve(&oracle, GLP_OFF);
		assert_false(isnan(best));
		assert_near(allocate_value(&a), best);
		for (uint32_t n = 0; n < a.node_count; n++)
			bound += a.node[n].cap_price > 0 || a.node[n].floor_price > 0;
	}
	assert_true(bound > trees);
	allocate_done(&a);
}

static void the_answer_is_that_of_glpk_on_random_trees(void **state)
{
	(void)state;
	trees_compare(TREES, LEAVES);
	trees_compare(TREES / 100, MANY);
}

/* The most a leaf could be worth at its price: utilities are concave, so one of the ends of their pieces. */
static double leaf_best(const struct allocate *a, const struct allocate_leaf *leaf)
{
	double low = fmax(leaf->min, leaf->held - leaf->fall), high = fmin(leaf->max, leaf->held + leaf->rise), best = -INFINITY;
	double from = 0, at[ALLOCATE_SEGMENTS + 4] = { low, fmin(high, a->node[0].cap), leaf->held };

	for (uint32_t k = 0; k < leaf->segment_count; k++)
		at[3 + k] = from += leaf->segment[k].width;
	for (uint32_t k = 0; k < 3 + leaf->segment_count; k++) {
		double x = fmin(fmax(at[k], low), fmin(high, a->node[0].cap));

		best = fmax(best, allocate_worth(a, leaf, x) - leaf->price * x);
	}
	return best;
}

/* Strong duality: only the right prices make both sides equal. */
static void prices_explain_the_whole_answer(void **state)
{
	struct allocate a;

	(void)state;
	assert_int_equal(allocate_new(&a, LEAVES, NODES), 0);
	for (int tree = 0; tree < TREES; tree++) {
		double dual = 0;

		tree_draw(&a, 1 + draw(LEAVES));
		assert_int_equal(allocate_solve(&a), 0);
		for (uint32_t i = 0; i < a.leaf_count; i++)
			dual += leaf_best(&a, &a.leaf[i]);
		for (uint32_t n = 0; n < a.node_count; n++) {
			dual += a.node[n].cap_price > 0 ? a.node[n].cap_price * a.node[n].cap : 0;
			dual -= a.node[n].floor_price * a.node[n].floor;
		}
		assert_near(allocate_value(&a), dual);
	}
	allocate_done(&a);
}

static void resources_with_one_budget_are_as_glpk_divides_them(void **state)
{
	struct allocate a[4];
	uint32_t bound = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(allocate_new(&a[i], LEAVES, NODES), 0);
	for (int round = 0; round < 1000; round++) {
		struct allocate *const problem[] = { &a[0], &a[1], &a[2], &a[3] };
		uint32_t count = 1 + draw(4);
		double weight[4], free = 0, floors = 0, price, value = 0, used = 0, best;
		struct oracle oracle;

		for (uint32_t i = 0; i < count; i++) {
			weight[i] = 0.1 + drawn(2);
			tree_draw(&a[i], 1 + draw(LEAVES));
			assert_int_equal(allocate_solve(&a[i]), 0);
			free += weight[i] * spent(&a[i]);
		}
		assert_int_equal(allocate_couple(problem, weight, count, -1, &price), -ENOSPC);
		for (uint32_t i = 0; i < count; i++)
			floors += weight[i] * spent(&a[i]);
		oracle = oracle_new(floors + drawn(1.2) * (free - floors) + 1e-6);
		assert_int_equal(allocate_couple(problem, weight, count, glp_get_row_ub(oracle.lp, 1), &price), 0);
		for (uint32_t i = 0; i < count; i++) {
			assert_kept(&a[i]);
			value += allocate_value(&a[i]);
			used += weight[i] * spent(&a[i]);
			oracle_add(&oracle, &a[i], weight[i]);
		}
		assert_true(used <= glp_get_row_ub(oracle.lp, 1) * (1 + 1e-12));
		bound += price > 0;
		best = oracle_solve(&oracle, GLP_OFF);
		assert_near(value, best);
	}
	assert_true(bound > 500);
	for (int i = 0; i < 4; i++)
		allocate_done(&a[i]);
}

/* All of it, however much more they ask for than there is. */
static void equals_that_ask_for_too_much_still_differ(void **state)
{
	struct allocate a;

	(void)state;
	assert_int_equal(allocate_new(&a, 2, 1), 0);
	a.leaf_count = 2;
	a.node_count = 1;
	a.node[0] = (struct allocate_node){ .cap = 3 };
	for (uint32_t i = 0; i < 2; i++)
		a.leaf[i] = (struct allocate_leaf){ .max = INFINITY, .rise = INFINITY, .fall = INFINITY, .segment_count = 1,
						    .segment = { { 1, 100 * (i + 1) } } };
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[0].amount, 1);
	assert_near(a.leaf[1].amount, 2);
	allocate_done(&a);
}

static void equals_share_by_what_they_ask_for(void **state)
{
	struct allocate a;

	(void)state;
	assert_int_equal(allocate_new(&a, 3, 1), 0);
	a.leaf_count = 3;
	a.node_count = 1;
	a.node[0] = (struct allocate_node){ .cap = 3 };
	for (uint32_t i = 0; i < 3; i++)
		a.leaf[i] = (struct allocate_leaf){ .max = INFINITY, .rise = INFINITY, .fall = INFINITY, .segment_count = 1,
						    .segment = { { 1, i + 1 } } };
	assert_int_equal(allocate_solve(&a), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_near(a.leaf[i].amount, 0.5 * (i + 1));
	assert_near(a.leaf[0].price, 1);
	assert_near(a.node[0].cap_price, 1);
	allocate_done(&a);
}

/* A host of 3 below which a directory of 2 holds two of three leaves, each promised 2. */
static void promises_make(struct allocate *a)
{
	static const uint32_t tiers[] = { 2, 0, 1 };

	assert_int_equal(allocate_new(a, 3, 2), 0);
	a->leaf_count = 3;
	a->node_count = 2;
	a->node[0] = (struct allocate_node){ .cap = 3 };
	a->node[1] = (struct allocate_node){ .cap = 2 };
	for (uint32_t i = 0; i < 3; i++)
		a->leaf[i] = (struct allocate_leaf){ .node = i == 2 ? 0 : 1, .tier = tiers[i], .min = 2, .max = 4, .rise = INFINITY,
						     .fall = INFINITY };
	/* In the order of a walk: the third leaf lies at the root, after those of the directory. */
}

static void floors_that_do_not_fit_give_way_from_the_lowest_tier(void **state)
{
	struct allocate a;

	(void)state;
	promises_make(&a);
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[0].amount, 2);
	assert_near(a.leaf[1].amount, 0);
	assert_near(a.leaf[1].gave_way, 2);
	assert_near(a.leaf[2].amount, 1);
	assert_near(a.leaf[2].gave_way, 1);
	assert_int_equal(a.gave_way_count, 2);
	/* The host lost CPUs: now also the highest tier has to. */
	a.node[0].cap = 1;
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[0].amount, 1);
	assert_near(a.leaf[1].amount + a.leaf[2].amount, 0);
	a.node[0].cap = 0;
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(spent(&a), 0);
	allocate_done(&a);
}

static void what_is_taken_slowly_is_taken_at_once_where_a_promise_needs_it(void **state)
{
	struct allocate a;

	(void)state;
	promises_make(&a);
	a.leaf[0].min = a.leaf[1].min = 0;
	a.leaf[0].held = 1.5;
	a.leaf[1].held = 0.5;
	a.leaf[0].fall = a.leaf[1].fall = 0.1;
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[2].amount, 2);
	assert_near(a.leaf[0].amount, 1.4 / 1.8);
	assert_near(a.leaf[1].amount, 0.4 / 1.8);
	allocate_done(&a);
}

static void a_max_stands_above_a_min_and_a_cap_above_a_floor(void **state)
{
	struct allocate a;

	(void)state;
	promises_make(&a);
	a.leaf[0].max = 1;
	a.leaf[1].min = a.leaf[2].min = 0;
	a.node[1].floor = 7;
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[0].amount, 1);
	assert_near(a.leaf[1].amount, 1);
	assert_near(a.node[1].gave_way, 5);
	allocate_done(&a);
}

static void a_floor_of_a_directory_gives_way_by_its_tier(void **state)
{
	struct allocate a;

	(void)state;
	promises_make(&a);
	a.leaf[0].min = a.leaf[1].min = 0;
	a.node[1] = (struct allocate_node){ .cap = 2, .floor = 2, .tier = 0 };
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[2].amount, 2);
	assert_near(a.node[1].gave_way, 1);
	a.node[1].tier = 2;
	assert_int_equal(allocate_solve(&a), 0);
	assert_near(a.leaf[2].amount, 1);
	assert_near(a.node[1].gave_way, 0);
	allocate_done(&a);
}

static void what_cannot_be_read_is_refused_and_named(void **state)
{
	struct allocate a;

	(void)state;
	promises_make(&a);
	a.leaf[1].segment_count = 2;
	a.leaf[1].segment[0] = (struct allocate_segment){ 1, 1 };
	a.leaf[1].segment[1] = (struct allocate_segment){ 2, 1 };
	assert_int_equal(allocate_solve(&a), -EINVAL);
	assert_int_equal(a.bad_leaf, 1);
	a.leaf[1].segment[1].slope = NAN;
	assert_int_equal(allocate_solve(&a), -EINVAL);
	a.leaf[1].segment_count = 0;
	a.leaf[2].max = NAN;
	assert_int_equal(allocate_solve(&a), -EINVAL);
	assert_int_equal(a.bad_leaf, 2);
	a.leaf[2].max = 4;
	/* One of the directory's leaves after one of the root's. */
	a.leaf[1].node = 0;
	a.leaf[2].node = 1;
	assert_int_equal(allocate_solve(&a), -EINVAL);
	assert_int_equal(a.bad_leaf, 1);
	a.leaf[1].node = 1;
	a.leaf[2].node = 7;
	assert_int_equal(allocate_solve(&a), -EINVAL);
	a.leaf[2].node = 0;
	a.node[1].cap = NAN;
	assert_int_equal(allocate_solve(&a), -EINVAL);
	assert_int_equal(a.bad_leaf, 3);
	a.node[1].cap = 2;
	a.leaf_count = 0;
	assert_int_equal(allocate_solve(&a), 0);
	allocate_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_is_that_of_glpk_on_random_trees),
		cmocka_unit_test(prices_explain_the_whole_answer),
		cmocka_unit_test(resources_with_one_budget_are_as_glpk_divides_them),
		cmocka_unit_test(equals_share_by_what_they_ask_for),
		cmocka_unit_test(equals_that_ask_for_too_much_still_differ),
		cmocka_unit_test(floors_that_do_not_fit_give_way_from_the_lowest_tier),
		cmocka_unit_test(what_is_taken_slowly_is_taken_at_once_where_a_promise_needs_it),
		cmocka_unit_test(a_max_stands_above_a_min_and_a_cap_above_a_floor),
		cmocka_unit_test(a_floor_of_a_directory_gives_way_by_its_tier),
		cmocka_unit_test(what_cannot_be_read_is_refused_and_named),
	};

	return cmocka_run_group_tests_name("allocate", tests, NULL, NULL);
}
