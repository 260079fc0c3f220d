/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of knobs: text of the kernel, text of the journal, comparison, bounds. Pure. */
#ifndef FORESTALL_ACT_KNOB_H
#define FORESTALL_ACT_KNOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

#define KNOB_MAX UINT64_MAX		/* cpu.max without a quota: "max" */
#define KNOB_TEXT_MAX 48

struct knob_value {
	uint64_t value;		/* weight; quota in us or KNOB_MAX; 0 or 1 */
	/*
	 * cpu.max: period in us. cpu.idle read as 0: the cpu.weight at that time, since the kernel forgets the weight
	 * when a group becomes idle and undo has to bring it back. Otherwise 0.
	 */
	uint64_t aux;
};

/* Reads what the kernel shows in the knob's file, with or without a newline. -EINVAL, *ret untouched, if it is odd. */
int knob_parse(enum knob knob, const char *text, struct knob_value *ret);

/* Writes what the kernel takes in the knob's file. Returns the length, or -ENOSPC. */
int knob_format(enum knob knob, const struct knob_value *value, char *buf, size_t size);

/* The same value as one word of the journal: "100", "max/100000", "0/300". */
int knob_word_parse(enum knob knob, const char *text, struct knob_value *ret);
int knob_word_format(enum knob knob, const struct knob_value *value, char *buf, size_t size);

/* Both are the same setting. cpu.idle is compared without the weight it remembers. */
bool knob_equal(enum knob knob, const struct knob_value *a, const struct knob_value *b);

/* Both may be the same setting before and after the kernel rounded it. */
bool knob_close(enum knob knob, const struct knob_value *a, const struct knob_value *b);

/* What is wrong with the value an action asks for, or NULL when it is within the bounds of the hands. */
const char *knob_fault(enum knob knob, const struct knob_value *value);

/* Parses digits only, up to `end`, which must be the next character. -EINVAL on anything else or overflow. */
int number_parse(const char *text, char end, uint64_t *ret);

#endif
