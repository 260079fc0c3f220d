/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is first on a wire (net.first, act/tc.h): all of best effort together may send what the wire bears less what the protected sends, and the
 * kernel sees to that packet by packet. So nobody has to be limited to a share of his own, the rest is theirs whoever of them wants it, and
 * what is free beyond that (a limit's headroom) need not be. Pure.
 *
 * It stands with the limits of posture.h, once it is known what the wire bears (knee.h), for those of the highest tier that need it, where
 * somebody of best effort shares their network namespace; who has one of his own has a device of his own, and stays limited by himself. While
 * the hands hold it nothing else is done about dangers of the wire for who is first, unless that does not help: three of the last ten seconds
 * were violated. Six, or the hands do not take it, and it is let go for a while.
 */
#ifndef FORESTALL_FIRST_H
#define FORESTALL_FIRST_H

#include "scene.h"

/* Each tick: the round trip of its packets of late; < 0: not measured. */
void first_tick(struct plan_view *view, float rtt_ns);

/* Once a second, when needs are known; of the whole second. */
void first_second(struct plan_view *view, float rtt_ns, uint64_t now_ns);

/* Whether the hands hold it for this one. */
bool first_holds(const struct scene *scene, const struct plan_view *view);

/* And it keeps dangers of the scene's resource away. */
bool first_serves(const struct scene *scene, const struct plan_view *view);

/* Whether its packets leave by the same device as those of others that have no network namespace of their own. */
bool first_shares(const struct plan_view *view);

/* Whether it is first, or of those who would stand behind: what it sends is part of the total. */
bool first_counts(const struct scene *scene, const struct plan_view *view);

/* What those may send together: beside them are others whom nobody limits. */
float first_total(const struct scene *scene);

/* Adds to *plan who is to be first for the sake of `view`, whom standing limits are for. */
void first_plan(const struct scene *scene, const struct plan_view *view, struct plan *plan);

#endif
