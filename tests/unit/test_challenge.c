/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A challenger on made-up histories: what it may learn, what it must not, and what it does with what is no history. */
#include "history_world.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "learn/store.h"

#define STRETCHES 20

/*
 * Who is challenged: models that know how one of the two hosts behaves and nothing else, so that what forestall ships with decides
 * nothing here. Made once, from histories that no challenger sees.
 */
static char knows_ordinary[64], knows_odd[64];

static int champion_make(enum world_kind kind, const char *name, char path[64])
{
	struct world world;
	char command[512];
	int r;

	if (world_make(&world))
		return -1;
	snprintf(path, 64, "/tmp/test_challenge.%d.%s.model", getpid(), name);
	world.seed = 29;
	world_stretches(&world, kind, STRETCHES);
	snprintf(command, sizeof(command), "build/bin/forestall model train --corpus %s --epochs 30 --restarts 1 --hidden 16 --out %s"
		 " >/dev/null 2>&1", world.history, path);
	r = system(command);
	return r | world_remove(&world);
}

static int champions_make(void **state)
{
	(void)state;
	return champion_make(WORLD_ORDINARY, "ordinary", knows_ordinary) | champion_make(WORLD_ODD, "odd", knows_odd);
}

static int champions_remove(void **state)
{
	(void)state;
	return unlink(knows_ordinary) | unlink(knows_odd);
}

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
static const char *challenge(const struct world *world, const char *champion)
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

static void what_really_changed_is_learned(void **state)
{
	struct world *world = *state;
	char command[512];

	world_stretches(world, WORLD_ODD, STRETCHES);
	assert_int_equal(strncmp(challenge(world, knows_ordinary), "better ", 7), 0);
	assert_int_equal(models_count(world), 1);
	snprintf(command, sizeof(command), "build/bin/forestall -j --state-dir %s model list | grep -q '\"is_better\":true'", world->root);
	assert_int_equal(system(command), 0);
}

/* Three quarters of the history, all that is trained on, say the opposite of what is true. */
static void a_poisoned_history_promotes_nobody(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_ODD, STRETCHES * 3 / 4);
	world_stretches(world, WORLD_ORDINARY, STRETCHES / 4);
	assert_int_equal(strncmp(challenge(world, knows_ordinary), "refused 2", 9), 0);
	assert_int_equal(models_count(world), 1);
}

/* Also of what is held out: whoever learns that violations come three times in ten has learned nothing. */
static void noise_promotes_nobody(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_NOISE, STRETCHES);
	assert_int_equal(strncmp(challenge(world, knows_odd), "refused 2", 9), 0);
}

static void too_little_is_said_and_nothing_is_written(void **state)
{
	struct world *world = *state;

	world_stretches(world, WORLD_ODD, 3);
	assert_non_null(strstr(challenge(world, knows_odd), "refused - "));
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
	assert_non_null(strstr(challenge(world, knows_odd), "1 recordings to learn from, 3 excluded, 2 damaged"));
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

	return cmocka_run_group_tests_name("challenge", tests, champions_make, champions_remove);
}
