/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the trainer share. Internal to train*.c and its test. */
#ifndef FORESTALL_TRAIN_INTERNAL_H
#define FORESTALL_TRAIN_INTERNAL_H

#include "train.h"

/* PCG32 (O'Neill 2014). */
struct train_random {
	uint64_t state;
};

/*
 * Weights as the forward and backward loops want them: innermost index contiguous, so that each inner loop is
 * y += a x and the compiler vectorises it without reordering sums.
 */
struct train_layout {
	struct lstm_float weights;	/* rounded when quantization-aware */
	float gate_by_column[LSTM_COLUMNS_MAX][LSTM_ROWS_MAX];
	float head_by_column[LSTM_HIDDEN_MAX][LSTM_OUTPUT_MAX];
	float direct_by_column[LSTM_INPUT_MAX][LSTM_DIRECT_MAX];
	float input_scale[LSTM_INPUT_MAX];	/* 0: inputs and h are not rounded */
	float input_zero[LSTM_INPUT_MAX];
};

/* What the backward pass needs of a chunk's forward pass. Index t + 1 of h and c is after step t. */
struct train_tape {
	uint32_t steps;
	float x[TRAIN_CHUNK_MAX][LSTM_INPUT_MAX];
	float gate[TRAIN_CHUNK_MAX][LSTM_ROWS_MAX];	/* after the nonlinearity */
	float c[TRAIN_CHUNK_MAX + 1][LSTM_HIDDEN_MAX];
	float squashed[TRAIN_CHUNK_MAX][LSTM_HIDDEN_MAX];	/* tanh(c) */
	float h[TRAIN_CHUNK_MAX + 1][LSTM_HIDDEN_MAX];
	float keep[LSTM_HIDDEN_MAX];	/* the caller's: what the outputs see of h, 1 or where dropped 0, over the share kept */
	float shown[TRAIN_CHUNK_MAX][LSTM_HIDDEN_MAX];	/* of h after the step, to the outputs */
	float output[TRAIN_CHUNK_MAX][OUTPUT_COUNT];
	float output_gradient[TRAIN_CHUNK_MAX][OUTPUT_COUNT];
};

/* Sums over a minibatch. */
struct train_gradient {
	float gate_by_column[LSTM_COLUMNS_MAX][LSTM_ROWS_MAX];
	float gate_bias[LSTM_ROWS_MAX];
	float head[LSTM_OUTPUT_MAX * LSTM_HIDDEN_MAX];
	float head_bias[LSTM_OUTPUT_MAX];
	float direct_by_column[LSTM_INPUT_MAX][LSTM_DIRECT_MAX];
	double loss;	/* weighted */
	double weight;
	uint64_t steps;
};

void train_random_seed(struct train_random *random, uint64_t seed);
uint32_t train_random_next(struct train_random *random);
/* Uniform in -1..1. */
float train_random_signed(struct train_random *random);

/* Widens the input ranges so that they hold train's inputs and 0..1. */
void train_init_ranges(const struct train_set *train, struct lstm_float *weights);
/* Random matrices; nothing from the inputs directly; head biases from the labels' means, nothing where no label is known. */
void train_init_weights(const struct train_set *train, struct train_random *random, struct lstm_float *weights);

/* What one column of W counts in: the input's step, or 1/128 for h. */
float train_column_scale(const struct lstm_float *weights, uint32_t column);
/* The quantized value of input i that stands for 0. */
float train_input_zero(const struct lstm_float *weights, uint32_t i);
/* Rounds the matrices in place as train_quantize() would. */
void train_round_weights(struct lstm_float *weights);

/* Fills layout from weights; quantized: with everything rounded as in the int8 model. */
void train_layout_fill(const struct lstm_float *weights, bool quantized, struct train_layout *ret_layout);

/*
 * Runs steps from..from + steps - 1 of a sequence forward and backward; adds to gradient; state moves on.
 * steps <= TRAIN_CHUNK_MAX.
 */
void train_chunk(const struct train_options *options, const struct train_layout *layout,
		 const struct train_sequence *sequence, uint32_t from, uint32_t steps, struct lstm_float_state *state,
		 struct train_tape *tape, struct train_gradient *gradient);

/* The gradient in the order of lstm_float, times factor. */
void train_gradient_gather(const struct train_gradient *gradient, float factor, struct lstm_float *ret);

/* The label of an output of demand: the change from now in the output's units. */
float train_demand_label(const struct train_truth *truth, int h, int r);
/* The quantiles that four raw outputs stand for. */
void train_decode_quantiles(const float raw[FORECAST_QUANTILES], float ret[FORECAST_QUANTILES]);
float train_pinball(const float quantiles[FORECAST_QUANTILES], float label);
/* BCE of a logit against a label in 0..1. */
float train_cross_entropy(float logit, float label);
/* Loss of one step, without the sequence's weight; its gradient by output in ret_gradient, which may be NULL. */
float train_loss(const struct train_options *options, const struct train_truth *truth, const float output[OUTPUT_COUNT],
		 float *ret_gradient);
/* train_score.loss alone: what every epoch asks for, without the cost of the scores. */
double train_mean_loss(const struct train_options *options, const struct train_subject *subject,
		       const struct train_set *set);

#endif
