/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of the ring, checked, counted and turned into what the tree and the mind understand.
 * The loss accounting: per kind, produced (kernel) == delivered (here) + dropped (kernel), once the ring is empty.
 */
#ifndef FORESTALL_RING_H
#define FORESTALL_RING_H

#include "tree.h"

#define RING_EARLY_MAX 32

struct watch;

struct ring {
	struct tree *tree;	/* may be NULL until it exists */
	struct watch *watch;	/* as well */
	observe_fn observe;
	void *context;
	uint64_t delivered[WIRE_KIND_COUNT];
	uint64_t early[RING_EARLY_MAX];	/* cgroups that were told of before they could be opened; 0: none */
	uint32_t early_idx;
	uint64_t malformed;	/* records of a size or kind that this build does not know */
};

/* A nerve_record_fn; context is a struct ring. */
void ring_record(void *context, const struct wire_head *head, size_t bytes);

/* Looks again for cgroups that could not be opened when they were told of. */
void ring_tick(struct ring *ring, uint64_t now_ns);

/* Some are looked for at the next tick. */
bool ring_waits(const struct ring *ring);

/* FNV-1a (Fowler, Noll, Vo) of a name, never 0. */
uint32_t ring_name_hash(const char *name, size_t bytes);

#endif
