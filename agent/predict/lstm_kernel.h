/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernels of lstm.c and lstm_x86.c share. Internal to the int8 LSTM. */
#ifndef FORESTALL_LSTM_KERNEL_H
#define FORESTALL_LSTM_KERNEL_H

#include "lstm.h"

#define LSTM_GATE_BITS 12	/* of z */
#define LSTM_CELL_BITS 20	/* of c */
#define LSTM_OUTPUT_BITS 16	/* of y */
#define LSTM_CELL_LIMIT ((LSTM_CELL_MAX << LSTM_CELL_BITS) - 1)
#define LSTM_INPUT_LIMIT 1024.0f	/* x / scale beyond this clamps anyway; keeps the conversion in range */
#define LSTM_SIGMOID_SEGMENTS 8

/*
 * sigmoid(s + t) - 1/2 in 1/2^15 as ((c[3] t + c[2]) t + c[1]) t + c[0] for 0 <= t < 1: the cubic through the true
 * values at t = 0, 1/4, 3/4 and 1.
 */
extern const int16_t lstm_sigmoid_table[4][LSTM_SIGMOID_SEGMENTS];

_Static_assert(LSTM_OUTPUT_MAX % LSTM_BLOCK == 0 && LSTM_INPUT_MAX % 8 == 0, "padding stays within the arrays");

static inline uint32_t lstm_round_up(uint32_t value, uint32_t step)
{
	return (value + step - 1) / step * step;
}

static inline uint32_t lstm_rows(const struct lstm_config *config)
{
	return LSTM_GATES * config->hidden;
}

/* Inputs are padded with zeros so that the VNNI path can take two groups of four columns at a time. */
static inline uint32_t lstm_padded_inputs(const struct lstm_config *config)
{
	return lstm_round_up(config->input, 8);
}

static inline uint32_t lstm_columns(const struct lstm_config *config)
{
	return lstm_padded_inputs(config) + config->hidden;
}

static inline uint32_t lstm_head_rows(const struct lstm_config *config)
{
	return lstm_round_up(config->output, LSTM_BLOCK);
}

/* Quantizes inputs from..I-1 of one instance; the vector paths leave it the tail. */
void lstm_quantize_input(const struct lstm_weights *weights, const float *input, uint32_t from, uint8_t *ret);

/* Steps count instances, as lstm_step() does. */
typedef void (*lstm_kernel)(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			    float *outputs, size_t count);

#if defined(__x86_64__)
/* The quantized inputs of one instance, padded, and behind them its h as 0..255: LSTM_COLUMNS_MAX bytes at ret. Needs AVX2. */
void lstm_fill_vector(const struct lstm_weights *weights, const struct lstm_state *state, const float *input, uint8_t *ret);

/* h as 0..255. Needs AVX2. */
void lstm_offset_hidden(const struct lstm_state *state, uint32_t hidden, uint8_t *ret);

/* Advances c and h of units unit..unit + 15 from their z in 1/2^12, one row per gate. Needs AVX2. */
void lstm_update_units(struct lstm_state *state, uint32_t unit, const int32_t z[LSTM_GATES][LSTM_BLOCK]);

/* The same of units first..first + 15, whose z are z[0], and second..second + 15, z[1]. Needs what LSTM_VNNI needs. */
void lstm_update_units_vnni(struct lstm_state *state, uint32_t first, uint32_t second,
			    const int32_t z[2][LSTM_GATES][LSTM_BLOCK]);

void lstm_step_avx2(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
		    float *outputs, size_t count);
void lstm_step_avx_vnni(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			float *outputs, size_t count);
void lstm_step_vnni(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
		    float *outputs, size_t count);
#endif

#endif
