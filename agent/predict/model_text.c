/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two texts of a model file: who made it from what, and which features it was trained on. */
#include <errno.h>
#include <string.h>

#include "feature.h"
#include "model_internal.h"

#define FEATURE_LINE(id, name, unit, source) name "\n"
const char model_feature_lines[] = FEATURE_TABLE(FEATURE_LINE);
_Static_assert(sizeof(model_feature_lines) <= MODEL_FEATURES_MAX, "the feature names fit their record");

/* Length of the UTF-8 sequence at bytes, 0 when there is none (RFC 3629: shortest form, no surrogates). */
static size_t utf8_length(const uint8_t *bytes, size_t left)
{
	uint8_t first = bytes[0];
	size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) == 0xe0 ? 3 :
			first >= 0xf0 && first < 0xf5 ? 4 : 0;

	if (length == 0 || length > left || first == 0)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] >= 0xa0) ||
	    (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] >= 0x90))
		return 0;
	return length;
}

int model_provenance_check(const struct model_span *span, const struct model_message *message)
{
	size_t length;

	for (size_t i = 0; i < span->size; i += length) {
		length = utf8_length(span->bytes + i, span->size - i);
		if (length == 0)
			return model_fail(message, -EBADMSG, "provenance is not UTF-8 text at byte %zu; "
					  MODEL_REMEDY, i);
	}
	return 0;
}

/* The first line that differs, for the message. */
int model_features_check(const struct model_span *span, const struct model_message *message)
{
	const char *here = model_feature_lines, *there = (const char *)span->bytes;
	size_t same = 0, line = 0, start = 0, here_length, there_length = 0;

	if (span->size == strlen(model_feature_lines) && memcmp(here, there, span->size) == 0)
		return 0;
	for (; same < span->size && same < strlen(model_feature_lines) && here[same] == there[same]; same++) {
		if (here[same] == '\n') {
			line++;
			start = same + 1;
		}
	}
	here_length = strcspn(here + start, "\n");
	while (start + there_length < span->size && there[start + there_length] != '\n' && there_length < 64)
		there_length++;
	return model_fail(message, -EINVAL, "trained on another feature table: input %zu is '%.*s', here '%.*s'; "
			  MODEL_REMEDY, line, (int)there_length, there + start, (int)here_length, here + start);
}
