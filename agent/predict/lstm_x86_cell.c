/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernels of 256 bits do once 16 units have their z: 16 lanes of int16, or two times 8 of int32, in AVX2. Every
 * line mirrors one of lstm.c. Two vectors of int32 are packed within halves and unpacked the same way, so the order of
 * units in between does not matter.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "lstm_kernel.h"

#define TARGET_AVX2 __attribute__((target("avx2")))
#define INLINE_AVX2 static inline __attribute__((always_inline)) TARGET_AVX2

INLINE_AVX2 __m256i load(const void *from)
{
	return _mm256_loadu_si256(from);
}

/* One coefficient for each lane; the two bytes of entry s of a table of int16 are 2 s and 2 s + 1. */
INLINE_AVX2 __m256i coefficient(int k, __m256i bytes)
{
	__m128i row = _mm_loadu_si128((const __m128i *)lstm_sigmoid_table[k]);

	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(row), bytes);
}

INLINE_AVX2 __m256i half_sigmoid(__m256i x)
{
	__m256i a = _mm256_abs_epi16(_mm256_max_epi16(x, _mm256_set1_epi16(-INT16_MAX)));
	__m256i t = _mm256_and_si256(_mm256_slli_epi16(a, 15 - LSTM_GATE_BITS), _mm256_set1_epi16(INT16_MAX));
	__m256i segment = _mm256_srli_epi16(a, LSTM_GATE_BITS);
	__m256i bytes = _mm256_add_epi16(_mm256_mullo_epi16(segment, _mm256_set1_epi16(0x0202)), _mm256_set1_epi16(0x0100));
	__m256i p = coefficient(3, bytes);

#pragma GCC unroll 3
	for (int k = 2; k >= 0; k--)
		p = _mm256_add_epi16(_mm256_mulhrs_epi16(p, t), coefficient(k, bytes));
	return _mm256_sign_epi16(p, x);
}

INLINE_AVX2 __m256i sigmoid(__m256i x)
{
	return _mm256_add_epi16(half_sigmoid(x), _mm256_set1_epi16(1 << 14));
}

INLINE_AVX2 __m256i tanh_fixed(__m256i x)
{
	return _mm256_slli_epi16(half_sigmoid(_mm256_adds_epi16(x, x)), 1);
}

/*
 * Eight cells. madd multiplies the low halves of f, i and g exactly, as f and i are never negative and their high halves 0.
 * f c / 2^15 is taken in two parts that fit int16, c = 2^12 high + low.
 */
INLINE_AVX2 __m256i update_cells(__m256i c, __m256i f, __m256i i, __m256i g)
{
	__m256i low = _mm256_and_si256(c, _mm256_set1_epi32(4095));
	__m256i high = _mm256_srai_epi32(c, 12);
	__m256i carry = _mm256_srai_epi32(_mm256_add_epi32(_mm256_madd_epi16(f, low), _mm256_set1_epi32(1 << 14)), 12);
	__m256i kept = _mm256_srai_epi32(_mm256_add_epi32(_mm256_madd_epi16(f, high), carry), 3);
	__m256i added = _mm256_srai_epi32(_mm256_add_epi32(_mm256_madd_epi16(i, g), _mm256_set1_epi32(1 << 9)), 10);
	__m256i sum = _mm256_add_epi32(kept, added);

	sum = _mm256_min_epi32(sum, _mm256_set1_epi32(LSTM_CELL_LIMIT));
	return _mm256_max_epi32(sum, _mm256_set1_epi32(-LSTM_CELL_LIMIT));
}

INLINE_AVX2 __m256i squash(__m256i c)
{
	return _mm256_srai_epi32(_mm256_add_epi32(c, _mm256_set1_epi32(1 << 7)), LSTM_CELL_BITS - LSTM_GATE_BITS);
}

INLINE_AVX2 __m256i pack(const int32_t z[LSTM_BLOCK])
{
	return _mm256_packs_epi32(load(z), load(z + 8));
}

TARGET_AVX2 void lstm_update_units(struct lstm_state *state, uint32_t unit, const int32_t z[LSTM_GATES][LSTM_BLOCK])
{
	__m256i i = sigmoid(pack(z[0])), f = sigmoid(pack(z[1])), g = tanh_fixed(pack(z[2])), o = sigmoid(pack(z[3]));
	__m256i zero = _mm256_setzero_si256(), low = load(state->c + unit), high = load(state->c + unit + 8), h;

	low = update_cells(low, _mm256_unpacklo_epi16(f, zero), _mm256_unpacklo_epi16(i, zero), _mm256_unpacklo_epi16(g, g));
	high = update_cells(high, _mm256_unpackhi_epi16(f, zero), _mm256_unpackhi_epi16(i, zero), _mm256_unpackhi_epi16(g, g));
	_mm256_storeu_si256((__m256i *)(state->c + unit), low);
	_mm256_storeu_si256((__m256i *)(state->c + unit + 8), high);

	h = _mm256_mulhrs_epi16(o, tanh_fixed(_mm256_packs_epi32(squash(low), squash(high))));
	h = _mm256_srai_epi16(_mm256_adds_epi16(h, _mm256_set1_epi16(128)), 8);
	h = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(h, h), _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5));
	_mm_storeu_si128((__m128i *)(state->h + unit), _mm256_castsi256_si128(h));
}

#endif
