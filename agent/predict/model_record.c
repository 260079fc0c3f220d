/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One payload of a model file: size, bounds, to and from struct model. */
#include <errno.h>
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "feature.h"
#include "forecast.h"
#include "model_internal.h"

enum element {
	ELEMENT_TEXT,
	ELEMENT_CONFIG,
	ELEMENT_U8,
	ELEMENT_I8,
	ELEMENT_F32
};

/* X(id, name, element, low, high): the bounds are those of lstm_weights_derive() and lstm_float.h, or tighter. */
#define RECORD_TABLE(X)                                                                 \
	X(CONFIG, "config", CONFIG, 0, 0)                                               \
	X(PROVENANCE, "provenance", TEXT, 0, 0)                                         \
	X(FEATURES, "features", TEXT, 0, 0)                                             \
	X(INPUT_SCALE, "input_scale", F32, LSTM_INPUT_SCALE_MIN, LSTM_INPUT_SCALE_MAX)  \
	X(INPUT_ZERO, "input_zero", U8, 0, 255)                                         \
	X(GATES, "gates", I8, -LSTM_WEIGHT_MAX, LSTM_WEIGHT_MAX)                        \
	X(GATE_SCALE, "gate_scale", F32, FLT_MIN, LSTM_SCALE_MAX)                       \
	X(GATE_BIAS, "gate_bias", F32, -LSTM_BIAS_MAX, LSTM_BIAS_MAX)                   \
	X(HEAD, "head", I8, -LSTM_WEIGHT_MAX, LSTM_WEIGHT_MAX)                          \
	X(HEAD_SCALE, "head_scale", F32, FLT_MIN, LSTM_SCALE_MAX)                       \
	X(HEAD_BIAS, "head_bias", F32, -LSTM_BIAS_MAX, LSTM_BIAS_MAX)                   \
	X(DIRECT, "direct", I8, -LSTM_WEIGHT_MAX, LSTM_WEIGHT_MAX)                      \
	X(DIRECT_SCALE, "direct_scale", F32, FLT_MIN, LSTM_SCALE_MAX)                   \
	X(FLOAT_LOW, "float_low", F32, -FLT_MAX, 0)                                     \
	X(FLOAT_HIGH, "float_high", F32, 0, FLT_MAX)                                    \
	X(FLOAT_GATES, "float_gates", F32, -FLT_MAX, FLT_MAX)                           \
	X(FLOAT_GATE_BIAS, "float_gate_bias", F32, -FLT_MAX, FLT_MAX)                   \
	X(FLOAT_HEAD, "float_head", F32, -FLT_MAX, FLT_MAX)                             \
	X(FLOAT_HEAD_BIAS, "float_head_bias", F32, -FLT_MAX, FLT_MAX)                   \
	X(FLOAT_DIRECT, "float_direct", F32, -FLT_MAX, FLT_MAX)

static const struct {
	const char *name;
	enum element element;
	float low, high;
} records[] = {
#define RECORD_ROW(id, name, element, low, high) [MODEL_##id] = { name, ELEMENT_##element, low, high },
	RECORD_TABLE(RECORD_ROW)
};
_Static_assert(sizeof(records) / sizeof(records[0]) == MODEL_RECORD_COUNT, "every record has a row");

int model_fail(const struct model_message *message, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message->text, message->size, format, arguments);
	va_end(arguments);
	return error;
}

const char *model_record_name(enum model_record record)
{
	return records[record].name;
}

/* The number of elements; 0 for texts and config. */
static size_t element_count(enum model_record record, const struct lstm_config *config)
{
	size_t rows = LSTM_GATES * (size_t)config->hidden;

	switch (record) {
	case MODEL_INPUT_SCALE:
	case MODEL_INPUT_ZERO:
	case MODEL_FLOAT_LOW:
	case MODEL_FLOAT_HIGH:
		return config->input;
	case MODEL_GATES:
	case MODEL_FLOAT_GATES:
		return rows * (config->input + config->hidden);
	case MODEL_GATE_SCALE:
	case MODEL_GATE_BIAS:
	case MODEL_FLOAT_GATE_BIAS:
		return rows;
	case MODEL_HEAD:
	case MODEL_FLOAT_HEAD:
		return (size_t)config->output * config->hidden;
	case MODEL_HEAD_SCALE:
	case MODEL_HEAD_BIAS:
	case MODEL_FLOAT_HEAD_BIAS:
		return config->output;
	case MODEL_DIRECT_SCALE:
		return config->direct;
	case MODEL_DIRECT:
	case MODEL_FLOAT_DIRECT:
		return (size_t)config->direct * config->input;
	default:
		return 0;
	}
}

size_t model_record_size(enum model_record record, const struct lstm_config *config)
{
	switch (records[record].element) {
	case ELEMENT_TEXT:
		return SIZE_MAX;
	case ELEMENT_CONFIG:
		return 4 * sizeof(uint32_t);
	case ELEMENT_F32:
		return element_count(record, config) * sizeof(float);
	default:
		return element_count(record, config);
	}
}

size_t model_record_limit(enum model_record record)
{
	return record == MODEL_PROVENANCE ? MODEL_PROVENANCE_MAX : MODEL_FEATURES_MAX;
}

uint32_t model_checksum(const uint8_t *bytes, size_t size)
{
	/* What four zero bits make of each half byte, polynomial 0xedb88320. */
	static const uint32_t half[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		crc = (crc >> 4) ^ half[crc & 15];
		crc = (crc >> 4) ^ half[crc & 15];
	}
	return ~crc;
}

static uint32_t decode_u32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void encode_u32(uint32_t value, uint8_t *ret)
{
	for (int i = 0; i < 4; i++)
		ret[i] = (uint8_t)(value >> (8 * i));
}

static float decode_f32(const uint8_t *bytes)
{
	uint32_t bits = decode_u32(bytes);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void encode_f32(float value, uint8_t *ret)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	encode_u32(bits, ret);
}

void model_config_decode(const struct model_span *span, struct lstm_config *ret)
{
	ret->input = decode_u32(span->bytes);
	ret->hidden = decode_u32(span->bytes + 4);
	ret->output = decode_u32(span->bytes + 8);
	ret->direct = decode_u32(span->bytes + 12);
}

int model_config_check(const struct lstm_config *config, const struct model_message *message)
{
	if (config->input != FEATURE_COUNT || config->output != OUTPUT_COUNT || config->direct != OUTPUT_DIRECT)
		return model_fail(message, -EINVAL, "%u inputs and %u outputs, %u of them direct, this build has %u, %u and %d; "
				  MODEL_REMEDY, config->input, config->output, config->direct, FEATURE_COUNT, OUTPUT_COUNT,
				  OUTPUT_DIRECT);
	if (lstm_config_check(config) < 0)
		return model_fail(message, -EINVAL, "hidden size %u is not a multiple of %u up to %u; " MODEL_REMEDY,
				  config->hidden, LSTM_BLOCK, LSTM_HIDDEN_MAX);
	return 0;
}

static float decode_element(enum element element, const uint8_t *bytes, size_t i)
{
	if (element == ELEMENT_F32)
		return decode_f32(bytes + i * sizeof(float));
	return element == ELEMENT_I8 ? (float)(int8_t)bytes[i] : (float)bytes[i];
}

int model_record_check(enum model_record record, const struct model_span *span, const struct model_message *message)
{
	enum element element = records[record].element;
	size_t count = element == ELEMENT_F32 ? span->size / sizeof(float) : span->size;

	if (record == MODEL_PROVENANCE)
		return model_provenance_check(span, message);
	if (record == MODEL_FEATURES)
		return model_features_check(span, message);
	for (size_t i = 0; element != ELEMENT_CONFIG && i < count; i++) {
		float value = decode_element(element, span->bytes, i);

		/* Written so that NaN fails. */
		if (!(value >= records[record].low && value <= records[record].high))
			return model_fail(message, -ERANGE, "value %zu of record '%s' is %g, outside %g..%g; "
					  MODEL_REMEDY, i, records[record].name, (double)value,
					  (double)records[record].low, (double)records[record].high);
	}
	return 0;
}

/* The floats of a record inside model. */
static float *find_floats(enum model_record record, struct model *model)
{
	switch (record) {
	case MODEL_INPUT_SCALE: return model->weights.input_scale;
	case MODEL_GATE_SCALE: return model->weights.gate_scale;
	case MODEL_GATE_BIAS: return model->weights.gate_bias;
	case MODEL_HEAD_SCALE: return model->weights.head_scale;
	case MODEL_HEAD_BIAS: return model->weights.head_bias;
	case MODEL_DIRECT_SCALE: return model->weights.direct_scale;
	case MODEL_FLOAT_LOW: return model->reference.input_low;
	case MODEL_FLOAT_HIGH: return model->reference.input_high;
	case MODEL_FLOAT_GATES: return model->reference.gate;
	case MODEL_FLOAT_GATE_BIAS: return model->reference.gate_bias;
	case MODEL_FLOAT_HEAD: return model->reference.head;
	case MODEL_FLOAT_DIRECT: return model->reference.direct;
	default: return model->reference.head_bias;
	}
}

/* The byte of model that is byte i of an int8 or uint8 record. */
static uint8_t *find_byte(enum model_record record, struct model *model, uint32_t i)
{
	const struct lstm_config *config = &model->weights.config;
	uint32_t columns = config->input + config->hidden;

	if (record == MODEL_INPUT_ZERO)
		return &model->weights.input_zero[i];
	if (record == MODEL_GATES)
		return (uint8_t *)&model->weights.gate[lstm_gate_index(config, i / columns, i % columns)];
	if (record == MODEL_DIRECT)
		return (uint8_t *)&model->weights.direct[lstm_direct_index(config, i / config->input, i % config->input)];
	return (uint8_t *)&model->weights.head[lstm_head_index(config, i / config->hidden, i % config->hidden)];
}

void model_record_decode(enum model_record record, const struct model_span *span, struct model *model)
{
	switch (records[record].element) {
	case ELEMENT_TEXT:
		if (record == MODEL_PROVENANCE)
			memcpy(model->provenance, span->bytes, span->size);
		break;
	case ELEMENT_CONFIG:
		break;
	case ELEMENT_F32:
		for (size_t i = 0; i < span->size / sizeof(float); i++)
			find_floats(record, model)[i] = decode_f32(span->bytes + i * sizeof(float));
		break;
	default:
		for (size_t i = 0; i < span->size; i++)
			*find_byte(record, model, (uint32_t)i) = span->bytes[i];
	}
}

size_t model_record_encode(enum model_record record, const struct model *model, uint8_t *ret)
{
	const struct lstm_config *config = &model->weights.config;
	const char *text = record == MODEL_PROVENANCE ? model->provenance : model_feature_lines;
	/* find_*() serve both directions; nothing is written here. */
	struct model *source = (struct model *)model;
	size_t size = model_record_size(record, config);

	switch (records[record].element) {
	case ELEMENT_TEXT:
		size = strlen(text);
		memcpy(ret, text, size);
		break;
	case ELEMENT_CONFIG:
		encode_u32(config->input, ret);
		encode_u32(config->hidden, ret + 4);
		encode_u32(config->output, ret + 8);
		encode_u32(config->direct, ret + 12);
		break;
	case ELEMENT_F32:
		for (size_t i = 0; i < size / sizeof(float); i++)
			encode_f32(find_floats(record, source)[i], ret + i * sizeof(float));
		break;
	default:
		for (size_t i = 0; i < size; i++)
			ret[i] = *find_byte(record, source, (uint32_t)i);
	}
	return size;
}
