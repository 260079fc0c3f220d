/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "credit.h"

#include <math.h>

#define FADE 0.9f	/* per trial: ten of them are remembered */
/* As if so many had been tried before, of which a tenth came. */
#define PRIOR 4.0f
#define PRIOR_CAME 0.4f

static int bin_of(float risk)
{
	return risk >= 1 ? CREDIT_BINS - 1 : (int)(fmaxf(risk, 0) * CREDIT_BINS);
}

static void trial_settle(struct credit *credit)
{
	int bin = bin_of(credit->risk);

	credit->until_ns = 0;
	if (!credit->has_come && credit->is_blind)
		return;
	for (int i = 0; i < CREDIT_BINS; i++) {
		credit->came[i] *= FADE;
		credit->failed[i] *= FADE;
	}
	if (credit->has_come)
		credit->came[bin]++;
	else
		credit->failed[bin]++;
}

static void trial_begin(struct credit *credit, uint64_t until_ns)
{
	credit->until_ns = until_ns;
	credit->risk = 0;
	credit->has_come = credit->is_blind = false;
}

void credit_tick(struct credit *credit, const struct credit_tick *tick, uint64_t now_ns, uint64_t horizon_ns)
{
	if (!credit->until_ns && tick->risk > 0 && now_ns >= credit->busy_until_ns)
		trial_begin(credit, now_ns + horizon_ns);
	if (tick->is_bad || tick->is_answered)
		credit->busy_until_ns = now_ns + horizon_ns;
	if (!credit->until_ns)
		return;
	credit->risk = fmaxf(credit->risk, tick->risk);
	credit->has_come |= tick->is_bad;
	credit->is_blind |= tick->is_held && tick->is_pressed;
	if (now_ns < credit->until_ns)
		return;
	trial_settle(credit);
	/* Neighbouring seconds share their fate. */
	credit->busy_until_ns = now_ns + horizon_ns;
}

void credit_sum(const struct credit *credit, float *ret_came, float *ret_failed)
{
	*ret_came = *ret_failed = 0;
	for (int i = 0; i < CREDIT_BINS; i++) {
		*ret_came += credit->came[i];
		*ret_failed += credit->failed[i];
	}
}

float credit_of(const struct credit *credit, float risk)
{
	int bin = bin_of(risk);
	float came = PRIOR_CAME, failed = PRIOR - PRIOR_CAME;

	for (int i = 0; i <= bin; i++)
		came += credit->came[i];
	for (int i = bin; i < CREDIT_BINS; i++)
		failed += credit->failed[i];
	return came / (came + failed);
}
