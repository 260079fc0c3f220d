/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who lives below which directory, against asking each pair, on random trees. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/rung.h"
#include "decide/subtree.h"

#define VIEWS 60
#define SCOPES 25

struct forest {
	struct subtree tree;
	struct plan_view view[VIEWS];
	struct plan_view *views[VIEWS];
	struct plan_scope scope[SCOPES];
	char path[VIEWS + SCOPES][64];
};

/* Names of which one is the beginning of another, and signs on both sides of '/'. */
static void path_draw(char *path)
{
	static const char *const names[] = { "a", "a-b", "ab", "a.b", "b" };
	int depth = 1 + rand() % 3;

	path[0] = '\0';
	while (depth--)
		sprintf(path + strlen(path), "/%s", names[rand() % 5]);
}

static bool is_taken(const struct forest *forest, uint32_t from, uint32_t at)
{
	for (uint32_t i = from; i < at; i++)
		if (!strcmp(forest->path[i], forest->path[at]))
			return true;
	return false;
}

static void forest_draw(struct forest *forest)
{
	for (uint32_t i = 0; i < VIEWS; i++) {
		do
			path_draw(forest->path[i]);
		while (is_taken(forest, 0, i));
		forest->view[i] = (struct plan_view){ .path = forest->path[i], .cgroup_id = (uint64_t)rand() };
		forest->views[i] = &forest->view[i];
	}
	for (uint32_t s = 0; s < SCOPES; s++) {
		do
			path_draw(forest->path[VIEWS + s]);
		while (is_taken(forest, VIEWS, VIEWS + s));
		forest->scope[s] = (struct plan_scope){ .path = forest->path[VIEWS + s], .cgroup_id = (uint64_t)rand() };
	}
}

static uint32_t deepest_of(const struct forest *forest, const char *path, uint32_t but)
{
	uint32_t deepest = PLAN_NOWHERE;

	for (uint32_t s = 0; s < SCOPES; s++)
		if (s != but && rung_is_above(forest->scope[s].path, path) &&
		    (deepest == PLAN_NOWHERE || strlen(forest->scope[s].path) > strlen(forest->scope[deepest].path)))
			deepest = s;
	return deepest;
}

static void each_directory_has_those_below_it_and_the_next_one_above(void **state)
{
	static struct forest forest;

	(void)state;
	srand(1);
	assert_int_equal(subtree_new(&forest.tree, VIEWS), 0);
	for (int round = 0; round < 300; round++) {
		forest_draw(&forest);
		assert_true(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
		for (uint32_t s = 0; s < SCOPES; s++) {
			uint32_t below = 0;

			for (uint32_t v = 0; v < VIEWS; v++)
				below += rung_is_above(forest.scope[s].path, forest.path[v]);
			assert_int_equal(forest.tree.count[s], below);
			for (uint32_t v = 0; v < below; v++)
				assert_true(rung_is_above(forest.scope[s].path, forest.tree.view[forest.tree.from[s] + v]->path));
			assert_int_equal(forest.tree.above[s], deepest_of(&forest, forest.scope[s].path, s));
		}
		for (uint32_t v = 0; v < VIEWS; v++)
			assert_int_equal(forest.tree.deepest[v], deepest_of(&forest, forest.tree.view[v]->path, PLAN_NOWHERE));
	}
	subtree_done(&forest.tree);
}

/* A slot that another cgroup has now, a bound that came: made anew. Else it is as it was, and nothing is compared by its path. */
static void it_is_made_anew_when_somebody_is_another(void **state)
{
	static struct forest forest;

	(void)state;
	srand(2);
	assert_int_equal(subtree_new(&forest.tree, VIEWS), 0);
	forest_draw(&forest);
	assert_true(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
	assert_false(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
	forest.view[7].cgroup_id++;
	assert_true(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
	forest.view[7].is_bound = true;
	assert_true(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
	forest.scope[3].cgroup_id++;
	assert_true(subtree_make(&forest.tree, forest.scope, SCOPES, forest.views, VIEWS));
	assert_true(subtree_make(&forest.tree, forest.scope, SCOPES - 1, forest.views, VIEWS));
	assert_true(subtree_make(&forest.tree, forest.scope, 0, forest.views, VIEWS));
	for (uint32_t v = 0; v < VIEWS; v++)
		assert_int_equal(forest.tree.deepest[v], PLAN_NOWHERE);
	assert_false(subtree_make(&forest.tree, forest.scope, 0, forest.views, VIEWS));
	subtree_done(&forest.tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_directory_has_those_below_it_and_the_next_one_above),
		cmocka_unit_test(it_is_made_anew_when_somebody_is_another),
	};

	return cmocka_run_group_tests_name("subtree", tests, NULL, NULL);
}
