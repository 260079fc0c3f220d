/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one choke point: nothing else of forestall changes the system.
 *
 * Invariants: a knob is written only after its intent is journalled; a knob that is changed has a hold; a hold ends in
 * undo_hold() or in a yield, never just so; in observe and shadow nothing below `change_write` runs (and the process
 * has no right to write anyway, see confine.h).
 */
#ifndef FORESTALL_ACT_APPLY_H
#define FORESTALL_ACT_APPLY_H

#include "undo.h"

struct apply {
	int root_fd;			/* the cgroup root, not owned */
	int inotify_fd;			/* -1 in observe and shadow, not owned */
	enum mode mode;
	const char *disable_file;
	const char *systemd_dir;
	char self_path[ACT_PATH_MAX];	/* our own cgroup */
	struct journal journal;		/* fd -1 in observe and shadow */
	struct rate rate;
	struct lease_table leases;
	struct hands_off hands_off;
	struct refault_table refaults;
	struct child dying[CHILDREN_DYING_MAX];	/* killed, nothing to wait for; still to be reaped */
	uint32_t dying_count;
	uint64_t shares_ns;		/* when it was last looked whether those that share a port still serve it */
};

/* The clocks, read once for each message. */
struct now {
	uint64_t mono_ns;
	uint64_t real_ns;
};

/* Checks, and in a mode that acts, applies or renews one action. *ret always says what became of it. */
void apply_action(struct apply *apply, const struct action *action, struct now now, struct result_item *ret);

/* Undoes the knob the action names. OUTCOME_NONE when it is not held. */
void apply_release(struct apply *apply, const struct action *action, struct now now, struct result_item *ret);

/* Looks at what children wrote. Undoes what has expired; all of it when the disable file is there. */
void apply_expire(struct apply *apply, struct now now);

/* Undoes all; returns how many could not be. Up to `item_count` results go to `items`, *ret_used says how many. */
uint32_t apply_undo_all(struct apply *apply, struct now now, struct result_item *items, uint32_t item_count,
			uint32_t *ret_used);

/*
 * inotify says the file behind this watch, or with -1 some file, was written: each hold on it yields if its own value
 * is not ours, so that another key of the same file may change.
 */
void apply_verify(struct apply *apply, int watch, struct now now);

/* When apply_expire() wants to be called next, UINT64_MAX for never. */
uint64_t apply_next_ns(const struct apply *apply, struct now now);

#endif
