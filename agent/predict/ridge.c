/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ridge.h"

#include <math.h>

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
