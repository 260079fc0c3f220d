/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server's metrics tell of each other. */
#ifndef FORESTALL_REALDATA_RELATIONS_H
#define FORESTALL_REALDATA_RELATIONS_H

#include "realdata.h"

/* Of one server: how to standardise a metric, what the others say of it, how large the rest is. */
struct relations {
	float mean[COLUMNS_MAX], deviation[COLUMNS_MAX], rest[COLUMNS_MAX];
	struct ridge of[COLUMNS_MAX];
};

/* From the first steps of a series. relations must be zero. */
void relations_learn(struct relations *relations, const struct series *series, uint32_t columns, uint32_t steps);
/* Replaces each value by what the others do not explain of it, in units of what was usual of that. */
void relations_apply(const struct relations *relations, const struct schema *schema, struct series *series);

#endif
