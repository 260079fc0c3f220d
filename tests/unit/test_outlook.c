/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles outlive restarts of units and of the mind, and bad disks. */
#include "answer_stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sense/modelfile.h"
#include "sense/outlook.h"
#include "sense/profilefile.h"

#define START_S 1767571200ll
#define LATER_S (START_S + 3 * 86400)

static char dir[] = "/tmp/forestall-outlook-XXXXXX";
static struct outlook *outlook;

static void on_observe(void *context, const struct observation *observation)
{
	predictor_observe(((struct stage *)context)->mind->predictor, observation);
}

static struct outlook *outlook_open(struct stage *stage)
{
	struct outlook *made = outlook_new(&(struct outlook_setup){ .state_dir = dir, .config_dir = dir, .predictor = stage->mind->predictor,
								      .observe = on_observe, .context = stage });

	assert_non_null(made);
	return made;
}

static void live(int64_t from, int64_t seconds)
{
	for (int64_t t = from; t < from + seconds; t++)
		for (int part = 0; part < 3; part++)
			outlook_tick(outlook, (uint64_t)(t - START_S + 1000) * NS_PER_SECOND, (struct profile_clock){ .unix_s = t }, part == 0);
}

static void files_of(char path[512], uint32_t *ret_count)
{
	DIR *entries;
	struct dirent *entry;

	snprintf(path, 512, "%s/profile", dir);
	entries = opendir(path);
	assert_non_null(entries);
	*ret_count = 0;
	while ((entry = readdir(entries)))
		if (entry->d_name[0] != '.') {
			snprintf(path, 512, "%s/profile/%s", dir, entry->d_name);
			++*ret_count;
		}
	closedir(entries);
}

static float median_at(uint32_t slot, int64_t unix_s)
{
	const struct profile *profile = outlook_profile(outlook, slot);
	struct profile_need need;

	assert_non_null(profile);
	return profile_need(profile, RESOURCE_CPU, (struct profile_clock){ .unix_s = unix_s }, &need) ? need.quantile[1] : -1;
}

static int dir_make(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return stage_make(state) || !mkdtemp(dir);
}

static int dir_free(void **state)
{
	char path[512];
	uint32_t count;

	outlook_free(outlook);
	outlook = NULL;
	for (files_of(path, &count); count; files_of(path, &count))
		unlink(path);
	rmdir(path);
	rmdir(dir);
	return stage_free(state);
}

static void only_the_annotated_have_one(void **state)
{
	struct stage *stage = *state;

	outlook = outlook_open(stage);
	live(START_S, 2);
	assert_non_null(outlook_profile(outlook, 1));
	assert_non_null(outlook_profile(outlook, 2));
	assert_null(outlook_profile(outlook, 3));
}

static void half_a_cpu(int64_t from_s, int64_t until_s)
{
	for (int64_t s = from_s; s < until_s; s += 60)
		profile_push((struct profile *)(uintptr_t)outlook_profile(outlook, 1), (struct profile_clock){ .unix_s = s },
			     (float[RESOURCE_COUNT]){ 0.5f, -1, -1, -1 }, 60);
}

/* What it has seen of this time of day goes to who provides, for whom it is said how little and how much. */
static void the_mind_is_told_of_the_quarters_to_come(void **state)
{
	struct stage *stage = *state;
	struct predictor_instance *instance = &stage->mind->predictor->instance[1];
	const struct observe_profile *words = &instance->foresight->profile[RESOURCE_CPU];
	struct profile_need need;

	outlook = outlook_open(stage);
	instance->info.slo.range[RESOURCE_CPU] = (struct slo_range){ 100, 2000 };
	live(START_S, 120);
	assert_int_equal(words->turns_ns, 0);
	half_a_cpu(START_S + 120, START_S + 8 * 3600);
	live(START_S + 8 * 3600, 120);
	assert_int_equal(words->turns_ns, 0);
	half_a_cpu(START_S + 8 * 3600 + 120, LATER_S);
	live(LATER_S, 120);
	assert_int_equal(words->turns_ns, (1000ull + 3 * 86400 + 900) * NS_PER_SECOND);
	assert_true(profile_need(outlook_profile(outlook, 1), RESOURCE_CPU, (struct profile_clock){ .unix_s = LATER_S + 900 }, &need));
	assert_float_equal(words->high[1], need.quantile[2], 1e-6);
	assert_true(words->highest[2] >= words->high[2] && words->high[2] >= words->usual[2] && words->usual[2] > 0.4f);
	assert_float_equal(instance->foresight->profile[RESOURCE_MEMORY].high[0], 0, 0);
	/* The word is taken back with the range. */
	instance->info.slo.range[RESOURCE_CPU].max = 0;
	live(LATER_S + 120, 120);
	assert_float_equal(words->high[0], 0, 0);
}

static void a_second_of_each_is_learned_once(void **state)
{
	struct stage *stage = *state;

	outlook = outlook_open(stage);
	live(START_S, 600);
	assert_float_equal(outlook_profile(outlook, 1)->seconds[RESOURCE_CPU], 600, 0);
	assert_float_equal(outlook_profile(outlook, 1)->sum[RESOURCE_CPU] / 600,
			   stage->mind->predictor->instance[1].demand[RESOURCE_CPU] * 4, 0.01);
	assert_float_equal(outlook_profile(outlook, 2)->seconds[RESOURCE_CPU], 600, 0);
}

static void it_outlives_a_restart_of_the_unit(void **state)
{
	struct stage *stage = *state;
	struct observation gone = { .kind = OBSERVE_GONE, .gone = { .slot = 1, .cgroup_id = 1001 } };

	outlook = outlook_open(stage);
	live(START_S, 3600);
	predictor_observe(stage->mind->predictor, &gone);
	instance_add(stage->mind, 7, "/web", "runq_p99<5ms");
	live(START_S + 3600, 10);
	assert_true(median_at(7, START_S + 4000) > 0.4f);
	/* Another one on the old slot starts with nothing. */
	instance_add(stage->mind, 1, "/stranger", "tier=standard");
	live(START_S + 3610, 10);
	assert_float_equal(median_at(1, START_S + 4000), -1, 0);
}

static void it_outlives_the_mind(void **state)
{
	struct stage *stage = *state;
	char path[512];
	uint32_t count;
	float before;

	outlook = outlook_open(stage);
	live(START_S, 26 * 3600);
	before = median_at(1, START_S + 30 * 3600);
	assert_true(before > 0.4f);
	outlook_free(outlook);
	files_of(path, &count);
	assert_int_equal(count, 2);
	outlook = outlook_open(stage);
	live(START_S + 26 * 3600, 1);
	assert_float_equal(median_at(1, START_S + 30 * 3600), before, 1e-6);
}

static void its_day_is_told(void **state)
{
	struct stage *stage = *state;
	json_t *question, *answer, *steps;
	int64_t now = (int64_t)time(NULL);

	outlook = outlook_open(stage);
	live(now - 26 * 3600, 26 * 3600);
	stage->world.outlook = outlook;
	question = json_pack("{s:s, s:s, s:i}", "q", "profile.show", "path", "/web", "hours", 6);
	answer = answer_question(&stage->world, question);
	steps = json_object_get(answer, "steps");
	assert_int_equal(json_array_size(steps), 24);
	assert_true(json_number_value(json_object_get(json_object_get(json_array_get(steps, 23), "cpu"), "p50")) > 0.4);
	assert_true(json_integer_value(json_object_get(json_array_get(steps, 0), "unix_s")) > now);
	json_decref(answer);
	json_decref(question);
}

static void joint_paths_are_drawn(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *again, *path;

	outlook = outlook_open(stage);
	stage->world.outlook = outlook;
	live(START_S, 2);
	answer = asked(stage, "{\"q\":\"forecast.paths\",\"path\":\"/web\",\"paths\":25,\"seed\":4}");
	assert_int_equal(json_array_size(json_object_get(answer, "paths")), 25);
	path = json_array_get(json_object_get(answer, "paths"), 24);
	assert_int_equal(json_object_size(path), RESOURCE_COUNT + 1);
	assert_int_equal(json_array_size(json_object_get(path, "cpu")), FORECAST_HORIZONS);
	assert_int_equal(json_array_size(json_object_get(answer, "across")), TRAJECTORY_ROWS);
	again = asked(stage, "{\"q\":\"forecast.paths\",\"path\":\"/web\",\"paths\":25,\"seed\":4}");
	assert_true(json_equal(answer, again));
	json_decref(again);
	again = asked(stage, "{\"q\":\"forecast.paths\",\"path\":\"/web\",\"paths\":101}");
	assert_true(json_is_false(json_object_get(again, "ok")));
	json_decref(again);
	json_decref(answer);
}

static void a_risk_is_explained_by_who_spoke(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *driver;

	outlook = outlook_open(stage);
	stage->world.outlook = outlook;
	live(START_S, 2);
	answer = asked(stage, "{\"q\":\"forecast.explain\",\"path\":\"/web\"}");
	assert_string_equal(json_string_value(json_object_get(answer, "method")), "load");
	assert_true(json_number_value(json_object_get(answer, "risk")) > 0);
	driver = json_array_get(json_object_get(answer, "drivers"), 0);
	assert_non_null(json_string_value(json_object_get(driver, "feature")));
	json_decref(answer);
	answer = asked(stage, "{\"q\":\"forecast.explain\",\"path\":\"/odd\\u00ff\"}");
	assert_true(json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
}

static void what_the_model_said_is_explained_by_its_features(void **state)
{
	static struct model model;
	struct stage *stage = *state;
	struct predictor *p = stage->mind->predictor;
	char message[MODEL_MESSAGE_MAX];
	json_t *answer, *drivers;

	assert_int_equal(model_load("model/default.model", &model, message, sizeof(message)), 0);
	outlook = outlook_open(stage);
	stage->world.outlook = outlook;
	p->config.weights = &model.weights;
	p->config.forecaster = FORECAST_LSTM;
	for (uint64_t tick = 46; tick <= 300; tick++) {
		bool is_second;

		/* Calm, then as busy as the stage is. */
		if (tick > 260)
			instance_run(stage->mind, 1);
		is_second = mind_tick(stage->mind, tick * TICK_NS, &stage->plan);
		outlook_tick(outlook, tick * TICK_NS, (struct profile_clock){ .unix_s = START_S + (int64_t)tick / 10 }, is_second);
	}
	answer = asked(stage, "{\"q\":\"forecast.explain\",\"path\":\"/web\"}");
	assert_string_equal(json_string_value(json_object_get(answer, "method")), "occlusion");
	drivers = json_object_get(answer, "drivers");
	assert_true(json_array_size(drivers) > 0);
	for (size_t i = 1; i < json_array_size(drivers); i++)
		assert_true(json_number_value(json_object_get(json_array_get(drivers, i), "drove")) <=
			    json_number_value(json_object_get(json_array_get(drivers, i - 1), "drove")));
	json_decref(answer);
	p->config.weights = NULL;
}

static void a_damaged_file_is_learned_anew(void **state)
{
	struct stage *stage = *state;
	char path[512];
	uint32_t count, damaged = 0;
	int fd;

	outlook = outlook_open(stage);
	live(START_S, 3600);
	outlook_free(outlook);
	files_of(path, &count);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 3000), 1);
	close(fd);
	outlook = outlook_open(stage);
	live(START_S + 3600, 10);
	for (uint32_t slot = 1; slot <= 2; slot++)
		damaged += profile_days(outlook_profile(outlook, slot)) <= 0;
	assert_int_equal(damaged, 1);
	/* And it is written over in time. */
	live(START_S + 3610, 1800);
	outlook_free(outlook);
	outlook = outlook_open(stage);
	live(START_S + 5410, 2);
	assert_true(profile_days(outlook_profile(outlook, 1)) > 0 && profile_days(outlook_profile(outlook, 2)) > 0);
}

static void a_full_disk_keeps_the_old_file_and_the_memory(void **state)
{
	struct stage *stage = *state;
	struct rlimit limit, none;
	struct profile_record *record = malloc(sizeof(*record));
	char problem[PROFILE_PROBLEM_MAX];
	uint32_t open;
	int fd;

	outlook = outlook_open(stage);
	live(START_S, 3600);
	outlook_free(outlook);
	outlook = outlook_open(stage);
	getrlimit(RLIMIT_FSIZE, &limit);
	none = (struct rlimit){ 1000, limit.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	live(START_S + 3600, 3600);
	open = outlook_profile(outlook, 1)->open;
	outlook_free(outlook);
	setrlimit(RLIMIT_FSIZE, &limit);
	fd = profile_dir_open(dir);
	assert_true(fd >= 0);
	assert_int_equal(profile_load(fd, "/web", record, problem), 1);
	assert_true(record->profile.open < open);
	close(fd);
	free(record);
	outlook = outlook_open(stage);
}

/* Names are hashes of paths: two may have the same. */
static void a_file_of_another_instance_is_not_taken(void **state)
{
	struct profile_record *record = malloc(sizeof(*record));
	char problem[PROFILE_PROBLEM_MAX], one[512], other[512], aside[512];
	uint32_t count;
	int fd;

	outlook = outlook_open(*state);
	live(START_S, 3600);
	outlook_free(outlook);
	files_of(one, &count);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	assert_int_equal(rename(one, aside), 0);
	files_of(other, &count);
	assert_int_equal(rename(aside, one) | unlink(other) | link(one, other), 0);
	fd = profile_dir_open(dir);
	assert_int_equal(profile_load(fd, "/web", record, problem) + profile_load(fd, "/batch", record, problem), 1 - EBADMSG);
	close(fd);
	free(record);
	outlook = outlook_open(*state);
}

static void a_directory_of_somebody_else_is_not_used(void **state)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/profile", dir);
	assert_int_equal(symlink("/tmp", path), 0);
	fd = profile_dir_open(dir);
	assert_true(fd < 0);
	unlink(path);
	mkdir(path, 0777);
	chmod(path, 0777);
	assert_int_equal(profile_dir_open(dir), -EPERM);
	chmod(path, 0700);
	outlook = outlook_open(*state);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, dir_make, dir_free)
	const struct CMUnitTest tests[] = {
		CASE(only_the_annotated_have_one),
		CASE(the_mind_is_told_of_the_quarters_to_come),
		CASE(a_second_of_each_is_learned_once),
		CASE(it_outlives_a_restart_of_the_unit),
		CASE(it_outlives_the_mind),
		CASE(its_day_is_told),
		CASE(joint_paths_are_drawn),
		CASE(a_risk_is_explained_by_who_spoke),
		CASE(what_the_model_said_is_explained_by_its_features),
		CASE(a_damaged_file_is_learned_anew),
		CASE(a_full_disk_keeps_the_old_file_and_the_memory),
		CASE(a_file_of_another_instance_is_not_taken),
		CASE(a_directory_of_somebody_else_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
