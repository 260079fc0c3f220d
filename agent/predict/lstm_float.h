/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same LSTM in float: what the trainer improves and what the int8 one is compared with. Pure; needs
 * -ffp-contract=off to repeat on another machine (exp and tanh are the C library's, so only with the same one).
 *
 * Formulas and gate order are in lstm.h. Inputs are clamped to [input_low, input_high], the range that the int8
 * model can express, and NaN is read as 0.
 */
#ifndef FORESTALL_LSTM_FLOAT_H
#define FORESTALL_LSTM_FLOAT_H

#include <stddef.h>
#include <stdint.h>

#include "lstm.h"

/* About 187 KB; a plain value, owned by the caller. Matrices are dense and row-major: only the first part is used. */
struct lstm_float {
	struct lstm_config config;	/* hidden may be any 1..LSTM_HIDDEN_MAX here */
	float input_low[LSTM_INPUT_MAX];	/* <= 0 */
	float input_high[LSTM_INPUT_MAX];	/* > input_low, >= 0 */
	float gate[LSTM_ROWS_MAX * LSTM_COLUMNS_MAX];	/* [4H][I + H] */
	float gate_bias[LSTM_ROWS_MAX];			/* [4H] */
	float head[LSTM_OUTPUT_MAX * LSTM_HIDDEN_MAX];	/* [O][H] */
	float head_bias[LSTM_OUTPUT_MAX];		/* [O] */
	float direct[LSTM_DIRECT_MAX * LSTM_INPUT_MAX];	/* [D][I] */
};

/* All zero is the start. */
struct lstm_float_state {
	float h[LSTM_HIDDEN_MAX];
	float c[LSTM_HIDDEN_MAX];
};

/* The trained tensors, for whoever treats the parameters alike. */
enum lstm_tensor {
	LSTM_TENSOR_GATE,
	LSTM_TENSOR_GATE_BIAS,
	LSTM_TENSOR_HEAD,
	LSTM_TENSOR_HEAD_BIAS,
	LSTM_TENSOR_DIRECT,
	LSTM_TENSOR_COUNT
};

/* The elements of one tensor, count in *ret_count; points into weights. */
float *lstm_float_tensor(struct lstm_float *weights, enum lstm_tensor tensor, size_t *ret_count);

/* The clamped value of input i, 0 for NaN. */
float lstm_float_clamp(const struct lstm_float *weights, uint32_t i, float value);

float lstm_float_sigmoid(float x);

/* One step of one instance: input [I], output [O]. */
void lstm_float_step(const struct lstm_float *weights, struct lstm_float_state *state, const float *input,
		     float *output);

#endif
