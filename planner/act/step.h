/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The named moments at which a test may kill or stop the hands. In a normal build nothing of this exists; built with
 * -DFORESTALL_STEPS, the environment FORESTALL_STEP=NAME[:kill|stop|exit][:COUNT] makes the process raise SIGKILL or
 * SIGSTOP on itself, or end, when it comes to that moment for the COUNT-th time (default: kill, the first).
 */
#ifndef FORESTALL_ACT_STEP_H
#define FORESTALL_ACT_STEP_H

#include <stdbool.h>

#define STEP_LIST(X) \
	X(START_LOCKED, "start.locked") /* the lock is ours, the old journal not yet looked at */ \
	X(START_UNDONE, "start.undone") /* the old journal is undone, the mode not yet entered */ \
	X(APPLY_CHECKED, "apply.checked") /* every check passed, nothing journalled */ \
	X(JOURNAL_HALF, "journal.half") /* half of a line is in the file: a torn journal */ \
	X(APPLY_JOURNALED, "apply.journaled") /* the intent is in the file, the knob is as before */ \
	X(APPLY_WRITTEN, "apply.written") /* the knob is changed, not read back */ \
	X(CHILD_FORKED, "child.forked") /* a child writes the knob, nothing is known of it */ \
	X(CHILD_ENDED, "child.ended") /* it ended by itself, the knob not yet read back */ \
	X(CHILD_KILLED, "child.killed") /* it was ended before its time, the knob not yet looked at */ \
	X(APPLY_READ, "apply.read") /* read back, not journalled as done */ \
	X(APPLY_DONE, "apply.done") /* journalled as done, the lease not yet held */ \
	X(APPLY_HELD, "apply.held") /* the lease is held, the answer not yet sent */ \
	X(UNDO_READ, "undo.read") /* known to be ours, the undo not yet journalled */ \
	X(UNDO_JOURNALED, "undo.journaled") /* the undo is journalled, the knob not yet restored */ \
	X(IDLE_WRITTEN, "idle.written") /* cpu.idle is back at 0, the weight it forgot is not */ \
	X(UNDO_WRITTEN, "undo.written") /* the knob is restored, not journalled as undone */ \
	X(UNDO_UNDONE, "undo.undone") /* journalled as undone, the hold not yet forgotten */ \
	X(JOURNAL_EMPTIED, "journal.emptied") /* nothing is held, the journal was just emptied */ \
	X(COMPACT_WRITTEN, "compact.written") /* the short journal is written beside the long one */ \
	X(COMPACT_RENAMED, "compact.renamed") /* and has taken its place */ \
	X(YIELD_JOURNALED, "yield.journaled") /* a foreign write is journalled, our claim not yet dropped */ \
	X(STOP_BEGUN, "stop.begun") /* told to end, nothing undone yet */ \
	X(STOP_UNDONE, "stop.undone") /* all is undone, about to end */

#define STEP_ENUM_ENTRY(id, name) STEP_##id,
enum step { STEP_LIST(STEP_ENUM_ENTRY) STEP_COUNT };
#undef STEP_ENUM_ENTRY

#ifdef FORESTALL_STEPS
/* Whether this is the moment the environment names; counts how often the step was asked for. */
bool step_is_due(enum step step);
void step_strike(void);
void step_list(void);
#define STEP(id) do { if (step_is_due(STEP_##id)) step_strike(); } while (0)
#else
#define STEP(id) do { } while (0)
#endif

#endif
