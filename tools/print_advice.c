/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print_advice.h"

#include <stdio.h>
#include <string.h>

#include "print.h"

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)) ?: "-"; }
static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }
static bool is(const json_t *advice, const char *key, const char *value) { return !strcmp(text_of(advice, key), value); }

/* "1.50 CPUs", "64.0 MB", "1.2 MB/s". */
static const char *amount_text(const json_t *advice, const char *key, char text[32])
{
	if (is(advice, "resource", "cpu"))
		snprintf(text, 32, "%.2f CPUs", number_of(advice, key));
	else
		snprintf(text, 32, "%.1f MB%s", number_of(advice, key) / 1e6, is(advice, "resource", "memory") ? "" : "/s");
	return text;
}

static const char *why_text(const json_t *advice)
{
	static const char *const texts[][2] = {
		{ "capped", "its own limit or its annotated maximum holds it back" },
		{ "promised", "the annotated minima are more than there is" },
		{ "no_giver", "nobody annotated with a lower tier uses it" },
		{ "ladder", "every rung was taken from those of a lower tier, and it was not enough" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (is(advice, "why", texts[i][0]))
			return texts[i][1];
	return text_of(advice, "why");
}

static void help_cell(struct table *table, const json_t *advice)
{
	const char *resource = text_of(advice, "resource"), *other = text_of(advice, "other");
	bool is_self = !strcmp(other, text_of(advice, "path"));
	char amount[32];

	amount_text(advice, "amount", amount);
	if (is(advice, "help", "raise") && is_self)
		table_cell(table, "raise its limit of %s, and the maximum of its annotation, to %s", resource, amount);
	else if (is(advice, "help", "raise"))
		table_cell(table, "raise the limit of %s of %s to %s", resource, other, amount);
	else if (is(advice, "help", "annotate"))
		table_cell(table, "annotate %s (tier=best-effort), which uses %s: then it can give", other, amount);
	else if (is(advice, "help", "promise_less"))
		table_cell(table, "lower minima (%s=MIN..) by %s in all, or move one of them", resource, amount);
	else if (is_self)
		table_cell(table, "move it, which wants %s, to where there is more, or loosen its bound", amount);
	else
		table_cell(table, "move %s, which uses %s, away from here", other, amount);
}

static void room_cell(struct table *table, const json_t *advice)
{
	char room[32];

	table_cell(table, "%s", json_is_number(json_object_get(advice, "room")) ? amount_text(advice, "room", room) : "-");
}

void advice_print(const json_t *list)
{
	static const char *const headings[] = { "ADVICE FOR", "OF", ">FOR s", "WHY NOTHING IS LEFT TO DO", "WHAT WOULD HELP", ">FREE ON HOST" };
	struct table *table = table_new(headings, sizeof(headings) / sizeof(headings[0]));
	json_t *advice;
	size_t i;

	json_array_foreach((json_t *)list, i, advice) {
		table_cell(table, "%s", text_of(advice, "path"));
		table_cell(table, "%s", text_of(advice, "resource"));
		table_number(table, json_object_get(advice, "lasts_s"), 1, 0);
		table_cell(table, "%s", why_text(advice));
		help_cell(table, advice);
		room_cell(table, advice);
	}
	if (i)
		table_print(table, SIZE_MAX);
	table_free(table);
}

void advice_one_print(json_t *advice)
{
	json_t *list = json_is_object(advice) ? json_pack("[O]", advice) : NULL;

	advice_print(list);
	json_decref(list);
}
