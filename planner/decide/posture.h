/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands while nobody is in danger, because it costs nothing. Pure.
 *
 * weights: one of best effort without a bound of its own that lives beside an instance with a bound and a higher tier (their weights
 *	divide the same directory) gets the least cpu.weight, and an io.weight of 10 where that does something. A weight conserves work: what the
 *	others leave is still its own. An annotated tier is what permits it, so nobody else is touched.
 * limits of a disk or a wire: once it was seen how much of it hurts an instance with a bound on it, or that limits end what does (knee.h), those same ones of best effort
 *	hold the limit that a danger would set, whether they use it now or not, as long as the instance uses it: what nobody can foresee
 *	finds it there. A limit does not conserve work, but only what is known to hurt is kept away, and while it is used up without harm
 *	it widens.
 * io.cost of a disk, where `[plan] io_cost = yes` allows it: see iocost.h.
 * quota: an instance with a bound whose own cpu.max lies below the maximum that its annotation grants (cpu=..MAX) gets that maximum
 *	once it uses, or is expected to use, four fifths of what it has, and falls back when it needs less. This every policy does, when
 *	it knows of the danger; forestall also when its own past or the forecast says so.
 */
#ifndef FORESTALL_POSTURE_H
#define FORESTALL_POSTURE_H

#include "scene.h"

/* Adds to *plan. To be called once per tick, after the dangers. */
void posture_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[],
		  uint32_t count, uint64_t now_ns, struct plan *plan);

/* For whose sake limits of the scene's resource stand; NULL: they do not. */
struct plan_view *posture_limits_for(const struct scene *scene);

/* Whether something may stand that keeps dangers of the scene's resource away. */
bool posture_holds(const struct scene *scene);

/* Whether it is one that stands back for `other`, if their weights or limits meet. */
bool posture_yields(const struct plan_view *view, const struct plan_view *other);

/* The first of views[] that has a bound and a higher tier, and against which `view` has a weight; NULL: none. */
const struct plan_view *posture_beside(struct plan_view *const views[], uint32_t count, const struct plan_view *view);

#endif
