/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AVX2 and AVX-512 VNNI kernels: the sums of 16 units, or outputs, at a time. Every line mirrors one of lstm.c, and
 * tests/unit/test_lstm.c holds the three paths to the same bytes.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "lstm_kernel.h"

#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE_AVX2 static inline __attribute__((always_inline)) TARGET_AVX2
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI

INLINE_AVX2 __m256i load(const void *from)
{
	return _mm256_loadu_si256(from);
}

/* The next four columns, to be broadcast to all rows. */
static inline int32_t read_group(const uint8_t *vector)
{
	int32_t group;

	memcpy(&group, vector, sizeof(group));
	return group;
}

/* 8 + 8 lanes of int32 to 16 of int16, saturating, in order. */
INLINE_AVX2 __m256i pack(__m256i low, __m256i high)
{
	return _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
}

INLINE_AVX2 void quantize_inputs(const struct lstm_weights *weights, const float *input, uint8_t *ret)
{
	__m256 high = _mm256_set1_ps(LSTM_INPUT_LIMIT), low = _mm256_set1_ps(-LSTM_INPUT_LIMIT);
	uint32_t i = 0;

	for (; i + 8 <= weights->config.input; i += 8) {
		__m256 x = _mm256_loadu_ps(input + i);
		__m256i q, zero = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(weights->input_zero + i)));

		x = _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q));
		x = _mm256_mul_ps(x, _mm256_loadu_ps(weights->input_inverse + i));
		x = _mm256_min_ps(_mm256_max_ps(x, low), high);
		q = _mm256_add_epi32(_mm256_cvtps_epi32(x), zero);
		q = pack(q, q);
		_mm_storel_epi64((__m128i *)(ret + i), _mm_packus_epi16(_mm256_castsi256_si128(q),
									_mm256_castsi256_si128(q)));
	}
	lstm_quantize_input(weights, input, i, ret);
}

INLINE_AVX2 void offset_hidden(const struct lstm_state *state, uint32_t hidden, uint8_t *ret)
{
	for (uint32_t j = 0; j < hidden; j += LSTM_BLOCK) {
		__m128i h = _mm_loadu_si128((const __m128i *)(state->h + j));

		_mm_storeu_si128((__m128i *)(ret + j), _mm_xor_si128(h, _mm_set1_epi8(-128)));
	}
}

INLINE_AVX2 void fill_vector(const struct lstm_weights *weights, const struct lstm_state *state, const float *input,
			     uint8_t *ret)
{
	uint32_t inputs = lstm_padded_inputs(&weights->config);

	memset(ret + (inputs - 8), 0, 8);
	quantize_inputs(weights, input, ret);
	offset_hidden(state, weights->config.hidden, ret + inputs);
}

/* Sums to fixed point: scaled, rounded, bias added. */
INLINE_AVX2 __m256i scale_sums(__m256i sums, const float *step, const int32_t *bias)
{
	__m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(step));

	return _mm256_add_epi32(_mm256_cvtps_epi32(scaled), load(bias));
}

/* 16 outputs into ret. */
INLINE_AVX2 void store_outputs(const struct lstm_weights *weights, uint32_t row, __m256i low, __m256i high, float *ret)
{
	__m256 unit = _mm256_set1_ps(1.0f / (1 << LSTM_OUTPUT_BITS));

	low = scale_sums(low, weights->head_step + row, weights->head_bias_fixed + row);
	high = scale_sums(high, weights->head_step + row + 8, weights->head_bias_fixed + row + 8);
	_mm256_storeu_ps(ret + row, _mm256_mul_ps(_mm256_cvtepi32_ps(low), unit));
	_mm256_storeu_ps(ret + row + 8, _mm256_mul_ps(_mm256_cvtepi32_ps(high), unit));
}

/* sum + the products of four columns; cannot saturate, see lstm.h. */
INLINE_AVX2 __m256i add_products(__m256i sum, __m256i group, const int8_t *weights)
{
	__m256i pairs = _mm256_maddubs_epi16(group, load(weights));

	return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* z of 16 units. */
INLINE_AVX2 void sum_gates_avx2(const struct lstm_weights *weights, const uint8_t *vector, uint32_t unit,
				int16_t ret_z[LSTM_GATES][LSTM_BLOCK])
{
	uint32_t hidden = weights->config.hidden, rows = LSTM_GATES * hidden, columns = lstm_columns(&weights->config);
	__m256i low[LSTM_GATES], high[LSTM_GATES];

#pragma GCC unroll 4
	for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
		low[gate] = load(weights->gate_offset + gate * hidden + unit);
		high[gate] = load(weights->gate_offset + gate * hidden + unit + 8);
	}
	for (uint32_t k = 0; k < columns; k += 4) {
		const int8_t *block = weights->gate + (size_t)k * rows + unit * 4;
		__m256i group = _mm256_set1_epi32(read_group(vector + k));

#pragma GCC unroll 4
		for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
			low[gate] = add_products(low[gate], group, block + (size_t)gate * hidden * 4);
			high[gate] = add_products(high[gate], group, block + (size_t)gate * hidden * 4 + 32);
		}
	}
#pragma GCC unroll 4
	for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
		const float *step = weights->gate_step + gate * hidden + unit;
		const int32_t *bias = weights->gate_bias_fixed + gate * hidden + unit;

		low[gate] = scale_sums(low[gate], step, bias);
		high[gate] = scale_sums(high[gate], step + 8, bias + 8);
		_mm256_storeu_si256((__m256i *)ret_z[gate], pack(low[gate], high[gate]));
	}
}

TARGET_AVX2 void lstm_step_avx2(const struct lstm_weights *weights, struct lstm_state *state, const float *input,
				float *output)
{
	uint32_t hidden = weights->config.hidden, rows = lstm_head_rows(&weights->config);
	uint8_t vector[LSTM_COLUMNS_MAX];
	float outputs[LSTM_OUTPUT_MAX];

	fill_vector(weights, state, input, vector);
	for (uint32_t unit = 0; unit < hidden; unit += LSTM_BLOCK) {
		int16_t z[LSTM_GATES][LSTM_BLOCK];

		sum_gates_avx2(weights, vector, unit, z);
		lstm_update_units(state, unit, z);
	}
	offset_hidden(state, hidden, vector);
	for (uint32_t row = 0; row < rows; row += LSTM_BLOCK) {
		__m256i low = load(weights->head_offset + row), high = load(weights->head_offset + row + 8);

		for (uint32_t k = 0; k < hidden; k += 4) {
			const int8_t *block = weights->head + (size_t)k * rows + row * 4;
			__m256i group = _mm256_set1_epi32(read_group(vector + k));

			low = add_products(low, group, block);
			high = add_products(high, group, block + 32);
		}
		store_outputs(weights, row, low, high, outputs);
	}
	memcpy(output, outputs, weights->config.output * sizeof(*output));
}

/* z of 16 units; even and odd groups have sums of their own, as dpbusd takes longer than the loop around it. */
INLINE_VNNI void sum_gates_vnni(const struct lstm_weights *weights, const uint8_t *vector, uint32_t unit,
				int16_t ret_z[LSTM_GATES][LSTM_BLOCK])
{
	uint32_t hidden = weights->config.hidden, rows = LSTM_GATES * hidden, columns = lstm_columns(&weights->config);
	__m512i even[LSTM_GATES], odd[LSTM_GATES];

#pragma GCC unroll 4
	for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
		even[gate] = _mm512_loadu_si512(weights->gate_offset + gate * hidden + unit);
		odd[gate] = _mm512_setzero_si512();
	}
	for (uint32_t k = 0; k < columns; k += 8) {
		const int8_t *block = weights->gate + (size_t)k * rows + unit * 4;
		__m512i first = _mm512_set1_epi32(read_group(vector + k));
		__m512i second = _mm512_set1_epi32(read_group(vector + k + 4));

#pragma GCC unroll 4
		for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
			const int8_t *here = block + (size_t)gate * hidden * 4;

			even[gate] = _mm512_dpbusd_epi32(even[gate], first, _mm512_loadu_si512(here));
			odd[gate] = _mm512_dpbusd_epi32(odd[gate], second,
							_mm512_loadu_si512(here + (size_t)rows * 4));
		}
	}
#pragma GCC unroll 4
	for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
		const float *step = weights->gate_step + gate * hidden + unit;
		__m512i bias = _mm512_loadu_si512(weights->gate_bias_fixed + gate * hidden + unit);
		__m512 scaled = _mm512_cvtepi32_ps(_mm512_add_epi32(even[gate], odd[gate]));

		scaled = _mm512_mul_ps(scaled, _mm512_loadu_ps(step));
		even[gate] = _mm512_add_epi32(_mm512_cvtps_epi32(scaled), bias);
		_mm256_storeu_si256((__m256i *)ret_z[gate], _mm512_cvtsepi32_epi16(even[gate]));
	}
}

TARGET_VNNI void lstm_step_vnni(const struct lstm_weights *weights, struct lstm_state *state, const float *input,
				float *output)
{
	uint32_t hidden = weights->config.hidden, rows = lstm_head_rows(&weights->config);
	uint8_t vector[LSTM_COLUMNS_MAX];
	float outputs[LSTM_OUTPUT_MAX];

	fill_vector(weights, state, input, vector);
	for (uint32_t unit = 0; unit < hidden; unit += LSTM_BLOCK) {
		int16_t z[LSTM_GATES][LSTM_BLOCK];

		sum_gates_vnni(weights, vector, unit, z);
		lstm_update_units(state, unit, z);
	}
	offset_hidden(state, hidden, vector);
	for (uint32_t row = 0; row < rows; row += LSTM_BLOCK) {
		__m512i sum = _mm512_loadu_si512(weights->head_offset + row);

		for (uint32_t k = 0; k < hidden; k += 4)
			sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(read_group(vector + k)),
						  _mm512_loadu_si512(weights->head + (size_t)k * rows + row * 4));
		store_outputs(weights, row, _mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1), outputs);
	}
	memcpy(output, outputs, weights->config.output * sizeof(*output));
}

#endif
