/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iocost.h"

#include "act/bounds.h"
#include "missed.h"
#include "rung.h"

#define NS_PER_S 1000000000ull
#define KEEP_NS (600 * NS_PER_S)	/* after the last violated second */
#define LEVEL_MAX 4		/* of the target, each a sixteenth of the bound below the one before; the first is half of it */
#define TIGHTEN_NS (2 * NS_PER_S)
#define RELAX_NS (120 * NS_PER_S)

static bool has(const struct plan_view *view, enum observe_has what) { return view->has >> what & 1; }

static struct plan_disk *disk_find(const struct plan_host *host, uint32_t device)
{
	for (uint32_t i = 0; device && i < PLAN_DISKS_MAX; i++)
		if (host->disk[i].device == device)
			return &host->disk[i];
	return NULL;
}

/* Of more disks than there are places for, those hurt last. */
static struct plan_disk *disk_make(const struct plan_host *host, uint32_t device)
{
	struct plan_disk *disk = disk_find(host, device), *oldest = &host->disk[0];

	if (disk)
		return disk;
	for (uint32_t i = 1; i < PLAN_DISKS_MAX; i++)
		if (host->disk[i].hurt_ns < oldest->hurt_ns || (oldest->device && !host->disk[i].device))
			oldest = &host->disk[i];
	*oldest = (struct plan_disk){ .device = device };
	return oldest;
}

static void level_move(struct plan_disk *disk, bool is_violated, uint64_t now_ns)
{
	if (is_violated && disk->level < LEVEL_MAX && now_ns - disk->moved_ns >= TIGHTEN_NS)
		disk->level++;
	else if (disk->level && now_ns - disk->hurt_ns >= RELAX_NS && now_ns - disk->moved_ns >= RELAX_NS)
		disk->level--;
	else
		return;
	disk->moved_ns = now_ns;
}

static void disk_second(struct plan_disk *disk, bool is_on, bool is_violated, uint64_t now_ns)
{
	if (!is_on) {
		disk->missed = 0;
		return;
	}
	disk->missed = missed_second(disk->missed, is_violated);
	level_move(disk, is_violated, now_ns);
	if (disk->missed >= MISSED_VAIN)
		disk->off_until_ns = now_ns + MISSED_OFF_NS;
}

void iocost_second(const struct plan_host *host, struct plan_view *const views[], uint32_t count, uint64_t now_ns)
{
	bool is_on[PLAN_DISKS_MAX] = { false }, is_violated[PLAN_DISKS_MAX] = { false };

	for (uint32_t i = 0; i < count; i++) {
		const struct plan_view *view = views[i];
		struct plan_disk *disk;

		if (view->device && view->is_bound && view->need[RESOURCE_IO].is_violated) {
			disk = disk_make(host, view->device);
			is_violated[disk - host->disk] = true;
			if (view->io_bound_us)
				disk->hurt_ns = now_ns;
		}
		disk = disk_find(host, view->device);
		if (disk && has(view, OBSERVE_HAS_IO_COST_ON))
			is_on[disk - host->disk] = true;
	}
	for (uint32_t i = 0; i < PLAN_DISKS_MAX; i++)
		disk_second(&host->disk[i], is_on[i], is_violated[i], now_ns);
}

bool iocost_serves(const struct scene *scene, const struct plan_view *view)
{
	const struct plan_disk *disk = disk_find(scene->host, view->device);

	return scene->resource == RESOURCE_IO && has(view, OBSERVE_HAS_IO_COST_ON) && (!disk || disk->missed < MISSED_HELP);
}

static uint32_t target_us(const struct plan_view *view, const struct plan_disk *disk)
{
	uint32_t us = view->io_bound_us / 16 * (8 - disk->level);

	return us < IO_LATENCY_MIN_US ? IO_LATENCY_MIN_US : us > IO_LATENCY_MAX_US ? IO_LATENCY_MAX_US : us;
}

static bool wants(const struct plan_view *view, const struct plan_disk *disk, uint64_t now_ns)
{
	return disk && view->io_bound_us && disk->hurt_ns && now_ns - disk->hurt_ns < KEEP_NS && now_ns >= disk->off_until_ns &&
	       has(view, OBSERVE_HAS_IO_COST);
}

void iocost_plan(const struct plan_host *host, struct plan_view *const views[], uint32_t count, uint64_t now_ns, struct plan *plan)
{
	const struct plan_view *tightest[PLAN_DISKS_MAX] = { NULL };
	bool has_giver = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct plan_disk *disk = disk_find(host, views[i]->device);
		const struct plan_view **of;

		has_giver |= views[i]->beside != 0;
		if (!wants(views[i], disk, now_ns))
			continue;
		of = &tightest[disk - host->disk];
		if (!*of || views[i]->io_bound_us < (*of)->io_bound_us)
			*of = views[i];
	}
	for (uint32_t i = 0; has_giver && i < PLAN_DISKS_MAX; i++)
		if (tightest[i] && plan->count < ACTIONS_MAX)
			rung_add(plan, &(struct plan_action){
				.slot = tightest[i]->slot, .cgroup_id = tightest[i]->cgroup_id, .for_slot = tightest[i]->slot,
				.knob = KNOB_IO_COST, .device = tightest[i]->device, .reason = REASON_STANDING,
				.value = target_us(tightest[i], &host->disk[i]), .resource = RESOURCE_IO });
}
