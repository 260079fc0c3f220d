/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of a model file: its first line and the records' headers. Everything is checked in place before the
 * caller's model is touched.
 */
#include "model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model_internal.h"

#define MAGIC "forestall-model "
#define RECORD "record "
#define LINE_MAX_BYTES 96

struct cursor {
	const uint8_t *bytes;
	size_t size;
	size_t at;
};

static bool skip_text(struct cursor *cursor, const char *text)
{
	size_t length = strlen(text);

	if (cursor->size - cursor->at < length || memcmp(cursor->bytes + cursor->at, text, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* A decimal number of at most 9 digits without leading zeros: one spelling per value. */
static bool read_number(struct cursor *cursor, size_t *ret)
{
	size_t start = cursor->at, value = 0;

	while (cursor->at < cursor->size && cursor->bytes[cursor->at] >= '0' && cursor->bytes[cursor->at] <= '9') {
		value = value * 10 + (cursor->bytes[cursor->at++] - '0');
		if (cursor->at - start > 9)
			return false;
	}
	if (cursor->at == start || (cursor->bytes[start] == '0' && cursor->at - start > 1))
		return false;
	*ret = value;
	return true;
}

static int read_first_line(struct cursor *cursor, const struct model_message *message)
{
	size_t version;

	if (!skip_text(cursor, MAGIC))
		return model_fail(message, -EBADMSG, "not a forestall model (first line); " MODEL_REMEDY);
	if (!read_number(cursor, &version) || !skip_text(cursor, "\n"))
		return model_fail(message, -EBADMSG, "first line is damaged or cut short; " MODEL_REMEDY);
	if (version != MODEL_VERSION)
		return model_fail(message, -EPROTONOSUPPORT, "format version %zu, this build reads %d; install the "
				  "forestall that wrote it, or " MODEL_REMEDY, version, MODEL_VERSION);
	return 0;
}

static int fail_cut(const char *name, const struct model_message *message)
{
	return model_fail(message, -EBADMSG, "ends before record '%s' does; copy it again, " MODEL_REMEDY, name);
}

/* The payload of the record that must come next; its size is checked, its values are not. */
static int read_record(struct cursor *cursor, enum model_record record, const struct lstm_config *config,
		       struct model_span *ret_span, const struct model_message *message)
{
	const char *name = model_record_name(record);
	size_t expected = model_record_size(record, config), size;
	char checksum[16];

	if (cursor->at == cursor->size)
		return fail_cut(name, message);
	if (!skip_text(cursor, RECORD) || !skip_text(cursor, name) || !skip_text(cursor, " ") ||
	    !read_number(cursor, &size) || !skip_text(cursor, " "))
		return model_fail(message, -EBADMSG, "header of record '%s' is missing, damaged or cut short; "
				  MODEL_REMEDY, name);
	if (expected == SIZE_MAX ? size > model_record_limit(record) : size != expected)
		return model_fail(message, -EBADMSG, "record '%s' has %zu bytes, which does not fit its kind; "
				  MODEL_REMEDY, name, size);
	/* Eight digits and a newline before the payload, a newline after it. */
	if (cursor->size - cursor->at < 8 + 1 + size + 1)
		return fail_cut(name, message);
	ret_span->bytes = cursor->bytes + cursor->at + 9;
	ret_span->size = size;
	snprintf(checksum, sizeof(checksum), "%08" PRIx32 "\n", model_checksum(ret_span->bytes, size));
	if (!skip_text(cursor, checksum))
		return model_fail(message, -EBADMSG, "checksum of record '%s' differs; " MODEL_REMEDY, name);
	cursor->at += size;
	if (!skip_text(cursor, "\n"))
		return model_fail(message, -EBADMSG, "record '%s' is not closed; " MODEL_REMEDY, name);
	return 0;
}

/* Finds and checks all records of a file. */
static int check_file(struct cursor *cursor, struct model_span spans[MODEL_RECORD_COUNT], struct lstm_config *config,
		      const struct model_message *message)
{
	int r;

	if (cursor->size > MODEL_BYTES_MAX)
		return model_fail(message, -EFBIG, "%zu bytes are too large for a model; " MODEL_REMEDY, cursor->size);
	r = read_first_line(cursor, message);
	for (enum model_record record = 0; r == 0 && record < MODEL_RECORD_COUNT; record++) {
		r = read_record(cursor, record, config, &spans[record], message);
		if (r == 0 && record == MODEL_CONFIG) {
			model_config_decode(&spans[record], config);
			r = model_config_check(config, message);
		}
		if (r == 0)
			r = model_record_check(record, &spans[record], message);
	}
	if (r == 0 && cursor->at != cursor->size)
		return model_fail(message, -EBADMSG, "%zu bytes after the last record; " MODEL_REMEDY,
				  cursor->size - cursor->at);
	return r;
}

int model_parse(const void *bytes, size_t size, struct model *ret_model, char *message, size_t message_size)
{
	struct cursor cursor = { .bytes = bytes, .size = size };
	const struct model_message out = { message, message_size };
	struct model_span spans[MODEL_RECORD_COUNT];
	struct lstm_config config = { 0 };
	int r = check_file(&cursor, spans, &config, &out);

	if (r < 0)
		return r;
	model_fail(&out, 0, "%s", "");
	memset(ret_model, 0, sizeof(*ret_model));
	ret_model->weights.config = config;
	ret_model->reference.config = config;
	for (enum model_record record = 0; record < MODEL_RECORD_COUNT; record++)
		model_record_decode(record, &spans[record], ret_model);
	/* The records' bounds imply that this succeeds; an error here would be ours. */
	return lstm_weights_derive(&ret_model->weights);
}

/* One record at the cursor of a buffer; the payload goes in place and its header before it. */
static int write_record(const struct model *model, enum model_record record, uint8_t *buffer, size_t size, size_t *at,
			const struct model_message *message)
{
	size_t payload = model_record_size(record, &model->weights.config);
	char header[LINE_MAX_BYTES];
	int length;

	if (payload == SIZE_MAX)
		payload = record == MODEL_PROVENANCE ? strlen(model->provenance) : model_record_limit(record);
	if (size - *at < LINE_MAX_BYTES + payload + 1)
		return model_fail(message, -ENOSPC, "no room for record '%s'", model_record_name(record));
	/* The header's length depends on the payload's size and checksum, so it is encoded past it and moved. */
	payload = model_record_encode(record, model, buffer + *at + LINE_MAX_BYTES);
	length = snprintf(header, sizeof(header), RECORD "%s %zu %08" PRIx32 "\n", model_record_name(record), payload,
			  model_checksum(buffer + *at + LINE_MAX_BYTES, payload));
	memmove(buffer + *at + length, buffer + *at + LINE_MAX_BYTES, payload);
	memcpy(buffer + *at, header, (size_t)length);
	*at += (size_t)length + payload;
	buffer[(*at)++] = '\n';
	return 0;
}

int model_format(const struct model *model, void *buffer, size_t size, size_t *ret_size, char *message,
		 size_t message_size)
{
	const struct model_message out = { message, message_size };
	struct model_span spans[MODEL_RECORD_COUNT];
	struct lstm_config config = model->weights.config;
	struct cursor cursor = { .bytes = buffer };
	int r = model_config_check(&config, &out);

	if (r < 0)
		return r;
	if (memcmp(&model->reference.config, &config, sizeof(config)) != 0)
		return model_fail(&out, -EINVAL, "int8 and float weights differ in shape");
	if (memchr(model->provenance, 0, sizeof(model->provenance)) == NULL)
		return model_fail(&out, -EINVAL, "provenance has no end");
	if (size < LINE_MAX_BYTES)
		return model_fail(&out, -ENOSPC, "no room for the first line");
	cursor.size = (size_t)snprintf(buffer, LINE_MAX_BYTES, MAGIC "%d\n", MODEL_VERSION);
	for (enum model_record record = 0; r == 0 && record < MODEL_RECORD_COUNT; record++)
		r = write_record(model, record, buffer, size, &cursor.size, &out);
	if (r == 0)
		r = check_file(&cursor, spans, &config, &out);
	if (r < 0)
		return r;
	model_fail(&out, 0, "%s", "");
	*ret_size = cursor.size;
	return 0;
}
