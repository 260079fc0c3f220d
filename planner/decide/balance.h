/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that share the clients' port (share=FRONT:PORT): who gets how much of its new connections. Pure.
 *
 * All have a weight (net.share) as long as they are there, since without one nobody reaches them; it stands for no danger. Each step down is
 * a quarter of an octave, so four of them halve the weight and BALANCE_STEPS leave a sixteenth.
 *
 * room: who may have fewer CPUs than the roomiest of the port (its own limit, or the hands', its annotation, a directory above) stands lower by as
 *	much from the start, so that equal shares of what each may have are asked of all. The published policies know nothing of this.
 * down: who is in danger, as the policy knows it, whatever of, loses half of its weight at once and again each second, as long as some other
 *	of the same port is in none. What ails all of them no share can mend, and they stay as they are.
 * up: one step each two seconds once the danger is over, to just below where it began; there it waits BALANCE_RETRY_NS before it tries
 *	that again. Who is new begins with a quarter.
 *
 * A connection stays where it is, so what this moves are new ones: clients that never connect again it does not help.
 */
#ifndef FORESTALL_BALANCE_H
#define FORESTALL_BALANCE_H

#include "plan.h"

#define BALANCE_STEPS 16
#define BALANCE_RETRY_NS 60000000000ull

/* Adds to *plan and moves the memory in views[]. To be called once per tick, after all else that a danger asks for. */
void balance_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
		  uint64_t now_ns, struct plan *plan);

/* The weight of a step, 1000 of none. */
uint32_t balance_weight(uint32_t step);

#endif
