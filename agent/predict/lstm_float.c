/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The float LSTM, written for reading. The trainer has its own forward pass, which keeps what BPTT needs. */
#include "lstm_float.h"

#include <math.h>

float *lstm_float_tensor(struct lstm_float *weights, enum lstm_tensor tensor, size_t *ret_count)
{
	size_t input = weights->config.input, hidden = weights->config.hidden, output = weights->config.output;

	switch (tensor) {
	case LSTM_TENSOR_GATE:
		*ret_count = LSTM_GATES * hidden * (input + hidden);
		return weights->gate;
	case LSTM_TENSOR_GATE_BIAS:
		*ret_count = LSTM_GATES * hidden;
		return weights->gate_bias;
	case LSTM_TENSOR_HEAD:
		*ret_count = output * hidden;
		return weights->head;
	case LSTM_TENSOR_DIRECT:
		*ret_count = weights->config.direct * input;
		return weights->direct;
	default:
		*ret_count = output;
		return weights->head_bias;
	}
}

float lstm_float_clamp(const struct lstm_float *weights, uint32_t i, float value)
{
	if (isnan(value))
		return 0;
	return fminf(fmaxf(value, weights->input_low[i]), weights->input_high[i]);
}

float lstm_float_sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

static float dot(const float *a, const float *b, uint32_t count)
{
	float sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

void lstm_float_step(const struct lstm_float *weights, struct lstm_float_state *state, const float *input,
		     float *output)
{
	uint32_t inputs = weights->config.input, hidden = weights->config.hidden, columns = inputs + hidden;
	float x[LSTM_INPUT_MAX], z[LSTM_ROWS_MAX];

	for (uint32_t i = 0; i < inputs; i++)
		x[i] = lstm_float_clamp(weights, i, input[i]);
	for (uint32_t row = 0; row < LSTM_GATES * hidden; row++) {
		const float *line = weights->gate + (size_t)row * columns;

		z[row] = dot(line, x, inputs) + dot(line + inputs, state->h, hidden) + weights->gate_bias[row];
	}
	for (uint32_t j = 0; j < hidden; j++) {
		float i = lstm_float_sigmoid(z[j]), f = lstm_float_sigmoid(z[hidden + j]);
		float g = tanhf(z[2 * hidden + j]), o = lstm_float_sigmoid(z[3 * hidden + j]);
		float c = f * state->c[j] + i * g;

		state->c[j] = fminf(fmaxf(c, -LSTM_CELL_MAX), LSTM_CELL_MAX);
		state->h[j] = o * tanhf(state->c[j]);
	}
	for (uint32_t row = 0; row < weights->config.output; row++)
		output[row] = dot(weights->head + (size_t)row * hidden, state->h, hidden) + weights->head_bias[row];
	for (uint32_t row = 0; row < weights->config.direct; row++)
		output[row] += dot(weights->direct + (size_t)row * inputs, x, inputs);
}
