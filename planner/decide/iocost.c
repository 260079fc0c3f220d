/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iocost.h"

#include "act/bounds.h"
#include "rung.h"

#define NS_PER_S 1000000000ull
#define DISKS_MAX 16		/* of which it stands; what follows has none */
#define KEEP_NS (600 * NS_PER_S)	/* after the last violated second; and without it when it was of no use */
#define LEVEL_MAX 4		/* of the target, each a sixteenth of the bound below the one before; the first is half of it */
#define TIGHTEN_NS (2 * NS_PER_S)
#define RELAX_NS (120 * NS_PER_S)
#define MISSED_FADE 0.9f	/* a second: about the last ten count */
#define MISSED_HELP 3.0f	/* from so many violated ones on it is not enough, */
#define MISSED_VAIN 6.0f	/* and of no use */

static bool has(const struct plan_view *view, enum observe_has what) { return view->has >> what & 1; }

static void level_move(struct plan_iocost *iocost, bool is_violated, uint64_t now_ns)
{
	if (is_violated && iocost->level < LEVEL_MAX && now_ns - iocost->moved_ns >= TIGHTEN_NS)
		iocost->level++;
	else if (iocost->level && now_ns - iocost->hurt_ns >= RELAX_NS && now_ns - iocost->moved_ns >= RELAX_NS)
		iocost->level--;
	else
		return;
	iocost->moved_ns = now_ns;
}

void iocost_second(struct plan_view *view, uint64_t now_ns)
{
	struct plan_iocost *iocost = &view->iocost;
	bool is_violated = view->need[RESOURCE_IO].is_violated;

	if (is_violated && iocost->bound_us)
		iocost->hurt_ns = now_ns;
	if (!has(view, OBSERVE_HAS_IO_COST_ON)) {
		iocost->missed = 0;
		return;
	}
	iocost->missed = iocost->missed * MISSED_FADE + (is_violated ? 1 : 0);
	level_move(iocost, is_violated, now_ns);
	if (iocost->missed >= MISSED_VAIN)
		iocost->off_until_ns = now_ns + KEEP_NS;
}

bool iocost_serves(const struct scene *scene, const struct plan_view *view)
{
	return scene->resource == RESOURCE_IO && has(view, OBSERVE_HAS_IO_COST_ON) && view->iocost.missed < MISSED_HELP;
}

static uint32_t target_us(const struct plan_iocost *iocost)
{
	uint32_t us = iocost->bound_us / 16 * (8 - iocost->level);

	return us < IO_LATENCY_MIN_US ? IO_LATENCY_MIN_US : us > IO_LATENCY_MAX_US ? IO_LATENCY_MAX_US : us;
}

static bool wants(const struct plan_view *view, uint64_t now_ns)
{
	const struct plan_iocost *iocost = &view->iocost;

	return iocost->bound_us && iocost->hurt_ns && now_ns - iocost->hurt_ns < KEEP_NS && now_ns >= iocost->off_until_ns && view->device &&
	       has(view, OBSERVE_HAS_IO_COST);
}

/* The place of the disk, or a new one; NULL: there is none left. */
static const struct plan_view **disk_find(const struct plan_view *tightest[DISKS_MAX], uint32_t device)
{
	for (uint32_t i = 0; i < DISKS_MAX; i++)
		if (!tightest[i] || tightest[i]->device == device)
			return &tightest[i];
	return NULL;
}

void iocost_plan(struct plan_view *const views[], uint32_t count, uint64_t now_ns, struct plan *plan)
{
	const struct plan_view *tightest[DISKS_MAX] = { NULL };
	bool has_giver = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct plan_view **disk = wants(views[i], now_ns) ? disk_find(tightest, views[i]->device) : NULL;

		has_giver |= views[i]->beside != 0;
		if (disk && (!*disk || target_us(&views[i]->iocost) < target_us(&(*disk)->iocost)))
			*disk = views[i];
	}
	for (uint32_t i = 0; has_giver && i < DISKS_MAX && tightest[i] && plan->count < ACTIONS_MAX; i++)
		rung_add(plan, &(struct plan_action){
			.slot = tightest[i]->slot, .cgroup_id = tightest[i]->cgroup_id, .for_slot = tightest[i]->slot, .knob = KNOB_IO_COST,
			.device = tightest[i]->device, .reason = REASON_STANDING, .value = target_us(&tightest[i]->iocost),
			.resource = RESOURCE_IO });
}
