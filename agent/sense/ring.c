/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include <errno.h>
#include <string.h>

#include "watch.h"

static const size_t record_bytes[WIRE_KIND_COUNT] = {
	[WIRE_WINDOW] = sizeof(struct wire_window),	 [WIRE_EXEC] = sizeof(struct wire_task),
	[WIRE_EXIT] = sizeof(struct wire_task),		 [WIRE_CGROUP_MADE] = sizeof(struct wire_cgroup),
	[WIRE_CGROUP_GONE] = sizeof(struct wire_cgroup), [WIRE_OOM] = sizeof(struct wire_oom),
};

uint32_t ring_name_hash(const char *name, size_t bytes)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < bytes && name[i]; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash ? hash : 1;
}

static void exec_tell(struct ring *ring, const struct wire_task *task)
{
	/* The cgroup may have got its slot between the record and now. */
	struct observation observation = {
		.kind = OBSERVE_EVENT,
		.event = { .slot = tree_slot(ring->tree, task->head.cgroup_id),
			   .name_hash = ring_name_hash(task->comm, sizeof(task->comm)),
			   .time_ns = task->head.time_ns },
	};

	if (observation.event.slot)
		ring->observe(ring->context, &observation);
}

/*
 * The kernel tells of a new cgroup a moment before its directory can be seen (cgroup_mkdir() in kernel/cgroup/cgroup.c traces,
 * then activates), and we may be awake by then. What happens in it later can only come when it is there.
 */
static void made_take(struct ring *ring, const struct wire_head *head)
{
	int r = tree_made(ring->tree, head->cgroup_id, head->time_ns);

	if (r && r != -ENOSPC && r != -ENAMETOOLONG)
		ring->early[ring->early_idx++ % RING_EARLY_MAX] = head->cgroup_id;
}

/* The one with this id, 0: all of them. */
static void early_retry(struct ring *ring, uint64_t cgroup_id, uint64_t now_ns)
{
	for (uint32_t i = 0; i < RING_EARLY_MAX; i++) {
		if (!ring->early[i] || (cgroup_id && ring->early[i] != cgroup_id))
			continue;
		tree_made(ring->tree, ring->early[i], now_ns);
		ring->early[i] = 0;
	}
}

void ring_tick(struct ring *ring, uint64_t now_ns)
{
	early_retry(ring, 0, now_ns);
}

bool ring_waits(const struct ring *ring)
{
	for (uint32_t i = 0; i < RING_EARLY_MAX; i++)
		if (ring->early[i])
			return true;
	return false;
}

static void task_tell(struct ring *ring, const struct wire_task *task)
{
	early_retry(ring, task->head.cgroup_id, task->head.time_ns);
	if (task->head.kind == WIRE_EXEC)
		exec_tell(ring, task);
	if (ring->watch)
		watch_task(ring->watch, tree_slot(ring->tree, task->head.cgroup_id), task);
}

void ring_record(void *context, const struct wire_head *head, size_t bytes)
{
	struct ring *ring = context;

	if (head->kind == 0 || head->kind >= WIRE_KIND_COUNT || bytes < record_bytes[head->kind]) {
		ring->malformed++;
		return;
	}
	ring->delivered[head->kind]++;
	if (!ring->tree)
		return;
	switch (head->kind) {
	case WIRE_WINDOW:
		tree_active(ring->tree, head->slot);
		break;
	case WIRE_EXEC:
	case WIRE_EXIT:
	case WIRE_OOM:
		task_tell(ring, (const struct wire_task *)head);
		break;
	case WIRE_CGROUP_MADE:
		made_take(ring, head);
		break;
	case WIRE_CGROUP_GONE:
		tree_gone(ring->tree, head->cgroup_id, head->time_ns);
		break;
	default:
		break;
	}
}
