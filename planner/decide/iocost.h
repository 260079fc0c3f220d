/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own controller of a disk (io.cost, block/blk-iocost.c): while more than one request in twenty ends later than a target, it
 * lets less through and divides that by io.weight; else it lets more through. It sees each request, so it needs neither a forecast nor a
 * tick. Pure.
 *
 * It is of the whole disk: whoever uses that is held back, annotated or not, so it is for the operator to allow (`[plan] io_cost = yes`). It costs the
 * others work even where nobody suffers (large requests are late by themselves), so it stands only once a second of somebody
 * with a bound (io_p99, or else resp_p99 where the disk is to blame) was violated who uses that disk, and for ten minutes after the last such second; somebody of best effort has to be
 * beside one with a bound, as for weights (posture.h). The target is half of the bound; violated seconds take a sixteenth of the bound from it
 * each, to a quarter at least, and each two minutes without one give that back. All this is remembered of the disk, so a unit that is restarted finds it as
 * it was. On a disk for which somebody else set it up nothing is changed.
 *
 * While it is on, whoever did that, weights divide the disk (posture.h) and nothing else is done about dangers on that disk, unless it does not help: three of the last ten seconds were violated.
 * Six, and it is let go for ten minutes: a disk that is late by itself would hold up everybody.
 */
#ifndef FORESTALL_IOCOST_H
#define FORESTALL_IOCOST_H

#include "scene.h"

/* Once a second, when needs are known and before dangers are looked for: what it was worth on each disk. */
void iocost_second(const struct plan_host *host, struct plan_view *const views[], uint32_t count, uint64_t now_ns);

/* It keeps dangers of the scene's resource away from this instance. */
bool iocost_serves(const struct scene *scene, const struct plan_view *view);

/* Adds to *plan what is to stand. */
void iocost_plan(const struct plan_host *host, struct plan_view *const views[], uint32_t count, uint64_t now_ns, struct plan *plan);

#endif
