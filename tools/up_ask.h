/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forestall-up asks the mind and tells systemd, by libc alone. */
#ifndef FORESTALL_UP_ASK_H
#define FORESTALL_UP_ASK_H

#include <stdint.h>

/*
 * Where in its status the mind says how many cgroups it observes, valid until the next call; NULL when it says nothing within 4 s, or nothing
 * good.
 */
const char *mind_ask(const char *run_dir);

/* Tells systemd, where that started us (Type=notify, sd_notify(3)). What it does not hear it waits for in vain, and says so itself. */
void manager_tell(const char *state);

/* How often to look at the mind: a quarter of the unit's WatchdogSec= (sd_watchdog_enabled(3)), or 10 s. */
uint64_t manager_pulse_ns(void);

#endif
