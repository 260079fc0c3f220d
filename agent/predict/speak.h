/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the LSTM says of those foreseen, over what the statistical forecaster said of them. Pure. */
#ifndef FORESTALL_SPEAK_H
#define FORESTALL_SPEAK_H

#include "predictor.h"

#define SPEAK_FAILURE (1u << 31)

/*
 * SLIs that the model was taught nothing of, bit per SLI, and SPEAK_FAILURE: the trainer leaves those without weights that it saw nothing of, and it
 * never hears of what an application says.
 */
uint32_t speak_untrained(const struct lstm_weights *weights);

/* Steps everyone foreseen, in batches. Nothing without a model. */
void speak_all(struct predictor *predictor, uint64_t now_ns);

#endif
