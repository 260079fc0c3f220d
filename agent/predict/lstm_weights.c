/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the int8 weights lie, whether they are in bounds, and what the kernels need derived from them. */
#include "lstm.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lstm_kernel.h"

int lstm_config_check(const struct lstm_config *config)
{
	if (config->input == 0 || config->input > LSTM_INPUT_MAX)
		return -EINVAL;
	if (config->hidden == 0 || config->hidden > LSTM_HIDDEN_MAX || config->hidden % LSTM_BLOCK != 0)
		return -EINVAL;
	if (config->output == 0 || config->output > LSTM_OUTPUT_MAX)
		return -EINVAL;
	if (config->direct > LSTM_DIRECT_MAX || config->direct > config->output || config->direct % LSTM_BLOCK != 0)
		return -EINVAL;
	return 0;
}

static size_t interleave(uint32_t rows, uint32_t row, uint32_t column)
{
	return ((size_t)(column / 4) * rows + row) * 4 + column % 4;
}

size_t lstm_gate_index(const struct lstm_config *config, uint32_t row, uint32_t column)
{
	uint32_t padding = lstm_padded_inputs(config) - config->input;

	return interleave(lstm_rows(config), row, column < config->input ? column : column + padding);
}

size_t lstm_head_index(const struct lstm_config *config, uint32_t row, uint32_t column)
{
	return interleave(lstm_head_rows(config), row, column);
}

size_t lstm_direct_index(const struct lstm_config *config, uint32_t row, uint32_t column)
{
	return interleave(config->direct, row, column);
}

bool lstm_output_is_constant(const struct lstm_weights *weights, uint32_t row)
{
	for (uint32_t j = 0; j < weights->config.hidden; j++)
		if (weights->head[lstm_head_index(&weights->config, row, j)])
			return false;
	for (uint32_t i = 0; row < weights->config.direct && i < weights->config.input; i++)
		if (weights->direct[lstm_direct_index(&weights->config, row, i)])
			return false;
	return true;
}

/* Written so that NaN fails. */
static bool is_within(float value, float low, float high)
{
	return value >= low && value <= high;
}

static int check_row(float scale, float bias)
{
	bool ok = scale > 0 && is_within(scale, 0, LSTM_SCALE_MAX) && is_within(bias, -LSTM_BIAS_MAX, LSTM_BIAS_MAX);

	return ok ? 0 : -ERANGE;
}

static int check_bytes(const int8_t *weights, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (weights[i] < -LSTM_WEIGHT_MAX || weights[i] > LSTM_WEIGHT_MAX)
			return -ERANGE;
	}
	return 0;
}

static int derive_inputs(struct lstm_weights *weights)
{
	for (uint32_t i = 0; i < weights->config.input; i++) {
		if (!is_within(weights->input_scale[i], LSTM_INPUT_SCALE_MIN, LSTM_INPUT_SCALE_MAX))
			return -ERANGE;
		weights->input_inverse[i] = 1.0f / weights->input_scale[i];
	}
	return 0;
}

static int derive_gates(struct lstm_weights *weights)
{
	const struct lstm_config *config = &weights->config;

	for (uint32_t row = 0; row < lstm_rows(config); row++) {
		int32_t offset = 0;

		if (check_row(weights->gate_scale[row], weights->gate_bias[row]) < 0)
			return -ERANGE;
		for (uint32_t i = 0; i < config->input; i++)
			offset -= weights->gate[lstm_gate_index(config, row, i)] * weights->input_zero[i];
		for (uint32_t j = 0; j < config->hidden; j++)
			offset -= weights->gate[lstm_gate_index(config, row, config->input + j)] * 128;
		weights->gate_offset[row] = offset;
		weights->gate_step[row] = weights->gate_scale[row] * (1 << LSTM_GATE_BITS);
		weights->gate_bias_fixed[row] = (int32_t)lrintf(weights->gate_bias[row] * (1 << LSTM_GATE_BITS));
	}
	return 0;
}

static int derive_head(struct lstm_weights *weights)
{
	const struct lstm_config *config = &weights->config;

	/* Rows of the padding keep 0 in all fields, so the vector paths may compute them. */
	memset(weights->head_offset, 0, sizeof(weights->head_offset));
	memset(weights->head_step, 0, sizeof(weights->head_step));
	memset(weights->head_bias_fixed, 0, sizeof(weights->head_bias_fixed));
	for (uint32_t row = 0; row < config->output; row++) {
		if (check_row(weights->head_scale[row], weights->head_bias[row]) < 0)
			return -ERANGE;
		for (uint32_t j = 0; j < config->hidden; j++)
			weights->head_offset[row] -= weights->head[lstm_head_index(config, row, j)] * 128;
		weights->head_step[row] = weights->head_scale[row] * (1 << LSTM_OUTPUT_BITS);
		weights->head_bias_fixed[row] = (int32_t)lrintf(weights->head_bias[row] * (1 << LSTM_OUTPUT_BITS));
	}
	return 0;
}

static int derive_direct(struct lstm_weights *weights)
{
	const struct lstm_config *config = &weights->config;

	for (uint32_t row = 0; row < config->direct; row++) {
		int32_t offset = 0;

		if (check_row(weights->direct_scale[row], 0) < 0)
			return -ERANGE;
		for (uint32_t i = 0; i < config->input; i++)
			offset -= weights->direct[lstm_direct_index(config, row, i)] * weights->input_zero[i];
		weights->direct_offset[row] = offset;
		weights->direct_step[row] = weights->direct_scale[row] * (1 << LSTM_OUTPUT_BITS);
	}
	return 0;
}

int lstm_weights_derive(struct lstm_weights *weights)
{
	int r = lstm_config_check(&weights->config);

	if (r < 0)
		return r;
	if (check_bytes(weights->gate, sizeof(weights->gate)) < 0 ||
	    check_bytes(weights->head, sizeof(weights->head)) < 0 ||
	    check_bytes(weights->direct, sizeof(weights->direct)) < 0)
		return -ERANGE;
	r = derive_inputs(weights);
	if (r == 0)
		r = derive_gates(weights);
	if (r == 0)
		r = derive_head(weights);
	if (r == 0)
		r = derive_direct(weights);
	return r;
}
