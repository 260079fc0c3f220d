/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said from outside of an instance's time to come, and kept with its foresight. Inside of predictor.c. Pure. */
#ifndef FORESTALL_TOLD_H
#define FORESTALL_TOLD_H

#include "predictor.h"

/* Numbers that cannot be meant are ignored, and so is who is not there. */
void told_announced(struct predictor *p, const struct observe_announced *announced);
void told_profile(struct predictor *p, const struct observe_profile *profile);

#endif
