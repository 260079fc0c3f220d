/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings one knob back to its first original value, but only while it still reads what we wrote. The same code serves
 * an expired lease and a journal left by a hand that was killed at any moment.
 */
#ifndef FORESTALL_ACT_UNDO_H
#define FORESTALL_ACT_UNDO_H

#include "journal.h"

enum undo_result {
	UNDO_RESTORED,		/* written back and read back */
	UNDO_SAME,		/* it already reads the original value */
	UNDO_FOREIGN,		/* somebody else wrote it: left alone */
	UNDO_GONE,		/* the cgroup, or the knob in it, is no more: nothing to do */
	UNDO_LIFTED,		/* its manager does not answer: the limit is off, to be told to it when it does */
	UNDO_FAILED,		/* the kernel refused: the journal keeps the entry, try again later */
	UNDO_COUNT
};

/* The claim is not settled: the journal keeps it, and undo is tried again. */
static inline bool undo_is_due(enum undo_result result)
{
	return result == UNDO_FAILED || result == UNDO_LIFTED;
}

struct undo_report {
	enum undo_result result;
	int error;			/* -errno when FAILED */
	struct knob_value value;	/* what the knob reads now; of no use when GONE or FAILED */
};

const char *undo_result_name(enum undo_result result);

/*
 * Journals, restores and journals again. A journal that cannot be written does not keep it from restoring: that is
 * safe to repeat. The hold is marked, not removed.
 */
struct undo_report undo_hold(int root_fd, struct journal *journal, struct hold *hold);

/*
 * Writes a value to the hold's knob. With cpu.idle back at the 0 it had before us comes the weight it had before us,
 * which the kernel forgot. 0 or -errno.
 */
int undo_write(const struct place *place, const struct hold *hold, const struct knob_value *value);

/*
 * While a cgroup has processes the kernel lets nobody take the last CPU out of its cpuset.cpus, or the last node out
 * of its cpuset.mems, not even to have the parent's again: -ENOSPC, the `r` of writing *value. Then *ret_all, all there are, is to be written: it means
 * the same, also when the parent's change, as the two are intersected.
 */
bool undo_needs_all(enum knob knob, const struct knob_value *value, int r, struct knob_value *ret_all);

/* Opens the place of a hold: place_open(). The path stays the hold's. */
int undo_place_open(int root_fd, const struct hold *hold, struct place *ret);

/* Whether a knob that reads `value` is as we left it, taking a change that was cut short into account. */
bool undo_is_ours(const struct hold *hold, const struct knob_value *value);

#endif
