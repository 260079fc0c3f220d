/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came of the champion's risks, second by second, for the drift test. */
#ifndef FORESTALL_WATCH_LOSS_H
#define FORESTALL_WATCH_LOSS_H

#include "decide/mind.h"
#include "drift.h"

struct watch_loss;

/* NULL when out of memory. */
struct watch_loss *watch_loss_new(uint32_t slots_max);
void watch_loss_free(struct watch_loss *watch);

/* Forgets what was said: another champion speaks. */
void watch_loss_reset(struct watch_loss *watch);

/* After each second: risks of two seconds ago whose label is known now go into drift. */
void watch_loss_second(struct watch_loss *watch, const struct mind *mind, uint64_t now_ns, struct drift *drift);

#endif
