/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dispatch.h"
#include "log.h"

int mode_load(int run_fd)
{
	_cleanup_close_ int fd = openat(run_fd, "mode", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[16] = "";
	enum mode mode;

	if (fd < 0)
		return errno == ENOENT ? MODE_OBSERVE : -errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	text[strcspn(text, "\n")] = '\0';
	mode = mode_parse(text);
	return mode == MODE_COUNT ? -EBADMSG : (int)mode;
}

/* By way of a second file, so that nobody ever reads half a mode. */
static int mode_save(int run_fd, enum mode mode)
{
	_cleanup_close_ int fd = -1;
	char text[16];
	int length;

	fd = openat(run_fd, "mode.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	length = snprintf(text, sizeof(text), "%s\n", mode_name(mode));
	if (write(fd, text, (size_t)length) != length)
		return -EIO;
	return renameat(run_fd, "mode.new", run_fd, "mode") < 0 ? -errno : 0;
}

static void answer_refuse(struct result *ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void answer_refuse(struct result *ret, const char *format, ...)
{
	va_list args;

	ret->count = 1;
	memset(&ret->item[0], 0, sizeof(ret->item[0]));
	ret->item[0].outcome = OUTCOME_REFUSED;
	va_start(args, format);
	vsnprintf(ret->item[0].text, sizeof(ret->item[0].text), format, args);
	va_end(args);
}

static void plan_answer(struct dispatch *dispatch, const struct message *message, struct now now, struct result *ret)
{
	if (message->time_ns > now.mono_ns + PLAN_AHEAD_MAX_NS) {
		answer_refuse(ret, "the plan's time_ns lies in the future");
		return;
	}
	if (now.mono_ns > PLAN_AGE_MAX_NS && message->time_ns < now.mono_ns - PLAN_AGE_MAX_NS) {
		answer_refuse(ret, "the plan is stale: it was decided more than 1 s ago");
		return;
	}
	ret->count = message->count;
	for (uint32_t i = 0; i < message->count; i++)
		apply_action(&dispatch->apply, &message->action[i], now, &ret->item[i]);
}

static void release_answer(struct dispatch *dispatch, const struct message *message, struct now now,
			   struct result *ret)
{
	ret->count = message->count;
	for (uint32_t i = 0; i < message->count; i++)
		apply_release(&dispatch->apply, &message->action[i], now, &ret->item[i]);
}

static void mode_answer(struct dispatch *dispatch, const struct message *message, struct now now, struct result *ret)
{
	int r;

	if (message->value >= MODE_COUNT) {
		answer_refuse(ret, "mode %u is unknown", message->value);
		return;
	}
	apply_undo_all(&dispatch->apply, now, NULL, 0, NULL);
	r = mode_save(dispatch->run_fd, (enum mode)message->value);
	ret->count = 1;
	memset(&ret->item[0], 0, sizeof(ret->item[0]));
	if (r < 0) {
		ret->item[0].error = r;
		ret->item[0].outcome = OUTCOME_FAILED;
		snprintf(ret->item[0].text, ACT_TEXT_MAX, "the mode cannot be written: %s", strerror(-r));
		return;
	}
	ret->item[0].outcome = OUTCOME_APPLIED;
	ret->mode = message->value;
	dispatch->is_mode_changed = true;
	log_line("mode %s from the next start on", mode_name((enum mode)message->value));
}

/* NULL when the bytes are a message of ours, else what is wrong with them. */
static const char *message_fault(const struct message *message, size_t size)
{
	if (size < offsetof(struct message, action))
		return "the message is too short";
	if (message->version != PROTOCOL_VERSION)
		return "the message has another version: update forestall as a whole";
	if (message->count > ACTIONS_MAX)
		return "the message has more than 64 actions";
	if (size < offsetof(struct message, action) + message->count * sizeof(*message->action))
		return "the message is cut short";
	if (size > sizeof(*message))
		return "the message is too long";
	return NULL;
}

size_t dispatch_message(struct dispatch *dispatch, const struct message *message, size_t size, struct now now,
			struct result *ret)
{
	const char *fault = message_fault(message, size);

	memset(ret, 0, offsetof(struct result, item));
	ret->version = PROTOCOL_VERSION;
	ret->kind = MESSAGE_RESULT;
	ret->mode = dispatch->apply.mode;
	ret->plan_id = fault ? 0 : message->plan_id;
	if (fault)
		answer_refuse(ret, "%s", fault);
	else if (message->kind == MESSAGE_PLAN)
		plan_answer(dispatch, message, now, ret);
	else if (message->kind == MESSAGE_RELEASE)
		release_answer(dispatch, message, now, ret);
	else if (message->kind == MESSAGE_MODE_SET)
		mode_answer(dispatch, message, now, ret);
	else if (message->kind == MESSAGE_UNDO_ALL)
		apply_undo_all(&dispatch->apply, now, ret->item, ACTIONS_MAX, &ret->count);
	else if (message->kind != MESSAGE_MODE_GET)
		answer_refuse(ret, "message kind %u is unknown", message->kind);
	return offsetof(struct result, item) + ret->count * sizeof(*ret->item);
}
