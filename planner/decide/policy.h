/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of policies: by what an instance is known to be in danger. Givers, limits and knobs are the same for all, so that two
 * policies differ in nothing else. Pure.
 */
#ifndef FORESTALL_POLICY_H
#define FORESTALL_POLICY_H

#include "scene.h"

#define POLICY_TABLE(X) \
	X(FORESTALL, "forestall", "delays over the bound, or a forecast that says so") \
	X(REACTIVE, "reactive", "delays over the bound in the last ticks") \
	X(PRESSURE, "pressure", "its own pressure stall of the resource, as memory and CPU guards do it") \
	X(HEADROOM, "headroom", "the resource is nearly used up, whether anybody suffers or not") \
	X(STATIC, "static", "always: standing weights, and no other knob") \
	X(NONE, "none", "never")

enum policy {
#define POLICY_ENUM(id, name, by) POLICY_##id,
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

/* Limits do not wait for anybody to use the resource, and weights are the only ones. */
bool policy_is_standing(const struct plan_policy *policy);

#endif
