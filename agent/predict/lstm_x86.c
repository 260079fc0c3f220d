/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernels of 256 bits: the sums of 8 units, or 16 outputs, at a time, of two instances for each load of weights. AVX2 and
 * AVX-VNNI differ in one instruction. Every line mirrors one of lstm.c, and tests/unit/test_lstm.c holds all paths to the
 * same bytes.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "lstm_kernel.h"

#define TARGET_AVX2 __attribute__((target("avx2")))
#define INLINE_AVX2 static inline __attribute__((always_inline)) TARGET_AVX2
#define LANES 8
#define HALVES 2	/* of a block of outputs */
#define GROUP 2	/* instances; four gates of two fill 8 of the 16 registers */

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
		q = _mm256_permute4x64_epi64(_mm256_packs_epi32(q, q), 0xd8);
		_mm_storel_epi64((__m128i *)(ret + i), _mm_packus_epi16(_mm256_castsi256_si128(q),
									_mm256_castsi256_si128(q)));
	}
	lstm_quantize_input(weights, input, i, ret);
}

TARGET_AVX2 void lstm_offset_hidden(const struct lstm_state *state, uint32_t hidden, uint8_t *ret)
{
	for (uint32_t j = 0; j < hidden; j += LSTM_BLOCK) {
		__m128i h = _mm_loadu_si128((const __m128i *)(state->h + j));

		_mm_storeu_si128((__m128i *)(ret + j), _mm_xor_si128(h, _mm_set1_epi8(-128)));
	}
}

TARGET_AVX2 void lstm_fill_vector(const struct lstm_weights *weights, const struct lstm_state *state, const float *input,
				  uint8_t *ret)
{
	uint32_t inputs = lstm_padded_inputs(&weights->config);

	memset(ret + (inputs - 8), 0, 8);
	quantize_inputs(weights, input, ret);
	lstm_offset_hidden(state, weights->config.hidden, ret + inputs);
}

/*
 * sum + the products of four columns. Products of two columns fit int16, see lstm.h. The instruction of AVX-VNNI is written
 * out, so that both kernels are one text for the same target.
 */
INLINE_AVX2 __m256i add_products(__m256i sum, __m256i group, __m256i weights, bool is_vnni)
{
	if (!is_vnni)
		return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(group, weights), _mm256_set1_epi16(1)));
	__asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(group), "x"(weights));
	return sum;
}

/* Sums to fixed point: scaled, rounded, added to what is there. */
INLINE_AVX2 __m256i scale_sums(__m256i sums, const float *step, __m256i fixed)
{
	__m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(step));

	return _mm256_add_epi32(_mm256_cvtps_epi32(scaled), fixed);
}

/* z of 8 units of each instance to ret_z[instance][gate][at..]. */
INLINE_AVX2 void sum_gates(const struct lstm_weights *weights, uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t unit,
			   uint32_t group, bool is_vnni, int32_t (*ret_z)[LSTM_GATES][LSTM_BLOCK], uint32_t at)
{
	uint32_t hidden = weights->config.hidden, rows = LSTM_GATES * hidden, columns = lstm_columns(&weights->config);
	__m256i sum[GROUP][LSTM_GATES];

#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * LSTM_GATES; i++)
		sum[i / LSTM_GATES][i % LSTM_GATES] = load(weights->gate_offset + i % LSTM_GATES * hidden + unit);
	for (uint32_t k = 0; k < columns; k += 4) {
		const int8_t *block = weights->gate + (size_t)k * rows + unit * 4;

#pragma GCC unroll 8
		for (uint32_t i = 0; i < group * LSTM_GATES; i++)
			sum[i / LSTM_GATES][i % LSTM_GATES] =
				add_products(sum[i / LSTM_GATES][i % LSTM_GATES],
					     _mm256_set1_epi32(read_group(vector[i / LSTM_GATES] + k)),
					     load(block + (size_t)(i % LSTM_GATES) * hidden * 4), is_vnni);
	}
#pragma GCC unroll 8
	for (uint32_t i = 0; i < group * LSTM_GATES; i++) {
		uint32_t row = i % LSTM_GATES * hidden + unit;
		__m256i z = scale_sums(sum[i / LSTM_GATES][i % LSTM_GATES], weights->gate_step + row,
				       load(weights->gate_bias_fixed + row));

		_mm256_storeu_si256((__m256i *)(ret_z[i / LSTM_GATES][i % LSTM_GATES] + at), z);
	}
}

/*
 * Adds to fixed what 16 rows of a matrix, the first at block, come to over columns bytes of each instance's vector from `from` on, in
 * fixed point. offset and step are those of the rows.
 */
INLINE_AVX2 void add_rows(const int8_t *block, uint32_t rows, const int32_t *offset, const float *step,
			  uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t from, uint32_t columns, uint32_t group, bool is_vnni,
			  __m256i (*fixed)[HALVES])
{
	__m256i sum[GROUP][HALVES];

#pragma GCC unroll 4
	for (uint32_t i = 0; i < group * HALVES; i++)
		sum[i / HALVES][i % HALVES] = load(offset + i % HALVES * LANES);
	for (uint32_t k = 0; k < columns; k += 4)
#pragma GCC unroll 4
		for (uint32_t i = 0; i < group * HALVES; i++)
			sum[i / HALVES][i % HALVES] =
				add_products(sum[i / HALVES][i % HALVES],
					     _mm256_set1_epi32(read_group(vector[i / HALVES] + from + k)),
					     load(block + (size_t)k * rows + i % HALVES * LANES * 4), is_vnni);
#pragma GCC unroll 4
	for (uint32_t i = 0; i < group * HALVES; i++)
		fixed[i / HALVES][i % HALVES] =
			scale_sums(sum[i / HALVES][i % HALVES], step + i % HALVES * LANES, fixed[i / HALVES][i % HALVES]);
}

/* 16 outputs of each instance. */
INLINE_AVX2 void sum_head(const struct lstm_weights *weights, uint8_t (*vector)[LSTM_COLUMNS_MAX], uint32_t row,
			  uint32_t group, bool is_vnni, float (*ret)[LSTM_OUTPUT_MAX])
{
	const struct lstm_config *config = &weights->config;
	uint32_t inputs = lstm_padded_inputs(config);
	__m256i fixed[GROUP][HALVES];

#pragma GCC unroll 4
	for (uint32_t i = 0; i < group * HALVES; i++)
		fixed[i / HALVES][i % HALVES] = load(weights->head_bias_fixed + row + i % HALVES * LANES);
	if (row < config->direct)
		add_rows(weights->direct + row * 4, config->direct, weights->direct_offset + row, weights->direct_step + row, vector,
			 0, inputs, group, is_vnni, fixed);
	add_rows(weights->head + row * 4, lstm_head_rows(config), weights->head_offset + row, weights->head_step + row, vector,
		 inputs, config->hidden, group, is_vnni, fixed);
#pragma GCC unroll 4
	for (uint32_t i = 0; i < group * HALVES; i++)
		_mm256_storeu_ps(ret[i / HALVES] + row + i % HALVES * LANES,
				 _mm256_mul_ps(_mm256_cvtepi32_ps(fixed[i / HALVES][i % HALVES]),
					       _mm256_set1_ps(1.0f / (1 << LSTM_OUTPUT_BITS))));
}

/* group is 1 or GROUP, and known at each call. */
INLINE_AVX2 void step_group(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			    float *outputs, uint32_t group, bool is_vnni)
{
	const struct lstm_config *config = &weights->config;
	uint8_t vector[GROUP][LSTM_COLUMNS_MAX];
	float output[GROUP][LSTM_OUTPUT_MAX];

	for (uint32_t i = 0; i < group; i++)
		lstm_fill_vector(weights, states[i], inputs + (size_t)i * config->input, vector[i]);
	for (uint32_t unit = 0; unit < config->hidden; unit += LSTM_BLOCK) {
		int32_t z[GROUP][LSTM_GATES][LSTM_BLOCK];

		sum_gates(weights, vector, unit, group, is_vnni, z, 0);
		sum_gates(weights, vector, unit + LANES, group, is_vnni, z, LANES);
		for (uint32_t i = 0; i < group; i++)
			lstm_update_units(states[i], unit, z[i]);
	}
	for (uint32_t i = 0; i < group; i++)
		lstm_offset_hidden(states[i], config->hidden, vector[i] + lstm_padded_inputs(config));
	for (uint32_t row = 0; row < config->output; row += LSTM_BLOCK)
		sum_head(weights, vector, row, group, is_vnni, output);
	for (uint32_t i = 0; i < group; i++)
		memcpy(outputs + (size_t)i * config->output, output[i], config->output * sizeof(*outputs));
}

INLINE_AVX2 void step_all(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			  float *outputs, size_t count, bool is_vnni)
{
	size_t i = 0;

	for (; i + GROUP <= count; i += GROUP)
		step_group(weights, states + i, inputs + i * weights->config.input, outputs + i * weights->config.output,
			   GROUP, is_vnni);
	if (i < count)
		step_group(weights, states + i, inputs + i * weights->config.input, outputs + i * weights->config.output, 1,
			   is_vnni);
}

TARGET_AVX2 void lstm_step_avx2(const struct lstm_weights *weights, struct lstm_state *const states[],
				const float *inputs, float *outputs, size_t count)
{
	step_all(weights, states, inputs, outputs, count, false);
}

TARGET_AVX2 void lstm_step_avx_vnni(const struct lstm_weights *weights, struct lstm_state *const states[],
				    const float *inputs, float *outputs, size_t count)
{
	step_all(weights, states, inputs, outputs, count, true);
}

#endif
