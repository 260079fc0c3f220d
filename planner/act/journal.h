/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record that can undo: RUN/journal, readable text, one line for each step, written before the step it names.
 *
 *   intent SEQ TIME PATH CGROUP_ID KNOB OLD -> NEW reason=N [via=WAY] [dev=MAJOR:MINOR | ports=FRONT:PORT]
 *							about to write NEW
 *   done SEQ READBACK						written, and this is what the kernel made of it
 *   undo SEQ							about to restore the first OLD of this knob
 *   undone SEQ RESULT						the claim of SEQ is settled, unless RESULT is "failed" or "lifted"
 *
 * SEQ grows; a later intent for a knob that is already held takes the hold over and keeps its first OLD. TIME is
 * CLOCK_REALTIME in ns. WAY is systemd, tc, nft or bpf, and the word is left out for the cgroup's own file; dev= stands
 * with io.latency and the keys of io.max, ports= with net.share. CGROUP_ID, KNOB and dev= or ports= together tell what is held apart. A memory.reclaim is
 * "0 -> BYTES" and done when it is over: there is nothing to restore. In PATH, blanks, control characters and '%' stand
 * as %XX. A last line without its newline was torn by a crash before the step it names and counts as not written.
 * Anything else that cannot be read is corruption: the hands refuse rather than guess.
 *
 * The file lives on tmpfs: it has to survive the process, which the page cache does, and not the reboot, which also
 * clears what it would undo. So nothing is synced.
 */
#ifndef FORESTALL_ACT_JOURNAL_H
#define FORESTALL_ACT_JOURNAL_H

#include "lease.h"

#define JOURNAL_LINE_MAX (3 * ACT_PATH_MAX + 2 * KNOB_TEXT_MAX + 192)

struct journal {
	int run_fd;		/* RUN, not owned */
	int fd;			/* RUN/journal, O_APPEND */
	uint64_t seq;		/* the last one given out */
	uint64_t bytes;		/* length of the whole lines in the file */
};

/*
 * Pure. Replays `text` into an empty table. *ret_bytes is the length of the whole lines, *ret_seq the highest SEQ.
 * -EBADMSG: line *ret_line is corrupt; -E2BIG: more than HOLDS_MAX knobs. The table is then of no use.
 */
int journal_replay(const char *text, size_t size, struct lease_table *table, uint64_t *ret_bytes, uint64_t *ret_seq,
		   uint32_t *ret_line);

/*
 * Opens or creates RUN/journal, replays it into the empty table and cuts a torn last line off.
 * Errors of journal_replay() with *ret_line, -EFBIG above JOURNAL_BYTES_MAX, -EPERM when the file is not root's own
 * regular file, or -errno.
 */
int journal_open(struct journal *journal, int run_fd, struct lease_table *table, uint32_t *ret_line);
void journal_close(struct journal *journal);

/*
 * Each appends one line or nothing; 0 or -errno. The intent takes a new SEQ into hold->seq and records hold->wanted;
 * `old` is the value read just before.
 */
int journal_intent(struct journal *journal, struct hold *hold, const struct knob_value *old, uint64_t real_ns);
int journal_done(struct journal *journal, const struct hold *hold);
int journal_undo(struct journal *journal, const struct hold *hold);
int journal_undone(struct journal *journal, const struct hold *hold, const char *result);

/*
 * Notes in RUN/contended what somebody else wrote over a hold: a line like an intent, from what was there before us to
 * what we wrote, with " found=VALUE" after it. For people alone: nobody replays it, and it outlives the claim. 0 or -errno.
 */
int journal_contended(const struct journal *journal, const struct hold *hold, const struct knob_value *found,
		      uint64_t real_ns);

/* Empties the file: to be called when nothing is held. */
int journal_empty(struct journal *journal);

/*
 * Rewrites a journal that has grown beyond JOURNAL_COMPACT_BYTES to what is held now, and gives every hold a new SEQ
 * in the order of the old ones. Does nothing while a change is in flight. On failure the long journal
 * stays in use, and the numbers with it.
 */
int journal_compact(struct journal *journal, struct lease_table *table, uint64_t real_ns);

#endif
