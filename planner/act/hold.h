/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a hold begins to be watched and how it ends. Used by apply alone. */
#ifndef FORESTALL_ACT_HOLD_H
#define FORESTALL_ACT_HOLD_H

#include "apply.h"

/*
 * Watches the file before the first write, so that no foreign write falls between; our own event reads back as ours.
 * The knobs of one file share one watch. 0, also for a knob that nothing can be seen of, or -errno.
 */
int hold_watch(struct apply *apply, struct hold *hold, int dir_fd);

/* Drops a hold that nothing was journalled of, or whose claim is settled in the journal. */
void hold_forget(struct apply *apply, struct hold *hold);

/*
 * Kills a child that still writes. 0 when it can change nothing any more: it is reaped, or the kernel keeps it although
 * its value stands already or it has none. Else -EBUSY: ask again later.
 */
int hold_child_end(struct apply *apply, struct hold *hold, struct now now);

/* Somebody else wrote *found: theirs stays. The hold is forgotten, unless its child cannot be ended yet. */
void hold_yield(struct apply *apply, struct hold *hold, const struct knob_value *found, struct now now);

/* Ends its child, undoes and, unless the kernel refused, forgets the hold. */
struct undo_report hold_undo(struct apply *apply, struct hold *hold, struct now now);

#endif
