/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plan of one resource is made from, and who wants how much of it. Pure. */
#ifndef FORESTALL_SCENE_H
#define FORESTALL_SCENE_H

#include "plan.h"

#define SCENE_IDLE_NS 1000000000ull	/* where one second ends, the next has nothing to show yet */

/* Over those that live in the scene, by tier, and what all instances with a bound leave of memory: made by scene_sum(). */
struct scene_sums {
	float wants[TIER_COUNT], announced[TIER_COUNT], taken_soon[TIER_COUNT];	/* announced: beyond what is wanted */
	float memory_spare;
};

/* One resource, and all that share it: on the host, or below a directory with a limit. */
struct scene {
	const struct plan_policy *policy;
	const struct plan_host *host;
	struct plan_view *const *views;
	uint32_t count;
	enum resource resource;
	uint64_t now_ns;
	float seconds;		/* since the tick before */
	const char *path;	/* of the directory; NULL: the host */
	float capacity;
	float memory_free;	/* < 0: not known */
	uint32_t scope;		/* slot of the directory; 0: the host */
	struct scene_sums sums;
};

/* To be called before the danger of anybody in the scene is asked for: that is asked once for each, and must not look at all the others each time. */
void scene_sum(struct scene *scene);

/* What an instance would use: a limit does not hide the need that it causes. */
float scene_wants(const struct scene *scene, const struct plan_view *view);

/* What is to be there for it whether it uses that now or not: its annotated minimum, or what it will need by its profile. */
float scene_kept(const struct plan_need *need);

/* Whether the instance lives below the scene's directory. */
bool scene_holds(const struct scene *scene, const struct plan_view *view);

/* The same of all below a directory with a limit; a limit of this resource that it has not is a capacity of 0. */
struct scene scene_below(const struct scene *host, const struct plan_scope *scope);

/* Whether an instance is one that may be asked to give to another: of a lower tier, in the same scene, and not above it. */
bool scene_may_give(const struct scene *scene, const struct plan_view *view, const struct plan_view *victim);

/* Whether it used the resource by the last plan, or did a second before. */
bool scene_was_active(const struct scene *scene, const struct plan_view *view);

/* Bytes that may be taken without taking them from the protected; < 0 where more than all is taken. */
float scene_memory_spare(const struct scene *scene);

/* Whether the resource is nearly used up by those that would have to give and the one they would give to. */
bool scene_is_pressed(const struct scene *scene, const struct plan_view *view);

/* Whether load was announced for now, of the instance or of those that would have to give, that does not fit beside what is wanted. */
bool scene_is_announced(const struct scene *scene, const struct plan_view *view);

/*
 * Whether those that would have to give will soon have taken all memory that can be spared, going on as now: what is lost to them then
 * does not come back with a limit. Soon is also when a limit, which has to leave them some more, would come too late.
 */
bool scene_is_running_out(const struct scene *scene, const struct plan_view *view);

/* The least limit of its memory that the hands would take now (act/protocol.h); 0: any. */
float scene_memory_least(const struct scene *scene, const struct plan_view *giver);

/* To be called once per tick and resource, before scene_sum(). */
void scene_growth(const struct scene *scene);

/* What the host has of a resource; of a disk or a wire, no more than was seen not to hurt (knee.h). */
float scene_host_capacity(const struct plan_host *host, enum resource resource);

/* The share of the capacity that is wanted. */
float scene_fullness(const struct scene *scene);

#endif
