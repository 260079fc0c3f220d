/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hog held at memory.high, whose memory does what the kernel lets it: it is let on by a little, and only at the cost of what is to spare. */
#include "plan_scene.h"

#include <math.h>

#include "decide/still.h"

/* One GB: what is not taken is free, and 80 MB of headroom are wanted. */
#define FREE 110e6f
#define HEADROOM 80e6f

struct hog {
	struct stage scene;
	float wants;		/* what it would hold by now */
	float free;		/* with what the hog held at first */
	float began;
	uint64_t high;		/* as planned last; 0: none */
	uint32_t writes;	/* of another value */
};

static void hog_init(struct hog *hog, float free)
{
	memset(hog, 0, sizeof(*hog));
	scene_hurt(&hog->scene, RESOURCE_MEMORY, 300e6f);
	hog->scene.batch.need[RESOURCE_MEMORY].stalled = 1;
	/* Something is left to reclaim. */
	hog->scene.batch.cache_bytes = 100e6f;
	hog->free = free;
	hog->began = 300e6f;
	hog->wants = 500e6f;
}

/* It grows by 40 MB/s until the limit, where it stands. */
static void tick(struct hog *hog)
{
	struct plan_need *need = &hog->scene.batch.need[RESOURCE_MEMORY];
	const struct plan_action *action;
	float most = hog->high ? (float)hog->high : INFINITY;

	need->demand = fminf(fminf(hog->wants, need->demand + 4e6f), fmaxf(most, fminf(need->demand, hog->wants)));
	hog->scene.host.memory_free = hog->free - (need->demand - hog->began);
	scene_tick(&hog->scene);
	action = action_of(&hog->scene, 2, KNOB_MEMORY_HIGH);
	hog->writes += action && action->value != hog->high;
	hog->high = action ? action->value : 0;
}

static void run(struct hog *hog, uint32_t seconds)
{
	for (uint32_t i = 0; i < 10 * seconds; i++)
		tick(hog);
}

static float held(const struct hog *hog) { return hog->scene.batch.need[RESOURCE_MEMORY].demand; }

static void hurt(struct hog *hog, bool is_hurt) { hog->scene.server.need[RESOURCE_MEMORY].bad = is_hurt ? 0.5f : 0; }

static void who_stands_still_is_let_on_by_a_little_and_not_beyond_what_is_to_spare(void **state)
{
	struct hog hog;
	float at;

	(void)state;
	hog_init(&hog, FREE);
	run(&hog, 4);
	at = held(&hog);
	/* As long as somebody protected is over its bound it stays where it is. */
	run(&hog, 4);
	assert_float_equal(held(&hog), at, 1);
	hurt(&hog, false);
	run(&hog, 3);
	assert_true(held(&hog) >= at + STILL_STEP);
	assert_true(held(&hog) <= at + 4 * STILL_STEP);
	run(&hog, 30);
	assert_true(hog.scene.host.memory_free >= STILL_SPARE * HEADROOM);
	assert_true(hog.scene.host.memory_free <= STILL_SPARE * HEADROOM + 2 * STILL_STEP);
	/* Each is one write, and none is written while nothing is let on. */
	at = (float)hog.writes;
	run(&hog, 10);
	assert_int_equal(hog.writes, (uint32_t)at);
}

static void who_gets_on_by_itself_is_not_let_on(void **state)
{
	struct hog hog;
	float at;

	(void)state;
	hog_init(&hog, FREE);
	run(&hog, 4);
	hurt(&hog, false);
	/* It stands at its limit, and stalls no more than reclaim does. */
	hog.scene.batch.need[RESOURCE_MEMORY].stalled = 0.2f;
	at = held(&hog);
	run(&hog, 4);
	assert_float_equal(held(&hog), at, 1);
	/* And who stalls at another's cost, below its limit. */
	hog.scene.batch.need[RESOURCE_MEMORY].stalled = 1;
	hog.wants = at - 20e6f;
	run(&hog, 4);
	assert_float_equal(held(&hog), at - 20e6f, 1);
	assert_true((float)hog.high <= at + STILL_STEP);
}

static void without_anything_to_spare_nobody_is_let_on(void **state)
{
	struct hog hog;
	float at;

	(void)state;
	hog_init(&hog, STILL_SPARE * HEADROOM + 20e6f);
	hog.scene.server.cache_bytes = 30e6f;
	run(&hog, 4);
	hurt(&hog, false);
	at = held(&hog);
	run(&hog, 10);
	assert_float_equal(held(&hog), at, 1);
}

/* The hands let go after MEMORY_STUCK_MS unless it is widened by MEMORY_LET_ON, and without a limit it would take all at once. */
static void where_nothing_is_left_to_reclaim_the_limit_is_widened_in_time_and_by_little(void **state)
{
	uint32_t ticks = 0, widened = 0;
	uint64_t high;
	struct hog hog;
	float at;

	(void)state;
	hog_init(&hog, STILL_SPARE * HEADROOM + 20e6f);
	hog.scene.server.cache_bytes = 30e6f;
	hog.scene.batch.cache_bytes = 0;
	run(&hog, 10);
	at = held(&hog);
	high = hog.high;
	for (int i = 0; i < 600; i++) {
		tick(&hog);
		assert_true(hog.high >= high);
		ticks = hog.high - high >= MEMORY_LET_ON ? 0 : ticks + 1;
		assert_true(ticks < MEMORY_STUCK_MS / 100);
		widened += hog.high > high;
		high = hog.high;
	}
	assert_in_range(widened, 6, 8);
	assert_true(held(&hog) >= at + 5 * STILL_STEP && held(&hog) <= at + 9 * STILL_STEP);
	/* What can be swapped out is not stuck. */
	hog.scene.host.swap_free = 1e9f;
	run(&hog, 2);
	at = held(&hog);
	run(&hog, 20);
	assert_true(held(&hog) <= at + STILL_STEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_stands_still_is_let_on_by_a_little_and_not_beyond_what_is_to_spare),
		cmocka_unit_test(who_gets_on_by_itself_is_not_let_on),
		cmocka_unit_test(without_anything_to_spare_nobody_is_let_on),
		cmocka_unit_test(where_nothing_is_left_to_reclaim_the_limit_is_widened_in_time_and_by_little),
	};

	return cmocka_run_group_tests_name("still", tests, NULL, NULL);
}
