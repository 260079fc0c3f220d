/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The challenger as seen from the loop: paced, killed when it hangs, and promoted only when that is allowed. Drift. */
#include "history_world.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "learn/learn.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

struct stage {
	struct world world;
	char program[96];
	struct config_learn config;
	struct learn *learn;
	struct mind *mind;
	uint64_t now_ns;
};

static const struct learn_model model = { .bytes = "", .size = 1, .path = "/the/champion" };

static void model_put(const struct stage *stage, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "cp model/default.model %s/%s.model", stage->world.models, name);
	assert_int_equal(system(command), 0);
}

/* A challenger that does what the script says. */
static void script_put(struct stage *stage, const char *script)
{
	FILE *file;

	snprintf(stage->program, sizeof(stage->program), "%s/forestall", stage->world.root);
	file = fopen(stage->program, "w");
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(stage->program, 0755), 0);
}

static int make(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	*state = stage;
	stage->config = (struct config_learn){ .history_mb = 1, .models_max = 8, .cpu_s = 10, .memory_mb = 512, .deadline_min = 30,
					       .cpu_share = 0.1f };
	stage->now_ns = 1000 * NS_PER_SECOND;
	stage->mind = world_mind(NULL);
	return world_make(&stage->world);
}

static int drop(void **state)
{
	struct stage *stage = *state;
	int r;

	learn_free(stage->learn);
	mind_free(stage->mind);
	r = world_remove(&stage->world);
	free(stage);
	return r;
}

static void begin(struct stage *stage)
{
	struct learn_setup setup = { .state_dir = stage->world.root, .program = stage->program, .config = &stage->config,
				     .slots_max = 4, .now_ns = stage->now_ns };
	char message[STORE_MESSAGE_MAX] = "";

	stage->learn = learn_new(&setup);
	assert_non_null(stage->learn);
	assert_int_equal(learn_challenge(stage->learn, &model, stage->now_ns, message), 0);
	assert_int_equal(learn_challenge(stage->learn, &model, stage->now_ns, message), -EBUSY);
}

static struct learn_state state_of(const struct stage *stage)
{
	struct learn_state now;

	learn_state(stage->learn, &now);
	return now;
}

/* Seconds pass until it has ended; whether it became the champion. */
static bool end_await(struct stage *stage)
{
	bool is_promoted = false;

	for (int i = 0; state_of(stage).is_running && i < 2000; i++) {
		usleep(10000);
		stage->now_ns += NS_PER_SECOND / 100;
		is_promoted = learn_second(stage->learn, stage->mind, &model, stage->now_ns);
	}
	assert_false(state_of(stage).is_running);
	return is_promoted;
}

static const char *champion_of(const struct stage *stage)
{
	static struct store_champions champions;
	char message[STORE_MESSAGE_MAX];

	champions.count = 0;
	assert_int_equal(store_champions_load(stage->world.models, &champions, message), 0);
	return store_champion(&champions) ? store_champion(&champions)->name : "";
}

static void one_that_is_better_waits_unless_promotion_is_allowed(void **state)
{
	struct stage *stage = *state;

	model_put(stage, "20260101-000000");
	script_put(stage, "echo better 20260101-000000 a test says so");
	begin(stage);
	assert_false(end_await(stage));
	assert_string_equal(champion_of(stage), "");
	assert_string_equal(state_of(stage).said, "better 20260101-000000 a test says so");
}

static void allowed_it_is_promoted_with_its_reason(void **state)
{
	struct stage *stage = *state;
	struct store_champions champions = { .count = 0 };
	char message[STORE_MESSAGE_MAX];

	stage->config.promote = 1;
	model_put(stage, "20260101-000000");
	script_put(stage, "echo better 20260101-000000 a test says so");
	begin(stage);
	assert_true(end_await(stage));
	assert_string_equal(champion_of(stage), "20260101-000000");
	assert_int_equal(store_champions_load(stage->world.models, &champions, message), 0);
	assert_string_equal(champions.at[0].reason, "a test says so");
}

static void whoever_is_not_better_is_not_promoted(void **state)
{
	static const char *const scripts[] = {
		"echo refused 20260101-000000 worse", "echo better", "echo better nowhere x", "echo better ../../x y",
		"echo better 20260101-000000 x; exit 1", "kill -SEGV $$", "exec /nowhere", "exec yes better", "",
	};
	struct stage *stage = *state;

	stage->config.promote = 1;
	model_put(stage, "20260101-000000");
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		script_put(stage, scripts[i]);
		learn_free(stage->learn);
		begin(stage);
		if (!strcmp(scripts[i], "exec yes better"))
			stage->now_ns += 31 * MINUTE_NS;
		assert_false(end_await(stage));
		assert_string_equal(champion_of(stage), "");
		assert_true(state_of(stage).said[0]);
	}
}

static void one_that_hangs_is_killed_and_said(void **state)
{
	struct stage *stage = *state;

	script_put(stage, "exec sleep 1000");
	begin(stage);
	stage->now_ns += 29 * MINUTE_NS;
	learn_second(stage->learn, stage->mind, &model, stage->now_ns);
	assert_true(state_of(stage).is_running);
	stage->now_ns += 2 * MINUTE_NS;
	assert_false(end_await(stage));
	assert_string_equal(state_of(stage).said, "killed: no end after 30 minutes");
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* However late the ticks come: its share of what has passed, and what it took between two looks at it. */
static void one_that_is_greedy_gets_its_share(void **state)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"while :; do :; done", NULL };
	struct challenger_bounds bounds = { .cpu_s = 60, .memory_bytes = 1ull << 30, .deadline_ns = 600 * NS_PER_SECOND,
					    .cpu_share = 0.1f };
	struct challenger challenger = { .pid = 0 };
	uint64_t start_ns = clock_ns(), last_ns = start_ns, gap_ns = 0;

	(void)state;
	assert_int_equal(challenger_start(&challenger, argv, &bounds, start_ns), 0);
	for (int i = 0; i < 30; i++) {
		uint64_t now_ns;

		usleep(50000);
		now_ns = clock_ns();
		gap_ns = now_ns - last_ns > gap_ns ? now_ns - last_ns : gap_ns;
		last_ns = now_ns;
		challenger_pace(&challenger, now_ns, false);
	}
	assert_true(challenger.cpu_ns <= (last_ns - start_ns) / 10 + 200000000 + 2 * gap_ns);
	/* And nothing while somebody is in danger. */
	challenger_pace(&challenger, last_ns + 10 * NS_PER_SECOND, true);
	assert_true(challenger.is_stopped);
	challenger_stop(&challenger);
	assert_int_equal(challenger.pid, 0);
}

static void who_asks_for_too_much_memory_gets_none(void **state)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c",
			       (char *)"sleep 0.3; head -c 400000000 /dev/zero | tail -c 300000000 >/dev/null || echo refused", NULL };
	struct challenger_bounds bounds = { .cpu_s = 60, .memory_bytes = 100u << 20, .deadline_ns = 600 * NS_PER_SECOND, .cpu_share = 1 };
	struct challenger challenger = { .pid = 0 };
	int status = 0;

	(void)state;
	assert_int_equal(challenger_start(&challenger, argv, &bounds, clock_ns()), 0);
	while (!challenger_poll(&challenger, clock_ns(), &status))
		usleep(20000);
	assert_string_equal(challenger.said, "refused");
}

/* The champion errs as the statistical forecaster does; then, from some minute on, alone. */
static void a_champion_that_gets_worse_is_seen(void **state)
{
	struct drift drift = { .seconds = 0 };
	bool is_seen = false;
	int minute = 0;

	(void)state;
	for (; minute < 600; minute++)
		for (int s = 0; s < 60; s++) {
			drift_take(&drift, (float)((minute * 7 + s) % 10) / 10, (float)((minute * 3 + s) % 10) / 10, s % 3 == 0);
			is_seen |= drift_second(&drift);
		}
	assert_false(is_seen);
	for (minute = 0; !is_seen && minute < 60; minute++)
		for (int s = 0; s < 60; s++) {
			drift_take(&drift, 0.6f, 0.1f, false);
			is_seen |= drift_second(&drift);
		}
	assert_true(is_seen);
	assert_in_range(minute, 1, 5);
}

#define STAGE(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE(one_that_is_better_waits_unless_promotion_is_allowed),
		STAGE(allowed_it_is_promoted_with_its_reason),
		STAGE(whoever_is_not_better_is_not_promoted),
		STAGE(one_that_hangs_is_killed_and_said),
		cmocka_unit_test(one_that_is_greedy_gets_its_share),
		cmocka_unit_test(who_asks_for_too_much_memory_gets_none),
		cmocka_unit_test(a_champion_that_gets_worse_is_seen),
	};

	return cmocka_run_group_tests_name("learn", tests, NULL, NULL);
}
