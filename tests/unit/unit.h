/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes, in the order that cmocka asks for. */
#ifndef FORESTALL_UNIT_H
#define FORESTALL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NS_PER_SECOND 1000000000ull

#endif
