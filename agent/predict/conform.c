/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conform.h"

#include <math.h>

#define STEP 0.1f		/* of a quantile, in units of scale */
#define SCALE_RATE 0.02f
#define MEDIAN 1
#define BIN_DECAY 0.999f	/* of a bin, an outcome */
#define BIN_PRIOR 30.0f	/* outcomes that what was said counts for; those of neighbouring seconds are nearly one */

/* Most risks are small. */
static const float bin_end[CONFORM_BINS] = { 0.01f, 0.02f, 0.05f, 0.1f, 0.2f, 0.35f, 0.5f, 0.7f, 0.9f, 1 };

void conform_apply(const struct conform *conform, float quantile[FORECAST_QUANTILES])
{
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		quantile[q] += conform->offset[q];
	quantile[0] = fminf(quantile[0], quantile[MEDIAN]);
	for (int q = MEDIAN + 1; q < FORECAST_QUANTILES; q++)
		quantile[q] = fmaxf(quantile[q], quantile[q - 1]);
}

void conform_learn(struct conform *conform, const float said[FORECAST_QUANTILES], float outcome)
{
	float distance = (fabsf(outcome - said[0]) + fabsf(outcome - said[2])) / 2;

	conform->scale = conform->scale > 0 ? conform->scale + SCALE_RATE * (distance - conform->scale) : distance;
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		if (q != MEDIAN)
			conform->offset[q] += STEP * conform->scale * (outcome > said[q] ? forecast_quantile[q] : forecast_quantile[q] - 1);
}

static int bin_of(float raw)
{
	int bin = 0;

	while (bin < CONFORM_BINS - 1 && raw > bin_end[bin])
		bin++;
	return bin;
}

/* Where a bin stands when nothing was said of it yet: in its middle. */
static float bin_middle(int bin)
{
	return (bin_end[bin] + (bin ? bin_end[bin - 1] : 0)) / 2;
}

static float bin_said(const struct conform_risk *risk, int bin)
{
	return (risk->bin[bin].said + BIN_PRIOR * bin_middle(bin)) / (risk->bin[bin].count + BIN_PRIOR);
}

/* Pools neighbours that are out of order (isotonic regression); rate[] and the weights they carry. */
static void pool(const struct conform_risk *risk, float rate[CONFORM_BINS])
{
	float weight[CONFORM_BINS];
	int size[CONFORM_BINS], blocks = 0, at = 0;
	float mean[CONFORM_BINS];

	for (int bin = 0; bin < CONFORM_BINS; bin++) {
		const struct conform_bin *b = &risk->bin[bin];

		weight[blocks] = b->count + BIN_PRIOR;
		mean[blocks] = (b->happened + BIN_PRIOR * bin_middle(bin)) / weight[blocks];
		size[blocks++] = 1;
		for (; blocks > 1 && mean[blocks - 2] > mean[blocks - 1]; blocks--) {
			float both = weight[blocks - 2] + weight[blocks - 1];

			mean[blocks - 2] = (mean[blocks - 2] * weight[blocks - 2] + mean[blocks - 1] * weight[blocks - 1]) / both;
			weight[blocks - 2] = both;
			size[blocks - 2] += size[blocks - 1];
		}
	}
	for (int block = 0; block < blocks; block++)
		for (int i = 0; i < size[block]; i++)
			rate[at++] = mean[block];
}

float conform_risk_apply(const struct conform_risk *risk, float raw)
{
	float rate[CONFORM_BINS], low = 0, low_rate = 0;

	pool(risk, rate);
	for (int bin = 0; bin < CONFORM_BINS; bin++) {
		float here = bin_said(risk, bin);

		if (raw <= here)
			return low_rate + (rate[bin] - low_rate) * (raw - low) / fmaxf(here - low, 1e-9f);
		low = here;
		low_rate = rate[bin];
	}
	return low_rate + (1 - low_rate) * (raw - low) / fmaxf(1 - low, 1e-9f);
}

void conform_risk_learn(struct conform_risk *risk, float raw, bool has_happened)
{
	struct conform_bin *bin = &risk->bin[bin_of(raw)];

	bin->count = BIN_DECAY * bin->count + 1;
	bin->said = BIN_DECAY * bin->said + raw;
	bin->happened = BIN_DECAY * bin->happened + (has_happened ? 1 : 0);
}
