/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hands hold: each changed knob with its first original value, what it is now, and until when. Pure; time is
 * an argument. The journal is replayed into the same table, so live undo and undo after a crash are one code.
 *
 * A pointer to a hold stays good until a hold is removed.
 */
#ifndef FORESTALL_ACT_LEASE_H
#define FORESTALL_ACT_LEASE_H

#include "bounds.h"
#include "place.h"
#include "refault.h"

/* Of a memory.high below which nothing is left to reclaim: since when its tasks are put to sleep for it. CLOCK_MONOTONIC; all 0: there is something. */
struct stuck {
	uint64_t since_ns;
	uint64_t slept_ns;		/* when they were last seen to be */
	uint64_t count;			/* of memory.events, then */
};

struct hold {
	char path[ACT_PATH_MAX];
	uint64_t cgroup_id;
	struct knob_value original;	/* before our first change: the only value ever restored */
	struct knob_value ours;		/* as read back after our last completed write */
	struct knob_value wanted;	/* what the last intent asked for, before the kernel rounds it */
	uint64_t seq;			/* of the last intent in the journal */
	uint64_t expiry_ns;		/* CLOCK_MONOTONIC; 0 when it comes from a journal */
	enum knob knob;
	uint32_t device;		/* as in struct action; 0 = none */
	enum via via;			/* how it was written, and is undone */
	uint32_t reason;
	struct child child;		/* writes `wanted` while in flight, or no one */
	struct stuck stuck;		/* memory.high */
	uint64_t kills;			/* memory.max: how many the kernel had killed there before */
	struct refault_count begun;	/* memory.reclaim: when the last step began */
	int watch;			/* inotify descriptor, shared by the holds of one file, or -1 */
	int told;			/* enum undo_result that was said of an undo that is still due; 0: none */
	bool in_flight;			/* an intent without its done: the file may read `ours` or `wanted` */
	bool undo_begun;		/* an undo without its undone */
};

struct lease_table {
	uint32_t count;
	struct hold hold[HOLDS_MAX];
};

/* Returns the hold of that knob or NULL. */
struct hold *lease_find(struct lease_table *table, uint64_t cgroup_id, enum knob knob, uint32_t device);
struct hold *lease_find_seq(struct lease_table *table, uint64_t seq);

/* Any hold of that watch, or NULL. */
struct hold *lease_find_watch(struct lease_table *table, int watch);

/* Returns a zeroed hold with watch -1 and no child at the end of the table, or NULL when the table is full. */
struct hold *lease_add(struct lease_table *table);

/* Forgets the hold. Other pointers into the table are no longer good. */
void lease_remove(struct lease_table *table, struct hold *hold);

/* Returns the most recent change that has expired, or NULL. */
struct hold *lease_expired(struct lease_table *table, uint64_t now_ns);

/* Returns the most recent change, or NULL: undoing goes from the last to the first. */
struct hold *lease_latest(struct lease_table *table);

/* Returns the change that follows `seq` in time, or NULL. */
struct hold *lease_after(struct lease_table *table, uint64_t seq);

/* Returns the change that precedes `seq` in time, or NULL. */
struct hold *lease_before(struct lease_table *table, uint64_t seq);

/* When the next lease ends, UINT64_MAX when nothing is held. */
uint64_t lease_next_expiry_ns(const struct lease_table *table);

/* Knobs that somebody else wrote, to be left alone for a while. When it is full the entry that ends first goes. */
struct hands_off {
	struct {
		uint64_t cgroup_id;
		uint64_t until_ns;
		enum knob knob;
		uint32_t device;
	} entry[HANDS_OFF_MAX];
};

void hands_off_add(struct hands_off *table, const struct hold *hold, uint64_t until_ns);
bool hands_off_holds(const struct hands_off *table, uint64_t cgroup_id, enum knob knob, uint32_t device,
		     uint64_t now_ns);

/* How many writes are left in this second. */
struct rate {
	uint64_t second;
	uint32_t used;
};

/* Takes one write from the budget; false when this second has none left. */
bool rate_take(struct rate *rate, uint64_t now_ns);

#endif
