/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the CLI asks the mind; the questions are listed in agent/serve/answer.h. */
#ifndef FORESTALL_TOOLS_CLIENT_H
#define FORESTALL_TOOLS_CLIENT_H

#include <jansson.h>

#include "command.h"

/*
 * Takes the reference of the question. The answer, ok or not, which the caller drops; NULL with -errno in *ret_error
 * (-ENOENT or -ECONNREFUSED: no mind runs; -ETIMEDOUT: it does not answer within 2 s).
 */
json_t *client_call(const char *run_dir, json_t *question, int *ret_error);

/* The same for people: NULL after it said what is wrong, also when the mind answered with an error. */
json_t *client_ask(const struct context *context, json_t *question);

/* All instances as one array, page by page; NULL after it said what is wrong. */
json_t *client_instances(const struct context *context);

#endif
