/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A forecast is used only where it has shown skill over persistence; forestalld has no such rule yet. Per series and slot,
 * the mean error of the last days with none, half and all of the forecast change; the best of the three speaks. Only the
 * past is looked at.
 */
#ifndef FORESTALL_REALDATA_TRUST_H
#define FORESTALL_REALDATA_TRUST_H

#define TRUST_LEVELS 3

/* All zero at the start. */
struct trust {
	float error[TRUST_LEVELS];
};

float trust_apply(const struct trust *trust, float now, float median);
void trust_learn(struct trust *trust, float now, float median, float label);

#endif
