/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "knob.h"

int number_parse(const char *text, char end, uint64_t *ret)
{
	uint64_t number = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	if (c == text || *c != end)
		return -EINVAL;
	*ret = number;
	return 0;
}

/* Parses "FIRST SEP SECOND" where FIRST may be "max". */
static int pair_parse(const char *text, char separator, struct knob_value *ret)
{
	struct knob_value value = { .value = KNOB_MAX };
	const char *second = strchr(text, separator);
	int r = 0;

	if (!second)
		return -EINVAL;
	if (strncmp(text, "max", 3) != 0 || second != text + 3)
		r = number_parse(text, separator, &value.value);
	if (r == 0)
		r = number_parse(second + 1, '\0', &value.aux);
	if (r == 0)
		*ret = value;
	return r;
}

int knob_parse(enum knob knob, const char *text, struct knob_value *ret)
{
	struct knob_value value = { 0 };
	char line[KNOB_TEXT_MAX];
	size_t length = strcspn(text, "\n");
	int r;

	if (length >= sizeof(line) || (text[length] == '\n' && text[length + 1] != '\0'))
		return -EINVAL;
	memcpy(line, text, length);
	line[length] = '\0';
	if (knob == KNOB_CPU_MAX)
		return pair_parse(line, ' ', ret);
	r = number_parse(line, '\0', &value.value);
	if (r == 0 && knob == KNOB_CPU_IDLE && value.value > 1)
		r = -EINVAL;
	if (r == 0)
		*ret = value;
	return r;
}

int knob_word_parse(enum knob knob, const char *text, struct knob_value *ret)
{
	if (knob == KNOB_CPU_WEIGHT)
		return knob_parse(knob, text, ret);
	return pair_parse(text, '/', ret);
}

static int length_check(int length, size_t size)
{
	return length < 0 || (size_t)length >= size ? -ENOSPC : length;
}

int knob_format(enum knob knob, const struct knob_value *value, char *buf, size_t size)
{
	unsigned long long first = value->value, second = value->aux;

	if (knob != KNOB_CPU_MAX)
		return length_check(snprintf(buf, size, "%llu", first), size);
	if (value->value == KNOB_MAX)
		return length_check(snprintf(buf, size, "max %llu", second), size);
	return length_check(snprintf(buf, size, "%llu %llu", first, second), size);
}

int knob_word_format(enum knob knob, const struct knob_value *value, char *buf, size_t size)
{
	unsigned long long first = value->value, second = value->aux;

	if (knob == KNOB_CPU_WEIGHT)
		return length_check(snprintf(buf, size, "%llu", first), size);
	if (value->value == KNOB_MAX)
		return length_check(snprintf(buf, size, "max/%llu", second), size);
	return length_check(snprintf(buf, size, "%llu/%llu", first, second), size);
}

bool knob_equal(enum knob knob, const struct knob_value *a, const struct knob_value *b)
{
	return a->value == b->value && (knob != KNOB_CPU_MAX || a->aux == b->aux);
}

static bool is_within_one(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= 1;
}

bool knob_close(enum knob knob, const struct knob_value *a, const struct knob_value *b)
{
	if (knob == KNOB_CPU_IDLE || a->value == KNOB_MAX || b->value == KNOB_MAX)
		return knob_equal(knob, a, b);
	return is_within_one(a->value, b->value) && (knob != KNOB_CPU_MAX || is_within_one(a->aux, b->aux));
}

const char *knob_fault(enum knob knob, const struct knob_value *value)
{
	switch (knob) {
	case KNOB_CPU_WEIGHT:
		return value->value < CPU_WEIGHT_MIN || value->value > CPU_WEIGHT_MAX ? "weight not in 1..10000" : NULL;
	case KNOB_CPU_MAX:
		if (value->aux < CPU_PERIOD_MIN_US || value->aux > CPU_PERIOD_MAX_US)
			return "period not in 1000..1000000 us";
		/* From 2^44 us on the kernel's nanoseconds overflow. */
		if (value->value != KNOB_MAX && (value->value < CPU_QUOTA_MIN_US || value->value >= 1ull << 44))
			return "quota not in 1000..2^44 us";
		return NULL;
	case KNOB_CPU_IDLE:
		return value->value > 1 ? "idle is neither 0 nor 1" : NULL;
	default:
		return "no such knob";
	}
}
