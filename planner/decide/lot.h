/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lots that a replay draws again: hashes of a seed that recordings hold and of what is drawn for. Pure. */
#ifndef FORESTALL_LOT_H
#define FORESTALL_LOT_H

#include <stdint.h>

/* Different for each x, and as good as random. */
uint64_t lot_mix(uint64_t x);

/* Of such a number: uniform in [0, 1). */
float lot_unit(uint64_t mixed);

#endif
