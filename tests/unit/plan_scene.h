/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server with a bound, a batch of a lower tier and a stranger, for the tests of the plan. */
#ifndef FORESTALL_TEST_PLAN_SCENE_H
#define FORESTALL_TEST_PLAN_SCENE_H

#include "unit.h"

#include "decide/pace.h"
#include "decide/plan.h"
#include "decide/share.h"
#include "predict/slo.h"

#define TICK_NS 100000000ull

struct stage {
	struct plan_policy policy;
	struct plan_host host;
	struct knee knee[RESOURCE_COUNT];
	struct plan_disk disk[PLAN_DISKS_MAX];
	struct pace pace;
	struct plan_view server, batch, stranger;
	struct plan_view *views[3];
	struct plan plan;
	uint64_t now_ns;
};

static inline struct plan_view view_make(uint32_t slot, uint32_t tier, const char *path)
{
	struct plan_view view = { .slot = slot, .tier = tier, .path = path, .quality = 1, .is_fresh = true, .has = 0xff, .held = UINT64_MAX,
				  .device = 7 << 20, .request_bytes = 16384 };

	for (int r = 0; r < RESOURCE_COUNT; r++)
		view.need[r].bad = -1;
	return view;
}

/* Room to divide in, for the whole program. */
static inline struct share *share_room(void)
{
	static struct share share;

	if (!share.view)
		assert_int_equal(share_new(&share, 256), 0);
	return &share;
}

/* One CPU, 1 GB of memory with 200 MB free, a disk of 100 MB/s of cost, a wire of 10 MB/s. */
static inline void scene_init(struct stage *scene)
{
	memset(scene, 0, sizeof(*scene));
	plan_policy_init(&scene->policy);
	/* What stands in every plan has a test of its own (test_posture.c). */
	scene->policy.posture = 0;
	scene->host = (struct plan_host){ .capacity = { 1, 1e9f, 100e6f, 10e6f }, .memory_free = 200e6f,
					  .knee = scene->knee, .disk = scene->disk, .share = share_room(), .pace = &scene->pace };
	scene->server = view_make(1, TIER_CRITICAL, "/app/server");
	scene->server.is_bound = true;
	scene->server.need[RESOURCE_CPU] = (struct plan_need){ .demand = 0.3f, .demand_high = 0.35f };
	scene->server.need[RESOURCE_MEMORY] = (struct plan_need){ .demand = 300e6f, .demand_high = 300e6f };
	scene->server.need[RESOURCE_IO] = (struct plan_need){ .demand = 10e6f, .demand_high = 20e6f };
	scene->server.need[RESOURCE_NET] = (struct plan_need){ .demand = 1e6f, .demand_high = 2e6f };
	scene->batch = view_make(2, TIER_BEST_EFFORT, "/app/batch");
	scene->batch.need[RESOURCE_CPU] = (struct plan_need){ .demand = 1, .demand_high = 1, .bad = -1 };
	scene->stranger = view_make(3, TIER_CRITICAL, "/app/stranger");
	scene->stranger.need[RESOURCE_CPU].demand = 0.1f;
	scene->views[0] = &scene->server;
	scene->views[1] = &scene->batch;
	scene->views[2] = &scene->stranger;
	scene->now_ns = NS_PER_SECOND;
}

/* Forecasts of the resource have come true for the server here, so they may be acted on with limits. */
static inline void scene_credit(struct stage *scene, enum resource resource)
{
	scene->server.hold[resource].credit.came[0] = 5;
}

static inline void scene_tick(struct stage *scene)
{
	scene->now_ns += TICK_NS;
	plan_make(&scene->policy, &scene->host, scene->views, 3, scene->now_ns, TICK_NS, &scene->plan);
}

static inline const struct plan_action *action_of(const struct stage *scene, uint32_t slot, enum knob knob)
{
	for (uint32_t i = 0; i < scene->plan.count; i++)
		if (scene->plan.action[i].slot == slot && scene->plan.action[i].knob == knob)
			return &scene->plan.action[i];
	return NULL;
}

/* What each test below starts from: the server suffers from one resource, of which the batch uses much. */
static inline void scene_hurt(struct stage *scene, enum resource resource, float batch_demand)
{
	scene_init(scene);
	scene->batch.need[RESOURCE_CPU].demand = scene->batch.need[RESOURCE_CPU].demand_high = 0;
	scene->batch.need[resource] = (struct plan_need){ .demand = batch_demand, .demand_high = batch_demand, .bad = -1 };
	scene->server.need[resource].bad = 0.5f;
}

#endif
