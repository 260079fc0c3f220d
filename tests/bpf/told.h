/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A world with the senses over it: what the tree tells of one slot. */
#ifndef FORESTALL_TEST_TOLD_H
#define FORESTALL_TEST_TOLD_H

#include "sense/tree.h"
#include "world.h"

/* The last of each kind that was told, and sums. */
struct told {
	uint32_t slot;
	uint32_t instances, samples, memories, limits_count;
	struct observe_limits limits;
	struct observe_memory memory;
	struct wire_counters moved;
	uint64_t bucket_sum[WIRE_DELAY_ALL];
	uint32_t psi_known, has_memory;
	uint64_t memory_bytes;
};

/* A tree that begins at the world's cgroup and has the annotated /job below, which the world then follows. */
struct tree *tree_of(struct world *world, struct told *told, char root[512]);

void annotate(const char *path, const char *slo);

/* Skips where there are no controllers, or where asked no disk, as there are in a guest. */
void guest_needed(struct world *world, struct tree *tree, bool needs_disk);

#endif
