/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroup v2 tree as it is now: every directory has a slot, an annotation and the files that are read of it.
 *
 * Directories are found by a walk at the start and by the kernel's cgroup_mkdir and cgroup_rmdir events after that; a
 * walk now and then repairs what a lost event left wrong. A cgroup may vanish at any step: that is normal and never
 * an error. The fast lane are the annotated: their pressure (CPU, memory, IO) and memory.current are read at each tick,
 * memory.stat, memory.events and limits once a second; so are the directories above them, whose limits hold them too. Of the
 * rest the row is read once a second when it moved, and CPU pressure each tenth of these when their tasks waited. An annotation that was set on
 * a directory outlives it (sense/kept.h).
 */
#ifndef FORESTALL_TREE_H
#define FORESTALL_TREE_H

#include "load.h"
#include "predict/observe.h"

#define TREE_PROBLEM_MAX 160

struct config;
struct tree;

struct tree_setup {
	const char *root;		/* mount point of the cgroup v2 tree */
	uint32_t slots_max;
	struct nerve *nerve;
	const struct config *config;	/* kept; owned by the caller */
	observe_fn observe;
	void *context;
};

/* Opens the root. 0 or -errno. */
int tree_open(const struct tree_setup *setup, struct tree **ret_tree);
void tree_close(struct tree *tree);

/* Walks the whole tree: takes in what is new, drops what is gone. Returns how many cgroups are followed. */
uint32_t tree_scan(struct tree *tree, uint64_t now_ns);

/* A cgroup appeared: 0, -ENOSPC: there is no slot for it, or -errno when it cannot be opened, which is normal. */
int tree_made(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns);

/* A cgroup went. Unknown ones are ignored. */
void tree_gone(struct tree *tree, uint64_t cgroup_id, uint64_t now_ns);

/* The row of this slot moved: read it at the next few seconds. */
void tree_active(struct tree *tree, uint32_t slot);

/* Slot of a cgroup id, 0 when not followed. */
uint32_t tree_slot(const struct tree *tree, uint64_t cgroup_id);

/* Hands on what moved since the last tick, and what is due once a second of a tenth of the annotated; `is_second` of the rest, and of strangers. */
void tree_tick(struct tree *tree, bool is_second);

/* Somebody annotated one. */
bool tree_has_annotated(const struct tree *tree);

/* Reads the annotation again. 0, or -ENOENT when the slot is free. */
int tree_refresh(struct tree *tree, uint32_t slot);

/* What is wrong with the annotation of a slot, or keeps it from being followed; "" when nothing. */
const char *tree_problem(const struct tree *tree, uint32_t slot);

/* Cgroups that are there and not followed, because there was no slot or the path is too long: their tasks count as WIRE_SLOT_OTHER. */
uint64_t tree_unfollowed(const struct tree *tree);

/* Some are not followed, and there is room for one now: a walk would take it in. */
bool tree_has_room(const struct tree *tree, uint64_t now_ns);

#endif
