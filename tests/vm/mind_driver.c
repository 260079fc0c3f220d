/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays the mind in tests of the hands.
 *
 *   mind_driver SOCKET loop SEED LEASE_MS ROOT PATH...	sends random plans and releases until it is killed
 *   mind_driver SOCKET grow ROOT PATH			changes one knob all the time and never lets go
 *   mind_driver SOCKET stale ROOT PATH			decides a plan, stops itself, sends it when woken;
 *							ends with 0 if the hands refused it
 *   mind_driver SOCKET plan LEASE_MS ROOT PATH KNOB VALUE [PERIOD_US | MAJOR:MINOR | FRONT:PORT | may-kill]
 *							sends one action, prints "OUTCOME VALUE TEXT"
 *   mind_driver SOCKET release ROOT PATH KNOB		lets go of it, prints the same
 *   mind_driver SOCKET mode [MODE] | undo		prints "MODE" or the outcomes
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "act/client.h"

#define DISK "/dev/nullb0"
#define PATHS_MAX 32
#define CALL_MS 15000	/* the first limit of a kind may load modules */

struct driver {
	const char *socket;
	int fd;
	unsigned int seed;
	uint32_t lease_ms;
	int path_count;
	char *const *paths;
	uint64_t id[PATHS_MAX];
};

static uint64_t id_find(const char *root, const char *path)
{
	char full[1024];
	struct stat stat_buf;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &stat_buf) < 0 ? 0 : stat_buf.st_ino;
}

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static unsigned int draw(struct driver *driver, unsigned int below)
{
	return (unsigned int)rand_r(&driver->seed) % below;
}

/* io.max, io.latency and io.cost are asked for on the one disk a guest has. */
static uint32_t device_of(uint32_t knob)
{
	struct stat stat_buf;

	if (((knob < KNOB_IO_RBPS || knob > KNOB_IO_WIOPS) && knob != KNOB_IO_LATENCY && knob != KNOB_IO_COST) || stat(DISK, &stat_buf) < 0)
		return 0;
	return major(stat_buf.st_rdev) << 20 | minor(stat_buf.st_rdev);
}

/* Few values, so that a plan is a renewal now and then. */
static void value_draw(struct driver *driver, struct action *ret)
{
	unsigned int few = 1 + draw(driver, 4);

	switch (ret->knob) {
	case KNOB_CPU_WEIGHT:
	case KNOB_IO_WEIGHT:
		ret->value = 20 + 70 * few;
		break;
	case KNOB_CPU_IDLE:
	case KNOB_FREEZE:
		ret->value = few > 1;
		break;
	case KNOB_CPU_BURST:
		ret->value = 1000 * (few - 1);
		break;
	case KNOB_CPU_MAX:
		ret->period_us = 20000 * (1 + draw(driver, 2));
		ret->value = draw(driver, 5) ? 5000 * few : UINT64_MAX;
		break;
	case KNOB_CPUSET_CPUS:
	case KNOB_CPUSET_MEMS:
	case KNOB_CPUSET_EXCLUSIVE:
		ret->value = few > 2;
		break;
	case KNOB_CPUSET_PARTITION:
		ret->value = few % PARTITION_COUNT;
		break;
	case KNOB_IO_LATENCY:
	case KNOB_IO_COST:
		ret->value = few == 4 ? UINT64_MAX : 1000 * few;
		break;
	case KNOB_MEMORY_MAX:
		/* Never so little that it kills, and now and then, with the word, what is refused without. */
		ret->value = few == 4 ? UINT64_MAX : (400 + 40 * few) << 20;
		ret->flags = few == 4 ? ACTION_MAY_KILL : 0;
		break;
	case KNOB_MEMORY_HIGH:
		/* The lowest is below what is used where there is memory at all, so that the write takes its time. */
		ret->value = few == 4 ? UINT64_MAX : (34 + 40 * (few - 1)) << 20;
		break;
	case KNOB_MEMORY_LOW:
	case KNOB_MEMORY_MIN:
	case KNOB_MEMORY_RECLAIM:
		ret->value = (8 * few) << 20;
		break;
	default:
		ret->value = few == 4 ? UINT64_MAX : few << 20;
	}
}

static void action_draw(struct driver *driver, struct action *ret)
{
	int i = (int)draw(driver, (unsigned int)driver->path_count);

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->path, sizeof(ret->path), "%s", driver->paths[i]);
	ret->cgroup_id = driver->id[i];
	ret->lease_ms = driver->lease_ms;
	ret->reason = draw(driver, 9);
	/* What changes a network is no matter of these cgroups. */
	do
		ret->knob = draw(driver, KNOB_COUNT);
	while ((ret->knob >= KNOB_NET_EGRESS && ret->knob < KNOB_MEMORY_MAX) || ret->knob == KNOB_NET_INGRESS || ret->knob == KNOB_NET_FIRST);
	ret->device = device_of(ret->knob);
	value_draw(driver, ret);
}

/* Hands that die and come back are the point of the test: connect again and go on. */
static void driver_call(struct driver *driver, struct message *message)
{
	struct result result;

	if (driver->fd < 0)
		driver->fd = act_client_open(driver->socket);
	if (driver->fd < 0) {
		usleep(3000);
		return;
	}
	if (act_client_call(driver->fd, message, &result, CALL_MS) < 0) {
		close(driver->fd);
		driver->fd = -1;
	}
}

static void release_all(struct driver *driver)
{
	static struct message message;

	for (int i = 0; i < driver->path_count; i++) {
		memset(&message, 0, sizeof(message));
		message.kind = MESSAGE_RELEASE;
		message.count = KNOB_COUNT;
		for (uint32_t knob = 0; knob < KNOB_COUNT; knob++) {
			struct action *action = &message.action[knob];

			snprintf(action->path, sizeof(action->path), "%s", driver->paths[i]);
			action->cgroup_id = driver->id[i];
			action->knob = knob;
			action->device = device_of(knob);
		}
		driver_call(driver, &message);
	}
}

static void __attribute__((noreturn)) loop_run(struct driver *driver)
{
	static struct message message;

	for (unsigned int turn = 1;; turn++) {
		memset(&message, 0, sizeof(message));
		message.kind = draw(driver, 6) ? MESSAGE_PLAN : MESSAGE_RELEASE;
		message.plan_id = turn;
		message.count = 1 + draw(driver, 6);
		for (uint32_t i = 0; i < message.count; i++)
			action_draw(driver, &message.action[i]);
		driver_call(driver, &message);
		if (turn % 16 == 0)
			release_all(driver);
		usleep(500 + draw(driver, 2000));
	}
}

static void __attribute__((noreturn)) grow_run(struct driver *driver)
{
	static struct message message;

	for (unsigned int turn = 0;; turn++) {
		message.kind = MESSAGE_PLAN;
		message.count = 1;
		snprintf(message.action[0].path, sizeof(message.action[0].path), "%s", driver->paths[0]);
		message.action[0].cgroup_id = driver->id[0];
		message.action[0].knob = KNOB_CPU_WEIGHT;
		message.action[0].value = 20 + turn % 50;
		message.action[0].lease_ms = 60000;
		driver_call(driver, &message);
	}
}

static int stale_run(struct driver *driver)
{
	static struct message message;
	struct result result;

	message.kind = MESSAGE_PLAN;
	message.count = 1;
	message.time_ns = clock_ns();
	action_draw(driver, &message.action[0]);
	message.action[0].knob = KNOB_CPU_WEIGHT;
	message.action[0].device = 0;
	message.action[0].value = 77;
	driver->fd = act_client_open(driver->socket);
	raise(SIGSTOP);
	if (driver->fd < 0 || act_client_call(driver->fd, &message, &result, CALL_MS) < 0)
		return 2;
	printf("%s %s\n", outcome_name(result.item[0].outcome), result.item[0].text);
	return result.count == 1 && result.item[0].outcome == OUTCOME_REFUSED &&
	       strstr(result.item[0].text, "stale") ? 0 : 1;
}

static int message_run(struct driver *driver, struct message *message)
{
	struct result result;
	int r;

	driver->fd = act_client_open(driver->socket);
	r = driver->fd < 0 ? driver->fd : act_client_call(driver->fd, message, &result, CALL_MS);
	if (r < 0) {
		fprintf(stderr, "mind_driver: %s: %s\n", driver->socket, strerror(-r));
		return 1;
	}
	if (message->kind == MESSAGE_MODE_GET)
		puts(mode_name((enum mode)result.mode));
	for (uint32_t i = 0; i < result.count; i++)
		printf("%s %llu %s\n", outcome_name(result.item[i].outcome), (unsigned long long)result.item[i].value,
		       result.item[i].text);
	return 0;
}

static void action_take(const char *root, const char *path, const char *knob, struct action *ret)
{
	ret->cgroup_id = id_find(root, path);
	/* A path that is not there needs some id: the hands are to find that it is gone. */
	if (ret->cgroup_id == 0)
		ret->cgroup_id = 1;
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	ret->knob = knob_find(knob);
	ret->device = device_of(ret->knob);
}

static int release_run(struct driver *driver, char **args, int count)
{
	static struct message message = { .kind = MESSAGE_RELEASE, .count = 1 };

	if (count < 3)
		return 2;
	action_take(args[0], args[1], args[2], &message.action[0]);
	return message_run(driver, &message);
}

static int plan_run(struct driver *driver, char **args, int count)
{
	static struct message message = { .kind = MESSAGE_PLAN, .count = 1 };
	struct action *action = &message.action[0];
	unsigned int major, minor;

	if (count < 5)
		return 2;
	action->lease_ms = (uint32_t)atoi(args[0]);
	action_take(args[1], args[2], args[3], action);
	action->value = strcmp(args[4], "max") == 0 ? UINT64_MAX : strtoull(args[4], NULL, 10);
	if (count > 5 && sscanf(args[5], "%u:%u", &major, &minor) == 2)
		action->device = action->knob == KNOB_NET_SHARE ? major << 16 | minor : major << 20 | minor;
	else if (count > 5 && strcmp(args[5], "may-kill") == 0)
		action->flags = ACTION_MAY_KILL;
	else if (count > 5)
		action->period_us = strtoull(args[5], NULL, 10);
	return message_run(driver, &message);
}

static int paths_take(struct driver *driver, const char *root, char **paths, int count)
{
	if (count < 1 || count > PATHS_MAX)
		return 2;
	driver->paths = paths;
	driver->path_count = count;
	for (int i = 0; i < count; i++)
		driver->id[i] = id_find(root, paths[i]);
	return 0;
}

int main(int argc, char **argv)
{
	struct driver driver = { .fd = -1, .seed = 1, .lease_ms = 1000, .socket = argc > 1 ? argv[1] : "" };
	struct message message = { .kind = MESSAGE_UNDO_ALL };
	const char *verb = argc > 2 ? argv[2] : "";

	if (strcmp(verb, "loop") == 0 && argc > 6) {
		driver.seed = (unsigned int)atoi(argv[3]);
		driver.lease_ms = (uint32_t)atoi(argv[4]);
		if (paths_take(&driver, argv[5], argv + 6, argc - 6) == 0)
			loop_run(&driver);
		return 2;
	}
	if (strcmp(verb, "grow") == 0 && argc > 4 && paths_take(&driver, argv[3], argv + 4, argc - 4) == 0)
		grow_run(&driver);
	if (strcmp(verb, "stale") == 0 && argc > 4)
		return paths_take(&driver, argv[3], argv + 4, argc - 4) ? 2 : stale_run(&driver);
	if (strcmp(verb, "plan") == 0)
		return plan_run(&driver, argv + 3, argc - 3);
	if (strcmp(verb, "release") == 0)
		return release_run(&driver, argv + 3, argc - 3);
	if (strcmp(verb, "undo") == 0)
		return message_run(&driver, &message);
	if (strcmp(verb, "mode") == 0) {
		message.kind = argc > 3 ? MESSAGE_MODE_SET : MESSAGE_MODE_GET;
		message.value = argc > 3 ? (uint32_t)mode_parse(argv[3]) : 0;
		return message_run(&driver, &message);
	}
	fputs("usage: see the head of tests/vm/mind_driver.c\n", stderr);
	return 2;
}
