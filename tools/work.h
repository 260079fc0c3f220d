/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs that do not see each other, on all CPUs. What comes out does not depend on how many there are. */
#ifndef FORESTALL_WORK_H
#define FORESTALL_WORK_H

#include <stdint.h>

/* Calls job for 0..count - 1, in any order; jobs must not touch what another one does. */
void work_all(uint32_t count, void (*job)(void *context, uint32_t index), void *context);

#endif
