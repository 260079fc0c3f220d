/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Undo from outside: for `forestall journal undo`, `forestall panic` and ExecStopPost=. Needs no daemon. A live
 * forestall-act is asked first; one that does not answer (hung, stopped) is killed and waited for, so that it can
 * write nothing when it is woken later, and its journal is undone here.
 */
#ifndef FORESTALL_ACT_TAKEOVER_H
#define FORESTALL_ACT_TAKEOVER_H

#include "undo.h"

/* Told about each knob that was undone here, with `hold` valid during the call only. */
typedef void (*act_report)(void *arg, const struct hold *hold, const struct undo_report *report);

struct takeover {
	uint32_t undone;	/* knobs settled, here or by the live hands */
	uint32_t failed;	/* knobs the kernel refused to restore: still in the journal */
	bool is_answered;	/* live hands did it themselves and run on */
	bool is_killed;		/* they did not answer and were ended */
	uint32_t line;		/* of a corrupt journal */
};

/*
 * cgroup_root NULL: the first cgroup2 mount. report may be NULL. 0 when nothing is held any more (a run_dir that is
 * not there holds nothing), -EIO when some knob could not be restored, -EBADMSG for a corrupt journal with
 * ret->line, -EBUSY when the lock's holder cannot be found, -ETIMEDOUT when it cannot be ended, or -errno.
 * *ret is always filled.
 */
int act_takeover_undo(const char *run_dir, const char *cgroup_root, act_report report, void *arg,
		      struct takeover *ret);

/* Creates the disable file first, so that nothing is taken again, then the same. */
int act_panic(const char *run_dir, const char *cgroup_root, const char *disable_file, act_report report, void *arg,
	      struct takeover *ret);

/*
 * Undoes what the journal holds, most recent first, and empties it when nothing is left. The lock must be held.
 * Errors as above; the journal stays open for the caller when 0 or -EIO is returned.
 */
int takeover_journal(int run_fd, int root_fd, struct journal *journal, struct lease_table *table, act_report report,
		     void *arg, struct takeover *ret);

#endif
