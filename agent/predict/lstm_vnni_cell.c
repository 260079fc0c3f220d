/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the AVX-512 kernel does once 32 units of an instance have their z: lstm_x86_cell.c with twice the lanes. Where but 16
 * units are left, both halves are the same ones.
 */
#include "lstm.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "lstm_kernel.h"

#define TARGET_VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE_VNNI static inline __attribute__((always_inline)) TARGET_VNNI

INLINE_VNNI __m512i load(const void *from)
{
	return _mm512_loadu_si512(from);
}

INLINE_VNNI __m512i coefficient(int k, __m512i segment)
{
	__m128i row = _mm_loadu_si128((const __m128i *)lstm_sigmoid_table[k]);

	return _mm512_permutexvar_epi16(segment, _mm512_castsi128_si512(row));
}

INLINE_VNNI __m512i half_sigmoid(__m512i x)
{
	__m512i a = _mm512_abs_epi16(_mm512_max_epi16(x, _mm512_set1_epi16(-INT16_MAX)));
	__m512i t = _mm512_and_si512(_mm512_slli_epi16(a, 15 - LSTM_GATE_BITS), _mm512_set1_epi16(INT16_MAX));
	__m512i segment = _mm512_srli_epi16(a, LSTM_GATE_BITS);
	__m512i p = coefficient(3, segment);

#pragma GCC unroll 3
	for (int k = 2; k >= 0; k--)
		p = _mm512_add_epi16(_mm512_mulhrs_epi16(p, t), coefficient(k, segment));
	/* At 0 the polynomial is 0. */
	return _mm512_mask_sub_epi16(p, _mm512_movepi16_mask(x), _mm512_setzero_si512(), p);
}

INLINE_VNNI __m512i sigmoid(__m512i x)
{
	return _mm512_add_epi16(half_sigmoid(x), _mm512_set1_epi16(1 << 14));
}

INLINE_VNNI __m512i tanh_fixed(__m512i x)
{
	__m512i half = half_sigmoid(_mm512_adds_epi16(x, x));

	return _mm512_add_epi16(half, half);
}

INLINE_VNNI __m512i update_cells(__m512i c, __m512i f, __m512i i, __m512i g)
{
	__m512i low = _mm512_and_si512(c, _mm512_set1_epi32(4095));
	__m512i high = _mm512_srai_epi32(c, 12);
	__m512i carry = _mm512_srai_epi32(_mm512_add_epi32(_mm512_madd_epi16(f, low), _mm512_set1_epi32(1 << 14)), 12);
	__m512i kept = _mm512_srai_epi32(_mm512_add_epi32(_mm512_madd_epi16(f, high), carry), 3);
	__m512i added = _mm512_srai_epi32(_mm512_add_epi32(_mm512_madd_epi16(i, g), _mm512_set1_epi32(1 << 9)), 10);
	__m512i sum = _mm512_add_epi32(kept, added);

	sum = _mm512_min_epi32(sum, _mm512_set1_epi32(LSTM_CELL_LIMIT));
	return _mm512_max_epi32(sum, _mm512_set1_epi32(-LSTM_CELL_LIMIT));
}

INLINE_VNNI __m512i squash(__m512i c)
{
	return _mm512_srai_epi32(_mm512_add_epi32(c, _mm512_set1_epi32(1 << 7)), LSTM_CELL_BITS - LSTM_GATE_BITS);
}

INLINE_VNNI __m512i pack(const int32_t first[LSTM_BLOCK], const int32_t second[LSTM_BLOCK])
{
	return _mm512_packs_epi32(load(first), load(second));
}

/* From the order of two packings, four units of each of two halves in turn, to that of units. */
INLINE_VNNI __m256i in_order(__m512i h)
{
	__m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13);

	return _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, _mm512_packs_epi16(h, h)));
}

TARGET_VNNI void lstm_update_units_vnni(struct lstm_state *state, uint32_t first, uint32_t second,
					const int32_t z[2][LSTM_GATES][LSTM_BLOCK])
{
	__m512i i = sigmoid(pack(z[0][0], z[1][0])), f = sigmoid(pack(z[0][1], z[1][1]));
	__m512i g = tanh_fixed(pack(z[0][2], z[1][2])), o = sigmoid(pack(z[0][3], z[1][3]));
	__m512i zero = _mm512_setzero_si512(), low = load(state->c + first), high = load(state->c + second), h;
	__m256i bytes;

	low = update_cells(low, _mm512_unpacklo_epi16(f, zero), _mm512_unpacklo_epi16(i, zero), _mm512_unpacklo_epi16(g, g));
	high = update_cells(high, _mm512_unpackhi_epi16(f, zero), _mm512_unpackhi_epi16(i, zero), _mm512_unpackhi_epi16(g, g));
	_mm512_storeu_si512(state->c + first, low);
	_mm512_storeu_si512(state->c + second, high);

	h = _mm512_mulhrs_epi16(o, tanh_fixed(_mm512_packs_epi32(squash(low), squash(high))));
	bytes = in_order(_mm512_srai_epi16(_mm512_adds_epi16(h, _mm512_set1_epi16(128)), 8));
	_mm_storeu_si128((__m128i *)(state->h + first), _mm256_castsi256_si128(bytes));
	_mm_storeu_si128((__m128i *)(state->h + second), _mm256_extracti128_si256(bytes, 1));
}

#endif
