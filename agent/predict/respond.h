/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the models of response learn from, and where they are asked. Pure. */
#ifndef FORESTALL_RESPOND_H
#define FORESTALL_RESPOND_H

#include "predictor.h"

/* What the instance could have had of a resource in the second closed last, in the units of enum resource. */
float respond_offered(const struct predictor *predictor, const struct predictor_instance *instance, enum resource resource);

/* Learns from the second closed last, if the instance has a bound. */
void respond_second(struct predictor *predictor, struct predictor_instance *instance, uint64_t now_ns);

/* NULL: the SLI is not blamed on the resource, or nothing was ever learned of the instance. */
const struct response *respond_model(const struct predictor *predictor, const struct predictor_instance *instance, enum sli sli,
				     enum resource resource);

#endif
