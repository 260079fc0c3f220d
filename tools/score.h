/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a trained model, for people and for its provenance: 2, 5 and 15 s ahead, what has any label. */
#ifndef FORESTALL_SCORE_H
#define FORESTALL_SCORE_H

#include <jansson.h>
#include "predict/train.h"
#include "print.h"

/* {"quantiles": [...], "risk": [...]}, one row per resource or SLI and horizon. */
json_t *score_json(const struct train_score *score);

/* That of the SLI, or "failure". */
const char *score_risk_name(int risk);

/*
 * What a group of families gains, a row per horizon of 2, 5 and 15 s: Brier score and AUPRC of onsets as means over the SLIs by what is
 * known of each, pinball losses as shares of that of persistence.
 */
struct table *score_group_table(void);
void score_group_row(struct table *table, const char *group, const struct train_score *score);

/* Two tables; float and int8 side by side, coverage and Brier score are the int8 model's. */
void score_print(const struct train_score *real, const struct train_score *quantized);

#endif
