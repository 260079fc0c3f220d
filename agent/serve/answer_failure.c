/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_failure.h"

#include <string.h>

#include "value.h"

/* Path of the cgroup whose limit an OOM kill was for, "/" for the host's memory; null when that is not told. */
static json_t *limit_json(const struct observe_failure *what)
{
	char path[OBSERVE_PATH_MAX] = "";

	memcpy(path, what->path, what->limit_bytes < sizeof(path) ? what->limit_bytes : 0);
	return path[0] ? value_text(path) : json_null();
}

json_t *answer_failure(const struct failure *failure)
{
	const struct observe_failure *what = &failure->what;
	uint64_t lasted_ns = failure->recovered_ns ? failure->recovered_ns - what->time_ns : 0;

	return json_pack("{s:o, s:s, s:i, s:i, s:o, s:o, s:I, s:b, s:o}", "path", value_text(what->path), "cause",
			 failure_cause_name(what->cause), "value", (int)what->value, "pid", (int)what->pid, "program",
			 what->program[0] ? value_text(what->program) : json_null(), "limit", limit_json(what),
			 "unix_ms", (json_int_t)(what->unix_ns / 1000000), "recovered", failure->recovered_ns != 0, "recovery_s",
			 failure->recovered_ns ? value_number((double)lasted_ns / 1e9) : json_null());
}

json_t *answer_failures(const struct answer_world *world, const char *path)
{
	json_t *list = json_array();

	for (uint32_t i = world->failures ? world->failures->count : 0; i-- > 0;) {
		const struct failure *failure = &world->failures->record[i];

		if (json_array_size(list) < ANSWER_FAILURES_MAX && (!path || failure_is_of(failure, path)))
			json_array_append_new(list, answer_failure(failure));
	}
	return list;
}

json_t *answer_failure_list(const struct answer_world *world, const json_t *question)
{
	const char *path = json_string_value(json_object_get(question, "path"));

	if (!world->failures)
		return value_error("nobody watches for failures here");
	return json_pack("{s:b, s:i, s:I, s:o}", "ok", 1, "total", (int)world->failures->count, "forgotten",
			 (json_int_t)world->failures->forgotten, "failures", answer_failures(world, path));
}

json_t *answer_failure_counts(const struct answer_world *world)
{
	json_t *causes, *out;
	int open = 0;

	if (!world->failures)
		return json_null();
	causes = json_object();
	for (int cause = 0; cause < FAILURE_CAUSE_COUNT; cause++)
		json_object_set_new(causes, failure_cause_name(cause), json_integer((json_int_t)world->failures->total[cause]));
	for (uint32_t i = 0; i < world->failures->count; i++)
		open += !world->failures->record[i].recovered_ns;
	out = json_pack("{s:o, s:i, s:I}", "causes", causes, "open", open, "changes", (json_int_t)world->failures->changes);
	return out;
}
