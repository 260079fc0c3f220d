/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills and stops the hands, the mind and both, at every named step and at random moments, and looks whether every
 * limit is as before. Runs as root where the cgroup v2 cpu controller is; see kill_act.sh.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act/step.h"
#include "kill_world.h"

#define RANDOM_MOMENTS 200
#define SETTLE_MS 300

static struct programs programs;
static char before[SNAPSHOT_BYTES];
static unsigned int seed = 20261122;

static unsigned int draw(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

/* As the supervisor would: by an undo from outside, or by a new start that is then told to end. */
static void recover(bool by_start)
{
	pid_t act;

	if (!by_start) {
		if (undo_run(&programs) != 0)
			printf("# the undo failed\n");
		return;
	}
	act = act_start(&programs, "enforce", NULL);
	if (!act_is_ready(act))
		fail("the hands do not start again");
	if (process_end(act, SIGTERM) != 0)
		printf("# the hands did not end well\n");
}

/* A stopped hand that is woken after the undo must be dead already and change nothing. */
static bool wake_is_harmless(pid_t act)
{
	int status;

	kill(act, SIGCONT);
	status = process_wait(act, false, 1000);
	sleep_ms(20);
	if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	printf("# the stopped hands were not killed\n");
	return false;
}

/* The hands came to the step and were struck down there; brings everything back and looks. */
static void strike_check(pid_t act, pid_t driver, const char *name, bool stops, bool by_start, const char *when)
{
	int status = process_wait(act, stops, 30000);
	bool is_ok = status >= 0;

	if (!is_ok) {
		printf("# the step was not reached\n");
		process_end(act, SIGKILL);
	} else if (stops ? !WIFSTOPPED(status) : !WIFSIGNALED(status)) {
		printf("# the hands ended otherwise: status %x\n", (unsigned int)status);
		is_ok = false;
	}
	if (driver > 0 && !stops)
		process_end(driver, SIGKILL);
	recover(by_start && !stops);
	is_ok = world_is_restored(before) && is_ok;
	if (stops && status >= 0 && WIFSTOPPED(status))
		is_ok = wake_is_harmless(act) && snapshot_differ(before) == NULL && is_ok;
	if (driver > 0 && stops)
		process_end(driver, SIGKILL);
	/* Whether a reclaim is still under way when it is to end is for the guest's speed to say. */
	if (status < 0 && !strncmp(name, "child.", 6) && snapshot_differ(before) == NULL)
		check(true, "%s at %s %s # SKIP the step was not reached", stops ? "stop" : "kill", name, when);
	else
		check(is_ok, "%s at %s %s, %s", stops ? "stop" : "kill", name, when,
		      by_start && !stops ? "new start" : "undo");
}

static void step_under_load(const char *name, bool stops, unsigned int nth)
{
	char step[64];
	pid_t act, driver;

	snprintf(step, sizeof(step), "%s:%s:%u", name, stops ? "stop" : "kill", nth);
	act = act_start(&programs, "enforce", step);
	driver = driver_start(&programs, draw(1000000), "120");
	strike_check(act, driver, name, stops, nth % 2 == 0, "under load");
}

/* The journal grows until it is shortened: one knob is changed all the time and never let go. */
static void step_in_growth(const char *name, bool stops)
{
	char step[64];
	char *argv[] = { (char *)programs.driver, SOCKET, "grow", ROOT, "/kt/weighty", NULL };
	pid_t act, driver;

	snprintf(step, sizeof(step), "%s:%s", name, stops ? "stop" : "kill");
	act = act_start(&programs, "enforce", step);
	driver = process_start(NULL, argv);
	strike_check(act, driver, name, stops, false, "in growth");
}

/* Struck down at start, while undoing what an earlier hand left. */
static void step_in_recovery(const char *name, bool stops, unsigned int nth)
{
	char step[64];
	pid_t act = act_start(&programs, "enforce", NULL);

	if (!act_is_ready(act) || !plan_some())
		printf("# nothing is held\n");
	process_end(act, SIGKILL);
	snprintf(step, sizeof(step), "%s:%s:%u", name, stops ? "stop" : "kill", nth);
	strike_check(act_start(&programs, "enforce", step), 0, name, stops, nth % 2 == 0, "in recovery");
}

static void step_at_end(const char *name, bool stops, unsigned int nth)
{
	char step[64];
	pid_t act;

	snprintf(step, sizeof(step), "%s:%s:%u", name, stops ? "stop" : "kill", nth);
	act = act_start(&programs, "enforce", step);
	if (!act_is_ready(act) || !plan_some())
		printf("# nothing is held\n");
	kill(act, SIGTERM);
	strike_check(act, 0, name, stops, nth % 2 == 0, "at the end");
}

/* Somebody else's value must survive all of it. */
static void step_in_yield(bool stops)
{
	char now[64];
	pid_t act = act_start(&programs, "enforce", stops ? "yield.journaled:stop" : "yield.journaled:kill");

	if (!act_is_ready(act) || !plan_some())
		printf("# nothing is held\n");
	file_write("/kt/plain", "cpu.weight", "555");
	process_wait(act, stops, 15000);
	recover(false);
	file_read("/kt/plain", "cpu.weight", now, sizeof(now));
	file_write("/kt/plain", "cpu.weight", "100");
	check((!stops || wake_is_harmless(act)) && strcmp(now, "555\n") == 0 && world_is_restored(before),
	      "%s at yield.journaled: the foreign value stays, the rest is undone", stops ? "stop" : "kill");
}

static bool name_starts(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

static void steps_test(void)
{
#define STEP_NAME_ENTRY(id, name) name,
	static const char *const NAMES[] = { STEP_LIST(STEP_NAME_ENTRY) };

	for (unsigned int i = 0; i < STEP_COUNT; i++)
		for (unsigned int stops = 0; stops < 2; stops++) {
			const char *name = NAMES[i];
			bool is_idle = strcmp(name, "idle.written") == 0;

			if (is_idle && access(ROOT "/kt/plain/cpu.idle", F_OK) < 0)
				continue;
			if (strcmp(name, "yield.journaled") == 0) {
				step_in_yield(stops);
				continue;
			}
			if (is_idle || name_starts(name, "apply.") || name_starts(name, "child.") || name_starts(name, "undo.") ||
			    name_starts(name, "journal."))
				step_under_load(name, stops, name_starts(name, "child.") ? 1 : 1 + draw(3));
			if (name_starts(name, "compact."))
				step_in_growth(name, stops);
			if (is_idle || name_starts(name, "start.") || name_starts(name, "undo.") ||
			    name_starts(name, "journal."))
				step_in_recovery(name, stops, name_starts(name, "undo.") ? 1 + draw(4) : 1);
			if (is_idle || name_starts(name, "stop.") || name_starts(name, "undo."))
				step_at_end(name, stops, name_starts(name, "undo.") ? 1 + draw(4) : 1);
		}
}

/* The recovery itself is killed again and again at every step of undo. */
static void repeated_recovery_test(void)
{
	static const char *const STEPS[] = {
		"undo.journaled", "idle.written", "undo.written", "undo.read", "undo.undone", "start.undone",
	};
	pid_t act = act_start(&programs, "enforce", NULL);
	bool is_ok = act_is_ready(act) && plan_some();

	process_end(act, SIGKILL);
	for (size_t i = 0; i < sizeof(STEPS) / sizeof(*STEPS); i++) {
		char *argv[] = { (char *)programs.act, "--mode", "enforce", "--run-dir", RUN_DIR, NULL };
		pid_t pid = process_start(STEPS[i], argv);

		if (process_wait(pid, false, 300) < 0)
			process_end(pid, SIGKILL);
	}
	recover(false);
	check(world_is_restored(before) && is_ok, "recovery killed six times in a row");
}

/* The mind dies or falls silent: its leases end by themselves. */
static void mind_test(int signal, const char *name)
{
	pid_t act = act_start(&programs, "enforce", NULL), driver;
	int took_ms;

	act_is_ready(act);
	driver = driver_start(&programs, draw(1000000), "400");
	for (int turn = 0; turn < 500 && !snapshot_differ(before); turn++)
		sleep_ms(2);
	sleep_ms(50);
	kill(driver, signal);
	took_ms = world_wait(before, 400 + SETTLE_MS);
	check(took_ms >= 0, "%s the mind: limits back after %d ms, lease 400 ms", name, took_ms);
	process_end(driver, SIGKILL);
	check(process_end(act, SIGTERM) == 0 && world_is_restored(before), "%s the mind: the hands end well", name);
}

/* A mind that slept between deciding and sending gets nothing written. */
static void stale_test(void)
{
	char *argv[] = { (char *)programs.driver, SOCKET, "stale", ROOT, "/kt/plain", NULL };
	pid_t act = act_start(&programs, "enforce", NULL), driver;
	int status;

	act_is_ready(act);
	driver = process_start(NULL, argv);
	status = process_wait(driver, true, 5000);
	sleep_ms(1100);
	kill(driver, SIGCONT);
	check(status >= 0 && WIFSTOPPED(status) && process_wait(driver, false, 5000) == 0,
	      "a mind woken after 1.1 s has its plan refused as stale");
	check(snapshot_differ(before) == NULL, "the stale plan changed nothing");
	process_end(act, SIGTERM);
}

struct pair {
	pid_t act;
	pid_t driver;
};

static void pair_complete(struct pair *pair)
{
	if (pair->act == 0) {
		pair->act = act_start(&programs, "enforce", NULL);
		if (!act_is_ready(pair->act))
			fail("the hands do not start");
	}
	if (pair->driver == 0)
		pair->driver = driver_start(&programs, draw(1000000), "100");
}

static void driver_end(struct pair *pair)
{
	process_end(pair->driver, SIGKILL);
	pair->driver = 0;
}

static bool hands_killed(struct pair *pair, bool mind_too)
{
	bool by_start = draw(2) == 0;

	process_end(pair->act, SIGKILL);
	pair->act = 0;
	if (mind_too || by_start)
		driver_end(pair);
	recover(by_start);
	return world_is_restored(before);
}

static bool hands_stopped(struct pair *pair, bool mind_too)
{
	bool is_ok;

	kill(pair->act, SIGSTOP);
	if (mind_too)
		kill(pair->driver, SIGSTOP);
	recover(false);
	is_ok = world_is_restored(before);
	if (mind_too)
		kill(pair->driver, SIGCONT);
	is_ok = wake_is_harmless(pair->act) && is_ok;
	pair->act = 0;
	return snapshot_differ(before) == NULL && is_ok;
}

static bool mind_silenced(struct pair *pair, int signal)
{
	int took_ms;

	kill(pair->driver, signal);
	took_ms = world_wait(before, 100 + SETTLE_MS);
	driver_end(pair);
	return took_ms >= 0;
}

static bool hands_told_to_end(struct pair *pair)
{
	int status = process_end(pair->act, SIGTERM);

	pair->act = 0;
	return world_is_restored(before) && status == 0;
}

static void random_test(void)
{
	static const char *const DEEDS[] = { "kill the hands", "stop the hands", "kill the mind", "stop the mind",
					     "kill both", "stop both", "end the hands" };
	struct pair pair = { 0 };

	for (int i = 0; i < RANDOM_MOMENTS; i++) {
		unsigned int deed, after_ms = 5 + draw(56);
		bool is_ok;

		pair_complete(&pair);
		sleep_ms(after_ms);
		/* A stop costs half a second of waiting for an answer, so it comes less often. */
		deed = draw(16);
		if (deed < 5)
			is_ok = hands_killed(&pair, false), deed = 0;
		else if (deed == 5)
			is_ok = hands_stopped(&pair, false), deed = 1;
		else if (deed < 8)
			is_ok = mind_silenced(&pair, SIGKILL), deed = 2;
		else if (deed < 10)
			is_ok = mind_silenced(&pair, SIGSTOP), deed = 3;
		else if (deed < 12)
			is_ok = hands_killed(&pair, true), deed = 4;
		else if (deed == 12)
			is_ok = hands_stopped(&pair, true), deed = 5;
		else
			is_ok = hands_told_to_end(&pair), deed = 6;
		check(is_ok, "random moment %d: %s after %u ms", i + 1, DEEDS[deed], after_ms);
	}
	if (pair.driver)
		driver_end(&pair);
	if (pair.act)
		process_end(pair.act, SIGTERM);
	check(world_is_restored(before), "after all random moments");
}

/* From here on there is swap, so that a memory.high below what is used has something to do. */
static void swap_use(const char *world)
{
	pid_t act;

	if (swapon(DISK, 0) < 0)
		fail("swapon " DISK);
	act = act_start(&programs, "enforce", NULL);
	if (!act_is_ready(act))
		fail("the hands do not start");
	swap_test();
	check(process_end(act, SIGTERM) == 0 && world_is_restored(world), "after all that needs swap");
}

int main(int argc, char **argv)
{
	uint64_t start_ms = clock_ms();

	if (argc < 3) {
		fputs("usage: kill_act FORESTALL_ACT MIND_DRIVER [SEED]\n", stderr);
		return 2;
	}
	programs = (struct programs){ .act = argv[1], .driver = argv[2] };
	if (argc > 3)
		seed = (unsigned int)atoi(argv[3]);
	printf("# seed %u\n", seed);
	world_make();
	snapshot_take(before);
	rules_test(&programs, before);
	swap_use(before);
	steps_test();
	repeated_recovery_test();
	mind_test(SIGKILL, "kill");
	mind_test(SIGSTOP, "stop");
	stale_test();
	printf("# steps and rules took %llu ms\n", (unsigned long long)(clock_ms() - start_ms));
	random_test();
	world_remove();
	check(!name_is_running("forestall-act") && !name_is_running("mind_driver"), "no process is left");
	printf("1..%u\n# %u checks, %u failed, %llu ms\n", check_count(), check_count(), check_failures(),
	       (unsigned long long)(clock_ms() - start_ms));
	return check_failures() ? 1 : 0;
}
