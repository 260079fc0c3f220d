/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instance seen against the rest of its host: from the predictor's memory to the view that a frame is made of. Pure. */
#ifndef FORESTALL_OTHERS_H
#define FORESTALL_OTHERS_H

#include "predictor.h"

/* Share of the host that cpu.max leaves an instance; 1 when unlimited. */
float others_limit_share(const struct predictor *predictor, const struct observe_limits *limits);

/* Fills *ret, which points to *others; learned_risk stays 0. A second must have been closed. */
void others_extract(const struct predictor *predictor, const struct predictor_instance *instance,
		    struct extract_others *others, struct extract *ret);

#endif
