/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

#include <math.h>

#include "rung.h"
#include "share.h"

#define GROWTH_WEIGHT 0.5f
#define SOON_S 3.0f		/* less time than this until memory is used up is no time to wait and see */
#define LEAK_S 60.0f		/* who goes on growing like this for so long has to be stopped while a limit still fits */
#define CREEPS_S 10.0f
#define WRITTEN_S 0.2f		/* from a plan until it is written, at most */
#define PRESSES 0.7f		/* who uses this share of what is left to it would use more */

/*
 * A limit must not hide the need that it causes: who uses up what is left to it still wants what it wanted before. Memory
 * does not fall when it is limited, and what CPU tasks wait for is measured.
 */
float scene_wants(const struct scene *scene, const struct plan_view *view)
{
	const struct plan_need *need = &view->need[scene->resource];
	const struct plan_hold *hold = &view->hold[scene->resource];

	return hold->left > 0 && need->demand > hold->left * PRESSES ? fmaxf(need->demand, hold->wanted) : need->demand;
}

float scene_kept(const struct plan_need *need) { return fmaxf(need->min, need->phase); }

bool scene_holds(const struct scene *scene, const struct plan_view *view)
{
	return !scene->path || rung_is_above(scene->path, view->path);
}

/*
 * What may be taken without taking it from the protected: the kernel calls their page cache available, but they would read
 * it again. < 0 where more than all is taken.
 */
float scene_memory_spare(const struct scene *scene)
{
	float spare = scene->memory_free;

	for (uint32_t i = 0; i < scene->count; i++) {
		const struct plan_view *view = scene->views[i];
		const struct plan_need *need = &view->need[RESOURCE_MEMORY];

		if (view->is_bound && scene_holds(scene, view))
			spare -= view->cache_bytes + fmaxf(scene_kept(need) - need->demand, 0);
	}
	return spare;
}

void scene_growth(const struct scene *scene)
{
	for (uint32_t i = 0; scene->seconds > 0 && i < scene->count; i++) {
		struct plan_hold *hold = &scene->views[i]->hold[scene->resource];
		float demand = scene->views[i]->need[scene->resource].demand;
		float grew = hold->seen > 0 ? (demand - hold->seen) / scene->seconds : 0;

		hold->grows += (grew - hold->grows) * GROWTH_WEIGHT;
		hold->creeps += (grew - hold->creeps) * fminf(scene->seconds / CREEPS_S, 1);
		hold->seen = demand;
	}
}

float scene_memory_least(const struct scene *scene, const struct plan_view *giver)
{
	float grown = fmaxf(giver->hold[RESOURCE_MEMORY].grows, 0) * WRITTEN_S, demand = giver->need[RESOURCE_MEMORY].demand;
	float anonymous = fmaxf(demand - giver->cache_bytes, 0);

	if (scene->host->swap_free > 0)
		return 0;
	return fmaxf(demand + grown, (anonymous + grown) * MEMORY_HIGH_SPARE / (MEMORY_HIGH_SPARE - 1));
}

/* What it will have taken soon, or before a limit stops it. A batch that is over by then grows no longer. */
static float taken_soon(const struct scene *scene, const struct plan_view *view)
{
	const struct plan_hold *hold = &view->hold[RESOURCE_MEMORY];
	float ends_s = view->ends_s > 0 ? view->ends_s : LEAK_S;
	float room = scene_memory_least(scene, view) - view->need[RESOURCE_MEMORY].demand;

	return fmaxf(fmaxf(hold->grows, 0) * fminf(ends_s, SOON_S), fminf(fmaxf(hold->creeps, 0) * fminf(ends_s, LEAK_S), room));
}

/* What load that was announced for now comes to beyond what it uses. */
static float announced_more(const struct scene *scene, const struct plan_view *view)
{
	return fmaxf(view->need[scene->resource].announced - scene_wants(scene, view), 0);
}

void scene_sum(struct scene *scene)
{
	struct scene_sums *sums = &scene->sums;

	*sums = (struct scene_sums){ .memory_spare = scene->resource == RESOURCE_MEMORY ? scene_memory_spare(scene) : 0 };
	for (uint32_t i = 0; i < scene->count; i++) {
		const struct plan_view *view = scene->views[i];

		if (!scene_holds(scene, view))
			continue;
		sums->wants[view->tier] += scene_wants(scene, view);
		sums->announced[view->tier] += announced_more(scene, view);
		if (scene->resource == RESOURCE_MEMORY)
			sums->taken_soon[view->tier] += taken_soon(scene, view);
	}
}

/* Over the tiers that would have to give to this one. */
static float below(const float sum[TIER_COUNT], uint32_t tier)
{
	float all = 0;

	for (uint32_t t = 0; t < tier; t++)
		all += sum[t];
	return all;
}

bool scene_is_pressed(const struct scene *scene, const struct plan_view *view)
{
	float headroom = scene->policy->headroom[scene->resource];

	if (scene->resource == RESOURCE_MEMORY)
		return scene->memory_free >= 0 && scene->sums.memory_spare < 2 * headroom * scene->capacity;
	return view->need[scene->resource].demand + below(scene->sums.wants, view->tier) > scene->capacity * (1 - headroom);
}

bool scene_is_announced(const struct scene *scene, const struct plan_view *view)
{
	float headroom = scene->policy->headroom[scene->resource] * scene->capacity;
	float more = announced_more(scene, view) + below(scene->sums.announced, view->tier);

	if (more <= 0)
		return false;
	if (scene->resource == RESOURCE_MEMORY)
		return scene->memory_free >= 0 && scene->sums.memory_spare - more < headroom;
	return scene_wants(scene, view) + below(scene->sums.wants, view->tier) + more > scene->capacity - headroom;
}

bool scene_is_running_out(const struct scene *scene, const struct plan_view *view)
{
	float more = below(scene->sums.taken_soon, view->tier);

	return scene->memory_free >= 0 && more > 0 && scene->sums.memory_spare < more;
}

/* The share of the capacity that is wanted. */
float scene_fullness(const struct scene *scene)
{
	float sum = 0;

	if (scene->resource == RESOURCE_MEMORY)
		return scene->memory_free < 0 ? 0 : 1 - scene->memory_free / scene->capacity;
	for (uint32_t i = 0; i < scene->count; i++)
		if (scene_holds(scene, scene->views[i]))
			sum += scene_wants(scene, scene->views[i]);
	return sum / scene->capacity;
}

bool scene_may_give(const struct scene *scene, const struct plan_view *view, const struct plan_view *victim)
{
	return scene_holds(scene, view) && view->tier < victim->tier && !rung_is_above(view->path, victim->path);
}

bool scene_was_active(const struct scene *scene, const struct plan_view *view)
{
	uint64_t active_ns = view->hold[scene->resource].active_ns;

	return active_ns && scene->now_ns - active_ns <= SCENE_IDLE_NS;
}

/* An io.max counts bytes or requests: what it leaves, in the units of enum resource, depends on the requests made below it. */
static float io_capacity(const struct scene *scene, const struct plan_scope *scope)
{
	float demand = 0, requests = 0, cost, capacity = INFINITY;

	for (uint32_t i = 0; i < scene->count; i++) {
		const struct plan_view *view = scene->views[i];

		if (!scene_holds(scene, view))
			continue;
		demand += view->need[RESOURCE_IO].demand;
		requests += view->need[RESOURCE_IO].demand / (view->request_bytes + RESOURCE_IO_REQUEST_BYTES);
	}
	if (requests <= 0)
		return 0;
	cost = demand / requests;
	if (scope->io_bps > 0 && cost > RESOURCE_IO_REQUEST_BYTES)
		capacity = scope->io_bps * cost / (cost - RESOURCE_IO_REQUEST_BYTES);
	if (scope->io_iops > 0)
		capacity = fminf(capacity, scope->io_iops * cost);
	return isinf(capacity) ? 0 : capacity;
}

struct scene scene_below(const struct scene *host, const struct plan_scope *scope)
{
	const struct subtree *tree = &host->host->share->tree;
	uint32_t index = (uint32_t)(scope - host->host->scopes);
	struct scene scene = *host;

	scene.views = tree->view + tree->from[index];
	scene.count = tree->count[index];
	scene.path = scope->path;
	scene.scope = scope->slot;
	scene.capacity = host->resource == RESOURCE_IO ? io_capacity(&scene, scope) : scope->capacity[host->resource];
	scene.memory_free = scope->memory_free;
	return scene;
}

float scene_host_capacity(const struct plan_host *host, enum resource resource)
{
	float capacity = host->capacity[resource];

	return resource_is_learned(resource) ? knee_capacity(&host->knee[resource], capacity) : capacity;
}
