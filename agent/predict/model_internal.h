/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of records and where each lies in struct model. Shared by model.c and model_record.c. */
#ifndef FORESTALL_MODEL_INTERNAL_H
#define FORESTALL_MODEL_INTERNAL_H

#include <stdint.h>

#include "model.h"

#define MODEL_REMEDY "retrain with `forestall model train` or reinstall the default model"

#define MODEL_FEATURES_MAX 4096	/* bytes */

enum model_record {
	MODEL_CONFIG,
	MODEL_PROVENANCE,
	MODEL_FEATURES,
	MODEL_INPUT_SCALE,
	MODEL_INPUT_ZERO,
	MODEL_GATES,
	MODEL_GATE_SCALE,
	MODEL_GATE_BIAS,
	MODEL_HEAD,
	MODEL_HEAD_SCALE,
	MODEL_HEAD_BIAS,
	MODEL_DIRECT,
	MODEL_DIRECT_SCALE,
	MODEL_FLOAT_LOW,
	MODEL_FLOAT_HIGH,
	MODEL_FLOAT_GATES,
	MODEL_FLOAT_GATE_BIAS,
	MODEL_FLOAT_HEAD,
	MODEL_FLOAT_HEAD_BIAS,
	MODEL_FLOAT_DIRECT,
	MODEL_RECORD_COUNT
};

/* A payload inside somebody's buffer. */
struct model_span {
	const uint8_t *bytes;
	size_t size;
};

/* Where the one-line explanation goes. */
struct model_message {
	char *text;
	size_t size;
};

/* Writes the message and returns error, so that a check reads `return model_fail(...)`. */
int model_fail(const struct model_message *message, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

const char *model_record_name(enum model_record record);
/* Payload size by config; SIZE_MAX for the two texts, whose length is free within model_record_limit(). */
size_t model_record_size(enum model_record record, const struct lstm_config *config);
size_t model_record_limit(enum model_record record);

/* What the features record holds in this build. */
extern const char model_feature_lines[];
int model_provenance_check(const struct model_span *span, const struct model_message *message);
int model_features_check(const struct model_span *span, const struct model_message *message);

/* CRC-32 as zlib's crc32(0, bytes, size). */
uint32_t model_checksum(const uint8_t *bytes, size_t size);

void model_config_decode(const struct model_span *span, struct lstm_config *ret);
int model_config_check(const struct lstm_config *config, const struct model_message *message);
/* Checks one payload's values; size must already be right. 0, -EINVAL, -ERANGE or -EBADMSG with the message set. */
int model_record_check(enum model_record record, const struct model_span *span, const struct model_message *message);
/* Copies a checked payload into model, whose configs are set. */
void model_record_decode(enum model_record record, const struct model_span *span, struct model *model);
/* Writes a payload of model into ret, which has room for it; returns its size. */
size_t model_record_encode(enum model_record record, const struct model *model, uint8_t *ret);

#endif
