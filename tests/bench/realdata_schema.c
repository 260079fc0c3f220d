/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The schema file: lines of words, a section per data set. realdata.schema shows and explains them all. */
#include <stdlib.h>
#include <string.h>

#include "realdata.h"

#define WORDS_MAX 8

static const char *const operation_names[] = {
	"level", "scale", "busy", "mean", "max", "min", "top", "rate", "since", "hour"
};
_Static_assert(sizeof(operation_names) / sizeof(operation_names[0]) == OPERATION_COUNT, "a name per operation");
static const char *const curve_names[] = { "linear", "log" };
_Static_assert(sizeof(curve_names) / sizeof(curve_names[0]) == CURVE_COUNT, "a name per curve");

static int name_find(const char *const names[], int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static int column_find(const struct schema *schema, const char *name)
{
	for (uint32_t c = 0; c < schema->columns; c++)
		if (!strcmp(schema->column[c].name, name))
			return (int)c;
	return -1;
}

static void copy_word(char *to, size_t bytes, const char *from)
{
	snprintf(to, bytes, "%s", from);
}

/* column NAME CURVE FLOOR SOURCE [+|/ SOURCE] */
static int parse_column(struct schema *schema, char *const words[], int count)
{
	struct schema_column *column = &schema->column[schema->columns];
	int curve = count == 5 || count == 7 ? name_find(curve_names, CURVE_COUNT, words[2]) : -1;

	if (curve < 0 || schema->columns == COLUMNS_MAX)
		return -1;
	copy_word(column->name, sizeof(column->name), words[1]);
	column->curve = (enum curve)curve;
	column->floor = strtof(words[3], NULL);
	copy_word(column->source[0], sizeof(column->source[0]), words[4]);
	if (count == 7) {
		column->join = words[5][0];
		copy_word(column->source[1], sizeof(column->source[1]), words[6]);
	}
	schema->columns++;
	return column->floor > 0 ? 0 : -1;
}

static int push_input(struct schema *schema, struct schema_input input, int column)
{
	uint32_t takes = input.operation == OPERATION_HOUR ? 2 : 1;

	if (schema->inputs + takes > FEATURE_COUNT)
		return -1;
	input.column = (uint32_t)column;
	for (uint32_t i = 0; i < takes; i++) {
		input.lag = input.operation == OPERATION_HOUR ? (int32_t)i : input.lag;
		schema->input[schema->inputs++] = input;
	}
	return 0;
}

/* input OPERATION [COLUMN|*] [NUMBERS]; which numbers depends on the operation. */
static int parse_input(struct schema *schema, char *const words[], int count)
{
	int operation = count >= 2 ? name_find(operation_names, OPERATION_COUNT, words[1]) : -1;
	struct schema_input input = { .operation = (enum operation)operation, .lag = 1, .width = 1 };
	float number[3] = { 0 };
	int column = count >= 3 ? column_find(schema, words[2]) : 0;

	for (int i = 3; i < count && i < 6; i++)
		number[i - 3] = strtof(words[i], NULL);
	if (operation < 0 || (column < 0 && strcmp(words[2], "*")))
		return -1;
	if (operation >= OPERATION_MEAN && operation <= OPERATION_TOP) {
		input.lag = (int32_t)number[0];
		input.width = (int32_t)number[1];
		input.factor = number[2];
		if (input.width < 1 || input.lag < input.width)
			return -1;
	} else {
		input.factor = number[0];
		input.width = (int32_t)number[1];
	}
	if (column >= 0)
		return push_input(schema, input, column);
	for (uint32_t c = 0; c < schema->columns; c++)
		if (push_input(schema, input, (int)c) < 0)
			return -1;
	return 0;
}

static int parse_ahead(struct schema *schema, char *const words[], int count)
{
	for (int i = 1; i < count && schema->aheads < AHEAD_MAX; i++)
		schema->ahead[schema->aheads++] = (uint32_t)strtoul(words[i], NULL, 10);
	return schema->aheads > 0 && schema->aheads * schema->columns <= SLOTS_MAX ? 0 : -1;
}

static int parse_line(struct schema *schema, char *const words[], int count)
{
	const char *verb = words[0];

	if (!strcmp(verb, "column"))
		return parse_column(schema, words, count);
	if (!strcmp(verb, "input"))
		return parse_input(schema, words, count);
	if (!strcmp(verb, "ahead"))
		return parse_ahead(schema, words, count);
	if (count < 2)
		return -1;
	if (!strcmp(verb, "files"))
		copy_word(schema->files, sizeof(schema->files), words[1]);
	else if (!strcmp(verb, "key"))
		copy_word(schema->key, sizeof(schema->key), words[1]);
	else if (!strcmp(verb, "label"))
		copy_word(schema->label, sizeof(schema->label), words[1]);
	else if (!strcmp(verb, "time")) {
		copy_word(schema->time, sizeof(schema->time), words[1]);
		schema->time_start = count > 2 ? strtod(words[2], NULL) : 0;
		schema->time_step = count > 3 ? strtod(words[3], NULL) : 0;
	} else
		return -1;
	return 0;
}

static int split_words(char *line, char *words[WORDS_MAX])
{
	int count = 0;

	line[strcspn(line, "#\n")] = '\0';
	for (char *word = strtok(line, " \t"); word && count < WORDS_MAX; word = strtok(NULL, " \t"))
		words[count++] = word;
	return count;
}

int schema_load(const char *file, const char *section, struct schema *ret)
{
	FILE *text = fopen(file, "r");
	char line[256], *words[WORDS_MAX], wanted[32];
	bool inside = false, found = false;
	int number = 0, r = 0;

	if (!text) {
		fprintf(stderr, "%s: cannot be read; SCHEMA= names the schema file\n", file);
		return -1;
	}
	memset(ret, 0, sizeof(*ret));
	snprintf(wanted, sizeof(wanted), "[%s]", section);
	while (!r && fgets(line, sizeof(line), text)) {
		int count = split_words(line, words);

		number++;
		if (count && words[0][0] == '[')
			found |= inside = !strcmp(words[0], wanted);
		else if (count && inside)
			r = parse_line(ret, words, count);
	}
	fclose(text);
	if (r < 0)
		fprintf(stderr, "%s:%d: not understood; the head of the file explains its words\n", file, number);
	else if (!found)
		fprintf(stderr, "%s: has no section [%s]\n", file, section);
	return found ? r : -1;
}
