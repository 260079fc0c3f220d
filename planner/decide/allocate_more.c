/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is built on the division of one resource: its worth, several resources with one budget. */
#include "allocate.h"

#include <errno.h>
#include <math.h>

#include "allocate_internal.h"

#define ROUNDS_MAX 300
#define BISECT_EVERY 4

double allocate_worth(const struct allocate *a, const struct allocate_leaf *leaf, double amount)
{
	double worth = -a->cost * amount, from = 0, slope = 0;

	for (uint32_t k = 0; k < leaf->segment_count && from < amount; k++) {
		slope = leaf->segment[k].slope;
		worth += slope * fmin(leaf->segment[k].width, amount - from);
		from += leaf->segment[k].width;
	}
	if (from < amount && slope < 0)
		worth += slope * (amount - from);
	return worth - leaf->churn_up * fmax(amount - leaf->held, 0) - leaf->churn_down * fmax(leaf->held - amount, 0);
}

double allocate_value(const struct allocate *a)
{
	double sum = 0;

	for (uint32_t i = 0; i < a->leaf_count; i++)
		sum += allocate_worth(a, &a->leaf[i], a->leaf[i].amount);
	return sum;
}

/* Two answers that enclose the one wanted, and what they say of the price between them. */
struct side {
	double price, spent, value;	/* value without the price */
};

static int side_solve(struct allocate *const problem[], const double weight[], uint32_t count, double price, struct side *ret)
{
	*ret = (struct side){ .price = price };
	for (uint32_t i = 0; i < count; i++) {
		double cost = problem[i]->cost;
		int r;

		problem[i]->cost = cost + price * weight[i];
		r = allocate_solve(problem[i]);
		problem[i]->cost = cost;
		if (r)
			return r;
		ret->value += allocate_value(problem[i]);
		for (uint32_t k = 0; k < problem[i]->leaf_count; k++)
			ret->spent += weight[i] * problem[i]->leaf[k].amount;
	}
	return 0;
}

static void side_keep(struct allocate *const problem[], uint32_t count, int which)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < problem[i]->leaf_count; k++)
			problem[i]->scratch->kept[which][k] = problem[i]->leaf[k].amount;
}

/* A price at which nobody would buy. */
static double price_most(struct allocate *const problem[], const double weight[], uint32_t count)
{
	double most = 0;

	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < problem[i]->leaf_count; k++) {
			const struct allocate_leaf *leaf = &problem[i]->leaf[k];
			double slope = leaf->segment_count ? fmax(leaf->segment[0].slope, 0) : 0;

			most = fmax(most, (slope + leaf->churn_down + fmax(-problem[i]->cost, 0)) / weight[i]);
		}
	return 2 * most + 1;
}

static void sides_mix(struct allocate *const problem[], uint32_t count, double part)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t k = 0; k < problem[i]->leaf_count; k++)
			problem[i]->leaf[k].amount = part * problem[i]->scratch->kept[0][k] +
						     (1 - part) * problem[i]->scratch->kept[1][k];
}

int allocate_couple(struct allocate *const problem[], const double weight[], uint32_t count, double budget, double *ret_price)
{
	struct side more, less, mid;
	int r = side_solve(problem, weight, count, 0, &more);

	*ret_price = 0;
	if (r || more.spent <= budget)
		return r;
	side_keep(problem, count, 0);
	r = side_solve(problem, weight, count, price_most(problem, weight, count), &less);
	*ret_price = less.price;
	if (r || less.spent > budget)
		return r ? r : -ENOSPC;
	side_keep(problem, count, 1);
	for (int round = 1; round < ROUNDS_MAX; round++) {
		double price = (more.value - less.value) / (more.spent - less.spent);
		bool is_cross = round % BISECT_EVERY && price > more.price && price < less.price;

		if (!is_cross)
			price = (more.price + less.price) / 2;
		if (!(price > more.price && price < less.price))
			break;
		r = side_solve(problem, weight, count, price, &mid);
		if (r)
			return r;
		*ret_price = price;
		/* Nothing is better at this price than what is at hand: both are best there, and so is any mixture. */
		if (is_cross && mid.value - price * mid.spent <=
				(more.value - price * more.spent) + 1e-14 * (fabs(more.value) + price * more.spent))
			break;
		if (mid.spent > budget)
			more = mid;
		else
			less = mid;
		side_keep(problem, count, mid.spent > budget ? 0 : 1);
	}
	sides_mix(problem, count, (budget - less.spent) / (more.spent - less.spent));
	return 0;
}
