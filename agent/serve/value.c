/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/knob.h"

json_t *value_number(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

json_t *value_measured(double number)
{
	return number >= 0 ? value_number(number) : json_null();
}

static json_t *text_escape(const char *text)
{
	char *escaped = malloc(4 * strlen(text) + 1), *at = escaped;
	json_t *value;

	if (!escaped)
		return NULL;
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80)
			*at++ = *text;
		else
			at += sprintf(at, "\\x%02x", (unsigned char)*text);
	}
	*at = '\0';
	value = json_string(escaped);
	free(escaped);
	return value;
}

json_t *value_text(const char *text)
{
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	return value ? value : text_escape(text);
}

json_t *value_device(uint32_t device)
{
	return device ? json_sprintf("%u:%u", device >> 20, device & 0xfffff) : json_null();
}

json_t *value_place(uint32_t knob, uint32_t device)
{
	return knob == KNOB_NET_SHARE ? json_sprintf("%u:%u", SHARE_FRONT(device), SHARE_PORT(device)) : value_device(device);
}

json_t *value_error(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return json_pack("{s:b, s:o}", "ok", 0, "error", value_text(text));
}
