/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was true in each second to the labels of the seconds before it. */
#include "train.h"

/* Known when some second of it was violated, or all were measured. */
static void label_risk(const struct train_truth *truth, uint32_t steps, uint32_t t, uint32_t horizon,
		       struct train_label *label)
{
	uint32_t known = t + horizon < steps ? ~0u : 0;

	for (uint32_t i = t + 1; i <= t + horizon && i < steps; i++) {
		label->violated |= truth[i].now.violated;
		known &= truth[i].now.known;
	}
	for (int s = 0; s < OUTPUT_RISKS; s++)
		if (label->violated >> s & 1 || known & TRAIN_KNOWS_VIOLATED(s))
			label->known |= TRAIN_KNOWS_VIOLATED(s);
}

void train_truth_fill(struct train_truth *truth, uint32_t steps)
{
	for (uint32_t t = 0; t < steps; t++) {
		for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
			struct train_label *label = &truth[t].then[h];
			uint32_t then = t + forecast_horizon_s[h];

			*label = then < steps ? truth[then].now : (struct train_label) { 0 };
			label->known &= TRAIN_KNOWS_VIOLATED(0) - 1;
			label->violated = 0;
			label_risk(truth, steps, t, forecast_horizon_s[h], label);
		}
	}
}
