/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scene of the plan with a ledger, for the tests of what is made of it. */
#ifndef FORESTALL_TEST_LEDGER_STORY_H
#define FORESTALL_TEST_LEDGER_STORY_H

#include "plan_scene.h"

#include "decide/ledger.h"

static struct ledger ledger;
static enum ledger_hands hands;
static uint64_t hands_refuse;	/* bit per enum knob */

/* A server that suffers beside a batch; what hurts only a limit can take, since they are no siblings. */
static inline void story_init(struct stage *scene)
{
	scene_init(scene);
	scene_credit(scene, RESOURCE_CPU);
	memset(&ledger, 0, sizeof(ledger));
	hands = LEDGER_HANDS_ACT;
	hands_refuse = 0;
	scene->host.ledger = &ledger;
	scene->server.cgroup_id = 101;
	scene->batch.cgroup_id = 102;
	scene->stranger.cgroup_id = 103;
	scene->batch.path = "/other/batch";
}

/* Against danger they hold all that is planned but what they refuse, or nothing. */
static inline void hands_speak(struct stage *scene)
{
	for (int i = 0; i < 3; i++)
		scene->views[i]->held = hands == LEDGER_HANDS_ACT ? ~hands_refuse : 0;
}

static inline void story_tick(struct stage *scene)
{
	hands_speak(scene);
	scene->plan.time_ns = scene->now_ns + TICK_NS;
	scene_tick(scene);
	ledger_tick(&ledger, &scene->policy, &scene->host, scene->views, 3, &scene->plan, TICK_NS, hands);
}

static inline void story_seconds(struct stage *scene, double seconds)
{
	for (int i = 0; i < (int)(10 * seconds + 0.5); i++)
		story_tick(scene);
}

static inline void calm(struct stage *scene)
{
	scene->server.need[RESOURCE_CPU].bad = 0;
	scene->server.need[RESOURCE_CPU].risk = 0;
	scene->batch.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.02f, .bad = -1 };
	story_seconds(scene, 6);
}

#endif
