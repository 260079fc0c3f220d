/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the models' commands share: where the models of this host lie, and times as people write them. */
#ifndef FORESTALL_MODEL_DIR_H
#define FORESTALL_MODEL_DIR_H

#include <limits.h>
#include <stdint.h>

#include "command.h"

void model_dir(const struct context *context, char ret[PATH_MAX]);

/* "2026-11-26 03:15:00" or "2026-11-26T03:15:00" in local time, "@UNIXSECONDS", "now". 0, or -1 after it said what is wrong. */
int model_time_parse(const char *text, uint64_t *ret_unix_s);

/* Local time, as model_time_parse() takes it. */
void model_time_format(uint64_t unix_s, char ret[32]);

#endif
