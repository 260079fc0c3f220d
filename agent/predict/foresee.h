/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to come of one instance, as far as experience says: its frame and the statistical forecast. Pure. */
#ifndef FORESTALL_FORESEE_H
#define FORESTALL_FORESEE_H

#include "predictor.h"

/* After the host's second is closed; what the LSTM says comes after, batched (speak.h). */
void foresee(struct predictor *predictor, struct predictor_instance *instance, uint64_t now_ns);

#endif
