/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output: tables, JSON, and lines for people. */
#ifndef FORESTALL_PRINT_H
#define FORESTALL_PRINT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "command.h"

/* "forestall: ..." on stderr: one line that names the thing and the remedy. */
void print_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what is no problem. */
void print_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes the reference; NULL counts as out of memory. 0, or 1 when stdout takes no more. */
int print_json(const struct context *context, json_t *value);

/* Flushes stdout: 0, or 1 after it said that it takes no more. */
int print_end(void);

/* Columns as wide as their widest cell. What a terminal would obey is shown as \xXX. */
struct table;

/* A heading that begins with '>' aligns its column to the right. NULL when out of memory, which all others take. */
struct table *table_new(const char *const *headings, size_t columns);
void table_free(struct table *table);

/* Adds the next cell, row by row. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds value * scale with that many decimals, "-" for null. */
void table_number(struct table *table, const json_t *value, double scale, int decimals);

/* Adds a number of bytes as "4.2M", "-" for null. */
void table_bytes(struct table *table, const json_t *value);

/* At most rows_max rows. */
void table_print(const struct table *table, size_t rows_max);

#endif
