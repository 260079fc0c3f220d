/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trainer of the LSTM: truncated BPTT (Williams & Peng 1990), Adam (Kingma & Ba 2015), gradient clipping, and
 * quantization-aware epochs at the end (weights, inputs and h rounded as the int8 model rounds them in the forward
 * pass, gradients passed straight through: Bengio 2013, Jacob 2018). Pure apart from the one allocation of train_new().
 *
 * Same options, sequences and build on the same C library: same weights, bit for bit (one thread, own generator).
 *
 * Loss of one step, mean over horizons, each term only where its label is known:
 *	demand_weight / RESOURCE_COUNT * sum over resources of the mean over quantiles of pinball(demand)
 *	+ sli_weight * mean over quantiles of pinball(leading SLI)
 *	+ risk_weight * sum over SLIs, and failure, of the binary cross entropy of their risk logit
 * Demand is that of the horizon less that of now, in the units of the output (forecast.h). pinball_q(u) = max(q u, (q - 1) u), u = label - quantile (Koenker & Bassett 1978). Layout of outputs and the
 * cumulative quantiles: forecast.h. Risk is a sum, not a mean: what an instance's one bound teaches does not depend on
 * how many SLIs there are, and an unknown label adds nothing.
 *
 * An output that no label of the training set speaks of keeps a row of zeros in the head, in int8 as well; a risk of
 * this kind says .01 of everything.
 */
#ifndef FORESTALL_TRAIN_H
#define FORESTALL_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feature.h"
#include "forecast.h"
#include "lstm.h"
#include "lstm_float.h"

_Static_assert(FEATURE_COUNT <= LSTM_INPUT_MAX && OUTPUT_COUNT <= LSTM_OUTPUT_MAX, "the model has room for both");

#define TRAIN_CHUNK_MAX 64	/* steps of BPTT */
#define TRAIN_LANES_MAX 64	/* sequences in a minibatch */

/* Bits of train_label.known. */
#define TRAIN_KNOWS_DEMAND(resource) (1u << (resource))
#define TRAIN_KNOWS_SLI (1u << RESOURCE_COUNT)
#define TRAIN_KNOWS_VIOLATED(risk) (2u << (RESOURCE_COUNT + (risk)))
#define TRAIN_ACTED 0x8000u	/* of now: our own action held, so what was not measured, or not violated, stays unknown */

/* What is, or came, true of an instance, in output units (forecast.h). A label whose bit in known is not set is not read. */
struct train_label {
	float demand[RESOURCE_COUNT];	/* share of the host's capacity */
	float sli;			/* log2(value / bound) / 4, of the leading SLI */
	uint16_t violated;		/* bit per SLI, and OUTPUT_RISK_FAILURE: in some second within the horizon */
	uint16_t known;
};
_Static_assert(TRAIN_KNOWS_VIOLATED(OUTPUT_RISKS) <= TRAIN_ACTED, "known has a bit per label");

struct train_truth {
	struct train_label now;		/* of the frame's own second: what persistence says; 0 where not measured */
	struct train_label then[FORECAST_HORIZONS];
};

/*
 * One instance's frames at 1 s and what came true, [steps] rows each; borrowed, must outlive the trainer. The state starts
 * at zero with the sequence.
 */
struct train_sequence {
	uint32_t steps;		/* > 0 */
	float weight;		/* >= 0, finite; scales loss and scores; 1 is usual */
	const float (*input)[FEATURE_COUNT];
	const struct train_truth *truth;
};

struct train_set {
	const struct train_sequence *sequences;
	size_t count;
};

struct train_options {
	uint64_t seed;
	uint32_t hidden;
	uint32_t epochs;	/* the schedule's length; train_epoch() may be called fewer times */
	uint32_t lanes;		/* 1..TRAIN_LANES_MAX */
	uint32_t chunk_steps;	/* 1..TRAIN_CHUNK_MAX */
	float learning_rate;	/* falls along a cosine to a twentieth */
	float weight_decay;	/* of matrices, per update, times the rate (AdamW) */
	float direct_rate;	/* times the rate, of the weights from the inputs to the outputs: a regression is no network */
	float direct_decay;	/* of these, as weight_decay */
	float dropout;		/* 0..1 but less: share of hidden units that a chunk's outputs do not see (Srivastava 2014) */
	float averaging;	/* 0..1 but less: what is kept are means over updates that fade so (Polyak & Juditsky 1992) */
	float clip_norm;	/* of the whole gradient */
	float quantize_share;	/* 0..1: last part of the epochs that is quantization-aware */
	float demand_weight;
	float sli_weight;
	float risk_weight;
};

struct train_report {
	uint32_t epoch;		/* from 1 */
	bool quantized;		/* was quantization-aware */
	bool best;		/* train_best() changed */
	uint64_t steps;
	double train_loss;	/* mean per step, as seen during the epoch */
	double validation_loss_float;
	double validation_loss_int8;	/* decides what is best; infinite when the weights do not quantize */
};

/* Means are weighted by sequence weight; a mean over nothing is NaN. Persistence is train_truth.now. */
struct train_quantile_score {
	double pinball, persistence;	/* persistence: every quantile is today's value */
	double cover[FORECAST_QUANTILES];	/* share of labels at or below each quantile */
	double total;			/* weight behind the means */
};

/* AUPRC is average precision. */
struct train_risk_score {
	double bce, bce_persistence;	/* persistence: .99 when violated now, else .01 */
	double brier, brier_persistence;
	double auprc, auprc_persistence;
	double base_rate;		/* share of violated labels: AUPRC of a guess */
	double onset_auprc;		/* only frames that are not violated now; persistence scores onset_base_rate */
	double onset_base_rate;
	double total;
};

struct train_horizon_score {
	struct train_quantile_score demand[RESOURCE_COUNT];
	struct train_quantile_score sli;
	struct train_risk_score risk[OUTPUT_RISKS];	/* the last is failure */
};

struct train_score {
	double loss;	/* mean per step, as in training */
	uint64_t steps;
	struct train_horizon_score horizon[FORECAST_HORIZONS];
};

/* What to evaluate: exactly one of the two is set; isa only matters for quantized. */
struct train_subject {
	const struct lstm_float *real;
	const struct lstm_weights *quantized;
	enum lstm_isa isa;
};

/* Scratch of train_evaluate(): logits by bin, weighted counts of labels 0 and 1. About 2.8 MB, the caller's. */
#define TRAIN_METER_BINS 2048
struct train_meter {
	struct train_meter_risk {
		double all[TRAIN_METER_BINS][2];
		double onset[TRAIN_METER_BINS][2];
		double now[2][2];	/* [violated now][label] */
	} risk[FORECAST_HORIZONS][OUTPUT_RISKS];
};

struct train;

/*
 * Fills then[] of all steps from now of the steps after them; now.known says what may be a label. "Violated within a
 * horizon" is known when the horizon ends within the steps and an SLI was violated in some second of it, or known not to be in all of them. A
 * second without a measurement, as of an hour without requests, is one without a violation, if the SLI was measured at some time in these steps.
 */
void train_truth_fill(struct train_truth *truth, uint32_t steps);

/* Defaults: H = 32, 80 epochs, 8 lanes, chunks of 64, last third quantization-aware, seed 1. */
void train_options_init(struct train_options *ret);

/*
 * Calibrates the input ranges on train, initializes the weights from the seed (or from start, which may be NULL; its
 * ranges are widened where train needs it) and allocates the trainer. Without validation sequences the training ones
 * choose the best epoch. start is copied, sets and their rows are borrowed.
 * 0; -EINVAL: an option, a sequence or start's config makes no sense; -ENOMEM. *ret_train untouched on failure.
 */
int train_new(const struct train_options *options, const struct train_set *train, const struct train_set *validation,
	      const struct lstm_float *start, struct train **ret_train);

/* NULL is fine. */
void train_free(struct train *train);

/*
 * One pass over the training sequences and one over the validation ones.
 * 0; -ENODATA: all epochs are done; -ERANGE: the loss is no longer finite, train_best() still stands.
 * *ret_report untouched on failure.
 */
int train_epoch(struct train *train, struct train_report *ret_report);

/* The weights of the epoch with the lowest int8 validation loss, the initial ones before the first; owned by train. */
const struct lstm_float *train_best(const struct train *train);

/*
 * Scores subject on set, stateful from each sequence's start. Loss weights come from options.
 * AUPRC works on logits binned to 1/64, ties counted together.
 */
void train_evaluate(const struct train_options *options, const struct train_subject *subject,
		    const struct train_set *set, struct train_meter *scratch, struct train_score *ret_score);

/*
 * Several networks of the same inputs and outputs, trained on the same set, as one of as many units as all have together, whose raw outputs
 * are the mean of theirs: what a training owes to its seed goes (Breiman 1996), at the cost of one network of that size.
 * 0; -EINVAL: together they have more units than LSTM_HIDDEN_MAX.
 */
int train_join(const struct lstm_float *const members[], uint32_t count, struct lstm_float *ret);

/*
 * Moves the .1 and the .9 quantile of each output so that on this set, which nothing was learned of, a tenth of what came lies beyond either
 * where the output moved lately: a network is surer of what it was not taught than it should be. 0 or -ENOMEM.
 */
int train_widen(const struct train_set *set, struct lstm_float *weights);

/*
 * int8 weights, ready for lstm_step(): per row the scale is its largest magnitude, after folding in the column's scale,
 * over LSTM_WEIGHT_MAX. 0; -EINVAL: config does not suit the int8 kernels; -ERANGE: a weight or a range is not finite
 * or too large. *ret_weights is undefined on failure.
 */
int train_quantize(const struct lstm_float *weights, struct lstm_weights *ret_weights);

#endif
