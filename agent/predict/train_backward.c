/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forward and backward pass of one chunk of one sequence. Formulas: lstm.h. */
#include <math.h>
#include <string.h>

#include "train_internal.h"

/* The one inner loop: contiguous and free of aliases, so that it vectorises at -O3 without reordering a sum. */
static inline void add_scaled(float *restrict to, const float *restrict from, float factor, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		to[i] += factor * from[i];
}

void train_layout_fill(const struct lstm_float *weights, bool quantized, struct train_layout *ret_layout)
{
	const struct lstm_float *source = &ret_layout->weights;
	uint32_t inputs = weights->config.input, hidden = weights->config.hidden, columns = inputs + hidden;

	ret_layout->weights = *weights;
	if (quantized)
		train_round_weights(&ret_layout->weights);
	for (uint32_t r = 0; r < LSTM_GATES * hidden; r++) {
		for (uint32_t k = 0; k < columns; k++)
			ret_layout->gate_by_column[k][r] = source->gate[(size_t)r * columns + k];
	}
	for (uint32_t r = 0; r < weights->config.output; r++) {
		for (uint32_t k = 0; k < hidden; k++)
			ret_layout->head_by_column[k][r] = source->head[(size_t)r * hidden + k];
	}
	for (uint32_t r = 0; r < weights->config.direct; r++) {
		for (uint32_t i = 0; i < inputs; i++)
			ret_layout->direct_by_column[i][r] = source->direct[(size_t)r * inputs + i];
	}
	for (uint32_t i = 0; i < inputs; i++) {
		ret_layout->input_scale[i] = quantized ? train_column_scale(weights, i) : 0;
		ret_layout->input_zero[i] = quantized ? train_input_zero(weights, i) : 0;
	}
}

static float round_input(const struct train_layout *layout, uint32_t i, float value)
{
	float scale = layout->input_scale[i], zero = layout->input_zero[i];
	float x = lstm_float_clamp(&layout->weights, i, value);

	if (scale == 0)
		return x;
	return (fminf(fmaxf(rintf(x / scale) + zero, 0), 255) - zero) * scale;
}

static float round_hidden(const struct train_layout *layout, float h)
{
	if (layout->input_scale[0] == 0)
		return h;
	return fminf(rintf(h / LSTM_HIDDEN_SCALE), INT8_MAX) * LSTM_HIDDEN_SCALE;
}

static void forward_cells(const struct train_layout *layout, struct train_tape *tape, uint32_t t)
{
	uint32_t hidden = layout->weights.config.hidden;
	float *gate = tape->gate[t];

	for (uint32_t j = 0; j < hidden; j++) {
		float i = lstm_float_sigmoid(gate[j]), f = lstm_float_sigmoid(gate[hidden + j]);
		float g = tanhf(gate[2 * hidden + j]), o = lstm_float_sigmoid(gate[3 * hidden + j]);
		float c = fminf(fmaxf(f * tape->c[t][j] + i * g, -LSTM_CELL_MAX), LSTM_CELL_MAX);

		gate[j] = i;
		gate[hidden + j] = f;
		gate[2 * hidden + j] = g;
		gate[3 * hidden + j] = o;
		tape->c[t + 1][j] = c;
		tape->squashed[t][j] = tanhf(c);
		tape->h[t + 1][j] = round_hidden(layout, o * tape->squashed[t][j]);
	}
}

static void forward_step(const struct train_layout *layout, const float *input, struct train_tape *tape, uint32_t t)
{
	const struct lstm_float *weights = &layout->weights;
	uint32_t inputs = weights->config.input, hidden = weights->config.hidden, rows = LSTM_GATES * hidden;

	memcpy(tape->gate[t], weights->gate_bias, rows * sizeof(float));
	for (uint32_t i = 0; i < inputs; i++) {
		tape->x[t][i] = round_input(layout, i, input[i]);
		if (tape->x[t][i] != 0)
			add_scaled(tape->gate[t], layout->gate_by_column[i], tape->x[t][i], rows);
	}
	for (uint32_t j = 0; j < hidden; j++)
		add_scaled(tape->gate[t], layout->gate_by_column[inputs + j], tape->h[t][j], rows);
	forward_cells(layout, tape, t);
	memcpy(tape->output[t], weights->head_bias, sizeof(tape->output[t]));
	for (uint32_t j = 0; j < hidden; j++) {
		tape->shown[t][j] = tape->keep[j] * tape->h[t + 1][j];
		add_scaled(tape->output[t], layout->head_by_column[j], tape->shown[t][j], OUTPUT_COUNT);
	}
	for (uint32_t i = 0; i < inputs; i++)
		if (tape->x[t][i] != 0)
			add_scaled(tape->output[t], layout->direct_by_column[i], tape->x[t][i], weights->config.direct);
}

/*
 * From the gradient by h and c after step t to those by z; by_c becomes the gradient by c before it. The clamp of c
 * passes nothing where it holds.
 */
static void backward_cells(const struct train_tape *tape, uint32_t t, uint32_t hidden, const float *by_h, float *by_c,
			   float *ret_by_z)
{
	const float *gate = tape->gate[t];

	for (uint32_t j = 0; j < hidden; j++) {
		float i = gate[j], f = gate[hidden + j], g = gate[2 * hidden + j], o = gate[3 * hidden + j];
		float squashed = tape->squashed[t][j];
		float cell = by_c[j] + by_h[j] * o * (1 - squashed * squashed);

		if (fabsf(tape->c[t + 1][j]) >= LSTM_CELL_MAX)
			cell = 0;
		ret_by_z[j] = cell * g * i * (1 - i);
		ret_by_z[hidden + j] = cell * tape->c[t][j] * f * (1 - f);
		ret_by_z[2 * hidden + j] = cell * i * (1 - g * g);
		ret_by_z[3 * hidden + j] = by_h[j] * squashed * o * (1 - o);
		by_c[j] = cell * f;
	}
}

static void backward_head(const struct train_layout *layout, const struct train_tape *tape, uint32_t t, float *by_h,
			  struct train_gradient *gradient)
{
	uint32_t hidden = layout->weights.config.hidden;
	float by_shown[LSTM_HIDDEN_MAX] = { 0 };

	for (uint32_t r = 0; r < OUTPUT_COUNT; r++) {
		float by_output = tape->output_gradient[t][r];

		if (by_output == 0)
			continue;
		gradient->head_bias[r] += by_output;
		add_scaled(by_shown, layout->weights.head + (size_t)r * hidden, by_output, hidden);
		add_scaled(gradient->head + (size_t)r * hidden, tape->shown[t], by_output, hidden);
	}
	for (uint32_t j = 0; j < hidden; j++)
		by_h[j] += tape->keep[j] * by_shown[j];
	for (uint32_t i = 0; i < layout->weights.config.input; i++)
		if (tape->x[t][i] != 0)
			add_scaled(gradient->direct_by_column[i], tape->output_gradient[t], tape->x[t][i],
				   layout->weights.config.direct);
}

static void backward_gates(const struct train_layout *layout, const struct train_tape *tape, uint32_t t,
			   const float *by_z, float *ret_by_h, struct train_gradient *gradient)
{
	uint32_t inputs = layout->weights.config.input, hidden = layout->weights.config.hidden;
	uint32_t rows = LSTM_GATES * hidden;

	add_scaled(gradient->gate_bias, by_z, 1, rows);
	for (uint32_t i = 0; i < inputs; i++) {
		if (tape->x[t][i] != 0)
			add_scaled(gradient->gate_by_column[i], by_z, tape->x[t][i], rows);
	}
	for (uint32_t j = 0; j < hidden; j++)
		add_scaled(gradient->gate_by_column[inputs + j], by_z, tape->h[t][j], rows);
	memset(ret_by_h, 0, hidden * sizeof(*ret_by_h));
	for (uint32_t r = 0; r < rows; r++)
		add_scaled(ret_by_h, layout->weights.gate + (size_t)r * (inputs + hidden) + inputs, by_z[r], hidden);
}

static void backward(const struct train_layout *layout, const struct train_tape *tape, struct train_gradient *gradient)
{
	float by_h[LSTM_HIDDEN_MAX] = { 0 }, by_c[LSTM_HIDDEN_MAX] = { 0 }, by_z[LSTM_ROWS_MAX];

	for (uint32_t t = tape->steps; t-- > 0;) {
		backward_head(layout, tape, t, by_h, gradient);
		backward_cells(tape, t, layout->weights.config.hidden, by_h, by_c, by_z);
		backward_gates(layout, tape, t, by_z, by_h, gradient);
	}
}

void train_chunk(const struct train_options *options, const struct train_layout *layout,
		 const struct train_sequence *sequence, uint32_t from, uint32_t steps, struct lstm_float_state *state,
		 struct train_tape *tape, struct train_gradient *gradient)
{
	tape->steps = steps;
	memcpy(tape->h[0], state->h, sizeof(state->h));
	memcpy(tape->c[0], state->c, sizeof(state->c));
	for (uint32_t t = 0; t < steps; t++) {
		float *by_output = tape->output_gradient[t];

		forward_step(layout, sequence->input[from + t], tape, t);
		gradient->loss += sequence->weight *
				  train_loss(options, &sequence->truth[from + t], tape->output[t], by_output);
		for (uint32_t r = 0; r < OUTPUT_COUNT; r++)
			by_output[r] *= sequence->weight;
	}
	backward(layout, tape, gradient);
	gradient->weight += (double)sequence->weight * steps;
	gradient->steps += steps;
	memcpy(state->h, tape->h[steps], sizeof(state->h));
	memcpy(state->c, tape->c[steps], sizeof(state->c));
}

void train_gradient_gather(const struct train_gradient *gradient, float factor, struct lstm_float *ret)
{
	uint32_t hidden = ret->config.hidden, columns = ret->config.input + hidden;

	for (uint32_t r = 0; r < LSTM_GATES * hidden; r++) {
		ret->gate_bias[r] = gradient->gate_bias[r] * factor;
		for (uint32_t k = 0; k < columns; k++)
			ret->gate[(size_t)r * columns + k] = gradient->gate_by_column[k][r] * factor;
	}
	for (uint32_t i = 0; i < ret->config.output * hidden; i++)
		ret->head[i] = gradient->head[i] * factor;
	for (uint32_t r = 0; r < ret->config.output; r++)
		ret->head_bias[r] = gradient->head_bias[r] * factor;
	for (uint32_t i = 0; i < ret->config.direct * ret->config.input; i++)
		ret->direct[i] = gradient->direct_by_column[i % ret->config.input][i / ret->config.input] * factor;
}
