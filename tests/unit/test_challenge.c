/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A challenger on made-up histories: what it may learn, what it must not, and what it does with what is no history. */
#include "history_world.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "learn/store.h"

#define STRETCHES 20

/* Who is challenged: first the model that forestall came with, then the one that beat it. */
static char champion[160] = "model/default.model";

static int make(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	return world_make(world);
}

static int drop(void **state)
{
	int r = world_remove(*state);

	free(*state);
	return r;
}

/* What the challenger said; its exit status is 0. */
static const char *challenge(const struct world *world)
{
	static char said[512];
	char command[512];
	FILE *out;

	said[0] = '\0';
	snprintf(command, sizeof(command), "build/bin/forestall model train --challenger --champion %s --state-dir %s"
		 " --cpu-s 120 --seed 3", champion, world->root);
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(said, sizeof(said), out));
	assert_int_equal(pclose(out), 0);
	said[strcspn(said, "\n")] = '\0';
	print_message("# %s\n", said);
	return said;
}

static int models_count(const struct world *world)
{
	DIR *dir = opendir(world->models);
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

/* It is the champion of the tests after this one. */
static void what_really_changed_is_learned(void **state)
{
	struct world *world = *state;
	char command[512], name[STORE_NAME_MAX];
	const char *said;

	world_stretches(world, WORLD_ODD, STRETCHES);
	said = challenge(world);
	assert_int_equal(strncmp(said, "better ", 7), 0);
	assert_int_equal(models_count(world), 1);
	snprintf(command, sizeof(command), "build/bin/forestall -j --state-dir %s model list | grep -q '\"is_better\":true'", world->root);
	assert_int_equal(system(command), 0);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(said + 7, " "), said + 7);
	strcpy(champion, "/tmp/test_challenge.model");
	snprintf(command, sizeof(command), "mv %s/%s.model %s", world->models, name, champion);
	assert_int_equal(system(command), 0);
}

/* Three quarters of the history, all that is trained on, say the opposite of what is true. */
static void a_poisoned_history_promotes_nobody(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_ORDINARY, STRETCHES * 3 / 4);
	world_stretches(world, WORLD_ODD, STRETCHES / 4);
	assert_int_equal(strncmp(challenge(world), "refused 2", 9), 0);
	assert_int_equal(models_count(world), 1);
}

/* Also of what is held out: whoever learns that violations come three times in ten has learned nothing. */
static void noise_promotes_nobody(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_NOISE, STRETCHES);
	assert_int_equal(strncmp(challenge(world), "refused 2", 9), 0);
}

static void too_little_is_said_and_nothing_is_written(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_ODD, 3);
	assert_non_null(strstr(challenge(world), "refused - "));
	assert_int_equal(models_count(world), 0);
}

static void what_is_excluded_or_damaged_is_left_out(void **state)
{
	struct store_window window = { .from_s = FIRST_UNIX_S, .to_s = FIRST_UNIX_S + 3 * STRETCH_S, .reason = "a test" };
	struct world *world = *state;
	char path[160], message[STORE_MESSAGE_MAX];

	world_stretches(world, WORLD_ODD, 6);
	/* Cut in its head: nothing can be read of it. */
	snprintf(path, sizeof(path), "%s/%010u-%u.rec", world->history, 6, FIRST_UNIX_S + 6 * STRETCH_S);
	assert_int_equal(truncate(path, 100), 0);
	snprintf(path, sizeof(path), "%s/%010u-%u.rec", world->history, 5, FIRST_UNIX_S + 5 * STRETCH_S);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(store_windows_add(world->models, &window, message), 0);
	assert_non_null(strstr(challenge(world), "1 recordings to learn from, 3 excluded, 2 damaged"));
}

static int champion_remove(void **state)
{
	(void)state;
	unlink("/tmp/test_challenge.model");
	return 0;
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(what_really_changed_is_learned),
		WORLD(a_poisoned_history_promotes_nobody),
		WORLD(noise_promotes_nobody),
		WORLD(too_little_is_said_and_nothing_is_written),
		WORLD(what_is_excluded_or_damaged_is_left_out),
	};

	return cmocka_run_group_tests_name("challenge", tests, NULL, champion_remove);
}
