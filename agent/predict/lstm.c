/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portable int8 LSTM, and what all paths share. lstm.h holds the arithmetic; this file is its plainest reading and
 * the oracle of lstm_x86.c.
 */
#include "lstm.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "lstm_kernel.h"

const int16_t lstm_sigmoid_table[4][LSTM_SIGMOID_SEGMENTS] = {
	{ 0, 7571, 12478, 14830, 15795, 16165, 16303, 16354 },
	{ 8214, 6465, 3439, 1476, 576, 217, 80, 30 },
	{ -128, -1634, -1306, -640, -262, -100, -37, -14 },
	{ -515, 76, 219, 129, 56, 22, 8, 3 },
};

static const char *const isa_names[] = {
	[LSTM_PORTABLE] = "portable",
	[LSTM_AVX2] = "avx2",
	[LSTM_AVX_VNNI] = "avx_vnni",
	[LSTM_VNNI] = "vnni",
};
_Static_assert(sizeof(isa_names) / sizeof(isa_names[0]) == LSTM_ISA_COUNT, "every isa has a name");

const char *lstm_isa_name(enum lstm_isa isa)
{
	return (unsigned int)isa < LSTM_ISA_COUNT ? isa_names[isa] : "unknown";
}

#if defined(__x86_64__)
/* The compiler's list of CPU features ends before this one. */
static bool has_avx_vnni(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & bit_AVXVNNI);
}
#endif

bool lstm_isa_usable(enum lstm_isa isa)
{
	if (isa == LSTM_PORTABLE)
		return true;
#if defined(__x86_64__)
	if (isa == LSTM_AVX2)
		return __builtin_cpu_supports("avx2");
	if (isa == LSTM_AVX_VNNI)
		return __builtin_cpu_supports("avx2") && has_avx_vnni();
	if (isa == LSTM_VNNI)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		       __builtin_cpu_supports("avx512vnni");
#endif
	return false;
}

enum lstm_isa lstm_isa_best(void)
{
	for (enum lstm_isa isa = LSTM_ISA_COUNT - 1; isa > LSTM_PORTABLE; isa--) {
		if (lstm_isa_usable(isa))
			return isa;
	}
	return LSTM_PORTABLE;
}

void lstm_state_reset(struct lstm_state *state)
{
	memset(state, 0, sizeof(*state));
}

static int32_t clamp_int(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
}

void lstm_quantize_input(const struct lstm_weights *weights, const float *input, uint32_t from, uint8_t *ret)
{
	for (uint32_t i = from; i < weights->config.input; i++) {
		float x = isnan(input[i]) ? 0 : input[i] * weights->input_inverse[i];

		x = fminf(fmaxf(x, -LSTM_INPUT_LIMIT), LSTM_INPUT_LIMIT);
		ret[i] = (uint8_t)clamp_int((int32_t)lrintf(x) + weights->input_zero[i], 0, 255);
	}
}

/* Adds what columns bytes come to in each of rows rows. */
static void multiply(const int8_t *restrict matrix, const uint8_t *restrict vector, uint32_t rows, uint32_t columns,
		     int32_t *restrict sums)
{
	for (uint32_t k = 0; k < columns; k += 4, matrix += (size_t)rows * 4) {
		const int32_t a = vector[k], b = vector[k + 1], c = vector[k + 2], d = vector[k + 3];

		for (uint32_t row = 0; row < rows; row++) {
			const int8_t *four = matrix + (size_t)row * 4;

			sums[row] += four[0] * a + four[1] * b + four[2] * c + four[3] * d;
		}
	}
}

/* a b / 2^15, rounded: what the instruction pmulhrsw does. */
static int32_t multiply_rounded(int32_t a, int32_t b)
{
	return (a * b + (1 << 14)) >> 15;
}

/* sigmoid(x) - 1/2 in 1/2^15, of x in 1/2^12. */
static int32_t half_sigmoid(int32_t x)
{
	int32_t a = x < 0 ? (x < -INT16_MAX ? INT16_MAX : -x) : x;
	int32_t t = (a & ((1 << LSTM_GATE_BITS) - 1)) << (15 - LSTM_GATE_BITS);
	int32_t segment = a >> LSTM_GATE_BITS;
	int32_t p = lstm_sigmoid_table[3][segment];

	for (int k = 2; k >= 0; k--)
		p = multiply_rounded(p, t) + lstm_sigmoid_table[k][segment];
	return x < 0 ? -p : x > 0 ? p : 0;
}

static int32_t sigmoid(int32_t x)
{
	return half_sigmoid(x) + (1 << 14);
}

static int32_t tanh_fixed(int32_t x)
{
	return 2 * half_sigmoid(clamp_int(2 * x, INT16_MIN, INT16_MAX));
}

static void update_unit(struct lstm_state *state, uint32_t unit, const int32_t z[LSTM_GATES])
{
	int64_t kept = ((int64_t)sigmoid(z[1]) * state->c[unit] + (1 << 14)) >> 15;
	int32_t added = (sigmoid(z[0]) * tanh_fixed(z[2]) + (1 << 9)) >> 10;
	int32_t c = clamp_int((int32_t)kept + added, -LSTM_CELL_LIMIT, LSTM_CELL_LIMIT);
	int32_t squashed = clamp_int((c + (1 << 7)) >> (LSTM_CELL_BITS - LSTM_GATE_BITS), INT16_MIN, INT16_MAX);
	int32_t h = multiply_rounded(sigmoid(z[3]), tanh_fixed(squashed));

	state->c[unit] = c;
	state->h[unit] = (int8_t)clamp_int((h + 128) >> 8, INT8_MIN, INT8_MAX);
}

static void offset_hidden(const struct lstm_config *config, const struct lstm_state *state, uint8_t *vector)
{
	for (uint32_t j = 0; j < config->hidden; j++)
		vector[lstm_padded_inputs(config) + j] = (uint8_t)(state->h[j] + 128);
}

/* vector: the quantized inputs, and room behind them for h. */
static void step_cell(const struct lstm_weights *weights, struct lstm_state *state, uint8_t *vector)
{
	const struct lstm_config *config = &weights->config;
	int32_t sums[LSTM_ROWS_MAX];

	offset_hidden(config, state, vector);
	memcpy(sums, weights->gate_offset, lstm_rows(config) * sizeof(*sums));
	multiply(weights->gate, vector, lstm_rows(config), lstm_columns(config), sums);
	for (uint32_t j = 0; j < config->hidden; j++) {
		int32_t z[LSTM_GATES];

		for (uint32_t gate = 0; gate < LSTM_GATES; gate++) {
			uint32_t row = gate * config->hidden + j;
			int32_t scaled = (int32_t)lrintf((float)sums[row] * weights->gate_step[row]);

			z[gate] = clamp_int(scaled + weights->gate_bias_fixed[row], INT16_MIN, INT16_MAX);
		}
		update_unit(state, j, z);
	}
}

static void step_one(const struct lstm_weights *weights, struct lstm_state *state, const float *input, float *output)
{
	const struct lstm_config *config = &weights->config;
	uint32_t inputs = lstm_padded_inputs(config);
	uint8_t vector[LSTM_COLUMNS_MAX] = { 0 };
	int32_t sums[LSTM_OUTPUT_MAX], direct[LSTM_DIRECT_MAX];

	lstm_quantize_input(weights, input, 0, vector);
	step_cell(weights, state, vector);
	offset_hidden(config, state, vector);
	memcpy(sums, weights->head_offset, lstm_head_rows(config) * sizeof(*sums));
	multiply(weights->head, vector + inputs, lstm_head_rows(config), config->hidden, sums);
	memcpy(direct, weights->direct_offset, config->direct * sizeof(*direct));
	multiply(weights->direct, vector, config->direct, inputs, direct);
	for (uint32_t row = 0; row < config->output; row++) {
		int32_t scaled = (int32_t)lrintf((float)sums[row] * weights->head_step[row]);

		if (row < config->direct)
			scaled += (int32_t)lrintf((float)direct[row] * weights->direct_step[row]);
		output[row] = (float)(scaled + weights->head_bias_fixed[row]) * (1.0f / (1 << LSTM_OUTPUT_BITS));
	}
}

static void step_portable(const struct lstm_weights *weights, struct lstm_state *const states[], const float *inputs,
			  float *outputs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		step_one(weights, states[i], inputs + i * weights->config.input, outputs + i * weights->config.output);
}

static const lstm_kernel kernels[] = {
	[LSTM_PORTABLE] = step_portable,
#if defined(__x86_64__)
	[LSTM_AVX2] = lstm_step_avx2,
	[LSTM_AVX_VNNI] = lstm_step_avx_vnni,
	[LSTM_VNNI] = lstm_step_vnni,
#endif
};

void lstm_step(const struct lstm_weights *weights, enum lstm_isa isa, struct lstm_state *const states[],
	       const float *inputs, float *outputs, size_t count)
{
	kernels[isa](weights, states, inputs, outputs, count);
}
