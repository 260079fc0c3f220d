/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures as a table. */
#ifndef FORESTALL_CMD_FAILURE_H
#define FORESTALL_CMD_FAILURE_H

#include <jansson.h>

/* The list as failure.list has it; nothing when it is empty. */
void failures_print(const json_t *failures);

#endif
