/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * int8 LSTM inference: config, weights, state. Pure: no system call, no clock, no allocation, no IO.
 *
 * One layer and a linear head (Hochreiter & Schmidhuber 1997, with the forget gate of Gers 2000), gates in the
 * order i f g o, column order input then hidden. The first D outputs see the inputs directly as well ("wide and deep", Cheng
 * et al. 2016), so that a regression on the inputs is one of the models that training can find:
 *	z = W [x; h] + b	W [4H][I + H]
 *	c = clamp(sigmoid(z_f) c + sigmoid(z_i) tanh(z_g), -8, 8)
 *	h = sigmoid(z_o) tanh(c)
 *	y = V h + U x + d	V [O][H], U [D][I]
 *
 * Arithmetic. All paths give the same bytes, on this machine and on another:
 * - x is quantized per input to 0..255 (x ~ (q - zero) * scale), rounded to nearest even. NaN means missing and is
 *   read as 0; what lies outside is clamped.
 * - h is int8 in 1/128, c is int32 in 1/2^20, within +-8.
 * - Weights are int8 within +-63 and one float scale per row. 255 * 63 * 2 < 2^15, so maddubs cannot saturate.
 *   A row stands for W[r][k] * (scale of column k), so one int32 accumulator per row is enough. A row of U has another
 *   scale than that of V beside it: what few inputs say weighs more than what a unit says.
 * - An accumulator becomes fixed point by one float multiplication, one conversion (nearest even) and one integer
 *   addition of the bias: gates int16 in 1/2^12 (saturating), outputs int32 in 1/2^16.
 * - sigmoid is a cubic per unit interval in int16, tanh(x) is 2 sigmoid(2x) - 1; within 1e-4 and 2e-4 of the true ones.
 *
 * No float is both multiplied and added here, so a compiler that contracts to FMA cannot change a bit; the rounding
 * mode must be the default one. The float code beside this (lstm_float.c, train*.c) does need -ffp-contract=off to
 * repeat on another machine.
 */
#ifndef FORESTALL_LSTM_H
#define FORESTALL_LSTM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSTM_GATES 4		/* i f g o */
#define LSTM_INPUT_MAX 64
#define LSTM_HIDDEN_MAX 64
#define LSTM_OUTPUT_MAX 176
#define LSTM_DIRECT_MAX 48
#define LSTM_HIDDEN_DEFAULT 32
#define LSTM_BLOCK 16		/* hidden units, and outputs, that the vector paths take at a time */
#define LSTM_COLUMNS_MAX (LSTM_INPUT_MAX + LSTM_HIDDEN_MAX)
#define LSTM_ROWS_MAX (LSTM_GATES * LSTM_HIDDEN_MAX)

#define LSTM_WEIGHT_MAX 63	/* magnitude of an int8 weight */
#define LSTM_HIDDEN_SCALE (1.0f / 128)
#define LSTM_CELL_MAX 8		/* c is kept within +- this, in the float model too */

/* Bounds that keep every fixed-point value within its type, whatever the input. */
#define LSTM_SCALE_MAX (1.0f / 64)	/* of a row of weights */
#define LSTM_BIAS_MAX 4096.0f		/* magnitude */
#define LSTM_INPUT_SCALE_MIN 1e-6f
#define LSTM_INPUT_SCALE_MAX 1e6f

struct lstm_config {
	uint32_t input;		/* I, 1..LSTM_INPUT_MAX */
	uint32_t hidden;	/* H, a multiple of LSTM_BLOCK up to LSTM_HIDDEN_MAX */
	uint32_t output;	/* O, 1..LSTM_OUTPUT_MAX */
	uint32_t direct;	/* D, a multiple of LSTM_BLOCK up to LSTM_DIRECT_MAX, at most O */
};

/*
 * About 56 KB; a plain value, owned by the caller, may be copied. The upper half is what a model file holds, the
 * lower half lstm_weights_derive() computes from it. Matrices are stored in the order the kernels read, four columns
 * of one row side by side; use lstm_gate_index(), lstm_head_index() and lstm_direct_index(). Bytes no index leads to must
 * be 0. The matrices come first: where the struct lies at a multiple of 64 bytes no load of a kernel straddles two cache lines, which is
 * quicker but not needed.
 */
struct lstm_weights {
	int8_t gate[LSTM_ROWS_MAX * LSTM_COLUMNS_MAX];
	int8_t head[LSTM_OUTPUT_MAX * LSTM_HIDDEN_MAX];
	int8_t direct[LSTM_DIRECT_MAX * LSTM_INPUT_MAX];
	struct lstm_config config;
	float input_scale[LSTM_INPUT_MAX];	/* LSTM_INPUT_SCALE_MIN..MAX */
	uint8_t input_zero[LSTM_INPUT_MAX];	/* the quantized value that means 0 */
	float gate_scale[LSTM_ROWS_MAX];	/* 0 < scale <= LSTM_SCALE_MAX */
	float gate_bias[LSTM_ROWS_MAX];
	float head_scale[LSTM_OUTPUT_MAX];
	float head_bias[LSTM_OUTPUT_MAX];
	float direct_scale[LSTM_DIRECT_MAX];	/* as gate_scale */

	float input_inverse[LSTM_INPUT_MAX];
	int32_t gate_offset[LSTM_ROWS_MAX];	/* undoes the zero points of x and h */
	float gate_step[LSTM_ROWS_MAX];		/* accumulator to 1/2^12 */
	int32_t gate_bias_fixed[LSTM_ROWS_MAX];
	int32_t head_offset[LSTM_OUTPUT_MAX];
	float head_step[LSTM_OUTPUT_MAX];	/* accumulator to 1/2^16 */
	int32_t head_bias_fixed[LSTM_OUTPUT_MAX];
	int32_t direct_offset[LSTM_DIRECT_MAX];
	float direct_step[LSTM_DIRECT_MAX];
};

/* One instance's memory; all zero is the start. Units >= hidden are not read. */
struct lstm_state {
	int32_t c[LSTM_HIDDEN_MAX];	/* 1/2^20 */
	int8_t h[LSTM_HIDDEN_MAX];	/* 1/128 */
};

enum lstm_isa {
	LSTM_PORTABLE,
	LSTM_AVX2,
	LSTM_AVX_VNNI,	/* AVX2 and the 256-bit dot product of CPUs without AVX-512 */
	LSTM_VNNI,	/* AVX-512 F, BW, VL and VNNI */
	LSTM_ISA_COUNT
};

/* "portable", "avx2", "avx_vnni", "vnni"; "unknown" for anything else. Static storage. */
const char *lstm_isa_name(enum lstm_isa isa);
/* Whether this CPU, and this build, can run it. */
bool lstm_isa_usable(enum lstm_isa isa);
/* The quickest usable one; ask once at start. All give the same results. */
enum lstm_isa lstm_isa_best(void);

/* 0, or -EINVAL when a size is out of bounds for the int8 kernels. */
int lstm_config_check(const struct lstm_config *config);

/* Where W[row][column] lies; row = gate * H + unit, column < I is the input, then I + j is h[j]. */
size_t lstm_gate_index(const struct lstm_config *config, uint32_t row, uint32_t column);
/* Where V[row][column] lies. */
size_t lstm_head_index(const struct lstm_config *config, uint32_t row, uint32_t column);
/* Where U[row][column] lies; row < D. */
size_t lstm_direct_index(const struct lstm_config *config, uint32_t row, uint32_t column);

/*
 * Checks the upper half of weights and computes the lower half; needed once after the upper half changed.
 * 0; -EINVAL: bad config; -ERANGE: a scale, bias or weight is NaN or outside its bounds (lower half then undefined).
 */
int lstm_weights_derive(struct lstm_weights *weights);

/* Whether an output is always its bias: its rows of V and U are 0. */
bool lstm_output_is_constant(const struct lstm_weights *weights, uint32_t row);

void lstm_state_reset(struct lstm_state *state);

/*
 * One step of count instances: inputs [count][I] contiguous, states[i] advances, outputs [count][O]. Nothing may
 * overlap. weights must have been derived and isa be usable. Instances do not influence each other: any batching,
 * any order and any isa give the same bytes.
 */
void lstm_step(const struct lstm_weights *weights, enum lstm_isa isa, struct lstm_state *const states[],
	       const float *inputs, float *outputs, size_t count);

#endif
