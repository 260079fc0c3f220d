/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worth.h"

#include <math.h>

#include "predict/respond.h"

#define COMPLIANCE 50.0f	/* worth of all delays within the bound, beside the 4 of a giver's first third */
#define MODEL_SECONDS 30	/* before that an error says nothing */

static const struct response *model_choose(const struct predictor *p, const struct predictor_instance *instance, enum resource r)
{
	float pressure = instance->demand[r] * p->host.capacity[r] / respond_offered(p, instance, r), worst = -1;
	const struct response *chosen = NULL;

	for (int sli = 0; sli < SLI_COUNT; sli++) {
		const struct response *model = respond_model(p, instance, (enum sli)sli, r);
		struct response_curve curve;

		if (!model || !instance->info.slo.bound[sli] || !model->seconds)
			continue;
		curve = response_fit(model);
		if (response_bad(&curve, pressure) <= worst)
			continue;
		worst = response_bad(&curve, pressure);
		chosen = model;
	}
	return chosen;
}

/* The steepest way up from an amount, and where it ends: the next edge of the envelope. */
static float edge_find(const struct response_curve *curve, float wanted, float from, float good, float *ret_to, float *ret_good)
{
	float steepest = 0;

	for (uint32_t i = 0; i < curve->count; i++) {
		float to = curve->at[i].pressure > 0 ? fminf(wanted / curve->at[i].pressure, 2 * wanted) : 2 * wanted;
		float reached = 1 - response_bad(curve, wanted / to);

		if (to <= from || (reached - good) / (to - from) <= steepest)
			continue;
		steepest = (reached - good) / (to - from);
		*ret_to = to;
		*ret_good = reached;
	}
	return steepest;
}

void worth_update(const struct predictor *p, const struct predictor_instance *instance, enum resource r, float wanted,
		  struct plan_worth *ret)
{
	const struct response *model = instance->demand[r] < 0 || !window_at(&instance->window, 0) ? NULL : model_choose(p, instance, r);
	struct response_curve curve;
	float from = wanted, good;

	*ret = (struct plan_worth){ 0 };
	if (!model)
		return;
	ret->error = model->error;
	ret->trust = response_trust(model);
	ret->is_doubted = model->seconds >= MODEL_SECONDS && ret->trust <= 0;
	if (wanted <= 0 || ret->trust <= 0)
		return;
	curve = response_fit(model);
	good = 1 - response_bad(&curve, 1);
	ret->eased_bad = 1 - good;
	for (int step = 0; step < PLAN_WORTH_STEPS; step++) {
		float to = from, reached = good, slope = edge_find(&curve, wanted, from, good, &to, &reached);

		if (slope <= 0)
			break;
		/* By the share of what is wanted, so that bytes and CPUs compare. */
		ret->slope[step] = COMPLIANCE * ret->trust * slope * wanted;
		ret->width[step] = to - from;
		from = to;
		good = reached;
		ret->eased_bad = 1 - good;
	}
}
