/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of the table of hooks, for signal.c, which has it, and signal_ask.c, which asks the kernel about them. */
#ifndef FORESTALL_SIGNAL_TABLE_H
#define FORESTALL_SIGNAL_TABLE_H

#include "signal.h"

#include <stddef.h>

/* A field is no hook: programs that are there anyway read it, target its struct and args its name. */
enum signal_hook_kind { HOOK_TRACEPOINT, HOOK_FUNCTION, HOOK_CGROUP, HOOK_FIELD };

/*
 * A signal has parts, each of which is needed. A part has ways: sets of hooks, of which the first way that is there whole is
 * taken. args: the structs that the first arguments point to, or the name of another type, as our program takes them; "" takes none.
 */
struct signal_hook {
	enum nerve_signal signal;
	uint8_t part, way;
	enum signal_hook_kind kind;
	const char *program, *target, *args;
	enum nerve_ability needs;	/* what the program needs of the kernel beside the hook; 0: nothing */
};

extern const struct signal_hook signal_hooks[];
extern const size_t signal_hooks_count;

#endif
