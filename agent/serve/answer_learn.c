/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_learn.h"

#include <string.h>

#include "learn/learn.h"
#include "value.h"

static json_t *history_json(const struct learn_state *state)
{
	const struct writer_state *disk = &state->history.disk;

	if (!state->has_history)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "files", (json_int_t)disk->files, "bytes", (json_int_t)disk->bytes,
			 "bytes_max", (json_int_t)state->history_bytes_max, "removed", (json_int_t)disk->removed, "broken",
			 (json_int_t)state->history.broken, "error",
			 disk->error ? json_string(strerror(-disk->error)) : json_null());
}

json_t *answer_learn(const struct answer_world *world)
{
	struct learn_state state;

	if (!world->learn)
		return json_null();
	learn_state(world->learn, &state);
	return json_pack("{s:o, s:{s:s, s:I, s:o}, s:{s:i, s:f, s:f}}", "history", history_json(&state), "challenger", "state",
			 !state.is_running ? "none" : state.is_standing ? "stands still" : "learns", "started",
			 (json_int_t)state.started_unix_s, "said", state.said[0] ? value_text(state.said) : json_null(), "drift",
			 "minutes", (int)state.drift->minutes, "mean", state.drift->mean, "alarm",
			 (state.drift->sum - state.drift->least) / DRIFT_ALARM);
}

json_t *answer_model(const struct answer_world *world)
{
	uint64_t left_ns = world->shadow_until_ns > world->now_ns ? world->shadow_until_ns - world->now_ns : 0;

	return json_pack("{s:o, s:I}", "path", value_text(world->model_path), "shadow_s",
			 (json_int_t)((left_ns + 999999999) / 1000000000));
}

static json_t *model_change(const struct answer_world *world, const char *name)
{
	char message[ANSWER_MESSAGE_MAX] = "";

	if (!world->model_change)
		return value_error("models are not changed here");
	if (world->model_change(world->context, name, message) < 0)
		return value_error("%s", message);
	return json_pack("{s:b}", "ok", 1);
}

json_t *answer_model_promote(const struct answer_world *world, const json_t *question)
{
	const char *name = json_string_value(json_object_get(question, "name"));

	return name ? model_change(world, name) : value_error("model.promote needs a name; 'forestall model list' shows them");
}

json_t *answer_model_rollback(const struct answer_world *world, const json_t *question)
{
	(void)question;
	return model_change(world, NULL);
}

json_t *answer_model_challenge(const struct answer_world *world, const json_t *question)
{
	char message[ANSWER_MESSAGE_MAX] = "";

	(void)question;
	if (!world->challenge)
		return value_error("nothing is learned here");
	if (world->challenge(world->context, message) < 0)
		return value_error("%s", message);
	return json_pack("{s:b}", "ok", 1);
}
