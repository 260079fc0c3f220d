/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would help where the plan has nothing left to do. Pure; it writes nothing and changes no plan but by saying so.
 *
 * Advice is given for an instance whose bound is measured to be missed for ADVICE_CPU_NS on end (of disks and wires, whose limits still move for
 * seconds, ADVICE_IO_NS) although, in this order:
 *
 * capped: its own limit, or the maximum that its annotation grants, holds it back: nobody else could give it more;
 * promised: the annotated minima of all within what is scarce are more than there is;
 * no giver: nobody of a lower tier uses the resource there;
 * ladder: some do, the hands have taken every rung from them, and it was not enough. Where the hands may not act nothing was tried, and nothing is said.
 *
 * Who is looked at is who uses most: one nobody annotated could give as soon as it is annotated, and that costs least; else one of the two has to
 * move. What is scarce below a directory's limit and not on the host is got by raising that limit.
 */
#ifndef FORESTALL_ADVICE_H
#define FORESTALL_ADVICE_H

#include "ledger.h"

#define ADVICE_CPU_NS 10000000000ull
#define ADVICE_IO_NS 20000000000ull

enum advice_why { ADVICE_NONE, ADVICE_CAPPED, ADVICE_PROMISED, ADVICE_NO_GIVER, ADVICE_LADDER, ADVICE_WHY_COUNT };

enum advice_help {
	ADVICE_MOVE,		/* `other` away from here, which may be the instance itself */
	ADVICE_RAISE,		/* the limit of `other`, or where that is the instance the maximum of its annotation too, to `amount` */
	ADVICE_ANNOTATE,	/* `other`, with a lower tier */
	ADVICE_PROMISE,		/* less: minima by `amount` */
	ADVICE_HELP_COUNT
};

/* Kept between ticks: it is thought over once a second. */
struct advice {
	uint32_t count, pad;
	struct plan_advice list[PLAN_ADVICE_MAX];
};

/* Once per tick, after the plan was made: fills its advice. */
void advice_tick(struct advice *advice, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		 uint32_t count, enum ledger_hands hands, struct plan *plan);

const char *advice_why_name(enum advice_why why);
const char *advice_help_name(enum advice_help help);

#endif
