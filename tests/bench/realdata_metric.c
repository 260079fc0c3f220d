/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scores that cannot be flattered: average precision, pinball, and the ridge that has to be beaten. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "realdata.h"

static int compare_scored(const void *a, const void *b)
{
	float x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;

	return (x < y) - (x > y);
}

double average_precision(struct scored *scored, size_t count)
{
	double positives = share_positive(scored, count) * (double)count, hits = 0, sum = 0;

	qsort(scored, count, sizeof(*scored), compare_scored);
	for (size_t i = 0; i < count;) {
		double gained = 0;
		size_t end = i;

		for (; end < count && scored[end].score == scored[i].score; end++)
			gained += scored[end].positive;
		hits += gained;
		sum += gained * hits / (double)end;
		i = end;
	}
	return positives > 0 ? sum / positives : NAN;
}

double share_positive(const struct scored *scored, size_t count)
{
	size_t positives = 0;

	for (size_t i = 0; i < count; i++)
		positives += scored[i].positive;
	return (double)positives / (double)count;
}

float pinball(float quantile, float level, float label)
{
	float u = label - quantile;

	return fmaxf(level * u, (level - 1) * u);
}

static int compare_floats(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

float quantile_of(float *values, size_t count, double share)
{
	qsort(values, count, sizeof(*values), compare_floats);
	return count ? values[(size_t)(share * (double)(count - 1))] : 0;
}

void ridge_add(struct ridge *ridge, const float *x, float y)
{
	for (uint32_t i = 0; i < ridge->size; i++) {
		for (uint32_t j = 0; j <= i; j++)
			ridge->products[i][j] += (double)x[i] * x[j];
		ridge->targets[i] += (double)x[i] * y;
	}
}

/* Cholesky: the ridge makes the matrix positive. */
void ridge_solve(struct ridge *ridge, double penalty)
{
	uint32_t n = ridge->size;
	double (*a)[RIDGE_MAX] = ridge->products, *w = ridge->weight;

	for (uint32_t j = 0; j < n; j++) {
		a[j][j] += penalty;
		for (uint32_t k = 0; k < j; k++)
			a[j][j] -= a[j][k] * a[j][k];
		a[j][j] = sqrt(fmax(a[j][j], 1e-12));
		for (uint32_t i = j + 1; i < n; i++) {
			for (uint32_t k = 0; k < j; k++)
				a[i][j] -= a[i][k] * a[j][k];
			a[i][j] /= a[j][j];
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		w[i] = ridge->targets[i];
		for (uint32_t k = 0; k < i; k++)
			w[i] -= a[i][k] * w[k];
		w[i] /= a[i][i];
	}
	for (uint32_t i = n; i-- > 0;) {
		for (uint32_t k = i + 1; k < n; k++)
			w[i] -= a[k][i] * w[k];
		w[i] /= a[i][i];
	}
}

float ridge_say(const struct ridge *ridge, const float *x)
{
	double sum = 0;

	for (uint32_t i = 0; i < ridge->size; i++)
		sum += ridge->weight[i] * x[i];
	return (float)sum;
}
