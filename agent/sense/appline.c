/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 1e15	/* beyond that a double loses the sixth digit after the point */
#define WEIGHT_MAX 1e6

/* What is left of a line. */
struct text {
	const char *at;
	size_t bytes;
};

static bool text_is(struct text text, const char *word)
{
	return text.bytes == strlen(word) && !memcmp(text.at, word, text.bytes);
}

static bool text_ends_in(struct text text, const char *word)
{
	size_t bytes = strlen(word);

	return text.bytes >= bytes && !memcmp(text.at + text.bytes - bytes, word, bytes);
}

/* Cuts off what is before the first of the two characters and that character; all of it when neither is there. */
static struct text text_cut(struct text *rest, char one, char other, char *ret_which)
{
	struct text head = { rest->at, 0 };

	while (head.bytes < rest->bytes && head.at[head.bytes] != one && head.at[head.bytes] != other)
		head.bytes++;
	*ret_which = head.bytes < rest->bytes ? head.at[head.bytes] : '\0';
	rest->at += head.bytes + (*ret_which != '\0');
	rest->bytes -= head.bytes + (*ret_which != '\0');
	return head;
}

static struct text word_cut(struct text *rest)
{
	char which;

	while (rest->bytes && (rest->at[0] == ' ' || rest->at[0] == '\t'))
		*rest = (struct text){ rest->at + 1, rest->bytes - 1 };
	return text_cut(rest, ' ', '\t', &which);
}

/* A decimal number, no hexadecimal, "inf" or "nan". */
static bool number_read(struct text text, double *ret)
{
	char copy[40], *end;

	if (!text.bytes || text.bytes >= sizeof(copy))
		return false;
	memcpy(copy, text.at, text.bytes);
	copy[text.bytes] = '\0';
	if (strspn(copy, "0123456789+-.eE") != text.bytes)
		return false;
	*ret = strtod(copy, &end);
	return *end == '\0' && fabs(*ret) <= VALUE_MAX;
}

static bool name_read(struct text text, char ret[APPLINE_NAME_MAX])
{
	if (!text.bytes || text.bytes >= APPLINE_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.bytes; i++) {
		char c = text.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
			return false;
	}
	memset(ret, 0, APPLINE_NAME_MAX);
	memcpy(ret, text.at, text.bytes);
	return true;
}

static int refuse(const char *why, const char **ret_why)
{
	*ret_why = why;
	return -EINVAL;
}

static bool kind_read(struct text text, enum app_kind *ret)
{
	if (text_is(text, "ms") || text_is(text, "h") || text_is(text, "d"))
		*ret = APP_TIMER;
	else if (text_is(text, "c"))
		*ret = APP_COUNTER;
	else if (text_is(text, "g"))
		*ret = APP_GAUGE;
	else
		return false;
	return true;
}

static bool rate_read(struct text rest, double *ret_weight)
{
	char which = '|';

	while (which == '|') {
		struct text part = text_cut(&rest, '|', '|', &which);
		double rate;

		if (!part.bytes || part.at[0] != '@')
			continue;
		if (!number_read((struct text){ part.at + 1, part.bytes - 1 }, &rate) || !(rate > 0) || rate > 1)
			return false;
		*ret_weight = fmin(1 / rate, WEIGHT_MAX);
	}
	return true;
}

/* What stands after "name:". */
static int statsd_parse(struct text rest, struct appline *ret, const char **ret_why)
{
	char which;
	struct text value = text_cut(&rest, '|', '|', &which), kind = text_cut(&rest, '|', '|', &which);

	if (!kind_read(kind, &ret->kind))
		return refuse("has a type other than c, g, ms, h and d", ret_why);
	if (!number_read(value, &ret->value))
		return refuse("has no number as value", ret_why);
	if (which && !rate_read(rest, &ret->weight))
		return refuse("has a sample rate that is not above 0 and at most 1", ret_why);
	ret->is_delta = ret->kind == APP_GAUGE && (value.at[0] == '+' || value.at[0] == '-');
	return 1;
}

static void type_take(struct text rest, struct appline_types *types)
{
	struct text word = word_cut(&rest), name, type;

	if (!text_is(word, "TYPE") || types->count == APPLINE_TYPES_MAX)
		return;
	name = word_cut(&rest);
	type = word_cut(&rest);
	if (!name_read(name, types->name[types->count]))
		return;
	types->is_counter[types->count++] = text_is(type, "counter");
}

static bool is_counter(const struct appline_types *types, struct text name)
{
	for (uint32_t i = 0; i < types->count; i++)
		if (text_is(name, types->name[i]))
			return types->is_counter[i];
	return text_ends_in(name, "_total");
}

/* What stands after the name: value and perhaps a time, which is ours to tell. */
static int metric_parse(struct text name, struct text rest, const struct appline_types *types, struct appline *ret,
			const char **ret_why)
{
	if (text_ends_in(name, "_bucket") || text_ends_in(name, "_sum") || text_ends_in(name, "_count"))
		return 0;
	if (!number_read(word_cut(&rest), &ret->value))
		return refuse("has no number as value", ret_why);
	ret->is_total = is_counter(types, name);
	ret->kind = ret->is_total ? APP_COUNTER : APP_GAUGE;
	return 1;
}

/* What stands after "name{". */
static int labelled_parse(struct text name, struct text rest, const struct appline_types *types, struct appline *ret,
			  const char **ret_why)
{
	char which;
	struct text labels = text_cut(&rest, '}', '}', &which);

	if (text_ends_in(name, "_bucket"))
		return 0;
	if (labels.bytes > 9 && !memcmp(labels.at, "quantile=", 9) && !memchr(labels.at, ',', labels.bytes))
		return text_is(labels, "quantile=\"0.99\"") ? metric_parse(name, rest, types, ret, ret_why) : 0;
	if (labels.bytes || !which)
		return refuse("has labels; send a name for each series", ret_why);
	return metric_parse(name, rest, types, ret, ret_why);
}

int appline_parse(const char *line, size_t bytes, struct appline_types *types, struct appline *ret, const char **ret_why)
{
	struct text rest = { line, bytes }, name;
	size_t at = 0;

	while (rest.bytes && (rest.at[rest.bytes - 1] == '\r' || rest.at[rest.bytes - 1] == ' '))
		rest.bytes--;
	if (!rest.bytes)
		return 0;
	if (rest.at[0] == '#') {
		type_take((struct text){ rest.at + 1, rest.bytes - 1 }, types);
		return 0;
	}
	while (at < rest.bytes && !strchr(":{ \t", rest.at[at] ?: '?'))
		at++;
	name = (struct text){ rest.at, at };
	*ret = (struct appline){ .weight = 1 };
	if (!name_read(name, ret->name))
		return refuse("has no name of at most 27 of a-z A-Z 0-9 _ . -", ret_why);
	if (at == rest.bytes)
		return refuse("has no value", ret_why);
	rest = (struct text){ rest.at + at + 1, rest.bytes - at - 1 };
	if (line[at] == ':')
		return statsd_parse(rest, ret, ret_why);
	if (line[at] == '{')
		return labelled_parse(name, rest, types, ret, ret_why);
	return metric_parse(name, rest, types, ret, ret_why);
}
