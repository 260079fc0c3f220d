/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What more of a resource is worth to an instance, by its own response (predict/response.h). Pure. */
#ifndef FORESTALL_WORTH_H
#define FORESTALL_WORTH_H

#include "plan.h"
#include "predict/predictor.h"

/*
 * Of the SLI blamed on the resource that is expected to be worst under the pressure of the second closed last: the concave envelope
 * of compliance over what is given beyond `wanted`, at most as much again. A model that is not trusted says nothing.
 */
void worth_update(const struct predictor *predictor, const struct predictor_instance *instance, enum resource resource, float wanted,
		  struct plan_worth *ret);

#endif
