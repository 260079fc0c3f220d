/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of `forestall event` share: their options, and the file of events opened and written with problems said. */
#ifndef FORESTALL_EVENT_WORDS_H
#define FORESTALL_EVENT_WORDS_H

#include "command.h"
#include "setup/event_file.h"

/* Options of a command, each with a value; absent ones stay NULL. */
struct option_value {
	const char *name;
	const char **value;
};

/* 0, or -1: something else is there. */
int event_options_read(int argc, char **argv, int from, const struct option_value *options, size_t count);

/* 0, or with r != 0 the exit status after it said what is wrong with the word. */
int event_word_problem(const char *option, const char *word, int r, const struct event_error *error);

/* All that is announced; events_close() writes it anew and frees it. 0, or 1 after they said what is wrong. */
int events_open(const struct context *context, struct events *ret);
int events_close(const struct context *context, struct events *events);

#endif
