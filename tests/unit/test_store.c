/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The champions of a host: promoted, rolled back, and whole after a kill at any moment; and a mind that takes them over. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "learn/store.h"
#include "predict/predictor.h"
#include "sense/modelfile.h"

#define TICK_NS (NS_PER_SECOND / 10)

struct stage {
	char root[64], dir[80];
	struct model a, b;
};

/* Two models that say different things: the second is more worried. */
static int stage_make(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	char message[STORE_MESSAGE_MAX], path[PATH_MAX];

	strcpy(stage->root, "/tmp/test_store.XXXXXX");
	if (!mkdtemp(stage->root))
		return -1;
	snprintf(stage->dir, sizeof(stage->dir), "%s/models", stage->root);
	if (store_make(stage->dir, message) || model_load("model/default.model", &stage->a, message, sizeof(message)))
		return fprintf(stderr, "%s\n", message), -1;
	stage->b = stage->a;
	for (int h = 0; h < FORECAST_HORIZONS; h++)
		stage->b.weights.head_bias[OUTPUT_RISK(h, SLI_RUNQ_P99)] += 2;
	for (int i = 0; i < 2; i++) {
		store_path(stage->dir, i ? "b" : "a", path);
		if (model_save(path, i ? &stage->b : &stage->a, message, sizeof(message)))
			return -1;
	}
	*state = stage;
	return 0;
}

static int stage_free(void **state)
{
	struct stage *stage = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", stage->root);
	free(stage);
	return system(command);
}

static const char *champion_of(const struct stage *stage)
{
	static struct store_champions champions;
	char message[STORE_MESSAGE_MAX];

	champions.count = 0;
	assert_int_equal(store_champions_load(stage->dir, &champions, message), 0);
	return store_champion(&champions) ? store_champion(&champions)->name : "";
}

static void promote(const struct stage *stage, const char *name)
{
	char message[STORE_MESSAGE_MAX];

	assert_int_equal(store_promote(stage->dir, name, "a test", 1000, message), 0);
}

static void rollback(const struct stage *stage, const char *wanted)
{
	char name[STORE_NAME_MAX], message[STORE_MESSAGE_MAX];

	assert_int_equal(store_rollback(stage->dir, name, message), 0);
	assert_string_equal(name, wanted);
	assert_string_equal(champion_of(stage), wanted);
}

static void the_youngest_that_was_not_rolled_back_speaks(void **state)
{
	char name[STORE_NAME_MAX], message[STORE_MESSAGE_MAX];

	assert_string_equal(champion_of(*state), "");
	promote(*state, "a");
	promote(*state, "b");
	assert_string_equal(champion_of(*state), "b");
	rollback(*state, "a");
	promote(*state, "b");
	rollback(*state, "a");
	rollback(*state, "");
	assert_int_equal(store_rollback(((struct stage *)*state)->dir, name, message), -ENOENT);
	assert_non_null(strstr(message, "nothing to roll back"));
}

static void what_is_no_model_is_not_promoted(void **state)
{
	const struct stage *stage = *state;
	static const char *const names[] = { "nowhere", "../a", "", ".a", "a b", "a/b", "torn" };
	char message[STORE_MESSAGE_MAX], path[PATH_MAX];

	promote(stage, "a");
	store_path(stage->dir, "b", path);
	assert_int_equal(truncate(path, 5000), 0);
	store_path(stage->dir, "torn", path);
	assert_int_equal(link("/dev/null", path) == 0 || symlink("/dev/null", path) == 0, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(store_promote(stage->dir, names[i], "a test", 1, message) < 0);
	assert_true(store_promote(stage->dir, "b", "a test", 1, message) < 0);
	assert_non_null(strstr(message, "b.model"));
	assert_true(store_promote(stage->dir, "a", "two\nlines", 1, message) < 0);
	assert_string_equal(champion_of(stage), "a");
}

static void a_damaged_list_is_refused_by_name(void **state)
{
	static const char *const texts[] = {
		"forestall-champions 2\n", "forestall-champions 1\n1 champion ../../etc/passwd x\n",
		"forestall-champions 1\nx champion a x\n", "forestall-champions 1\n1 king a x\n",
		"forestall-champions 1\n1 champion a torn", "\n", "forestall-champions 1\n18446744073709551616 champion a x\n",
	};
	const struct stage *stage = *state;
	struct store_champions champions = { .count = 0 };
	char path[128], message[STORE_MESSAGE_MAX];

	snprintf(path, sizeof(path), "%s/champions", stage->dir);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(modelfile_replace(path, texts[i], strlen(texts[i])), 0);
		assert_int_equal(store_champions_load(stage->dir, &champions, message), -EINVAL);
		assert_non_null(strstr(message, path));
		assert_int_equal(champions.count, 0);
	}
}

/* Promotes the two in turn until it is killed. */
static void promote_for_ever(const struct stage *stage, int ready_fd)
{
	char message[STORE_MESSAGE_MAX];

	for (uint64_t i = 0;; i++) {
		store_promote(stage->dir, i % 2 ? "b" : "a", "a test", i, message);
		if (i == 0 && write(ready_fd, "", 1) < 0)
			_exit(1);
	}
}

static void a_kill_at_any_moment_leaves_a_champion(void **state)
{
	const struct stage *stage = *state;
	int seen[2] = { 0 };

	for (int i = 0; i < 60; i++) {
		int fd[2], status;
		const char *name;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(fd), 0);
		pid = fork();
		if (!pid)
			promote_for_ever(stage, fd[1]);
		assert_int_equal(read(fd[0], &byte, 1), 1);
		usleep((useconds_t)(i * 211 % 3000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(fd[0]);
		close(fd[1]);
		name = champion_of(stage);
		assert_true(!strcmp(name, "a") || !strcmp(name, "b"));
		seen[name[0] == 'b']++;
	}
	assert_true(seen[0] && seen[1]);
}

static void only_so_many_models_are_kept_and_never_the_needed(void **state)
{
	const struct stage *stage = *state;
	char path[PATH_MAX], message[STORE_MESSAGE_MAX];

	promote(stage, "a");
	promote(stage, "b");
	for (int i = 0; i < 9; i++) {
		char name[8] = { 'm', (char)('0' + i), 0 };

		store_path(stage->dir, name, path);
		assert_int_equal(model_save(path, &stage->a, message, sizeof(message)), 0);
	}
	store_prune(stage->dir, 3);
	for (int i = 0; i < 9; i++) {
		char name[8] = { 'm', (char)('0' + i), 0 };

		store_path(stage->dir, name, path);
		assert_int_equal(access(path, F_OK) == 0, i == 8);
	}
	rollback(stage, "a");
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	const struct stage *stage = *state;
	char message[STORE_MESSAGE_MAX];

	assert_int_equal(chmod(stage->root, 0777), 0);
	assert_int_equal(store_make(stage->dir, message), -EPERM);
	assert_non_null(strstr(message, stage->root));
}

static void windows_are_kept_and_touched(void **state)
{
	const struct stage *stage = *state;
	struct store_window window = { .from_s = 100, .to_s = 200, .reason = "a deploy that went wrong" };
	struct store_windows *windows = calloc(1, sizeof(*windows));
	char message[STORE_MESSAGE_MAX];

	assert_int_equal(store_windows_add(stage->dir, &window, message), 0);
	window.from_s = window.to_s = 900;
	assert_int_equal(store_windows_add(stage->dir, &window, message), 0);
	assert_int_equal(store_windows_load(stage->dir, windows, message), 0);
	assert_int_equal(windows->count, 2);
	assert_string_equal(windows->at[0].reason, "a deploy that went wrong");
	assert_true(store_windows_hold(windows, 50, 100) && store_windows_hold(windows, 200, 900) &&
		    store_windows_hold(windows, 120, 130) && store_windows_hold(windows, 0, 1000));
	assert_false(store_windows_hold(windows, 201, 899) || store_windows_hold(windows, 0, 99));
	free(windows);
}

static struct predictor *predictor_of(const struct model *model)
{
	struct predictor_config config = { .slots_max = 3, .host_cpus = 1, .second_ns = NS_PER_SECOND, .tick_ns = TICK_NS,
					   .forecaster = FORECAST_LSTM, .weights = &model->weights };
	struct observation observation = { .kind = OBSERVE_INSTANCE };
	struct predictor *p = predictor_new(&config);

	slo_init(&observation.instance.slo);
	observation.instance.slot = 1;
	observation.instance.cgroup_id = 7;
	observation.instance.slo.source = SLO_FROM_CONFIG;
	observation.instance.slo.bound[SLI_RUNQ_P99] = 5000000;
	predictor_observe(p, &observation);
	return p;
}

static void seconds_run(struct predictor *p, uint64_t *now_ns, int seconds)
{
	static struct observation sample;

	for (int tick = 0; tick < seconds * 10; tick++) {
		*now_ns += TICK_NS;
		sample = (struct observation){ .kind = OBSERVE_SAMPLE };
		sample.sample.slot = 1;
		sample.sample.moved.oncpu_ns = TICK_NS / 10 * (uint64_t)(1 + *now_ns / TICK_NS % 7);
		sample.sample.moved.verdict[WIRE_DELAY_QUEUE].good = 100;
		sample.sample.bucket[0] = (struct observe_bucket){ .idx = 10, .count = 100 };
		sample.sample.bucket_count = 1;
		predictor_observe(p, &sample);
		predictor_tick(p, *now_ns);
	}
}

static const struct forecast *forecast_of(const struct predictor *p)
{
	assert_int_equal(p->instance[1].foresight->forecast.source, FORECAST_LSTM);
	return &p->instance[1].foresight->forecast;
}

/* Model B speaks for a while, then A again: from then on bit for bit what A says where it was taken over then. */
static void rolled_back_a_model_says_what_it_would_have_said(void **state)
{
	const struct stage *stage = *state;
	struct predictor *straight = predictor_of(&stage->a), *detour = predictor_of(&stage->a);
	uint64_t now_ns = NS_PER_SECOND, other_ns = NS_PER_SECOND;

	seconds_run(straight, &now_ns, 40);
	seconds_run(detour, &other_ns, 20);
	predictor_model(detour, &stage->b.weights);
	seconds_run(detour, &other_ns, 20);
	assert_memory_not_equal(forecast_of(straight), forecast_of(detour), sizeof(struct forecast));
	predictor_model(straight, &stage->a.weights);
	predictor_model(detour, &stage->a.weights);
	for (int i = 0; i < 20; i++) {
		seconds_run(straight, &now_ns, 1);
		seconds_run(detour, &other_ns, 1);
		assert_memory_equal(forecast_of(straight), forecast_of(detour), sizeof(struct forecast));
	}
	predictor_free(straight);
	predictor_free(detour);
}

static void the_last_canary_is_kept_and_a_damaged_word_on_it_refused(void **state)
{
	struct store_policy kept = { .unix_s = 5, .state = "promoted", .configured = "none", .base = "forestall", .candidate = "reactive" }, read;
	const struct stage *stage = *state;
	char path[PATH_MAX], message[STORE_MESSAGE_MAX] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/policy", stage->root);
	assert_int_equal(store_policy_load(path, &read, message), 0);
	assert_string_equal(read.base, "");
	assert_int_equal(store_policy_save(path, &kept, message), 0);
	assert_int_equal(store_policy_load(path, &read, message), 0);
	assert_memory_equal(&read, &kept, sizeof(kept));
	kept.setting = (struct store_setting){ .unix_s = 9, .value = UINT64_MAX, .period_us = 10000, .state = "promoted", .knob = "cpu.max",
					       .glob = "/a b/*" };
	assert_int_equal(store_policy_save(path, &kept, message), 0);
	assert_int_equal(store_policy_load(path, &read, message), 0);
	assert_memory_equal(&read, &kept, sizeof(kept));
	kept.base[0] = '\0';
	assert_int_equal(store_policy_save(path, &kept, message), 0);
	assert_int_equal(store_policy_load(path, &read, message), 0);
	assert_string_equal(read.base, "");
	assert_memory_equal(&read.setting, &kept.setting, sizeof(kept.setting));
	strcpy(kept.base, "forestall");
	assert_int_equal(store_policy_save(path, &kept, message), 0);
	file = fopen(path, "a");
	fputs("6 promoted a b c\n", file);
	fclose(file);
	read.unix_s = 77;
	assert_int_equal(store_policy_load(path, &read, message), -EINVAL);
	assert_int_equal(read.unix_s, 77);
	assert_non_null(strstr(message, "policy:3: damaged; remove it"));
	file = fopen(path, "w");
	fputs("6 setting promoted cpu.max 5 5 no/path\n", file);
	fclose(file);
	assert_int_equal(store_policy_load(path, &read, message), -EINVAL);
}

#define STAGE(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE(the_youngest_that_was_not_rolled_back_speaks),
		STAGE(what_is_no_model_is_not_promoted),
		STAGE(a_damaged_list_is_refused_by_name),
		STAGE(a_kill_at_any_moment_leaves_a_champion),
		STAGE(only_so_many_models_are_kept_and_never_the_needed),
		STAGE(a_directory_that_others_can_write_is_refused),
		STAGE(windows_are_kept_and_touched),
		STAGE(the_last_canary_is_kept_and_a_damaged_word_on_it_refused),
		STAGE(rolled_back_a_model_says_what_it_would_have_said),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
