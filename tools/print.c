/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "print.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const char *const *headings;
	size_t columns;
	char **cell;
	size_t count, room;
};

int print_end(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	print_problem("standard output: %s; is the disk full or the reader gone?", strerror(errno));
	return 1;
}

int print_json(const struct context *context, json_t *value)
{
	size_t flags = context->is_pretty ? JSON_INDENT(2) : JSON_COMPACT;

	if (!value) {
		print_problem("out of memory; try again");
		return 1;
	}
	json_dumpf(value, stdout, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(7));
	json_decref(value);
	putchar('\n');
	return print_end();
}

struct table *table_new(const char *const *headings, size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->headings = headings;
	table->columns = columns;
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cell[i]);
	free(table->cell);
	free(table);
}

/* Names of cgroups and programs may hold any byte, and must not move somebody's cursor. */
static char *text_clean(const char *text)
{
	char *clean = malloc(4 * strlen(text) + 1), *at = clean;

	if (!clean)
		return NULL;
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			at += sprintf(at, "\\x%02x", (unsigned char)*text);
		else
			*at++ = *text;
	}
	*at = '\0';
	return clean;
}

void table_cell(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (!table)
		return;
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **cell = reallocarray(table->cell, room, sizeof(*cell));

		if (!cell)
			return;
		table->cell = cell;
		table->room = room;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table->cell[table->count++] = text ? text_clean(text) : NULL;
	free(text);
}

void table_number(struct table *table, const json_t *value, double scale, int decimals)
{
	if (json_is_number(value))
		table_cell(table, "%.*f", decimals, json_number_value(value) * scale);
	else
		table_cell(table, "-");
}

void table_bytes(struct table *table, const json_t *value)
{
	static const char units[] = " KMGTP";
	double bytes = json_number_value(value);
	int unit = 0;

	for (; bytes >= 1024 && unit < 5; unit++)
		bytes /= 1024;
	if (json_is_number(value))
		table_cell(table, "%.*f%.1s", unit && bytes < 10 ? 1 : 0, bytes, unit ? units + unit : "");
	else
		table_cell(table, "-");
}

static const char *heading_text(const char *heading)
{
	return heading + (heading[0] == '>');
}

static const char *cell_text(const struct table *table, size_t idx)
{
	return table->cell[idx] ? table->cell[idx] : "?";
}

static int column_width(const struct table *table, size_t column, size_t cells)
{
	size_t width = strlen(heading_text(table->headings[column]));

	for (size_t i = column; i < cells; i += table->columns) {
		size_t length = strlen(cell_text(table, i));

		width = length > width ? length : width;
	}
	return (int)width;
}

static void cell_print(const struct table *table, size_t column, const char *text, int width)
{
	const char *end = column + 1 < table->columns ? "  " : "\n";

	if (table->headings[column][0] == '>')
		printf("%*s%s", width, text, end);
	else
		printf("%-*s%s", column + 1 < table->columns ? width : 0, text, end);
}

void table_print(const struct table *table, size_t rows_max)
{
	size_t cells;
	int *width;

	if (!table)
		return;
	cells = table->count / table->columns > rows_max ? rows_max * table->columns : table->count;
	width = calloc(table->columns, sizeof(*width));
	if (!width)
		return;
	for (size_t i = 0; i < table->columns; i++)
		width[i] = column_width(table, i, cells);
	for (size_t i = 0; i < table->columns; i++)
		cell_print(table, i, heading_text(table->headings[i]), width[i]);
	for (size_t i = 0; i < cells; i++)
		cell_print(table, i % table->columns, cell_text(table, i), width[i % table->columns]);
	free(width);
}
