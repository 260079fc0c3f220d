/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "caution.h"

#include "policy.h"
#include "posture.h"

#define ANSWERED_NS 500000000ull	/* what was done so lately is still held */

/* A forecast is tried where somebody could give: without that it costs nothing, true or not. */
void caution_watch(const struct scene *scene, struct plan_view *view, bool has_giver)
{
	const struct plan_need *need = &view->need[scene->resource];
	struct plan_hold *hold = &view->hold[scene->resource];
	bool is_answered = hold->answered_ns && scene->now_ns - hold->answered_ns <= ANSWERED_NS;
	struct credit_tick tick = {
		.risk = has_giver && policy_foresees(scene, view) ? need->risk : 0,
		.is_bad = need->bad >= scene->policy->bad_act,
		.is_answered = is_answered,
		.is_held = is_answered || posture_holds(scene),
	};

	tick.is_pressed = (tick.risk > 0 || hold->credit.until_ns) && scene_is_pressed(scene, view);
	credit_tick(&hold->credit, &tick, scene->now_ns, forecast_horizon_s[scene->policy->act_horizon] * 1000000000ull);
}

static bool foresight_warrants(const struct scene *scene, const struct plan_view *view)
{
	if (view->worth[scene->resource].is_doubted)
		return false;
	if (scene->resource == RESOURCE_MEMORY)
		return true;
	if (!scene->path && resource_is_learned(scene->resource) && scene->host->knee[scene->resource].rate <= 0)
		return false;
	return credit_of(&view->hold[scene->resource].credit, view->need[scene->resource].risk) >= scene->policy->risk_act;
}

/*
 * What began with something measured is held with limits as long as it would be if nobody foresaw anything; a forecast that has not
 * earned them neither brings them nor keeps them.
 */
void caution_move(const struct scene *scene, struct plan_view *view, enum plan_reason reason)
{
	struct plan_hold *hold = &view->hold[scene->resource];
	bool is_warranted = scene->now_ns < hold->warranted_until_ns;

	if (reason == REASON_FORESIGHT)
		is_warranted = foresight_warrants(scene, view) || (is_warranted && scene_is_pressed(scene, view));
	else if (reason != REASON_HOLD)
		is_warranted = reason != REASON_NONE;
	if (is_warranted)
		hold->warranted_until_ns = scene->now_ns + scene->policy->hold_ns;
}
