/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "advice.h"

#include <math.h>
#include <string.h>

#include "policy.h"
#include "predict/predictor.h"
#include "predict/slo.h"
#include "rung.h"
#include "scene.h"

#define GAP_NS 2000000000ull	/* over the bound again so soon is still the same story */
#define EASE 1.25f		/* a limit is raised to what is wanted and a fifth of it free */

static const char *const why_names[] = { "none", "capped", "promised", "no_giver", "ladder" };
static const char *const help_names[] = { "move", "raise", "annotate", "promise_less" };
_Static_assert(sizeof(why_names) / sizeof(why_names[0]) == ADVICE_WHY_COUNT, "a name per reason");
_Static_assert(sizeof(help_names) / sizeof(help_names[0]) == ADVICE_HELP_COUNT, "a name per remedy");

const char *advice_why_name(enum advice_why why) { return why_names[why]; }
const char *advice_help_name(enum advice_help help) { return help_names[help]; }

/* One instance that suffers from one resource, where that is scarce; NULL: on the host. */
struct trouble {
	struct scene scene;
	const struct plan_view *view;
	const struct plan_scope *scope;
	const struct plan *plan;
	enum ledger_hands hands;
};

/* Who might move, or give once it may. */
struct suspect {
	uint32_t slot;
	float demand;
};

/* Not policies with limits of their own, nor those that hold what they hold whoever suffers. */
static bool answers_danger(const struct plan_policy *policy)
{
	return !policy_has_limits(policy) && !policy_is_standing(policy) && policy->policy != POLICY_NONE;
}

/* Only what is measured counts: that a forecast goes on saying so proves nothing. */
static void lasting_note(const struct plan_policy *policy, struct plan_view *view, int r, uint64_t now_ns)
{
	struct plan_hold *hold = &view->hold[r];

	if (view->need[r].bad < policy->bad_act && !(view->is_fresh && view->need[r].is_violated))
		return;
	if (!hold->over_last_ns || now_ns - hold->over_last_ns > GAP_NS)
		hold->over_since_ns = now_ns;
	hold->over_last_ns = now_ns;
}

static bool lasts(const struct plan_view *view, int r, uint64_t now_ns)
{
	const struct plan_hold *hold = &view->hold[r];

	return hold->over_last_ns && now_ns - hold->over_last_ns <= GAP_NS &&
	       now_ns - hold->over_since_ns >= (resource_is_learned((enum resource)r) ? ADVICE_IO_NS : ADVICE_CPU_NS);
}

static const struct plan_scope *scope_find(const struct plan_host *host, uint32_t slot)
{
	for (uint32_t i = 0; slot && i < host->scope_count; i++)
		if (host->scopes[i].slot == slot)
			return &host->scopes[i];
	return NULL;
}

static float wants(const struct trouble *trouble)
{
	const struct plan_need *need = &trouble->view->need[trouble->scene.resource];

	return fmaxf(need->demand, need->demand_high);
}

/* The host may be fuller than what its own cpu.max leaves to it, and still nobody can give it more. */
static bool is_at_quota(const struct trouble *trouble)
{
	const struct plan_view *view = trouble->view;
	float usable = view->quota * (1 - trouble->scene.policy->headroom[RESOURCE_CPU]);

	return trouble->scene.resource == RESOURCE_CPU && view->quota > 0 && view->need[RESOURCE_CPU].demand > usable;
}

static bool is_lifted(const struct trouble *trouble)
{
	for (uint32_t i = 0; i < trouble->plan->count; i++)
		if (trouble->plan->action[i].slot == trouble->view->slot && trouble->plan->action[i].knob == KNOB_CPU_MAX)
			return true;
	return false;
}

static bool is_capped(const struct trouble *trouble)
{
	const struct plan_need *need = &trouble->view->need[trouble->scene.resource];

	if (is_at_quota(trouble))
		return !is_lifted(trouble) || need->demand > need->max;
	return (trouble->scope && trouble->scope->slot == trouble->view->slot) || (need->max > 0 && need->demand > need->max);
}

/* By how much the minima of all are more than there is. */
static float promised_beyond(const struct trouble *trouble)
{
	const struct scene *scene = &trouble->scene;
	float sum = 0;

	/* What a disk or a wire can do is only learned. */
	for (uint32_t i = 0; !resource_is_learned(scene->resource) && i < scene->count; i++)
		if (scene_holds(scene, scene->views[i]))
			sum += scene->views[i]->need[scene->resource].min;
	return sum - scene->capacity;
}

static bool are_related(const char *a, const char *b) { return rung_is_above(a, b) || rung_is_above(b, a); }

static bool has_giver(const struct trouble *trouble)
{
	const struct scene *scene = &trouble->scene;

	for (uint32_t i = 0; i < scene->count; i++)
		if (scene_may_give(scene, scene->views[i], trouble->view) && scene_was_active(scene, scene->views[i]))
			return true;
	return false;
}

static float active_least(const struct scene *scene)
{
	return plan_active_least(scene->policy, scene->resource, scene->capacity);
}

/* Of the annotated beside it, whoever uses most. */
static struct suspect neighbour_find(const struct trouble *trouble)
{
	const struct scene *scene = &trouble->scene;
	struct suspect most = { 0, active_least(scene) };

	for (uint32_t i = 0; i < scene->count; i++) {
		const struct plan_view *other = scene->views[i];

		if (other->slot == trouble->view->slot || !scene_holds(scene, other) || are_related(other->path, trouble->view->path) ||
		    scene_wants(scene, other) <= most.demand)
			continue;
		most = (struct suspect){ other->slot, scene_wants(scene, other) };
	}
	return most;
}

/* The same of those that nobody annotated; what memory they hold is not known. */
static struct suspect stranger_find(const struct trouble *trouble)
{
	const struct scene *scene = &trouble->scene;
	const struct predictor *all = scene->host->all;
	struct suspect most = { 0, active_least(scene) };

	for (uint32_t i = 0; all && scene->resource != RESOURCE_MEMORY && i < all->live_count; i++) {
		const struct predictor_instance *other = &all->instance[all->live[i]];
		float demand = other->demand[scene->resource] * scene->host->capacity[scene->resource];

		if (predictor_is_annotated(other) || demand <= most.demand || are_related(other->info.path, trouble->view->path) ||
		    (scene->path && !rung_is_above(scene->path, other->info.path)))
			continue;
		most = (struct suspect){ other->info.slot, demand };
	}
	return most;
}

/* What is expected to stay free on the host beside its headroom; < 0: not known, and of disks and wires it never is. */
static float host_room(const struct scene *scene)
{
	const struct plan_host *host = scene->host;
	float capacity = host->capacity[scene->resource], free;

	if (scene->resource == RESOURCE_MEMORY && host->memory_free >= 0)
		free = host->memory_free;
	else if (scene->resource == RESOURCE_CPU && host->all)
		free = capacity * (1 - host->all->host.total[RESOURCE_CPU]);
	else
		return -1;
	return fmaxf(free - scene->policy->headroom[scene->resource] * capacity, 0);
}

static enum advice_why why_of(const struct trouble *trouble)
{
	const struct plan_hold *hold = &trouble->view->hold[trouble->scene.resource];

	if (is_capped(trouble))
		return ADVICE_CAPPED;
	if (promised_beyond(trouble) > 0)
		return ADVICE_PROMISED;
	if (!has_giver(trouble))
		return ADVICE_NO_GIVER;
	if (trouble->hands != LEDGER_HANDS_ACT || hold->level + 1 < rung_count(trouble->scene.resource))
		return ADVICE_NONE;
	return ADVICE_LADDER;
}

/* Of who uses most. */
static void help_find(const struct trouble *trouble, struct plan_advice *advice)
{
	struct suspect stranger = stranger_find(trouble), neighbour = neighbour_find(trouble);
	float own = wants(trouble);

	advice->help = ADVICE_MOVE;
	advice->other = neighbour.slot && neighbour.demand > own ? neighbour.slot : advice->slot;
	advice->amount = fmaxf(neighbour.slot ? neighbour.demand : 0, own);
	if (stranger.slot && (advice->why == ADVICE_NO_GIVER || stranger.demand > neighbour.demand)) {
		advice->help = ADVICE_ANNOTATE;
		advice->other = stranger.slot;
		advice->amount = stranger.demand;
	}
}

/* A directory's limit is raised where the host has what is missing below it. */
static bool limit_helps(const struct trouble *trouble, float room)
{
	return trouble->scope && room > 0 && trouble->scene.capacity > 0;
}

static struct plan_advice advice_make(const struct trouble *trouble)
{
	const struct scene *scene = &trouble->scene;
	struct plan_advice advice = { .slot = trouble->view->slot, .resource = scene->resource, .why = why_of(trouble),
				      .room = host_room(scene), .tier = trouble->view->tier,
				      .since_ns = trouble->view->hold[scene->resource].over_since_ns };

	if (advice.why == ADVICE_CAPPED) {
		advice.help = ADVICE_RAISE;
		advice.other = advice.slot;
		advice.amount = fminf(wants(trouble) * EASE, scene->host->capacity[scene->resource]);
	} else if (advice.why == ADVICE_PROMISED) {
		advice.help = ADVICE_PROMISE;
		advice.amount = promised_beyond(trouble);
	} else if (advice.why != ADVICE_NONE) {
		help_find(trouble, &advice);
		if (advice.help == ADVICE_MOVE && limit_helps(trouble, advice.room)) {
			advice.help = ADVICE_RAISE;
			advice.other = trouble->scope->slot;
			advice.amount = scene->capacity + fminf(advice.room, wants(trouble));
		}
	}
	return advice;
}

/* In a full list a higher tier has the place of a lower one. */
static void advice_add(struct advice *advice, const struct plan_advice *one)
{
	uint32_t last = 0;

	if (advice->count < PLAN_ADVICE_MAX) {
		advice->list[advice->count++] = *one;
		return;
	}
	for (uint32_t i = 1; i < advice->count; i++)
		if (advice->list[i].tier < advice->list[last].tier)
			last = i;
	if (advice->list[last].tier < one->tier)
		advice->list[last] = *one;
}

static void view_advise(struct advice *advice, const struct scene *host, const struct plan_view *view, const struct plan *plan,
			enum ledger_hands hands)
{
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		struct trouble trouble = { *host, view, scope_find(host->host, view->scope_of[r]), plan, hands };
		struct plan_advice one;

		if (!lasts(view, r, host->now_ns))
			continue;
		trouble.scene.resource = (enum resource)r;
		trouble.scene.capacity = host->host->capacity[r];
		trouble.scene.memory_free = host->host->memory_free;
		if (trouble.scope)
			trouble.scene = scene_below(&trouble.scene, trouble.scope);
		one = advice_make(&trouble);
		if (one.why != ADVICE_NONE)
			advice_add(advice, &one);
	}
}

void advice_tick(struct advice *advice, const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		 uint32_t count, enum ledger_hands hands, struct plan *plan)
{
	struct scene scene = { .policy = policy, .host = host, .views = views, .count = count, .now_ns = plan->time_ns };

	if (host->is_second)
		memset(advice, 0, sizeof(*advice));
	for (uint32_t i = 0; answers_danger(policy) && i < count; i++) {
		for (int r = 0; views[i]->is_bound && r < RESOURCE_COUNT; r++)
			lasting_note(policy, views[i], r, plan->time_ns);
		if (host->is_second && views[i]->is_bound)
			view_advise(advice, &scene, views[i], plan, hands);
	}
	plan->advice_count = advice->count;
	memcpy(plan->advice, advice->list, sizeof(plan->advice));
}
