/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Float weights to int8 ones, and the same rounding in float for the quantization-aware epochs. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "train_internal.h"

/* A row of zeros needs some scale; any will do. */
#define ROW_SCALE_MIN 1e-9f

float train_column_scale(const struct lstm_float *weights, uint32_t column)
{
	if (column >= weights->config.input)
		return LSTM_HIDDEN_SCALE;
	return (weights->input_high[column] - weights->input_low[column]) / 255;
}

float train_input_zero(const struct lstm_float *weights, uint32_t i)
{
	return rintf(-weights->input_low[i] / train_column_scale(weights, i));
}

/* Of so many weights, the first of which belongs to a column: inputs come before h. */
static float row_scale(const struct lstm_float *weights, const float *row, uint32_t column, uint32_t count)
{
	float largest = 0;

	for (uint32_t k = 0; k < count; k++)
		largest = fmaxf(largest, fabsf(row[k] * train_column_scale(weights, column + k)));
	return fmaxf(largest / LSTM_WEIGHT_MAX, ROW_SCALE_MIN);
}


/* weight in units of scale, a whole number within +-LSTM_WEIGHT_MAX. */
static float round_weight(float weight, float column_scale, float row_scale)
{
	return fminf(fmaxf(rintf(weight * column_scale / row_scale), -LSTM_WEIGHT_MAX), LSTM_WEIGHT_MAX);
}

static void round_row(const struct lstm_float *weights, float *row, uint32_t column, uint32_t count)
{
	float scale = row_scale(weights, row, column, count);

	for (uint32_t k = 0; k < count; k++) {
		float unit = train_column_scale(weights, column + k);

		row[k] = round_weight(row[k], unit, scale) * scale / unit;
	}
}

void train_round_weights(struct lstm_float *weights)
{
	uint32_t inputs = weights->config.input, hidden = weights->config.hidden, columns = inputs + hidden;

	for (uint32_t r = 0; r < LSTM_GATES * hidden; r++)
		round_row(weights, weights->gate + (size_t)r * columns, 0, columns);
	for (uint32_t r = 0; r < weights->config.output; r++)
		round_row(weights, weights->head + (size_t)r * hidden, inputs, hidden);
	for (uint32_t r = 0; r < weights->config.direct; r++)
		round_row(weights, weights->direct + (size_t)r * inputs, 0, inputs);
}

static bool is_finite(const struct lstm_float *weights)
{
	for (uint32_t i = 0; i < weights->config.input; i++) {
		if (!(isfinite(weights->input_low[i]) && isfinite(weights->input_high[i]) &&
		      weights->input_low[i] <= 0 && weights->input_high[i] >= 0))
			return false;
	}
	for (enum lstm_tensor tensor = 0; tensor < LSTM_TENSOR_COUNT; tensor++) {
		size_t count;
		/* The tensor is only read. */
		const float *values = lstm_float_tensor((struct lstm_float *)weights, tensor, &count);

		for (size_t i = 0; i < count; i++) {
			if (!isfinite(values[i]))
				return false;
		}
	}
	return true;
}

static void quantize_gates(const struct lstm_float *weights, struct lstm_weights *ret)
{
	uint32_t hidden = weights->config.hidden, columns = weights->config.input + hidden;

	for (uint32_t r = 0; r < LSTM_GATES * hidden; r++) {
		const float *row = weights->gate + (size_t)r * columns;

		ret->gate_scale[r] = row_scale(weights, row, 0, columns);
		ret->gate_bias[r] = weights->gate_bias[r];
		for (uint32_t k = 0; k < columns; k++)
			ret->gate[lstm_gate_index(&ret->config, r, k)] =
				(int8_t)round_weight(row[k], train_column_scale(weights, k), ret->gate_scale[r]);
	}
}

static void quantize_head(const struct lstm_float *weights, struct lstm_weights *ret)
{
	uint32_t hidden = weights->config.hidden;

	for (uint32_t r = 0; r < weights->config.output; r++) {
		const float *row = weights->head + (size_t)r * hidden;

		ret->head_scale[r] = row_scale(weights, row, weights->config.input, hidden);
		ret->head_bias[r] = weights->head_bias[r];
		for (uint32_t k = 0; k < hidden; k++)
			ret->head[lstm_head_index(&ret->config, r, k)] =
				(int8_t)round_weight(row[k], LSTM_HIDDEN_SCALE, ret->head_scale[r]);
	}
}

static void quantize_direct(const struct lstm_float *weights, struct lstm_weights *ret)
{
	uint32_t inputs = weights->config.input;

	for (uint32_t r = 0; r < weights->config.direct; r++) {
		const float *row = weights->direct + (size_t)r * inputs;

		ret->direct_scale[r] = row_scale(weights, row, 0, inputs);
		for (uint32_t i = 0; i < inputs; i++)
			ret->direct[lstm_direct_index(&ret->config, r, i)] =
				(int8_t)round_weight(row[i], train_column_scale(weights, i), ret->direct_scale[r]);
	}
}

int train_quantize(const struct lstm_float *weights, struct lstm_weights *ret_weights)
{
	int r = lstm_config_check(&weights->config);

	if (r < 0)
		return r;
	if (!is_finite(weights))
		return -ERANGE;
	memset(ret_weights, 0, sizeof(*ret_weights));
	ret_weights->config = weights->config;
	for (uint32_t i = 0; i < weights->config.input; i++) {
		ret_weights->input_scale[i] = train_column_scale(weights, i);
		if (!(ret_weights->input_scale[i] >= LSTM_INPUT_SCALE_MIN))
			return -ERANGE;
		ret_weights->input_zero[i] = (uint8_t)train_input_zero(weights, i);
	}
	quantize_gates(weights, ret_weights);
	quantize_head(weights, ret_weights);
	quantize_direct(weights, ret_weights);
	return lstm_weights_derive(ret_weights);
}
