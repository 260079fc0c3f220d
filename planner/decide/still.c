/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "still.h"

#include <math.h>

#include "pace.h"

#define STALLED 0.5f	/* of the last second: less than this is reclaim that gets on */
#define STANDS (1.5f * STILL_STEP)	/* this near to its limit */
#define OVERDUE_NS (MEMORY_STUCK_MS * 800000ull)
#define MOVES 1e6f	/* bytes per second: who grows or shrinks by more does not stand still */

bool still_stalls(const struct plan_view *giver) { return giver->need[RESOURCE_MEMORY].stalled >= STALLED; }

static bool stands_still(const struct plan_view *giver)
{
	const struct plan_need *need = &giver->need[RESOURCE_MEMORY];
	const struct plan_hold *hold = &giver->hold[RESOURCE_MEMORY];

	return hold->left > 0 && need->demand >= hold->left - STANDS && fabsf(hold->grows) < MOVES && still_stalls(giver);
}

static bool is_anybody_bad(const struct scene *scene)
{
	for (uint32_t i = 0; i < scene->count; i++)
		if (scene->views[i]->is_bound && scene->views[i]->need[RESOURCE_MEMORY].bad >= scene->policy->bad_act)
			return true;
	return false;
}

static bool has_room(const struct scene *scene)
{
	float floor = STILL_SPARE * scene->policy->headroom[RESOURCE_MEMORY] * scene->capacity;

	return scene->memory_free >= 0 && scene_memory_spare(scene) - STILL_STEP >= floor && !is_anybody_bad(scene);
}

/* The hands would soon let go of its limit altogether. */
static bool is_overdue(const struct scene *scene, struct plan_view *giver)
{
	struct plan_hold *hold = &giver->hold[RESOURCE_MEMORY];
	float demand = giver->need[RESOURCE_MEMORY].demand, least = hold->left * (1 - 1.0f / MEMORY_HIGH_SPARE);

	if (scene->host->swap_free > 0 || hold->left <= 0 || demand < hold->left - STANDS || demand - giver->cache_bytes < least) {
		hold->tight_ns = 0;
		return false;
	}
	if (!hold->tight_ns)
		hold->tight_ns = scene->now_ns;
	return scene->now_ns - hold->tight_ns >= OVERDUE_NS;
}

float still_lets_on(const struct scene *scene, struct plan_view *giver)
{
	struct plan_hold *hold = &giver->hold[RESOURCE_MEMORY];
	float demand = giver->need[RESOURCE_MEMORY].demand;
	const struct plan_action *planned;
	bool is_due = is_overdue(scene, giver);

	if (!stands_still(giver))
		hold->still_ns = 0;
	else if (!hold->still_ns)
		hold->still_ns = scene->now_ns;
	if (is_due)
		hold->tight_ns = scene->now_ns;
	else if (!hold->still_ns || scene->now_ns - hold->still_ns < STILL_NS || !has_room(scene))
		return 0;
	if (hold->still_ns)
		hold->still_ns = scene->now_ns;
	/* Wider than what the hands hold, that is. */
	planned = pace_held(scene->host->pace, giver, KNOB_MEMORY_HIGH);
	if (is_due && planned)
		demand = (float)planned->value;
	return fmaxf(hold->left, demand + STILL_STEP);
}
