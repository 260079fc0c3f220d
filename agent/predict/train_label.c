/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was true in each second to the labels of the seconds before it. */
#include "train.h"

#define KNOWS_VIOLATIONS (TRAIN_KNOWS_VIOLATED(OUTPUT_RISKS) - TRAIN_KNOWS_VIOLATED(0))

/* What was measured in some second of this life. */
static uint32_t measured_ever(const struct train_truth *truth, uint32_t steps)
{
	uint32_t measured = 0;

	for (uint32_t t = 0; t < steps; t++)
		measured |= truth[t].now.known & KNOWS_VIOLATIONS;
	return measured;
}

/*
 * A horizon that ends after the last second says nothing, whatever it began with: were a violation in it a label and its absence none, the
 * last seconds would teach that all is violated. Of failure it is one, as it may be what ended the life.
 */
static void label_risk(const struct train_truth *truth, uint32_t steps, uint32_t t, uint32_t horizon, uint32_t measured,
		       struct train_label *label)
{
	bool is_whole = t + horizon < steps;
	uint32_t known = is_whole ? KNOWS_VIOLATIONS : 0;

	for (uint32_t i = t + 1; i <= t + horizon && i < steps; i++) {
		const struct train_label *now = &truth[i].now;

		label->violated |= now->violated;
		known &= now->known | (now->known & TRAIN_ACTED ? 0 : measured);
	}
	for (int s = 0; s < OUTPUT_RISKS; s++)
		if (label->violated >> s & 1 && (is_whole || s == OUTPUT_RISK_FAILURE))
			known |= TRAIN_KNOWS_VIOLATED(s);
		else if (!(known & TRAIN_KNOWS_VIOLATED(s)))
			label->violated &= (uint16_t)~(1u << s);
	label->known |= (uint16_t)known;
}

void train_truth_fill(struct train_truth *truth, uint32_t steps)
{
	uint32_t measured = measured_ever(truth, steps);

	for (uint32_t t = 0; t < steps; t++) {
		for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
			struct train_label *label = &truth[t].then[h];
			uint32_t then = t + forecast_horizon_s[h];

			*label = then < steps ? truth[then].now : (struct train_label) { 0 };
			label->known &= TRAIN_KNOWS_VIOLATED(0) - 1;
			label->violated = 0;
			label_risk(truth, steps, t, forecast_horizon_s[h], measured, label);
		}
	}
}
