/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One division of N instances, all with bounds, three segments of utility and a cost of moving, whose utilities differ in each round:
 * below one cap, and on a tree of three levels (root, ten slices, ten directories in each) where every cap binds. GLPK gets the
 * question of one level once. Microseconds for all N; last line JSON.
 */
#include <stdio.h>
#include <time.h>

#include "tests/unit/allocate_oracle.h"

#define ROUNDS 301
static const uint32_t sizes[] = { 100, 1000, 10000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static uint64_t state = 88172645463325252ull;

static double drawn(double below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below * (double)(state >> 40) / (double)(1u << 24);
}

static void leaf_draw(struct allocate_leaf *leaf, uint32_t node)
{
	double need = 0.1 + drawn(2), weight = 1 + drawn(7);

	*leaf = (struct allocate_leaf){ .node = node, .min = 0.05, .max = 2, .held = drawn(1), .rise = 1, .fall = 1,
					.churn_up = 0.01, .churn_down = 0.01, .segment_count = 3, .tier = node % ALLOCATE_TIERS };
	for (uint32_t k = 0; k < 3; k++)
		leaf->segment[k] = (struct allocate_segment){ weight / (1 << k), need / 3 };
}

static void question_draw(struct allocate *a, uint32_t count, uint32_t slices)
{
	a->leaf_count = count;
	a->node_count = 1 + slices + slices * slices;
	a->node[0] = (struct allocate_node){ .cap = 0.5 * count };
	for (uint32_t n = 1; n < a->node_count; n++) {
		bool is_slice = (n - 1) % (slices + 1) == 0;

		a->node[n] = (struct allocate_node){ .parent = is_slice ? 0 : n - 1 - (n - 2) % (slices + 1),
						     .cap = 0.55 * count / (is_slice ? slices : slices * slices) };
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t group = slices ? (uint32_t)((uint64_t)i * slices * slices / count) : 0;

		leaf_draw(&a->leaf[i], slices ? 2 + group + group / slices : 0);
	}
}

static double clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static double solve_us(struct allocate *a)
{
	double from = clock_us();

	if (allocate_solve(a))
		abort();
	return clock_us() - from;
}

static double glpk_us(const struct allocate *a, double *ret_value)
{
	struct oracle oracle = oracle_new(INFINITY);
	double from;

	oracle_add(&oracle, a, 0);
	from = clock_us();
	*ret_value = oracle_solve(&oracle, GLP_ON);
	return clock_us() - from;
}

static void list_print(const char *name, const double us[SIZES])
{
	printf(",\"%s\":[%.2f,%.2f,%.2f]", name, us[0], us[1], us[2]);
}

int main(void)
{
	static double us[2][SIZES][ROUNDS];
	double glpk[SIZES], p50[2][SIZES], p99[2][SIZES];

	for (size_t s = 0; s < SIZES; s++) {
		struct allocate a;
		double value;

		if (allocate_new(&a, sizes[s], 111))
			return 1;
		for (int round = 0; round < ROUNDS; round++)
			for (int tree = 0; tree < 2; tree++) {
				question_draw(&a, sizes[s], tree ? 10 : 0);
				us[tree][s][round] = solve_us(&a);
			}
		question_draw(&a, sizes[s], 0);
		solve_us(&a);
		glpk[s] = glpk_us(&a, &value);
		for (int tree = 0; tree < 2; tree++) {
			qsort(us[tree][s], ROUNDS, sizeof(double), ascending);
			p50[tree][s] = us[tree][s][ROUNDS / 2];
			p99[tree][s] = us[tree][s][ROUNDS * 99 / 100];
		}
		printf("%6u instances: one level %.1f us, three levels %.1f us, GLPK %.0f us, apart by %.1e\n", sizes[s], p50[0][s], p50[1][s],
		       glpk[s], fabs(allocate_value(&a) / value - 1));
		allocate_done(&a);
	}
	printf("{\"bench\":\"alloc\",\"n\":[%u,%u,%u]", sizes[0], sizes[1], sizes[2]);
	list_print("us_p50", p50[0]);
	list_print("us_p99", p99[0]);
	list_print("glpk_us", glpk);
	list_print("tree_us_p50", p50[1]);
	list_print("tree_us_p99", p99[1]);
	puts("}");
	return 0;
}
