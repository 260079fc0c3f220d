/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server's metrics tell of each other: a ridge per metric from all others. */
#include <math.h>
#include <string.h>

#include "realdata_relations.h"

#define SHRINK 0.1		/* of the ridge, in shares of a metric's variance */

static void standardise(const struct relations *relations, const float *value, uint32_t columns, uint32_t without, float *ret)
{
	for (uint32_t c = 0; c < columns; c++)
		ret[c] = c == without ? 1 : (value[c] - relations->mean[c]) / relations->deviation[c];
}

static float unexplained(const struct relations *relations, const float *value, uint32_t columns, uint32_t c)
{
	float others[COLUMNS_MAX];

	standardise(relations, value, columns, c, others);
	return (value[c] - relations->mean[c]) / relations->deviation[c] - ridge_say(&relations->of[c], others);
}

static void moments_learn(struct relations *relations, const struct series *series, uint32_t columns, uint32_t steps)
{
	for (uint32_t c = 0; c < columns; c++) {
		double sum = 0, squares = 0;

		for (uint32_t t = 0; t < steps; t++)
			sum += series->value[t * columns + c];
		relations->mean[c] = (float)(sum / steps);
		for (uint32_t t = 0; t < steps; t++)
			squares += pow(series->value[t * columns + c] - relations->mean[c], 2);
		/* The publisher rounds to hundredths: what moves less does not move. */
		relations->deviation[c] = (float)sqrt(squares / steps) + 0.01f;
	}
}

void relations_learn(struct relations *relations, const struct series *series, uint32_t columns, uint32_t steps)
{
	moments_learn(relations, series, columns, steps);
	for (uint32_t c = 0; c < columns; c++) {
		float others[COLUMNS_MAX];
		double squares = 0;

		relations->of[c].size = columns;
		for (uint32_t t = 0; t < steps; t++) {
			const float *value = series->value + t * columns;

			standardise(relations, value, columns, c, others);
			ridge_add(&relations->of[c], others, (value[c] - relations->mean[c]) / relations->deviation[c]);
		}
		ridge_solve(&relations->of[c], SHRINK * steps);
		for (uint32_t t = 0; t < steps; t++)
			squares += pow(unexplained(relations, series->value + t * columns, columns, c), 2);
		relations->rest[c] = (float)sqrt(squares / steps) + 0.02f;
	}
}

void relations_apply(const struct relations *relations, const struct schema *schema, struct series *series)
{
	uint32_t columns = schema->columns;

	for (uint32_t t = 0; t < series->steps; t++) {
		float rest[COLUMNS_MAX];

		for (uint32_t c = 0; c < columns; c++)
			rest[c] = unexplained(relations, series->value + t * columns, columns, c) / relations->rest[c];
		memcpy(series->value + t * columns, rest, columns * sizeof(float));
	}
	series_rescale(schema, series);
}
