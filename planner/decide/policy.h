/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of policies: by what an instance is known to be in danger. Givers, limits and knobs are the same for all, so that two
 * policies differ in nothing else; but for those that others have published, which come with limits of their own (peer.h). Pure.
 */
#ifndef FORESTALL_POLICY_H
#define FORESTALL_POLICY_H

#include "scene.h"

/* forestall: delays over the bound, a forecast that says so, or memory that is running out; reactive: delays over the bound; pressure: its
 * own stall of the resource; headroom: the resource is nearly used up; static: always, with weights alone; none: never; senpai, vpa, captain: by limits of their own, see peer.h. */
#define POLICY_TABLE(X) \
	X(FORESTALL, forestall, forestall) X(REACTIVE, reactive, reactive) X(PRESSURE, pressure, pressure) \
	X(HEADROOM, headroom, headroom) X(STATIC, static, always) X(NONE, none, never) \
	X(SENPAI, senpai, never) X(VPA, vpa, never) X(CAPTAIN, captain, never)

enum policy {
#define POLICY_ENUM(id, name, danger) POLICY_##id,
	POLICY_TABLE(POLICY_ENUM)
#undef POLICY_ENUM
	POLICY_COUNT
};

/* Static storage; NULL when there is no such policy. */
const char *policy_name(uint32_t policy);

/* POLICY_COUNT when there is none of this name. */
enum policy policy_find(const char *name);

/* Why `view` is in danger under the scene's policy; REASON_NONE: it is not. */
enum plan_reason policy_danger(const struct scene *scene, const struct plan_view *view);

/* The policy listens to forecasts, and this instance's says that the bound will be violated within the horizon that is acted on. */
bool policy_foresees(const struct scene *scene, const struct plan_view *view);

/* It has limits of its own, and asks for no danger. */
bool policy_has_limits(const struct plan_policy *policy);

/* Limits do not wait for anybody to use the resource, and weights are the only ones. */
bool policy_is_standing(const struct plan_policy *policy);

#endif
