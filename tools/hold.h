/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Actions asked for by people: held by the hands as long as the command runs, and let go at its end, however it ends. */
#ifndef FORESTALL_TOOLS_HOLD_H
#define FORESTALL_TOOLS_HOLD_H

#include <stdint.h>

#include "act/protocol.h"
#include "command.h"

/*
 * Fills path and cgroup_id; `path` is what command_path() made of the user's. 0, or 1 after it said what is wrong.
 */
int hold_place(const struct context *context, const char *path, struct action *ret);

/* The path may be another cgroup by now: takes its id, if there is one. */
void hold_refresh(const struct context *context, struct action *action);

/*
 * May change the values of the actions before they are renewed; the actions themselves stay. False: end now. Where there is a
 * step, some of the actions may be lost and come back; only without one is that the end.
 */
typedef bool (*hold_step)(void *arg, struct message *message);

/*
 * Sends the actions of `message` and renews them each second for `seconds` (0: until Ctrl-C), then releases them.
 * Prints once what became of each. 0, or 1 when one of them is not
 * held or was lost.
 */
int hold_run(const struct context *context, struct message *message, unsigned long seconds, hold_step step, void *arg);

#endif
