/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Selection by weight in linear time (Floyd and Rivest, 1975): a sorted sample tells between which two slopes the cut must lie; one
 * pass sums what is above and keeps what is between. Samples are taken at equal distances: the same input, the same steps.
 */
#include "allocate_internal.h"

#include <math.h>

#define FEW 16		/* pieces that are simply sorted */
#define SAMPLE 24	/* a third of that from lists below MANY */
#define MANY 400

struct list {
	const double *slope, *width;
	uint32_t count;
};

/* By counting who stands above each: for so few faster than any sorting that has to guess at branches. */
static void sort_down(const double *slope, const double *width, uint32_t count, double *restrict ret_slope, double *restrict ret_width)
{
	for (uint32_t i = 0; i < count; i++) {
		double own = slope[i];
		uint64_t rank = 0;

		for (uint32_t k = 0; k < i; k++)
			rank += slope[k] >= own;
		for (uint32_t k = i + 1; k < count; k++)
			rank += slope[k] > own;
		ret_slope[rank] = own;
		ret_width[rank] = width[i];
	}
}

static struct allocate_cut cut_few(const struct list *list, double target)
{
	double slope[FEW], width[FEW], equal;

	sort_down(list->slope, list->width, list->count, slope, width);
	for (uint32_t i = 0, next; i < list->count; i = next) {
		equal = 0;
		for (next = i; next < list->count && slope[next] == slope[i]; next++)
			equal += width[next];
		if (equal > target)
			return (struct allocate_cut){ slope[i], target / equal };
		target -= equal;
	}
	/* Rounding in the sums: all of it fits. */
	return (struct allocate_cut){ -INFINITY, 1 };
}

/* The two slopes between which the cut probably lies: an eighth of the sample to either side of the likely place. */
static void sample_bracket(const struct list *list, double part, double *ret_low, double *ret_high)
{
	uint32_t size = list->count < MANY ? SAMPLE / 3 : SAMPLE, spread = size / 8, at = 0;
	double slope[SAMPLE], width[SAMPLE], picked[2][SAMPLE], sum = 0, until = 0;

	for (uint32_t i = 0; i < size; i++) {
		uint32_t from = (uint32_t)((uint64_t)i * list->count / size);

		picked[0][i] = list->slope[from];
		picked[1][i] = list->width[from];
		sum += picked[1][i];
	}
	sort_down(picked[0], picked[1], size, slope, width);
	while (at < size - 1 && until + width[at] < part * sum)
		until += width[at++];
	*ret_high = at >= spread ? slope[at - spread] : INFINITY;
	*ret_low = at + spread < size ? slope[at + spread] : -INFINITY;
}

/* Keeps what lies in [low, high]; both may be infinite. */
static struct list list_keep(const struct list *list, const struct allocate_pieces *to, double low, double high,
			     double *ret_above, double *ret_kept)
{
	const allocate_pair *slope = (const allocate_pair *)list->slope, *width = (const allocate_pair *)list->width;
	double *restrict to_slope = to->slope, *restrict to_width = to->width;
	allocate_pair above = { 0, 0 }, kept = { 0, 0 };
	uint32_t count = 0;

	for (uint32_t i = 0; i < list->count / 2; i++) {
		allocate_mask is_kept = (slope[i] <= high) & (slope[i] >= low) & (width[i] > 0);

		above += pair_where(slope[i] > high, width[i]);
		kept += pair_where(is_kept, width[i]);
		to_slope[count] = slope[i][0];
		to_width[count] = width[i][0];
		count += is_kept[0] & 1;
		to_slope[count] = slope[i][1];
		to_width[count] = width[i][1];
		count += is_kept[1] & 1;
	}
	/* Always pairs. */
	to_slope[count] = to_width[count] = 0;
	*ret_above = above[0] + above[1];
	*ret_kept = kept[0] + kept[1];
	return (struct list){ to->slope, to->width, count + (count & 1) };
}

/* A slope that some piece really has: cutting there alone settles at least that piece. */
static double list_first(const struct list *list)
{
	uint32_t i = 0;

	while (i < list->count - 1 && list->width[i] <= 0)
		i++;
	return list->slope[i];
}

struct allocate_cut allocate_cut(struct allocate_scratch *scratch, const struct allocate_pieces *from, uint32_t first, uint32_t end,
				 double total, double target)
{
	struct list list = { from->slope + first, from->width + first, end - first };
	double low, high, above, kept, ignored;
	bool is_stuck = false;

	for (uint32_t side = 0; list.count > FEW; side ^= 1) {
		struct list inner;

		sample_bracket(&list, total > 0 ? target / total : 0, &low, &high);
		if (is_stuck)
			low = high = list_first(&list);
		inner = list_keep(&list, &scratch->list[side], low, high, &above, &kept);
		is_stuck = inner.count == list.count;
		if (target < above) {
			inner = list_keep(&list, &scratch->list[side], nextafter(high, INFINITY), INFINITY, &ignored, &kept);
		} else if (target >= above + kept) {
			target -= above + kept;
			total -= above + kept;
			inner = list_keep(&list, &scratch->list[side], -INFINITY, nextafter(low, -INFINITY), &ignored, &kept);
		} else if (low == high) {
			return (struct allocate_cut){ low, (target - above) / kept };
		} else {
			target -= above;
		}
		total = fmin(total, kept);
		list = inner;
	}
	return cut_few(&list, target);
}
