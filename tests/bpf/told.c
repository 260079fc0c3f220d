/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "sense/host.h"
#include "setup/config.h"

static void sample_take(struct told *told, const struct observe_sample *sample)
{
	uint64_t *to = (uint64_t *)&told->moved;

	told->samples++;
	told->psi_known = sample->psi_known;
	told->has_memory = sample->has_memory;
	told->memory_bytes = sample->memory_bytes;
	for (size_t i = 0; i < sizeof(told->moved) / sizeof(*to); i++)
		to[i] += ((const uint64_t *)&sample->moved)[i];
	for (uint32_t i = 0; i < sample->bucket_count; i++)
		told->bucket_sum[sample->bucket[i].delay] += sample->bucket[i].count;
}

static void take(void *context, const struct observation *observation)
{
	struct told *told = context;

	/* The slot is first in each of these. */
	if (told->slot && observation->instance.slot != told->slot)
		return;
	switch (observation->kind) {
	case OBSERVE_INSTANCE:
		told->instances++;
		break;
	case OBSERVE_LIMITS:
		told->limits = observation->limits;
		told->limits_count++;
		break;
	case OBSERVE_MEMORY:
		told->memory = observation->memory;
		told->memories++;
		break;
	case OBSERVE_SAMPLE:
		sample_take(told, &observation->sample);
		break;
	default:
		break;
	}
}

void annotate(const char *path, const char *slo)
{
	assert_int_equal(setxattr(path, "trusted.forestall.slo", slo, strlen(slo), 0), 0);
}

struct tree *tree_of(struct world *world, struct told *told, char root[512])
{
	static const struct config config = { .tick_ms = 100 };
	struct tree_setup setup = { .root = root, .slots_max = SLOTS_MAX, .observe = take, .context = told, .config = &config };
	struct tree *tree;

	world_open(world, 1 << 18);
	snprintf(root, 512, "%s", world->cgroup);
	setup.nerve = world->nerve;
	if (cgroup_read(world, "cgroup.controllers", "") || !cgroup_lacks(world, "memory.max"))
		cgroup_write(world, "cgroup.subtree_control", "+cpu +cpuset +memory +io");
	world_follow(world, "/job");
	annotate(world->cgroup, "io_p99<20ms resp_p99<20ms runq_p99<5ms tier=critical");
	assert_int_equal(tree_open(&setup, &tree), 0);
	tree_scan(tree, host_now_ns());
	told->slot = tree_slot(tree, world->cgroup_id);
	assert_true(told->slot);
	memset(&told->moved, 0, sizeof(told->moved));
	return tree;
}

void guest_needed(struct world *world, struct tree *tree, bool needs_disk)
{
	if (!cgroup_lacks(world, "memory.high") && (!needs_disk || has_disk()))
		return;
	tree_close(tree);
	world_skip(world, "needs controllers and " DISK ", as in a guest");
}
