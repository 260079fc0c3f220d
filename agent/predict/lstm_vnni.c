/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AVX-512 VNNI kernel: the sums of 16 units, or outputs, at a time, of four instances for each load of weights. Every
 * line mirrors one of lstm.c; see lstm_x86.c.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "lstm_kernel.h"

#define TARGET_VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI
#define GROUP 4	/* instances; four gates of four fill 16 of the 32 registers, and hide the latency of the dot product */

/* Four columns of one instance for all rows. */
INLINE_VNNI __m512i broadcast(const uint8_t *vector)
{
	int32_t group;

	memcpy(&group, vector, sizeof(group));
	return _mm512_set1_epi32(group);
}

/* Sums to fixed point: scaled, rounded, bias added. */
INLINE_VNNI __m512i scale_sums(__m512i sums, const float *step, const int32_t *bias)
{
	__m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(step));

	return _mm512_add_epi32(_mm512_cvtps_epi32(scaled), _mm512_loadu_si512(bias));
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
					       weights->gate_bias_fixed + row));
	}
}

/* 16 outputs of each instance. */
INLINE_VNNI void sum_head(const struct lstm_weights *weights, uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t row,
			  uint32_t group, float (*ret)[LSTM_OUTPUT_MAX])
{
	uint32_t rows = lstm_head_rows(&weights->config);
	__m512i sum[GROUP];

#pragma GCC unroll 4
	for (uint32_t i = 0; i < group; i++)
		sum[i] = _mm512_loadu_si512(weights->head_offset + row);
	for (uint32_t k = 0; k < weights->config.hidden; k += 4)
#pragma GCC unroll 4
		for (uint32_t i = 0; i < group; i++)
			sum[i] = _mm512_dpbusd_epi32(sum[i], broadcast(vector[i] + k),
						     _mm512_loadu_si512(weights->head + (size_t)k * rows + row * 4));
#pragma GCC unroll 4
	for (uint32_t i = 0; i < group; i++) {
		__m512i fixed = scale_sums(sum[i], weights->head_step + row, weights->head_bias_fixed + row);

		_mm512_storeu_ps(ret[i] + row, _mm512_mul_ps(_mm512_cvtepi32_ps(fixed),
							     _mm512_set1_ps(1.0f / (1 << LSTM_OUTPUT_BITS))));
	}
}

/* group is 1 or GROUP, and known at each call. */
INLINE_VNNI void step_group(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			    float *outputs, uint32_t group)
{
	const struct lstm_config *config = &weights->config;
	uint8_t vector[GROUP][LSTM_COLUMNS_MAX];
	float output[GROUP][LSTM_OUTPUT_MAX];

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
		lstm_offset_hidden(states[i], config->hidden, vector[i]);
	for (uint32_t row = 0; row < config->output; row += LSTM_BLOCK)
		sum_head(weights, vector, row, group, output);
	for (uint32_t i = 0; i < group; i++)
		memcpy(outputs + (size_t)i * config->output, output[i], config->output * sizeof(*outputs));
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
