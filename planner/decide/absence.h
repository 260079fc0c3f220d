/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others hold for one that is gone: kept as it was for plan_policy.hold_ns, since a unit that is started again comes back as another
 * cgroup with the same name and the same annotation within that time. So its neighbours are neither let go nor taken anew around a restart,
 * which of systemd's units would be two calls each while systemd has other work. One that was only deprived of its annotation is nobody's
 * concern any more, and what it held itself went with its cgroup. Pure.
 */
#ifndef FORESTALL_ABSENCE_H
#define FORESTALL_ABSENCE_H

#include "plan.h"

/* To be called once per tick, after what is wanted was planned and before it is paced. */
void absence_plan(const struct plan_policy *policy, const struct plan_host *host, struct plan_view *const views[], uint32_t count,
		  uint64_t now_ns, struct plan *plan);

#endif
