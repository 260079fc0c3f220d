/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "act/client.h"
#include "hold.h"
#include "print.h"
#include "serve/value.h"

#define HOLD_LEASE_MS 5000
#define HOLD_ANSWER_MS 5000	/* the first of a kind may load modules */

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

int hold_place(const struct context *context, const char *path, struct action *ret)
{
	char root[PATH_MAX], full[PATH_MAX + ACT_PATH_MAX];
	struct stat st;

	if (command_root(context, root, sizeof(root)))
		return 1;
	snprintf(full, sizeof(full), "%s%s", root, path);
	if (strlen(path) >= sizeof(ret->path) || stat(full, &st) < 0 || !S_ISDIR(st.st_mode)) {
		print_problem("%.200s: no such cgroup below %s; see 'forestall instance list'", path, root);
		return 1;
	}
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	ret->cgroup_id = st.st_ino;
	ret->lease_ms = HOLD_LEASE_MS;
	return 0;
}

void hold_refresh(const struct context *context, struct action *action)
{
	char full[PATH_MAX + ACT_PATH_MAX], root[PATH_MAX];
	struct stat st;

	if (command_root(context, root, sizeof(root)))
		return;
	snprintf(full, sizeof(full), "%s%s", root, action->path);
	if (stat(full, &st) == 0)
		action->cgroup_id = st.st_ino;
}

static bool outcome_is_held(uint32_t outcome)
{
	return outcome == OUTCOME_APPLIED || outcome == OUTCOME_RENEWED || outcome == OUTCOME_PENDING;
}

static bool any_is_held(const struct result *result)
{
	for (uint32_t i = 0; i < result->count; i++)
		if (outcome_is_held(result->item[i].outcome))
			return true;
	return false;
}

static json_t *item_json(const struct action *action, const struct result_item *item)
{
	return json_pack("{s:o, s:s, s:s, s:I, s:s}", "path", value_text(action->path), "knob",
			 knob_name((enum knob)action->knob), "outcome", outcome_name((enum outcome)item->outcome), "value",
			 (json_int_t)item->value, "text", item->text);
}

/* Says what became of each: 0 when all are held. */
static int result_print(const struct context *context, const struct message *message, const struct result *result)
{
	json_t *items = context->is_json ? json_array() : NULL;
	int status = 0;

	for (uint32_t i = 0; i < result->count && i < message->count; i++) {
		const struct action *action = &message->action[i];
		const struct result_item *item = &result->item[i];
		const char *outcome = outcome_name((enum outcome)item->outcome);

		if (items)
			json_array_append_new(items, item_json(action, item));
		else if (outcome_is_held(item->outcome))
			printf("%s %s: %s\n", action->path, knob_name((enum knob)action->knob), outcome);
		if (outcome_is_held(item->outcome))
			continue;
		status = 1;
		if (item->outcome == OUTCOME_WOULD)
			print_problem("mode %s changes nothing; 'forestall mode set enforce' would let it",
				      mode_name((enum mode)result->mode));
		else
			print_problem("%s %s: %s: %s", action->path, knob_name((enum knob)action->knob), outcome, item->text);
	}
	if (items)
		print_json(context, items);
	return print_end() || status;
}

static int call(int fd, struct message *message, enum message_kind kind, struct result *ret)
{
	message->kind = kind;
	message->time_ns = 0;
	return act_client_call(fd, message, ret, HOLD_ANSWER_MS);
}

static int call_problem(const char *run_dir, int r)
{
	print_problem("forestall-act at %s/act.sock: %s; is 'forestall up' running, and are you root?", run_dir, strerror(-r));
	return 1;
}

/* Renews until it is over. 0, 1 when something is held no more, or -errno. */
static int renew(const struct context *context, int fd, struct message *message, unsigned long seconds, hold_step step,
		 void *arg)
{
	struct result result;

	for (unsigned long passed = 0; !is_interrupted && (!seconds || passed < seconds); passed++) {
		struct timespec pause = { .tv_sec = 1 };
		int r;

		nanosleep(&pause, NULL);
		if (is_interrupted || (step && !step(arg, message)))
			break;
		r = call(fd, message, MESSAGE_PLAN, &result);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < result.count; i++)
			if (!step && !outcome_is_held(result.item[i].outcome))
				return result_print(context, message, &result);
	}
	return 0;
}

static int held_run(const struct context *context, int fd, struct message *message, unsigned long seconds, hold_step step,
		    void *arg)
{
	struct result result;
	int r = call(fd, message, MESSAGE_PLAN, &result), status;

	if (r < 0)
		return call_problem(context->run_dir, r);
	status = result_print(context, message, &result);
	if (status == 0 || (step && any_is_held(&result)))
		status = renew(context, fd, message, seconds, step, arg);
	if (status < 0)
		return call_problem(context->run_dir, status);
	r = call(fd, message, MESSAGE_RELEASE, &result);
	return r < 0 ? call_problem(context->run_dir, r) : status;
}

int hold_run(const struct context *context, struct message *message, unsigned long seconds, hold_step step, void *arg)
{
	struct sigaction action = { .sa_handler = on_signal };
	char path[256];
	int fd, status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	snprintf(path, sizeof(path), "%s/act.sock", context->run_dir);
	fd = act_client_open(path);
	if (fd < 0)
		return call_problem(context->run_dir, fd);
	status = held_run(context, fd, message, seconds, step, arg);
	close(fd);
	return status;
}
