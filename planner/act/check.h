/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that can speak against an action, in order; reads only. Used by apply alone. */
#ifndef FORESTALL_ACT_CHECK_H
#define FORESTALL_ACT_CHECK_H

#include "apply.h"

/* One action on its way. place is opened by change_check() and closed by the caller. */
struct change {
	const struct action *action;
	struct now now;
	struct knob_value wanted;
	struct knob_value current;	/* as read just now */
	struct place place;
	const struct hold *hold;	/* NULL when the knob is not held yet */
	struct stuck stuck;		/* memory.high: what that of the hold becomes */
	uint64_t kills;			/* memory.max: how many the kernel has killed here so far */
	struct refault_count refaults;	/* memory.reclaim: as read by its check */
	enum refault_verdict verdict;
};

/* True when the action may be done; else *ret has the outcome and the reason. */
bool change_check(struct apply *apply, struct change *change, struct result_item *ret);

/* The same for a knob that is already held: the place was judged, and its via chosen, when it was first taken. */
bool change_check_held(struct apply *apply, struct change *change, struct result_item *ret);

/* What this knob needs besides, in this place; part of both. */
bool check_knob(struct apply *apply, struct change *change, struct result_item *ret);

/* The write may keep the kernel busy for long. */
bool change_blocks(const struct change *change);

/* After the read-back: what the kernel shows of the effect is what was asked for; else *ret says what it is. */
bool effect_check(const struct place *place, enum knob knob, const struct knob_value *value, struct result_item *ret);

/* Fills outcome and text; always false, so that a check can end with it. */
bool item_refuse(struct result_item *ret, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The outcome of an error of the kernel: GONE when the cgroup went away, else FAILED with the file's name. */
bool item_fail(struct result_item *ret, enum knob knob, int error);

#endif
