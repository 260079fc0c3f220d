/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_cohort.h"

#include <math.h>
#include <stdio.h>

#include "act/knob.h"
#include "answer_policy.h"
#include "value.h"

json_t *answer_cohort_state(const struct answer_world *world)
{
	const struct cohort *cohort = &world->mind->cohort;
	const struct cohort_order *order = &cohort->order;
	struct knob_value value = { order->value, order->period_us };
	bool is_running = cohort->state == CANARY_RUNS, is_whole = cohort->stage == COHORT_WHOLE;
	double pairs = cohort->pairs ? cohort->pairs : NAN;
	char word[KNOB_TEXT_MAX];

	if (cohort->state == CANARY_NONE)
		return json_null();
	if (knob_word_format((enum knob)order->knob, &value, word, sizeof(word)) < 0)
		word[0] = '\0';
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:i, s:i, s:b, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "state", canary_state_name(cohort->state),
			 "knob", knob_name((enum knob)order->knob), "value", word, "glob", value_text(order->glob), "stage",
			 is_running ? cohort_stage_name((enum cohort_stage)cohort->stage) : "over", "unit", is_whole ? "time" : "members",
			 "members", (int)cohort->member_count, "having", is_whole ? (int)cohort->member_count : (int)cohort->pair_count,
			 "on", (int)cohort->is_on, "pairs", (int)cohort->pairs, "cuts", (int)cohort->time.cuts, "bad_s", value_number(cohort->bad_s / pairs),
			 "less_work_s", value_number(cohort->less_work_s / pairs), "evidence", answer_policy_evidence(cohort->wager),
			 "time_evidence", answer_policy_evidence(cohort->time.wager), "needed", answer_policy_needed());
}

static json_t *order_give(const struct answer_world *world, const struct cohort_order *order)
{
	char message[ANSWER_MESSAGE_MAX] = "";

	if (!world->cohort_order)
		return value_error("settings are not changed here");
	if (world->cohort_order(world->context, order, message) < 0)
		return value_error("%s", message);
	return json_pack("{s:b, s:s}", "ok", 1, "mode", world->mode < MODE_COUNT ? mode_name(world->mode) : "none");
}

/* The knob and its value, as people write them. NULL, or an error to answer with. */
static json_t *setting_take(const char *name, const char *word, struct cohort_order *ret)
{
	struct knob_value value;

	ret->knob = knob_find(name);
	if (cohort_resource(ret->knob) == RESOURCE_COUNT)
		return value_error("%.40s cannot be on canary: it is no knob, names a device, or is a deed and no setting", name);
	if (knob_word_parse((enum knob)ret->knob, word, &value) < 0)
		return value_error("'%.40s' is no value of %s", word, name);
	if (knob_fault((enum knob)ret->knob, &value))
		return value_error("%s %.40s: %s", name, word, knob_fault((enum knob)ret->knob, &value));
	ret->value = value.value;
	ret->period_us = ret->knob == KNOB_CPU_MAX ? value.aux : 0;
	return NULL;
}

static json_t *members_check(const struct answer_world *world, const struct cohort_order *order)
{
	struct predictor *p = world->mind->predictor;
	uint32_t count, matching = 0;
	const uint32_t *slot = predictor_annotated(p, &count);

	for (uint32_t i = 0; i < count; i++)
		matching += cohort_matches(order, p->instance[slot[i]].info.path);
	if (matching < 2)
		return value_error("%u annotated instances match %.200s, and fewer than two have nobody to be compared with; 'forestall slo show' "
				   "lists what is annotated", matching, order->glob);
	if (matching > COHORT_MEMBERS_MAX)
		return value_error("%u instances match %.200s, and a group is of at most %d; narrow the glob", matching, order->glob,
				   COHORT_MEMBERS_MAX);
	if (!cohort_pairs(order->share, matching))
		return value_error("a share of %g of %u members is nobody; give --share %.2g or more", (double)order->share, matching,
				   ceil(100.0 / matching) / 100);
	return NULL;
}

json_t *answer_cohort_canary(const struct answer_world *world, const json_t *question)
{
	const char *glob = json_string_value(json_object_get(question, "glob")) ?: "";
	const char *knob = json_string_value(json_object_get(question, "knob")) ?: "";
	const char *word = json_string_value(json_object_get(question, "value")) ?: "";
	struct cohort_order order = { .kind = CANARY_ORDER_START };
	json_t *fault;

	if (glob[0] != '/' || (size_t)snprintf(order.glob, sizeof(order.glob), "%s", glob) >= sizeof(order.glob))
		return value_error("'%.64s' is no glob over paths below the cgroup root: it begins with '/' and is shorter than %zu bytes", glob,
				   sizeof(order.glob));
	fault = setting_take(knob, word, &order);
	if (!fault)
		fault = answer_policy_terms(question, &order.share, &order.block_ns, &order.max_ns);
	if (!fault && order.max_ns / 2 < order.block_ns)
		fault = value_error("a canary of a setting is at least two blocks long; give --hours more or --block less");
	if (!fault)
		fault = members_check(world, &order);
	return fault ? fault : order_give(world, &order);
}

json_t *answer_cohort_rollback(const struct answer_world *world, const json_t *question)
{
	(void)question;
	return order_give(world, &(struct cohort_order){ .kind = CANARY_ORDER_BACK });
}
