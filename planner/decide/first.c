/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "first.h"

#include <math.h>

#include "missed.h"
#include "posture.h"
#include "rung.h"

#define NS_PER_S 1000000000ull
#define HELD_NS (2 * NS_PER_S + NS_PER_S / 2)	/* the hands say so with each renewal of a lease */
#define ASKED_NS (5 * NS_PER_S)			/* in vain */
#define SHARE 0.95f		/* of what the wire bears: headers, and what the kernel lets through at once */
#define GRAIN 1.02f		/* a total moves in steps, or it would be written each second */
#define QUEUED_NS 5e6f		/* more than what the 2 ms that leave at once (act/tc_plan.h) and their answers take */
#define WAY_RISE 0.001f		/* a second: another way is believed after a quarter of an hour */

static bool is_held(const struct plan_first *first, uint64_t now_ns) { return first->held_ns && now_ns - first->held_ns < HELD_NS; }

void first_tick(struct plan_view *view, float rtt_ns)
{
	struct plan_first *first = &view->first;

	first->queued = rtt_ns > 0 && first->way_ns > 0 ? fmaxf(rtt_ns - first->way_ns, 0) / QUEUED_NS : 0;
}

static void way_second(struct plan_first *first, float rtt_ns)
{
	if (rtt_ns > 0)
		first->way_ns = first->way_ns <= 0 || rtt_ns < first->way_ns ? rtt_ns : first->way_ns + (rtt_ns - first->way_ns) * WAY_RISE;
}

void first_second(struct plan_view *view, float rtt_ns, uint64_t now_ns)
{
	struct plan_first *first = &view->first;

	way_second(first, rtt_ns);
	if (!first->is_asked)
		first->asked_ns = 0;
	first->is_asked = false;
	if (!is_held(first, now_ns)) {
		first->missed = 0;
		if (first->asked_ns && now_ns - first->asked_ns >= ASKED_NS) {
			first->off_until_ns = now_ns + MISSED_OFF_NS;
			first->asked_ns = 0;
		}
		return;
	}
	first->asked_ns = 0;
	first->missed = missed_second(first->missed, view->need[RESOURCE_NET].is_violated);
	if (first->missed >= MISSED_VAIN)
		first->off_until_ns = now_ns + MISSED_OFF_NS;
}

bool first_holds(const struct scene *scene, const struct plan_view *view)
{
	return scene->resource == RESOURCE_NET && is_held(&view->first, scene->now_ns);
}

bool first_serves(const struct scene *scene, const struct plan_view *view)
{
	return first_holds(scene, view) && view->first.missed < MISSED_HELP;
}

bool first_shares(const struct plan_view *view)
{
	return view->has >> OBSERVE_HAS_PROCESS & 1 && !(view->has >> OBSERVE_HAS_NETNS & 1);
}

bool first_counts(const struct scene *scene, const struct plan_view *view)
{
	return first_holds(scene, view) || (first_shares(view) && view->tier == TIER_BEST_EFFORT && !view->is_bound);
}

float first_total(const struct scene *scene)
{
	float total = fmaxf(scene->capacity * SHARE - scene->host->knee[RESOURCE_NET].outside, scene->policy->giver_min[RESOURCE_NET]);

	return powf(GRAIN, floorf(logf(total) / logf(GRAIN)));
}

static bool has_giver(const struct scene *scene, const struct plan_view *view)
{
	for (uint32_t i = 0; i < scene->count; i++)
		if (posture_yields(scene->views[i], view) && first_shares(scene->views[i]))
			return true;
	return false;
}

void first_plan(const struct scene *scene, const struct plan_view *view, struct plan *plan)
{
	if (scene->resource != RESOURCE_NET || !has_giver(scene, view))
		return;
	for (uint32_t i = 0; i < scene->count && plan->count < ACTIONS_MAX; i++) {
		struct plan_view *one = scene->views[i];
		struct plan_first *first = &one->first;

		if (!one->is_bound || one->tier != view->tier || !one->need[RESOURCE_NET].is_bound || !first_shares(one) ||
		    scene->now_ns < first->off_until_ns)
			continue;
		first->is_asked = true;
		if (!is_held(first, scene->now_ns) && !first->asked_ns)
			first->asked_ns = scene->now_ns;
		rung_add(plan, &(struct plan_action){
			.slot = one->slot, .cgroup_id = one->cgroup_id, .for_slot = one->slot, .knob = KNOB_NET_FIRST,
			.reason = REASON_STANDING, .value = (uint64_t)first_total(scene), .resource = RESOURCE_NET });
	}
}
