/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model file, over memory. Pure; sense/modelfile.h reads and writes real files.
 *
 *	forestall-model 3\n
 * and then each record of a fixed list, in order:
 *	record NAME BYTES CRC32\n  payload  \n
 * BYTES is decimal, CRC32 the payload's (zlib's polynomial) in 8 hexadecimal digits, numbers are little-endian.
 *
 *	config			u32 input, hidden, output, direct
 *	provenance		UTF-8 text, JSON by convention: trainer, date, seed, recordings (name, seed, shape
 *				family, sha256), held-out list, losses, float against int8
 *	features		names of the inputs, one per line, as in feature.h
 *	input_scale input_zero	f32 [I], u8 [I]
 *	gates gate_scale gate_bias	i8 [4H][I + H] row-major, f32 [4H], f32 [4H]
 *	head head_scale head_bias	i8 [O][H], f32 [O], f32 [O]
 *	direct direct_scale	i8 [D][I], f32 [D]
 *	float_low float_high	f32 [I], f32 [I]
 *	float_gates float_gate_bias	f32 [4H][I + H], f32 [4H]
 *	float_head float_head_bias	f32 [O][H], f32 [O]
 *	float_direct	f32 [D][I]
 *
 * The version moves with this list, with the arithmetic of lstm.h, and with the meaning of outputs (horizons and
 * quantiles of forecast.h), which the file does not spell out.
 */
#ifndef FORESTALL_MODEL_H
#define FORESTALL_MODEL_H

#include <stddef.h>

#include "lstm.h"
#include "lstm_float.h"

#define MODEL_VERSION 3
#define MODEL_BYTES_MAX (512 * 1024)	/* no legal file is larger */
#define MODEL_PROVENANCE_MAX (64 * 1024)	/* bytes, without the final NUL */
#define MODEL_MESSAGE_MAX 256

/* About 300 KB; a plain value, owned by the caller. Both configs are equal. */
struct model {
	struct lstm_weights weights;	/* what runs; derived after model_parse() */
	struct lstm_float reference;	/* what it was rounded from: a later retrain starts here */
	char provenance[MODEL_PROVENANCE_MAX + 1];
};

/*
 * Reads size bytes. message (never NULL) gets one line that names what is wrong and the remedy, without a trailing
 * newline; it is "" on success.
 * 0, and *ret_model is complete and ready for lstm_step(); else *ret_model is untouched:
 * -EFBIG: larger than MODEL_BYTES_MAX; -EBADMSG: not a model, cut short, or damaged; -EPROTONOSUPPORT: another format
 * version; -EINVAL: other inputs or outputs than this build's; -ERANGE: a number is NaN or out of bounds.
 */
int model_parse(const void *bytes, size_t size, struct model *ret_model, char *message, size_t message_size);

/*
 * Writes model into buffer, which MODEL_BYTES_MAX always suffices for, and checks the result as model_parse() would:
 * its errors, or -ENOSPC. *ret_size is untouched on failure.
 */
int model_format(const struct model *model, void *buffer, size_t size, size_t *ret_size, char *message,
		 size_t message_size);

#endif
