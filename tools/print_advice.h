/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would help where the plan has nothing left to do, for people. */
#ifndef FORESTALL_PRINT_ADVICE_H
#define FORESTALL_PRINT_ADVICE_H

#include <jansson.h>

/* "advice" of plan.show and status as a table; nothing of nothing. */
void advice_print(const json_t *list);

/* The same of one, as a decision has it. */
void advice_one_print(json_t *advice);

#endif
