/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values that cannot fail on what the world holds: numbers that are not finite and names that are not UTF-8.
 * All are new references, NULL only when out of memory.
 */
#ifndef FORESTALL_VALUE_H
#define FORESTALL_VALUE_H

#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>

/* null for NaN and infinities. */
json_t *value_number(double number);

/* null below zero too: how the core marks "not measured". */
json_t *value_measured(double number);

/* Bytes of text that is not UTF-8 stand as \xXX: cgroups may be named with any byte. NULL text is null. */
json_t *value_text(const char *text);

/* "MAJOR:MINOR" of a disk as in struct action; null for 0. */
json_t *value_device(uint32_t device);

/* What a knob's `device` stands for as in struct action: a disk, or of net.share "FRONT:PORT". */
json_t *value_place(uint32_t knob, uint32_t device);

/* {"ok":false,"error":"..."} */
json_t *value_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
