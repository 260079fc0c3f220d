/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tree.c keeps of a directory, and what is read of one; nobody else includes this. */
#ifndef FORESTALL_TREE_NODE_H
#define FORESTALL_TREE_NODE_H

#include "cgroupfile.h"
#include "details.h"
#include "kept.h"
#include "rows.h"
#include "slots.h"
#include "tree.h"

struct node {
	char *path;
	uint64_t cgroup_id;
	struct slo *slo;		/* NULL: it is not annotated */
	struct observe_limits limits;
	struct rows_mark mark;
	struct cgroup_files files;
	uint64_t psi_us[PSI_COUNT];	/* totals at the last look, of those that psi_known says */
	uint32_t psi_known;
	uint32_t detail;		/* index of its histograms; 0: not annotated, or none left */
	struct observe_memory memory;	/* totals at the last look */
	uint32_t second;	/* of the tree, in which limits and memory were read last */
	bool has_memory;
	bool is_fast;		/* it is in the list of those read at each tick */
	bool is_above;		/* it holds an annotated one */
	bool is_leaf;		/* it holds no other: its row tells of all its tasks; as seen once a second, of one that is read at each tick */
	bool is_pressed;	/* its memory pressure grew when it was read last */
	uint64_t psi_wait_ns;	/* what its tasks waited since its CPU pressure was read */
	uint64_t psi_cpu_ns;	/* and its pressure per second, in the seconds in which it moved before that */
	uint32_t psi_seconds;	/* and how many of these there were since */
	uint32_t scan;		/* number of the walk that saw it last */
	char *problem;		/* NULL: none */
};

struct tree {
	struct tree_setup setup;
	struct slots *slots;
	struct node *node;	/* [slots_max] */
	int root_fd;
	uint32_t scan;
	uint32_t second, tick;	/* how many seconds were closed, from 1, and ticks since */
	uint32_t slot_top;	/* no slot above this one is in use */
	uint64_t unfollowed;
	uint64_t too_long;	/* of these: the path has no room, whatever goes */
	struct details details;
	struct slot_list fast;		/* the annotated and those above them */
	struct slot_recent busy;	/* who moved lately */
	struct kept *kept;
};

/* Hands an observation of this kind on. */
void tree_say(struct tree *tree, struct observation *observation, enum observe_kind kind);

/* Reads the limits, and tells them when they changed. */
void node_read_limits(struct tree *tree, struct node *node);

/* Reads memory.stat and memory.events, and tells what they gained. */
void node_read_memory(struct tree *tree, struct node *node);

/*
 * Tells what moved since the last time, with memory and that pressure which has a bound, all three once a second, when `is_due`; of a
 * stranger only when its row moved.
 */
void node_read_fast(struct tree *tree, struct node *node, bool is_due);
void node_read_stranger(struct tree *tree, struct node *node);

#endif
