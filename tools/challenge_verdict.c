/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "challenge.h"

bool challenge_is_better(const struct train_comparison *c, char reason[STORE_REASON_MAX])
{
	const double *loss = c->loss, *ece = c->ece;

	if (c->blocks < CHALLENGE_BLOCKS_MIN || c->violated < CHALLENGE_VIOLATED_MIN) {
		snprintf(reason, STORE_REASON_MAX, "too little was held out to judge: %u minutes, %llu violations", c->blocks,
			 (unsigned long long)c->violated);
		return false;
	}
	if (!(c->low > 0)) {
		snprintf(reason, STORE_REASON_MAX, "no gain that is sure: loss %.4f against %.4f, lower bound of the gain %.4f",
			 loss[TRAIN_CHALLENGER], loss[TRAIN_CHAMPION], c->low);
		return false;
	}
	if (!(ece[TRAIN_CHALLENGER] <= ece[TRAIN_CHAMPION] + CHALLENGE_ECE_SLACK)) {
		snprintf(reason, STORE_REASON_MAX, "worse calibrated: ECE %.4f against %.4f", ece[TRAIN_CHALLENGER],
			 ece[TRAIN_CHAMPION]);
		return false;
	}
	if (!(c->entropy[TRAIN_CHALLENGER] < CHALLENGE_ENTROPY_SHARE * c->entropy_base)) {
		snprintf(reason, STORE_REASON_MAX, "knows no more than how often violations are: cross entropy %.4f against %.4f",
			 c->entropy[TRAIN_CHALLENGER], c->entropy_base);
		return false;
	}
	snprintf(reason, STORE_REASON_MAX, "loss %.4f against %.4f (gain at least %.4f), ECE %.4f against %.4f", loss[TRAIN_CHALLENGER],
		 loss[TRAIN_CHAMPION], c->low, ece[TRAIN_CHALLENGER], ece[TRAIN_CHAMPION]);
	return true;
}
