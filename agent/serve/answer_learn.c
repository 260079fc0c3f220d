/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_learn.h"

#include <string.h>

#include "learn/learn.h"

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
	return json_pack("{s:o}", "history", history_json(&state));
}
