/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about what was planned, what came of it, and where new work goes. */
#include <math.h>

#include "answer_stage.h"
#include "decide/policy.h"

static void plan_tells_for_whom_and_what_came_of_it(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *action;

	stage->plan = (struct plan){ .id = 7, .count = 2 };
	stage->plan.action[0] = (struct plan_action){ .slot = 2, .for_slot = 1, .knob = KNOB_CPU_MAX,
						      .reason = REASON_FORESIGHT, .value = 5000, .period_us = 10000,
						      .risk = 0.75f, .expected = 0.5f };
	stage->plan.action[1] = (struct plan_action){ .slot = 2, .for_slot = 1, .knob = KNOB_IO_RBPS, .value = UINT64_MAX,
						      .device = 254u << 20 | 16, .resource = RESOURCE_IO };
	stage->result = (struct result){ .plan_id = 7, .count = 2 };
	stage->result.item[0].outcome = OUTCOME_WOULD;
	strcpy(stage->result.item[0].text, "mode is shadow");
	answer = asked(stage, "{\"q\":\"plan.show\"}");
	action = json_array_get(json_object_get(answer, "actions"), 0);
	assert_string_equal(json_string_value(json_object_get(action, "path")), "/batch");
	assert_string_equal(json_string_value(json_object_get(action, "for")), "/web");
	assert_string_equal(json_string_value(json_object_get(action, "knob")), "cpu.max");
	assert_string_equal(json_string_value(json_object_get(action, "reason")), "foresight");
	assert_string_equal(json_string_value(json_object_get(action, "text")), "mode is shadow");
	assert_string_equal(json_string_value(json_object_get(action, "resource")), "cpu");
	assert_true(json_is_null(json_object_get(action, "device")));
	assert_float_equal(number_of(action, "risk"), 0.75, 1e-6);
	action = json_array_get(json_object_get(answer, "actions"), 1);
	assert_string_equal(json_string_value(json_object_get(action, "value")), "max");
	assert_string_equal(json_string_value(json_object_get(action, "device")), "254:16");
	assert_string_equal(json_string_value(json_object_get(action, "resource")), "io");
	json_decref(answer);
	stage->result.plan_id = 6;
	answer = asked(stage, "{\"q\":\"plan.show\"}");
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(answer, "actions"), 0), "outcome")));
	json_decref(answer);
}

static void a_decision_is_listed_explained_and_accounted_for(void **state)
{
	struct stage *stage = *state;
	struct ledger *ledger = &stage->mind->ledger;
	json_t *answer, *decision, *giver;

	answer = asked(stage, "{\"q\":\"decision.list\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "decisions")), 0);
	json_decref(answer);
	expect_error(stage, "{\"q\":\"decision.show\",\"id\":70}", "decision list");
	expect_error(stage, "{\"q\":\"decision.show\",\"id\":-1}", "decision list");
	ledger->last_id = 70;
	ledger->decision[70 % DECISIONS_MAX] = (struct decision){
		.id = 70, .began_ns = 1, .path = "/web", .reason = REASON_FORESIGHT, .verdict = VERDICT_PREVENTED, .policy = POLICY_PRESSURE, .risk = 0.5f,
		.expected_bad = -1, .actual_bad = 0.25f, .price = 2, .giver_count = 1, .spared = { 3, 2, 1 },
		.giver = { { .path = "/batch", .knobs = 1u << KNOB_CPU_WEIGHT | 1u << KNOB_CPU_MAX, .wanted = 1, .left = 0.5f } },
	};
	ledger->sums.begun[REASON_FORESIGHT] = 4;
	ledger->sums.ended[VERDICT_FALSE] = 3;
	ledger->sums.saved_s[EARNER_HEADROOM] = 2.5;
	ledger->sums.taken_back[TAKEN_BACK_OWN] = 9;
	answer = asked(stage, "{\"q\":\"decision.list\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "decisions")), 1);
	json_decref(answer);
	answer = asked(stage, "{\"q\":\"decision.show\",\"id\":70}");
	decision = json_object_get(answer, "decision");
	assert_string_equal(json_string_value(json_object_get(decision, "verdict")), "prevented");
	assert_string_equal(json_string_value(json_object_get(decision, "scope")), "/");
	assert_string_equal(json_string_value(json_object_get(decision, "policy")), "pressure");
	assert_true(json_is_null(json_object_get(decision, "expected_bad")));
	assert_float_equal(number_of(decision, "actual_bad"), 0.25, 1e-6);
	assert_float_equal(number_of(json_object_get(decision, "spared"), "idle"), 2, 1e-6);
	giver = json_array_get(json_object_get(decision, "givers"), 0);
	assert_string_equal(json_string_value(json_object_get(giver, "path")), "/batch");
	assert_int_equal(json_array_size(json_object_get(giver, "knobs")), 2);
	json_decref(answer);
	answer = asked(stage, "{\"q\":\"ledger\"}");
	assert_float_equal(number_of(json_object_get(json_object_get(answer, "ledger"), "begun"), "foresight"), 4, 1e-6);
	assert_float_equal(number_of(json_object_get(json_object_get(answer, "ledger"), "verdicts"), "false"), 3, 1e-6);
	assert_float_equal(number_of(json_object_get(json_object_get(answer, "ledger"), "saved_s"), "headroom"), 2.5, 1e-6);
	assert_float_equal(number_of(json_object_get(json_object_get(answer, "ledger"), "taken_back"), "own"), 9, 1e-6);
	json_decref(answer);
}

static void advice_is_told_where_the_plan_is_and_with_its_decision(void **state)
{
	static const char *const questions[] = { "{\"q\":\"plan.show\"}", "{\"q\":\"status\"}" };
	struct plan_advice advice = { .slot = 1, .resource = RESOURCE_MEMORY, .why = ADVICE_NO_GIVER, .help = ADVICE_MOVE, .other = 2,
				      .amount = 5e6f, .room = -1, .since_ns = 31 * TICK_NS };
	struct stage *stage = *state;
	json_t *answer, *one;

	stage->world.now_ns = 46 * TICK_NS;
	stage->plan.advice_count = 2;
	stage->plan.advice[0] = advice;
	/* About nobody alone. */
	advice.other = 0;
	advice.room = 7e6f;
	stage->plan.advice[1] = advice;
	for (int i = 0; i < 2; i++) {
		answer = asked(stage, questions[i]);
		one = json_array_get(json_object_get(answer, "advice"), 0);
		assert_string_equal(json_string_value(json_object_get(one, "path")), "/web");
		assert_string_equal(json_string_value(json_object_get(one, "resource")), "memory");
		assert_string_equal(json_string_value(json_object_get(one, "why")), "no_giver");
		assert_string_equal(json_string_value(json_object_get(one, "help")), "move");
		assert_string_equal(json_string_value(json_object_get(one, "other")), "/batch");
		assert_float_equal(number_of(one, "amount"), 5e6, 1e-6);
		assert_float_equal(number_of(one, "lasts_s"), 1.5, 1e-6);
		assert_true(json_is_null(json_object_get(one, "room")));
		one = json_array_get(json_object_get(answer, "advice"), 1);
		assert_true(json_is_null(json_object_get(one, "other")));
		assert_float_equal(number_of(one, "room"), 7e6, 1e-6);
		json_decref(answer);
	}
	stage->mind->ledger.last_id = 5;
	stage->mind->ledger.decision[5] = (struct decision){ .id = 5, .path = "/web", .reason = REASON_ADVICE, .advice = advice,
							     .advice_path = "/batch", .verdict = VERDICT_ADVISED, .ended_ns = 1 };
	answer = asked(stage, "{\"q\":\"decision.show\",\"id\":5}");
	one = json_object_get(answer, "decision");
	assert_string_equal(json_string_value(json_object_get(one, "reason")), "advice");
	assert_string_equal(json_string_value(json_object_get(one, "verdict")), "advised");
	assert_string_equal(json_string_value(json_object_get(json_object_get(one, "advice"), "other")), "/batch");
	json_decref(answer);
}

/* The world's callback: obeys as the daemon does. */
static int on_order(void *context, const struct canary_order *order, char message[ANSWER_MESSAGE_MAX])
{
	struct mind *mind = ((struct stage *)context)->mind;
	int r = canary_order(&mind->canary, &mind->policy, order, mind->tick_ns);

	snprintf(message, ANSWER_MESSAGE_MAX, "no: %d", -r);
	return r;
}

static void a_policy_goes_on_canary_and_back(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *canary;

	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\"}", "not changed here");
	stage->world.policy_order = on_order;
	answer = asked(stage, "{\"q\":\"policy.show\"}");
	assert_string_equal(json_string_value(json_object_get(answer, "rules")), "forestall");
	assert_true(json_is_false(json_object_get(json_object_get(answer, "probes"), "allowed")));
	assert_true(json_is_null(json_object_get(answer, "canary")));
	json_decref(answer);
	expect_error(stage, "{\"q\":\"policy.canary\"}", "policy show");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"bold\"}", "bold");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\",\"share\":0.7}", "0.5");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\",\"share\":\"x\"}", "0.5");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\",\"hours\":0.001}", "block");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\",\"block_s\":5}", "10 to 3600");
	expect_error(stage, "{\"q\":\"policy.canary\",\"name\":\"forestall\"}", "no: 22");
	json_decref(asked(stage, "{\"q\":\"policy.canary\",\"name\":\"reactive\",\"share\":0.2}"));
	answer = asked(stage, "{\"q\":\"status\"}");
	canary = json_object_get(answer, "canary");
	assert_string_equal(json_string_value(json_object_get(canary, "state")), "runs");
	assert_string_equal(json_string_value(json_object_get(canary, "candidate")), "reactive");
	assert_float_equal(number_of(canary, "share"), 0.2, 1e-6);
	assert_float_equal(number_of(canary, "block_s"), 60, 1e-6);
	assert_true(json_is_null(json_object_get(canary, "bad_s")));
	assert_float_equal(number_of(json_object_get(canary, "evidence"), "better"), 1, 1e-6);
	json_decref(answer);
	json_decref(asked(stage, "{\"q\":\"policy.rollback\"}"));
	expect_error(stage, "{\"q\":\"policy.rollback\"}", "no: 2");
}

static int on_setting(void *context, const struct cohort_order *order, char message[ANSWER_MESSAGE_MAX])
{
	struct mind *mind = ((struct stage *)context)->mind;
	int r = cohort_order(&mind->cohort, &mind->policy, order, mind->tick_ns);

	snprintf(message, ANSWER_MESSAGE_MAX, "no: %d", -r);
	return r;
}

#define SETTING(glob, knob, value) "{\"q\":\"action.canary\",\"glob\":\"" glob "\",\"knob\":\"" knob "\",\"value\":\"" value "\""

static void a_setting_goes_on_canary_and_back(void **state)
{
	struct stage *stage = *state;
	json_t *answer, *setting;

	expect_error(stage, SETTING("/*", "cpu.weight", "300") ",\"share\":0.5}", "not changed here");
	stage->world.cohort_order = on_setting;
	expect_error(stage, "{\"q\":\"action.canary\"}", "no glob");
	expect_error(stage, SETTING("web", "cpu.weight", "300") "}", "no glob");
	expect_error(stage, SETTING("/*", "memory.reclaim", "300") "}", "memory.reclaim");
	expect_error(stage, SETTING("/*", "io.max.rbps", "max") "}", "names a device");
	expect_error(stage, SETTING("/*", "cpu.weight", "lots") "}", "lots");
	expect_error(stage, SETTING("/*", "cpu.weight", "99999") "}", "99999");
	expect_error(stage, SETTING("/web", "cpu.weight", "300") "}", "compared");
	expect_error(stage, SETTING("/*", "cpu.weight", "300") ",\"share\":0.1}", "nobody; give --share");
	expect_error(stage, SETTING("/*", "cpu.weight", "300") ",\"share\":0.9}", "0.5");
	expect_error(stage, SETTING("/*", "cpu.weight", "300") ",\"share\":0.5,\"block_s\":60,\"hours\":0.02}", "two blocks");
	answer = asked(stage, "{\"q\":\"policy.show\"}");
	assert_true(json_is_null(json_object_get(answer, "setting")));
	json_decref(answer);
	json_decref(asked(stage, SETTING("/*", "cpu.max", "max/10000") ",\"share\":0.5}"));
	for (int i = 0; i < 2; i++) {
		answer = asked(stage, i ? "{\"q\":\"policy.show\"}" : "{\"q\":\"status\"}");
		setting = json_object_get(answer, "setting");
		assert_string_equal(json_string_value(json_object_get(setting, "state")), "runs");
		assert_string_equal(json_string_value(json_object_get(setting, "knob")), "cpu.max");
		assert_string_equal(json_string_value(json_object_get(setting, "value")), "max/10000");
		assert_string_equal(json_string_value(json_object_get(setting, "stage")), "part");
		assert_float_equal(number_of(setting, "cuts"), 0, 1e-6);
		assert_float_equal(number_of(json_object_get(setting, "needed"), "better"), 1 / CANARY_ALPHA, 1e-6);
		json_decref(answer);
	}
	json_decref(asked(stage, "{\"q\":\"action.rollback\"}"));
	expect_error(stage, "{\"q\":\"action.rollback\"}", "no: 2");
}

static const json_t *seat_of(const json_t *answer, const char *path)
{
	const json_t *seat;
	size_t i;

	json_array_foreach(json_object_get(answer, "seats"), i, seat)
		if (!strcmp(json_string_value(json_object_get(seat, "path")), path))
			return seat;
	fail_msg("no seat %s", path);
	return NULL;
}

static void work_goes_where_no_slo_is_violated_and_is_remembered_a_while(void **state)
{
	static const char PLACE[] = "{\"q\":\"place\",\"set\":\"/[wb]*\",\"limit\":5,\"cpus\":0.1}";
	struct stage *stage = *state;
	json_t *answer;

	stage->world.now_ns = 46 * TICK_NS;
	answer = asked(stage, PLACE);
	assert_int_equal(number_of(answer, "placed"), 5);
	assert_int_equal(json_array_size(json_object_get(answer, "seats")), 2);
	assert_string_equal(json_string_value(json_object_get(seat_of(answer, "/web"), "why")), "violated");
	assert_int_equal(number_of(seat_of(answer, "/batch"), "count"), 5);
	assert_true(number_of(seat_of(answer, "/batch"), "recent") == 0);
	json_decref(answer);
	stage->world.record = NULL;
	for (int turn = 0; turn < 2; turn++) {
		answer = asked(stage, PLACE);
		/* Who may only look places nothing. */
		assert_true(fabs(number_of(seat_of(answer, "/batch"), "recent") - 0.5) < 1e-6);
		json_decref(answer);
	}
	stage->world.now_ns += 2 * PLACEMENT_SHOWS_NS;
	answer = asked(stage, PLACE);
	assert_true(number_of(seat_of(answer, "/batch"), "recent") == 0);
	json_decref(answer);
	expect_error(stage, "{\"q\":\"place\",\"set\":\"/x*\",\"limit\":5,\"cpus\":0.1}", "/x*");
	expect_error(stage, "{\"q\":\"place\",\"set\":\"/*\",\"limit\":0,\"cpus\":0.1}", "limit");
	expect_error(stage, "{\"q\":\"place\",\"set\":\"/*\",\"limit\":1}", "CPUs");
}

/* How many more pieces the batch takes, after those that it was given before. */
static uint32_t batch_takes(struct stage *stage, const char *why)
{
	json_t *answer = asked(stage, "{\"q\":\"place\",\"set\":\"/batch\",\"limit\":4,\"cpus\":0.01}");
	uint32_t count = (uint32_t)number_of(seat_of(answer, "/batch"), "count");

	assert_string_equal(json_string_value(json_object_get(seat_of(answer, "/batch"), "why")), why);
	json_decref(answer);
	return count;
}

static void work_is_placed_by_what_its_annotation_says(void **state)
{
	struct stage *stage = *state;
	struct predictor_instance *batch = &stage->mind->predictor->instance[2];

	stage->world.now_ns = 46 * TICK_NS;
	batch->info.slo.concurrency = 6;
	batch->info.slo.duration_ns = 60 * NS_PER_SECOND;
	assert_int_equal(batch_takes(stage, "takes"), 4);
	assert_int_equal(batch_takes(stage, "busy"), 2);
	stage->world.now_ns += 59 * NS_PER_SECOND;
	assert_int_equal(batch_takes(stage, "busy"), 0);
	stage->world.now_ns += NS_PER_SECOND;
	assert_int_equal(batch_takes(stage, "takes"), 4);
	/* Of the bytes that the host has, what was placed takes its own. */
	batch->info.slo.concurrency = 0;
	batch->info.slo.data_bytes = 30000000;
	stage->mind->predictor->host.memory_total = 1000000000;
	stage->mind->predictor->host.memory_available = 100000000;
	assert_int_equal(batch_takes(stage, "no memory"), 3);
	assert_int_equal(batch_takes(stage, "no memory"), 0);
	stage->world.now_ns += 61 * NS_PER_SECOND;
	batch->info.slo.range[RESOURCE_MEMORY].max = batch->window.memory_bytes + 40000000;
	assert_int_equal(batch_takes(stage, "no memory"), 1);
	/* What will be needed by its profile is not free. */
	batch->info.slo.data_bytes = 0;
	stage->world.now_ns += 61 * NS_PER_SECOND;
	stage->mind->view[2].phase[RESOURCE_CPU].amount = stage->mind->predictor->config.host_cpus;
	assert_int_equal(batch_takes(stage, "full"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(plan_tells_for_whom_and_what_came_of_it),
		STAGED(a_decision_is_listed_explained_and_accounted_for),
		STAGED(advice_is_told_where_the_plan_is_and_with_its_decision),
		STAGED(a_policy_goes_on_canary_and_back),
		STAGED(a_setting_goes_on_canary_and_back),
		STAGED(work_is_placed_by_what_its_annotation_says),
		STAGED(work_goes_where_no_slo_is_violated_and_is_remembered_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
