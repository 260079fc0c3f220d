/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a challenger is better than the champion on seconds that neither was trained on. Pure apart from one allocation.
 *
 * Loss: the trainer's, per step, of both on the same steps. Steps are summed in blocks of TRAIN_BLOCK_STEPS seconds, over all instances: seconds
 * and neighbours depend on each other, minutes much less. The blocks' differences are drawn with replacement TRAIN_DRAWS times (Efron 1979; blocks: Kuensch
 * 1989); `low` is the 5 % quantile of the mean. Calibration: expected calibration error of all risks over ten bins of equal width (Naeini 2015).
 */
#ifndef FORESTALL_TRAIN_COMPARE_H
#define FORESTALL_TRAIN_COMPARE_H

#include "train.h"

#define TRAIN_BLOCK_STEPS 60
#define TRAIN_DRAWS 1000

enum train_rival { TRAIN_CHAMPION, TRAIN_CHALLENGER, TRAIN_RIVAL_COUNT };

struct train_comparison {
	double loss[TRAIN_RIVAL_COUNT];		/* mean per step */
	double low;				/* of champion's minus challenger's */
	double ece[TRAIN_RIVAL_COUNT];
	double entropy[TRAIN_RIVAL_COUNT];	/* mean cross entropy of the risks */
	double entropy_base;			/* of who only knows how often each SLI is violated within each horizon */
	uint32_t blocks;
	uint64_t labels, violated;		/* of risks */
};

/*
 * parts are stretches of time, one after the other, with the sequences of each. 0 or -ENOMEM; -ENODATA: there is no step.
 */
int train_compare(const struct train_options *options, const struct lstm_weights *const rivals[TRAIN_RIVAL_COUNT],
		  const struct train_set *parts, size_t part_count, struct train_comparison *ret);

#endif
