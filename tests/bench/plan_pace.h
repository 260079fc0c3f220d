/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast limits come: the same recordings planned with other values of [plan] step and changes_max. */
#ifndef FORESTALL_BENCH_PLAN_PACE_H
#define FORESTALL_BENCH_PLAN_PACE_H

/* One recording, by each pace; what is counted adds up. 0, or below when it is damaged or too long, which was said. */
int pace_take(const char *path);

void pace_print(void);

/* As the rest of a JSON object: ,"pace":[...] */
void pace_json(void);

#endif
