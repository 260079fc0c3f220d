/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSV files to series: rows are grouped by key and put in their place in time; gaps repeat the last row. */
#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "realdata.h"

#define FIELDS_MAX 32
#define STEPS_MAX 200000
#define SCALE_RATE (1.0f / 144)	/* of what scale[t] forgets: half a day */

/* Which fields of a row the schema wants; -1: none. */
struct header {
	int key, time, label, source[COLUMNS_MAX][2];
};

static int split_fields(char *line, char *fields[FIELDS_MAX])
{
	int count = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *at = line; at && count < FIELDS_MAX; count++) {
		fields[count] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = '\0';
	}
	return count;
}

static int field_find(char *const fields[], int count, const char *name)
{
	for (int i = 0; name[0] && i < count; i++)
		if (!strcmp(fields[i], name))
			return i;
	return -1;
}

static int header_parse(const struct schema *schema, char *const fields[], int count, struct header *ret)
{
	ret->key = field_find(fields, count, schema->key);
	ret->time = field_find(fields, count, schema->time);
	ret->label = field_find(fields, count, schema->label);
	for (uint32_t c = 0; c < schema->columns; c++) {
		const struct schema_column *column = &schema->column[c];

		for (int i = 0; i < 2; i++)
			ret->source[c][i] = field_find(fields, count, column->source[i]);
		if (ret->source[c][0] < 0 || (column->join && ret->source[c][1] < 0))
			return -1;
	}
	return ret->key < 0 || ret->time < 0 ? -1 : 0;
}

/* Seconds; a date as "2014-02-14 14:30:00", or a number. */
static double time_parse(const char *text)
{
	struct tm parts = { 0 };

	if (strlen(text) > 10 && strptime(text, "%Y-%m-%d %H:%M:%S", &parts))
		return (double)timegm(&parts);
	return strtod(text, NULL);
}

static float value_parse(const struct schema_column *column, char *const fields[], const int source[2])
{
	float value = strtof(fields[source[0]], NULL);

	if (column->join == '+')
		value += strtof(fields[source[1]], NULL);
	if (column->join == '/')
		value = 100 * value / fmaxf(strtof(fields[source[1]], NULL), 1);
	return column->curve == CURVE_LOG ? log1pf(fmaxf(value, 0)) : value;
}

static struct series *series_for(struct table *table, const char *name)
{
	struct series *last = table->count ? &table->series[table->count - 1] : NULL;

	/* Rows of one key mostly follow each other. */
	if (last && !strcmp(last->name, name))
		return last;
	last = (struct series *)table_find(table, name);
	if (last)
		return last;
	table->series = realloc(table->series, (table->count + 1) * sizeof(*table->series));
	last = &table->series[table->count++];
	memset(last, 0, sizeof(*last));
	snprintf(last->name, sizeof(last->name), "%s", name);
	return last;
}

static void series_grow(struct series *series, uint32_t steps, uint32_t columns)
{
	uint32_t old = series->capacity;

	if (steps > old) {
		uint32_t more = steps > 2 * old ? steps : 2 * old;

		series->value = realloc(series->value, (size_t)more * columns * sizeof(float));
		series->time = realloc(series->time, more * sizeof(double));
		series->label = realloc(series->label, more * sizeof(uint16_t));
		series->known = realloc(series->known, more);
		memset(series->known + old, 0, more - old);
		memset(series->label + old, 0, (more - old) * sizeof(uint16_t));
		series->capacity = more;
	}
	series->steps = series->steps > steps ? series->steps : steps;
}

static void row_add(struct table *table, const struct header *header, char *const fields[], bool labelled)
{
	const struct schema *schema = table->schema;
	struct series *series = series_for(table, fields[header->key]);
	double time = time_parse(fields[header->time]);
	double place = schema->time_step > 0 ? nearbyint((time - schema->time_start) / schema->time_step) : series->steps;
	uint32_t t = (uint32_t)place;

	if (!(place >= 0 && place < STEPS_MAX))
		return;
	series_grow(series, t + 1, schema->columns);
	series->known[t] = 1;
	series->time[t] = time;
	if (labelled)
		series->label[t] = (uint16_t)strtoul(fields[header->label], NULL, 10);
	for (uint32_t c = 0; c < schema->columns; c++)
		series->value[t * schema->columns + c] = value_parse(&schema->column[c], fields, header->source[c]);
}

static int file_load(struct table *table, const char *path, enum labelled wanted)
{
	char *line = NULL, *fields[FIELDS_MAX];
	struct header header;
	size_t room = 0;
	int child, count, r = 0;
	FILE *file = text_open(path, &child);

	if (!file || getline(&line, &room, file) < 0) {
		fprintf(stderr, "%s: cannot be read, or is empty\n", path);
		r = -1;
	}
	count = r ? 0 : split_fields(line, fields);
	/* Another kind of file in the same folder is no business of this section. */
	if (!r && header_parse(table->schema, fields, count, &header) == 0 &&
	    (wanted == LABELLED_ANY || (wanted == LABELLED_YES) == (header.label >= 0)))
		while (getline(&line, &room, file) > 0)
			if (split_fields(line, fields) == count)
				row_add(table, &header, fields, header.label >= 0);
	while (file && !feof(file) && getline(&line, &room, file) > 0)
		continue;
	free(line);
	return file && text_close(file, child) < 0 ? -1 : r;
}

static void fill_gaps(struct series *series, uint32_t columns)
{
	uint32_t first = 0;

	while (!series->known[first])
		first++;
	for (uint32_t t = 0; t < series->steps; t++) {
		uint32_t from = t < first ? first : t - 1;

		if (series->known[t])
			continue;
		memcpy(series->value + t * columns, series->value + from * columns, columns * sizeof(float));
		series->time[t] = series->time[from];
	}
}

void series_rescale(const struct schema *schema, struct series *series)
{
	uint32_t columns = schema->columns;
	float mean[COLUMNS_MAX] = { 0 };

	free(series->scale);
	free(series->highest);
	series->scale = must_alloc((size_t)series->steps * columns, sizeof(float));
	series->highest = must_alloc((size_t)series->steps * columns, sizeof(float));
	for (uint32_t t = 0; t < series->steps; t++) {
		for (uint32_t c = 0; c < columns; c++) {
			const float *x = series->value + t * columns + c;
			/* The first steps average what there is. */
			float rate = fmaxf(SCALE_RATE, 1 / (float)(t + 1));

			mean[c] += t ? rate * (fabsf(x[0] - *(x - columns)) - mean[c]) : 0;
			series->scale[t * columns + c] = schema->column[c].floor + mean[c];
			series->highest[t * columns + c] = t ? fmaxf(x[0], series->highest[(t - 1) * columns + c]) : x[0];
		}
	}
}

int table_load(const struct schema *schema, const char *folder, enum labelled wanted, struct table *ret)
{
	char pattern[4096];
	glob_t files;
	int r = 0;

	*ret = (struct table) { .schema = schema };
	snprintf(pattern, sizeof(pattern), "%s/%s", folder, schema->files);
	if (glob(pattern, 0, NULL, &files))
		return 1;
	for (size_t i = 0; !r && i < files.gl_pathc; i++)
		r = file_load(ret, files.gl_pathv[i], wanted);
	globfree(&files);
	for (uint32_t i = 0; i < ret->count; i++) {
		fill_gaps(&ret->series[i], schema->columns);
		series_rescale(schema, &ret->series[i]);
	}
	return r ? r : ret->count == 0;
}

const struct series *table_find(const struct table *table, const char *name)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (!strcmp(table->series[i].name, name))
			return &table->series[i];
	return NULL;
}

void table_free(struct table *table)
{
	for (uint32_t i = 0; i < table->count; i++) {
		free(table->series[i].value);
		free(table->series[i].scale);
		free(table->series[i].highest);
		free(table->series[i].time);
		free(table->series[i].label);
		free(table->series[i].known);
		free(table->series[i].score[0]);
		free(table->series[i].score[1]);
	}
	free(table->series);
	*table = (struct table) { 0 };
}
