/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same question put to GLPK, as a linear program made from the words of decide/allocate.h and not from its code. */
#ifndef FORESTALL_TEST_ALLOCATE_ORACLE_H
#define FORESTALL_TEST_ALLOCATE_ORACLE_H

#include <glpk.h>
#include <math.h>
#include <stdlib.h>

#include "decide/allocate.h"

struct oracle {
	glp_prob *lp;
	int budget;	/* row of the budget; 0: none */
};

static inline void oracle_entry(struct oracle *oracle, int row, int column, double value)
{
	int n = glp_get_mat_row(oracle->lp, row, NULL, NULL), *idx = malloc((size_t)(n + 2) * sizeof(*idx));
	double *val = malloc((size_t)(n + 2) * sizeof(*val));

	glp_get_mat_row(oracle->lp, row, idx, val);
	idx[n + 1] = column;
	val[n + 1] = value;
	glp_set_mat_row(oracle->lp, row, n + 1, idx, val);
	free(idx);
	free(val);
}

static inline void oracle_row_bounds(struct oracle *oracle, int row, double low, double high)
{
	int kind = isinf(high) ? (isinf(low) ? GLP_FR : GLP_LO) : isinf(low) ? GLP_UP : low == high ? GLP_FX : GLP_DB;

	glp_set_row_bnds(oracle->lp, row, kind, low, high);
}

static inline int oracle_column(struct oracle *oracle, double most, double worth)
{
	int column = glp_add_cols(oracle->lp, 1);

	if (isinf(most))
		glp_set_col_bnds(oracle->lp, column, GLP_LO, 0, 0);
	else if (most <= 0)
		glp_set_col_bnds(oracle->lp, column, GLP_FX, 0, 0);
	else
		glp_set_col_bnds(oracle->lp, column, GLP_DB, 0, most);
	glp_set_obj_coef(oracle->lp, column, worth);
	return column;
}

static inline struct oracle oracle_new(double budget)
{
	struct oracle oracle = { glp_create_prob(), 0 };

	glp_term_out(GLP_OFF);
	glp_set_obj_dir(oracle.lp, GLP_MAX);
	if (!isinf(budget)) {
		oracle.budget = glp_add_rows(oracle.lp, 1);
		oracle_row_bounds(&oracle, oracle.budget, -INFINITY, budget);
	}
	return oracle;
}

/* One leaf: its amount is a column; rows tie it to its pieces and to what it moves. */
static inline void oracle_leaf(struct oracle *oracle, const struct allocate *a, const struct allocate_leaf *leaf, int node_row,
			       double weight)
{
	int row = glp_add_rows(oracle->lp, 2), amount = oracle_column(oracle, INFINITY, -a->cost);
	double last = leaf->segment_count ? fmin(leaf->segment[leaf->segment_count - 1].slope, 0) : 0;

	glp_set_row_bnds(oracle->lp, row, GLP_FX, 0, 0);
	glp_set_row_bnds(oracle->lp, row + 1, GLP_FX, leaf->held, leaf->held);
	oracle_entry(oracle, row, amount, -1);
	oracle_entry(oracle, row + 1, amount, 1);
	for (uint32_t k = 0; k < leaf->segment_count; k++)
		oracle_entry(oracle, row, oracle_column(oracle, leaf->segment[k].width, leaf->segment[k].slope), 1);
	oracle_entry(oracle, row, oracle_column(oracle, INFINITY, last), 1);
	oracle_entry(oracle, row + 1, oracle_column(oracle, INFINITY, -leaf->churn_up), -1);
	oracle_entry(oracle, row + 1, oracle_column(oracle, INFINITY, -leaf->churn_down), 1);
	row = glp_add_rows(oracle->lp, 1);
	oracle_row_bounds(oracle, row, fmax(leaf->min, leaf->held - leaf->fall), fmin(leaf->max, leaf->held + leaf->rise));
	oracle_entry(oracle, row, amount, 1);
	for (uint32_t n = leaf->node;; n = a->node[n].parent) {
		oracle_entry(oracle, node_row + (int)n, amount, 1);
		if (!n)
			break;
	}
	if (oracle->budget)
		oracle_entry(oracle, oracle->budget, amount, weight);
}

static inline void oracle_add(struct oracle *oracle, const struct allocate *a, double weight)
{
	int node_row = glp_add_rows(oracle->lp, (int)a->node_count);

	for (uint32_t n = 0; n < a->node_count; n++)
		oracle_row_bounds(oracle, node_row + (int)n, a->node[n].floor, a->node[n].cap);
	for (uint32_t i = 0; i < a->leaf_count; i++)
		oracle_leaf(oracle, a, &a->leaf[i], node_row, weight);
}

/* NAN: there is no answer. */
static inline double oracle_solve(struct oracle *oracle, int presolve)
{
	glp_smcp how;
	double value = NAN;

	glp_init_smcp(&how);
	how.msg_lev = GLP_MSG_OFF;
	how.presolve = presolve;
	if (!glp_simplex(oracle->lp, &how) && glp_get_status(oracle->lp) == GLP_OPT)
		value = glp_get_obj_val(oracle->lp);
	glp_delete_prob(oracle->lp);
	return value;
}

#endif
