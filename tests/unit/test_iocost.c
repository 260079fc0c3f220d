/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the kernel's own controller of a disk stands, on which terms, and what is left to do beside it. */
#include "plan_scene.h"

#include "decide/iocost.h"
#include "decide/policy.h"

#define S 1000000000ull
#define DISK (8u << 20)

/* A server with a bound of 6 ms on the delays of its disk beside a batch of best effort that reads a lot. */
static void disk_init(struct stage *scene)
{
	scene_hurt(scene, RESOURCE_IO, 80e6f);
	scene->server.need[RESOURCE_IO].bad = -1;
	scene->policy.posture = scene->policy.io_cost = 1;
	scene->host.is_second = true;
	scene->server.device = scene->batch.device = DISK;
	scene->server.io_bound_us = 6000;
	scene->server.has |= 1u << OBSERVE_HAS_IO_COST;
	scene->batch.has &= ~(1u << OBSERVE_HAS_IO_WEIGHT);
}

static const struct plan_action *second(struct stage *scene, bool is_violated)
{
	scene->server.need[RESOURCE_IO].is_violated = is_violated;
	scene->now_ns += S - TICK_NS;
	scene_tick(scene);
	return action_of(scene, 1, KNOB_IO_COST);
}

static void it_stands_once_somebody_was_hurt(void **state)
{
	const struct plan_action *action;
	struct stage scene;

	(void)state;
	disk_init(&scene);
	assert_null(second(&scene, false));
	action = second(&scene, true);
	assert_non_null(action);
	assert_int_equal(action->value, 3000);
	assert_int_equal(action->device, DISK);
	assert_int_equal(action->reason, REASON_STANDING);
	for (int s = 0; s < 598; s++)
		assert_non_null(second(&scene, false));
	second(&scene, false);
	assert_null(second(&scene, false));
}

static void who_has_no_such_bound_or_disk_has_none(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	scene.server.io_bound_us = 0;
	assert_null(second(&scene, true));
	disk_init(&scene);
	scene.server.device = 0;
	assert_null(second(&scene, true));
	/* Somebody else set it up. */
	disk_init(&scene);
	scene.server.has &= ~(1u << OBSERVE_HAS_IO_COST);
	assert_null(second(&scene, true));
	disk_init(&scene);
	scene.policy.posture = 0;
	assert_null(second(&scene, true));
	/* It is of everybody on the disk: the operator has not allowed it. */
	disk_init(&scene);
	scene.policy.io_cost = 0;
	assert_null(second(&scene, true));
	/* Nobody is there who would have to stand back. */
	disk_init(&scene);
	scene.batch.tier = TIER_STANDARD;
	assert_null(second(&scene, true));
}

static void it_tightens_while_it_is_too_little_and_loosens_by_the_minute(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	second(&scene, true);
	scene.server.has |= 1u << OBSERVE_HAS_IO_COST_ON;
	assert_int_equal(second(&scene, true)->value, 2625);
	assert_int_equal(second(&scene, false)->value, 2625);
	assert_int_equal(second(&scene, true)->value, 2250);
	for (int s = 0; s < 119; s++)
		assert_int_equal(second(&scene, false)->value, 2250);
	assert_int_equal(second(&scene, false)->value, 2625);
	assert_int_equal(second(&scene, false)->value, 2625);
}

static void nothing_else_is_done_while_it_serves(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	scene.server.need[RESOURCE_IO].bad = 0.5f;
	second(&scene, true);
	assert_non_null(action_of(&scene, 2, KNOB_IO_RIOPS));
	disk_init(&scene);
	scene.server.has |= 1u << OBSERVE_HAS_IO_COST_ON;
	scene.server.need[RESOURCE_IO].bad = 0.5f;
	second(&scene, true);
	assert_null(action_of(&scene, 2, KNOB_IO_RIOPS));
	/* Three of ten seconds, and limits help it again; six, and it is of no use. */
	second(&scene, true);
	second(&scene, true);
	second(&scene, true);
	assert_non_null(action_of(&scene, 2, KNOB_IO_RIOPS));
	assert_non_null(action_of(&scene, 1, KNOB_IO_COST));
	for (int s = 0; s < 6; s++)
		second(&scene, true);
	assert_null(action_of(&scene, 1, KNOB_IO_COST));
	scene.server.has &= ~(1u << OBSERVE_HAS_IO_COST_ON);
	assert_null(second(&scene, true));
}

static void of_two_on_one_disk_the_tighter_bound_counts(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	scene.stranger.is_bound = true;
	scene.stranger.device = DISK;
	scene.stranger.io_bound_us = 4000;
	second(&scene, true);
	assert_null(action_of(&scene, 1, KNOB_IO_COST));
	assert_int_equal(action_of(&scene, 3, KNOB_IO_COST)->value, 2000);
}

static void who_comes_back_finds_it_as_it_was(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	second(&scene, true);
	scene.server.has |= 1u << OBSERVE_HAS_IO_COST_ON;
	assert_int_equal(second(&scene, true)->value, 2625);
	/* It is stopped, another with nothing behind it has its name. */
	scene.server.is_bound = false;
	scene.server.io_bound_us = 0;
	assert_null(second(&scene, false));
	scene.server.has &= ~(1u << OBSERVE_HAS_IO_COST_ON);
	scene.server.is_bound = true;
	scene.server.io_bound_us = 6000;
	assert_int_equal(second(&scene, false)->value, 2625);
}

static void of_too_many_disks_those_hurt_last_are_remembered(void **state)
{
	struct stage scene;

	(void)state;
	disk_init(&scene);
	for (uint32_t i = 0; i <= PLAN_DISKS_MAX; i++) {
		scene.server.device = (9 + i) << 20;
		assert_non_null(second(&scene, true));
	}
	scene.server.device = 9 << 20;
	assert_null(second(&scene, false));
	scene.server.device = 10 << 20;
	assert_non_null(second(&scene, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stands_once_somebody_was_hurt),
		cmocka_unit_test(who_has_no_such_bound_or_disk_has_none),
		cmocka_unit_test(it_tightens_while_it_is_too_little_and_loosens_by_the_minute),
		cmocka_unit_test(nothing_else_is_done_while_it_serves),
		cmocka_unit_test(of_two_on_one_disk_the_tighter_bound_counts),
		cmocka_unit_test(who_comes_back_finds_it_as_it_was),
		cmocka_unit_test(of_too_many_disks_those_hurt_last_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
