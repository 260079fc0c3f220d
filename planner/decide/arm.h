/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arm without action: some dangers that only the forecast sees are left alone by lot (plan_policy.no_action), so that it
 * becomes known whether they would have come. Never what is measured already (reflex), nor anything of memory, where harm cannot
 * be taken back. Pure: the lot is a hash of the seed, the instance, the resource and the time, so that a replay draws the same.
 */
#ifndef FORESTALL_ARM_H
#define FORESTALL_ARM_H

#include "scene.h"

/*
 * Whether this foreseen danger of `view` is left alone; it is then noted in plan->arm. The lot is drawn once per episode: foresight
 * that goes on, with gaps shorter than plan_policy.hold_ns.
 */
bool arm_leaves_alone(const struct scene *scene, struct plan_view *view, struct plan *plan);

#endif
