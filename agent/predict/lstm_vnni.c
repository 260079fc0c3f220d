/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AVX-512 VNNI kernel: the sums of 16 units, or up to 32 outputs, at a time, of four instances for each load of weights. Every
 * line mirrors one of lstm.c; see lstm_x86.c.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "lstm_kernel.h"

#define TARGET_VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI
#define BLOCKS 2	/* of outputs at a time */
#define GROUP 4	/* instances; four gates of four fill 16 of the 32 registers, and hide the latency of the dot product */

/* Four columns of one instance for all rows. */
INLINE_VNNI __m512i broadcast(const uint8_t *vector)
{
	int32_t group;

	memcpy(&group, vector, sizeof(group));
	return _mm512_set1_epi32(group);
}

/* Sums to fixed point: scaled, rounded, added to what is there. */
INLINE_VNNI __m512i scale_sums(__m512i sums, const float *step, __m512i fixed)
{
	__m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(step));

	return _mm512_add_epi32(_mm512_cvtps_epi32(scaled), fixed);
}

/* z of 16 units of each instance. */
INLINE_VNNI void sum_gates(const struct lstm_weights *weights, uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t unit,
			   uint32_t group, int32_t (*ret_z)[2][LSTM_GATES][LSTM_BLOCK], uint32_t half)
{
	uint32_t hidden = weights->config.hidden, rows = LSTM_GATES * hidden, columns = lstm_columns(&weights->config);
	__m512i sum[GROUP][LSTM_GATES];

#pragma GCC unroll 16
	for (uint32_t i = 0; i < group * LSTM_GATES; i++)
		sum[i / LSTM_GATES][i % LSTM_GATES] =
			_mm512_loadu_si512(weights->gate_offset + i % LSTM_GATES * hidden + unit);
	for (uint32_t k = 0; k < columns; k += 4) {
		const int8_t *block = weights->gate + (size_t)k * rows + unit * 4;

#pragma GCC unroll 16
		for (uint32_t i = 0; i < group * LSTM_GATES; i++)
			sum[i / LSTM_GATES][i % LSTM_GATES] =
				_mm512_dpbusd_epi32(sum[i / LSTM_GATES][i % LSTM_GATES], broadcast(vector[i / LSTM_GATES] + k),
						    _mm512_loadu_si512(block + (size_t)(i % LSTM_GATES) * hidden * 4));
	}
#pragma GCC unroll 16
	for (uint32_t i = 0; i < group * LSTM_GATES; i++) {
		uint32_t row = i % LSTM_GATES * hidden + unit;

		_mm512_storeu_si512(ret_z[i / LSTM_GATES][half][i % LSTM_GATES],
				    scale_sums(sum[i / LSTM_GATES][i % LSTM_GATES], weights->gate_step + row,
					       _mm512_loadu_si512(weights->gate_bias_fixed + row)));
	}
}

/*
 * Adds to fixed[BLOCKS * instance + block of rows] what 16 * blocks rows of a matrix, the first at block, come to over columns bytes of
 * each instance's vector from `from` on, in fixed point. offset and step are those of the rows.
 */
INLINE_VNNI void add_rows(const int8_t *block, uint32_t rows, const int32_t *offset, const float *step,
			  uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t from, uint32_t columns, uint32_t group, uint32_t blocks,
			  __m512i *fixed)
{
	__m512i sum[GROUP * BLOCKS];

#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * blocks; i++)
		sum[i] = _mm512_loadu_si512(offset + i % blocks * LSTM_BLOCK);
	for (uint32_t k = 0; k < columns; k += 4)
#pragma GCC unroll 8
		for (uint32_t i = 0; i < group * blocks; i++)
			sum[i] = _mm512_dpbusd_epi32(sum[i], broadcast(vector[i / blocks] + from + k),
						     _mm512_loadu_si512(block + (size_t)k * rows + i % blocks * LSTM_BLOCK * 4));
#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * blocks; i++) {
		__m512i *to = &fixed[i / blocks * BLOCKS + i % blocks];

		*to = scale_sums(sum[i], step + i % blocks * LSTM_BLOCK, *to);
	}
}

/* 16 * blocks outputs of each instance, as many as there are; blocks is 1 or BLOCKS, and known at each call: more hide the dot product's latency. */
INLINE_VNNI void sum_head(const struct lstm_weights *weights, uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t row,
			  uint32_t group, uint32_t blocks, float *outputs)
{
	const struct lstm_config *config = &weights->config;
	uint32_t inputs = lstm_padded_inputs(config);
	__m512i fixed[GROUP * BLOCKS];

#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * blocks; i++)
		fixed[i / blocks * BLOCKS + i % blocks] =
			_mm512_loadu_si512(weights->head_bias_fixed + row + i % blocks * LSTM_BLOCK);
	if (row + blocks * LSTM_BLOCK <= config->direct)
		add_rows(weights->direct + row * 4, config->direct, weights->direct_offset + row, weights->direct_step + row, vector,
			 0, inputs, group, blocks, fixed);
	else if (row < config->direct)
		add_rows(weights->direct + row * 4, config->direct, weights->direct_offset + row, weights->direct_step + row, vector,
			 0, inputs, group, 1, fixed);
	add_rows(weights->head + row * 4, lstm_head_rows(config), weights->head_offset + row, weights->head_step + row, vector,
		 inputs, config->hidden, group, blocks, fixed);
#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * blocks; i++) {
		uint32_t first = row + i % blocks * LSTM_BLOCK, left = config->output - first;

		_mm512_mask_storeu_ps(outputs + (size_t)(i / blocks) * config->output + first,
				      left < LSTM_BLOCK ? (__mmask16)((1u << left) - 1) : (__mmask16)-1,
				      _mm512_mul_ps(_mm512_cvtepi32_ps(fixed[i / blocks * BLOCKS + i % blocks]),
						    _mm512_set1_ps(1.0f / (1 << LSTM_OUTPUT_BITS))));
	}
}

/* group is 1 or GROUP, and known at each call. */
INLINE_VNNI void step_group(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			    float *outputs, uint32_t group)
{
	const struct lstm_config *config = &weights->config;
	uint8_t vector[GROUP][LSTM_COLUMNS_MAX];
	uint32_t row = 0;

	for (uint32_t i = 0; i < group; i++)
		lstm_fill_vector(weights, states[i], inputs + (size_t)i * config->input, vector[i]);
	for (uint32_t unit = 0; unit < config->hidden; unit += 2 * LSTM_BLOCK) {
		uint32_t second = unit + LSTM_BLOCK < config->hidden ? unit + LSTM_BLOCK : unit;
		int32_t z[GROUP][2][LSTM_GATES][LSTM_BLOCK];

		sum_gates(weights, vector, unit, group, z, 0);
		sum_gates(weights, vector, second, group, z, 1);
		for (uint32_t i = 0; i < group; i++)
			lstm_update_units_vnni(states[i], unit, second, z[i]);
	}
	for (uint32_t i = 0; i < group; i++)
		lstm_offset_hidden(states[i], config->hidden, vector[i] + lstm_padded_inputs(config));
	for (; row + BLOCKS * LSTM_BLOCK <= lstm_head_rows(config); row += BLOCKS * LSTM_BLOCK)
		sum_head(weights, vector, row, group, BLOCKS, outputs);
	if (row < config->output)
		sum_head(weights, vector, row, group, 1, outputs);
}

TARGET_VNNI void lstm_step_vnni(const struct lstm_weights *weights, struct lstm_state *const states[],
				const float *inputs, float *outputs, size_t count)
{
	uint32_t input = weights->config.input, output = weights->config.output;
	size_t i = 0;

	for (; i + GROUP <= count; i += GROUP)
		step_group(weights, states + i, inputs + i * input, outputs + i * output, GROUP);
	for (; i < count; i++)
		step_group(weights, states + i, inputs + i * input, outputs + i * output, 1);
}

#endif
