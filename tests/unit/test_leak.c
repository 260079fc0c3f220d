/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job that never gives back what it takes, beside hands that put no memory.high where nothing is left to reclaim: it is stopped in time. */
#include "plan_scene.h"

#include <math.h>

#define CACHE 30e6f		/* what the server would have to read again */
#define STUCK_TICKS (MEMORY_STUCK_MS / 100)	/* the hands hold a limit that was grown into for so long */

struct leak {
	struct stage scene;
	float free;		/* with what the job holds */
	uint64_t high;		/* as the hands hold it; 0: none */
	uint32_t stuck, refused;
	bool is_refusing;	/* whatever is asked for */
};

/* The 1 GB host of which the job has all but what is free. */
static void leak_init(struct leak *leak, float held, float free)
{
	memset(leak, 0, sizeof(*leak));
	scene_hurt(&leak->scene, RESOURCE_MEMORY, held);
	leak->scene.server.need[RESOURCE_MEMORY].bad = 0;
	leak->scene.server.cache_bytes = CACHE;
	leak->free = free + held;
}

static float *held(struct leak *leak) { return &leak->scene.batch.need[RESOURCE_MEMORY].demand; }

/* As planner/act/check_knob.c has it; all that the job holds is anonymous. */
static void hands(struct leak *leak)
{
	const struct plan_action *action = action_of(&leak->scene, 2, KNOB_MEMORY_HIGH);
	uint64_t current = (uint64_t)*held(leak);
	bool is_stuck = action && current >= action->value - action->value / MEMORY_HIGH_SPARE;

	if (!action || leak->is_refusing) {
		leak->high = leak->stuck = 0;
		return;
	}
	leak->stuck = is_stuck && leak->high && current >= leak->high && action->value < leak->high + MEMORY_LET_ON ? leak->stuck + 1 : 0;
	if (!is_stuck || (leak->high && action->value >= leak->high && leak->stuck < STUCK_TICKS)) {
		leak->high = action->value;
		return;
	}
	leak->refused++;
	if (leak->stuck >= STUCK_TICKS)
		leak->high = leak->stuck = 0;
}

/* What is planned is written when the job has grown on for a tick. */
static void tick(struct leak *leak, float bytes_per_s)
{
	float grown = *held(leak) + bytes_per_s / 10;

	leak->scene.batch.need[RESOURCE_MEMORY].stalled = leak->high && grown > (float)leak->high;
	if (leak->high && grown > (float)leak->high)
		grown = fmaxf((float)leak->high, *held(leak));
	*held(leak) = grown;
	leak->scene.batch.need[RESOURCE_MEMORY].demand_high = grown;
	hands(leak);
	leak->scene.batch.held = leak->high ? UINT64_MAX : 0;
	leak->scene.host.memory_free = leak->free - grown;
	scene_tick(&leak->scene);
}

static void a_leak_is_stopped_by_a_limit_that_the_hands_take(void **state)
{
	static const float bytes_per_s[] = { 100e6f, 12e6f, 4e6f, 2e6f };
	struct leak leak;
	float left;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes_per_s) / sizeof(bytes_per_s[0]); i++) {
		leak_init(&leak, bytes_per_s[i] < 10e6f ? 400e6f : 10e6f, 200e6f);
		for (int t = 0; t < 1500 && !(leak.high && *held(&leak) >= (float)leak.high); t++) {
			tick(&leak, bytes_per_s[i]);
			assert_true(leak.scene.host.memory_free >= CACHE - 4e6f);
		}
		/* It has come to its limit, and the hands hold it there. */
		assert_true(leak.high);
		left = fminf(leak.scene.host.memory_free, CACHE);
		for (int t = 0; t < 300; t++) {
			tick(&leak, bytes_per_s[i]);
			assert_true(leak.high);
		}
		assert_int_equal(leak.refused, 0);
		/* So that they do not let go of it, it is widened by 4 MB in eight seconds. */
		assert_true(leak.scene.host.memory_free >= left - 4 * 4e6f);
	}
}

static void what_grows_slowly_far_from_the_end_is_left_alone(void **state)
{
	struct leak leak;

	(void)state;
	leak_init(&leak, 100e6f, 300e6f);
	for (int t = 0; t < 300; t++) {
		tick(&leak, 4e6f);
		assert_int_equal(leak.scene.plan.count, 0);
	}
	/* A limit would have to leave it 86 MB; it takes 30 in a minute. */
	leak_init(&leak, 600e6f, 110e6f);
	for (int t = 0; t < 600; t++) {
		tick(&leak, 0.5e6f);
		assert_int_equal(leak.scene.plan.count, 0);
	}
}

/* The hands have let go of it: what is planned next leaves it some more, and is taken. */
static void who_has_grown_past_a_limit_gets_one_that_is_held_again(void **state)
{
	struct leak leak;
	float at;

	(void)state;
	leak_init(&leak, 10e6f, 200e6f);
	for (int t = 0; t < 1500 && !leak.stuck; t++)
		tick(&leak, 12e6f);
	at = *held(&leak);
	leak.is_refusing = true;
	for (int t = 0; t < 20; t++)
		tick(&leak, 12e6f);
	assert_false(leak.high);
	leak.is_refusing = false;
	for (int t = 0; t < 5; t++)
		tick(&leak, 12e6f);
	assert_true(leak.high > 0);
	assert_true((float)leak.high > at * 1.1f && (float)leak.high < at * 1.4f);
}

/* With swap, or page cache of its own, it can be made smaller. */
static void what_can_be_reclaimed_needs_no_room(void **state)
{
	struct leak leak;

	(void)state;
	leak_init(&leak, 400e6f, 60e6f);
	leak.scene.server.need[RESOURCE_MEMORY].bad = 0.5f;
	leak.scene.batch.cache_bytes = 300e6f;
	tick(&leak, 0);
	assert_true(action_of(&leak.scene, 2, KNOB_MEMORY_HIGH)->value <= 405000000);
	leak_init(&leak, 400e6f, 60e6f);
	leak.scene.server.need[RESOURCE_MEMORY].bad = 0.5f;
	leak.scene.host.swap_free = 100e6f;
	tick(&leak, 0);
	assert_true(action_of(&leak.scene, 2, KNOB_MEMORY_HIGH)->value <= 405000000);
	leak.scene.host.swap_free = 0;
	leak.scene.pace.count = 0;
	leak.scene.batch.hold[RESOURCE_MEMORY].left = 0;
	tick(&leak, 0);
	assert_true(action_of(&leak.scene, 2, KNOB_MEMORY_HIGH)->value >= 457000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_is_stopped_by_a_limit_that_the_hands_take),
		cmocka_unit_test(what_grows_slowly_far_from_the_end_is_left_alone),
		cmocka_unit_test(who_has_grown_past_a_limit_gets_one_that_is_held_again),
		cmocka_unit_test(what_can_be_reclaimed_needs_no_room),
	};

	return cmocka_run_group_tests_name("leak", tests, NULL, NULL);
}
