/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forestall mode get|set */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act/client.h"
#include "print.h"
#include "run_mode.h"

#define ANSWER_MS 2000
#define RESTART_MS 5000
#define POLL_MS 50

/* One message without actions to the hands, its result into *ret. 0 or -errno; no hands: -ENOENT or -ECONNREFUSED. */
static int hands_call(const char *run_dir, enum message_kind kind, uint32_t value, struct result *ret)
{
	struct message message = { .kind = kind, .value = value };
	char path[256];
	int fd, r;

	snprintf(path, sizeof(path), "%s/act.sock", run_dir);
	fd = act_client_open(path);
	if (fd < 0)
		return fd;
	r = act_client_call(fd, &message, ret, ANSWER_MS);
	close(fd);
	return r;
}

static bool hands_are_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

static int hands_problem(const char *run_dir, int r)
{
	print_problem("forestall-act at %s/act.sock: %s; %s", run_dir, strerror(-r),
		      r == -ETIMEDOUT ? "'forestall panic' ends one that hangs" : "ask as root");
	return 1;
}

int cmd_mode_get(const struct context *context, int argc, char **argv)
{
	struct result result;
	bool is_running;
	int r, next;

	(void)argv;
	if (argc != 1)
		return command_usage("mode get", "");
	r = hands_call(context->run_dir, MESSAGE_MODE_GET, 0, &result);
	is_running = r == 0;
	if (!is_running && !hands_are_absent(r))
		return hands_problem(context->run_dir, r);
	next = run_mode_load(context->run_dir);
	if (context->is_json) {
		print_json(context, json_pack("{s:o, s:s}", "mode",
					      is_running ? json_string(mode_name(result.mode)) : json_null(), "next",
					      mode_name(next < 0 ? MODE_OBSERVE : (enum mode)next)));
		return is_running ? 0 : 1;
	}
	if (!is_running) {
		print_problem("no forestall-act runs; 'forestall up' would start it in mode %s",
			      mode_name(next < 0 ? MODE_OBSERVE : (enum mode)next));
		return 1;
	}
	puts(mode_name(result.mode));
	return print_end();
}

/* Waits until hands answer in that mode. The old ones may still answer, so the mode counts and not the answer. */
static int mode_await(const char *run_dir, enum mode mode)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct result result;

	for (int waited = 0; waited < RESTART_MS; waited += POLL_MS) {
		if (hands_call(run_dir, MESSAGE_MODE_GET, 0, &result) == 0 && result.mode == mode)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static int mode_store(const char *run_dir, enum mode mode)
{
	int r = run_mode_save(run_dir, mode);

	if (r < 0) {
		print_problem("%s/mode: %s; run as root", run_dir, strerror(-r));
		return 1;
	}
	print_note("no forestall-act runs; the next 'forestall up' starts it in mode %s", mode_name(mode));
	return 0;
}

static int mode_change(const char *run_dir, enum mode mode)
{
	struct result result;
	int r = hands_call(run_dir, MESSAGE_MODE_SET, mode, &result);

	if (r < 0)
		return hands_problem(run_dir, r);
	if (result.count != 1 || result.item[0].outcome != OUTCOME_APPLIED) {
		print_problem("forestall-act refuses mode %s: %s", mode_name(mode),
			      result.count ? result.item[0].text : "without a reason");
		return 1;
	}
	if (mode_await(run_dir, mode) < 0) {
		print_problem("forestall-act ended to change to mode %s and does not answer again; "
			      "is 'forestall up' running?",
			      mode_name(mode));
		return 1;
	}
	print_note("mode is now %s; all that was changed before has been undone", mode_name(mode));
	return 0;
}

int cmd_mode_set(const struct context *context, int argc, char **argv)
{
	enum mode mode = argc == 2 ? mode_parse(argv[1]) : MODE_COUNT;
	struct result result;
	int r;

	if (mode == MODE_COUNT)
		return command_usage("mode set", "observe|shadow|canary|enforce");
	r = hands_call(context->run_dir, MESSAGE_MODE_GET, 0, &result);
	if (hands_are_absent(r))
		return mode_store(context->run_dir, mode);
	if (r < 0)
		return hands_problem(context->run_dir, r);
	if (result.mode == mode) {
		print_note("mode is %s already", mode_name(mode));
		return 0;
	}
	return mode_change(context->run_dir, mode);
}
