/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mind with a few instances, fed by hand, and the world of its answers. */
#ifndef FORESTALL_ANSWER_STAGE_H
#define FORESTALL_ANSWER_STAGE_H

#include <errno.h>

#include "unit.h"
#include "predict/hist.h"
#include "serve/answer.h"

#define TICK_NS 100000000ull
#define SLOTS 4096

struct stage {
	struct answer_world world;
	struct mind *mind;
	struct plan plan;
	struct result result;
	uint32_t refreshed;
	char recorded[64];
	bool is_recording;
};

static inline void instance_add(struct mind *mind, uint32_t slot, const char *path, const char *annotation)
{
	struct observation observation = { .kind = OBSERVE_INSTANCE,
					   .instance = { .slot = slot, .cgroup_id = 1000 + slot } };
	struct slo_error error;

	slo_init(&observation.instance.slo);
	if (annotation) {
		assert_int_equal(slo_parse(annotation, &observation.instance.slo, &error), 0);
		observation.instance.slo.source = SLO_FROM_TRUSTED_XATTR;
	}
	snprintf(observation.instance.path, OBSERVE_PATH_MAX, "%s", path);
	predictor_observe(mind->predictor, &observation);
}

/* Half a CPU with waits of 1 ms, 20 % of them over the bound, some IO, and 5 % of the time stalled on memory. */
static inline void instance_run(struct mind *mind, uint32_t slot)
{
	struct observation observation = { .kind = OBSERVE_SAMPLE };
	struct observe_sample *sample = &observation.sample;

	sample->slot = slot;
	sample->moved.oncpu_ns = TICK_NS / 2;
	sample->moved.wait_ns = 10000000;
	sample->moved.switches = 10;
	sample->moved.verdict[WIRE_DELAY_QUEUE] = (struct wire_verdict){ 8, 2 };
	sample->moved.io_done = 5;
	sample->moved.io_write_bytes = 50000;
	sample->moved.tx_bytes = 2000;
	sample->psi_known = 1u << PSI_MEMORY_SOME;
	sample->psi_ns[PSI_MEMORY_SOME] = TICK_NS / 20;
	sample->has_memory = 1;
	sample->memory_bytes = 64 << 20;
	sample->bucket_count = 1;
	sample->bucket[0] = (struct observe_bucket){ .idx = (uint16_t)hist_bucket(1000000), .count = 10 };
	predictor_observe(mind->predictor, &observation);
}

static inline int on_refresh(void *context, uint32_t slot)
{
	((struct stage *)context)->refreshed = slot;
	return slot == 2 ? -EIO : 0;
}

static inline int on_record(void *context, const char *path)
{
	struct stage *stage = context;

	if (!path != !!stage->is_recording)
		return path ? -EBUSY : -ENOENT;
	stage->is_recording = path;
	snprintf(stage->recorded, sizeof(stage->recorded), "%s", path ? path : "");
	return 0;
}

static inline const char *on_problem(void *context, uint32_t slot)
{
	(void)context;
	return slot == 3 ? "trusted.forestall.slo, column 1: bad" : "";
}

static inline int stage_make(void **state)
{
	struct predictor_config config = { .slots_max = SLOTS, .host_cpus = 4, .second_ns = 10 * TICK_NS,
					   .tick_ns = TICK_NS, .forecaster = FORECAST_STATISTICAL };
	struct stage *stage = calloc(1, sizeof(*stage));
	struct plan_policy policy;

	plan_policy_init(&policy);
	stage->mind = mind_new(&config, &policy);
	stage->world = (struct answer_world){ .mind = stage->mind, .plan = &stage->plan, .result = &stage->result,
					      .mode = MODE_SHADOW, .model_path = "/m",
					      .produced = 10, .delivered = 9, .dropped = 1, .context = stage,
					      .slo_refresh = on_refresh, .record = on_record,
					      .slo_problem = on_problem };
	instance_add(stage->mind, 1, "/web", "runq_p99<5ms mem_some<2% tier=critical");
	instance_add(stage->mind, 2, "/batch", "tier=best-effort");
	instance_add(stage->mind, 3, "/odd\xff", NULL);
	for (uint64_t tick = 1; tick <= 45; tick++) {
		instance_run(stage->mind, 1);
		mind_tick(stage->mind, tick * TICK_NS, &stage->plan);
	}
	*state = stage;
	return 0;
}

static inline int stage_free(void **state)
{
	struct stage *stage = *state;

	mind_free(stage->mind);
	free(stage);
	return 0;
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_free)

static inline json_t *asked(const struct stage *stage, const char *question)
{
	json_t *parsed = json_loads(question, 0, NULL), *answer;

	assert_non_null(parsed);
	answer = answer_question(&stage->world, parsed);
	json_decref(parsed);
	assert_non_null(answer);
	assert_true(json_is_boolean(json_object_get(answer, "ok")));
	return answer;
}

static inline void expect_error(const struct stage *stage, const char *question, const char *part)
{
	json_t *answer = asked(stage, question);

	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_non_null(strstr(json_string_value(json_object_get(answer, "error")), part));
	json_decref(answer);
}

static inline double number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		fail_msg("%s is no number", key);
	return json_number_value(value);
}

#endif
