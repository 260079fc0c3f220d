/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "still.h"

#include <math.h>

#define STALLED 0.5f	/* of the last second: less than this is reclaim that gets on */
#define MOVES 1e6f	/* bytes per second: who grows or shrinks by more does not stand still */

bool still_stalls(const struct plan_view *giver) { return giver->need[RESOURCE_MEMORY].stalled >= STALLED; }

static bool stands_still(const struct plan_view *giver)
{
	const struct plan_need *need = &giver->need[RESOURCE_MEMORY];
	const struct plan_hold *hold = &giver->hold[RESOURCE_MEMORY];

	return hold->left > 0 && need->demand >= hold->left - 1.5f * STILL_STEP && fabsf(hold->grows) < MOVES && still_stalls(giver);
}

static bool is_anybody_bad(const struct scene *scene)
{
	for (uint32_t i = 0; i < scene->count; i++)
		if (scene->views[i]->is_bound && scene->views[i]->need[RESOURCE_MEMORY].bad >= scene->policy->bad_act)
			return true;
	return false;
}

bool still_lets_on(const struct scene *scene, struct plan_view *giver)
{
	float floor = STILL_SPARE * scene->policy->headroom[RESOURCE_MEMORY] * scene->capacity;
	struct plan_hold *hold = &giver->hold[RESOURCE_MEMORY];

	if (!stands_still(giver)) {
		hold->still_ns = 0;
		return false;
	}
	if (!hold->still_ns)
		hold->still_ns = scene->now_ns;
	if (scene->now_ns - hold->still_ns < STILL_NS || scene->memory_free < 0 || scene_memory_spare(scene) - STILL_STEP < floor ||
	    is_anybody_bad(scene))
		return false;
	hold->still_ns = scene->now_ns;
	return true;
}
