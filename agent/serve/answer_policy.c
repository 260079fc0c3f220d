/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_policy.h"

#include <math.h>

#include "answer_cohort.h"
#include "decide/policy.h"
#include "value.h"

#define NS 1e9
#define HOUR_NS 3600e9
#define SHARE_DEFAULT 0.1
#define BLOCK_S_DEFAULT 60
#define HOURS_DEFAULT 24
#define HOURS_MAX 720
#define BLOCK_S_MIN 10	/* half of it is washed out */
#define BLOCK_S_MAX 3600

json_t *answer_policy_evidence(const struct wager wager[CANARY_CLAIM_COUNT])
{
	return json_pack("{s:o, s:o, s:o}", "better", value_number(wager_wealth(&wager[CANARY_BETTER])), "harms",
			 value_number(wager_wealth(&wager[CANARY_HARMS])), "costs", value_number(wager_wealth(&wager[CANARY_COSTS])));
}

json_t *answer_policy_needed(void)
{
	return json_pack("{s:f, s:f, s:f}", "better", 1 / CANARY_ALPHA, "harms", 1 / CANARY_ALPHA_BACK, "costs", 1 / CANARY_ALPHA_BACK);
}

json_t *answer_policy_state(const struct answer_world *world)
{
	const struct canary *canary = &world->mind->canary;
	bool is_running = canary->state == CANARY_RUNS;
	uint64_t now_ns = world->mind->tick_ns, age_ns = now_ns - canary->began_ns;
	double pairs = canary->pairs ? canary->pairs : NAN;

	if (canary->state == CANARY_NONE)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "state",
			 canary_state_name(canary->state), "base", policy_name(canary->base), "candidate",
			 policy_name(canary->candidate), "share", canary->block_ns ? value_number(1.0 / canary->round_blocks) : json_null(), "block_s",
			 value_number((double)canary->block_ns / NS), "began_s_ago", value_number((double)age_ns / NS), "left_s",
			 is_running && age_ns < canary->max_ns ? value_number((double)(canary->max_ns - age_ns) / NS) : json_null(),
			 "arm", canary_arm(canary, now_ns) == CANARY_CANDIDATE ? "candidate" : "base", "pairs", (int)canary->pairs, "cuts", (int)canary->cuts,
			 "bad_s", value_number(canary->bad_s / pairs), "less_work_s", value_number(canary->less_work_s / pairs),
			 "evidence", answer_policy_evidence(canary->wager), "needed", answer_policy_needed());
}

static json_t *probe_now(const struct answer_world *world)
{
	const struct predictor *p = world->mind->predictor;
	const struct trial *trial = &world->mind->trial;

	if (!trial->began_ns)
		return json_null();
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "path", value_text(p->instance[trial->giver].info.path), "for",
			 value_text(p->instance[trial->victim].info.path), "resource", resource_name((enum resource)trial->resource),
			 "used", value_number(trial->used), "left", value_number(trial->left));
}

json_t *answer_policy_probes(const struct answer_world *world)
{
	const struct trial *trial = &world->mind->trial;
	json_t *ended = json_object(), *taken = json_object();

	for (int end = 0; end < TRIAL_END_COUNT; end++)
		json_object_set_new(ended, trial_end_name((enum trial_end)end), json_integer((json_int_t)trial->ended[end]));
	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(taken, resource_name((enum resource)r), value_number(trial->taken[r]));
	return json_pack("{s:b, s:o, s:o, s:o}", "allowed", (int)world->mind->policy.probe, "now", probe_now(world), "ended", ended,
			 "taken", taken);
}

json_t *answer_policy_show(const struct answer_world *world, const json_t *question)
{
	json_t *policies = json_array();

	(void)question;
	for (uint32_t i = 0; i < POLICY_COUNT; i++)
		json_array_append_new(policies, json_string(policy_name(i)));
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:b}", "ok", 1, "rules", policy_name(world->mind->policy.policy), "policies", policies,
			 "canary", answer_policy_state(world), "setting", answer_cohort_state(world), "probes",
			 answer_policy_probes(world), "io_cost", (int)world->mind->policy.io_cost);
}

/* A number of the question, or what it is when left out. */
static double number_or(const json_t *question, const char *key, double otherwise)
{
	const json_t *value = json_object_get(question, key);

	return value ? (json_is_number(value) ? json_number_value(value) : NAN) : otherwise;
}

static json_t *order_give(const struct answer_world *world, const struct canary_order *order)
{
	char message[ANSWER_MESSAGE_MAX] = "";

	if (!world->policy_order)
		return value_error("policies are not changed here");
	if (world->policy_order(world->context, order, message) < 0)
		return value_error("%s", message);
	return json_pack("{s:b, s:s}", "ok", 1, "mode", world->mode < MODE_COUNT ? mode_name(world->mode) : "none");
}

json_t *answer_policy_terms(const json_t *question, float *ret_share, uint64_t *ret_block_ns, uint64_t *ret_max_ns)
{
	double share = number_or(question, "share", SHARE_DEFAULT), block_s = number_or(question, "block_s", BLOCK_S_DEFAULT);
	double hours = number_or(question, "hours", HOURS_DEFAULT);

	if (!(share >= CANARY_SHARE_MIN && share <= (double)CANARY_SHARE_MAX))
		return value_error("a share is %g to %g", CANARY_SHARE_MIN, (double)CANARY_SHARE_MAX);
	if (!(block_s >= BLOCK_S_MIN && block_s <= BLOCK_S_MAX) || !(hours > 0 && hours <= HOURS_MAX) || hours * HOUR_NS < block_s * NS)
		return value_error("a block is %d to %d seconds, and a canary at least a block and at most %d hours", BLOCK_S_MIN, BLOCK_S_MAX,
				   HOURS_MAX);
	*ret_share = (float)share;
	*ret_block_ns = (uint64_t)(block_s * NS);
	*ret_max_ns = (uint64_t)(hours * HOUR_NS);
	return NULL;
}

json_t *answer_policy_canary(const struct answer_world *world, const json_t *question)
{
	const char *name = json_string_value(json_object_get(question, "name"));
	struct canary_order order = { .kind = CANARY_ORDER_START, .policy = name ? policy_find(name) : POLICY_COUNT };
	json_t *fault;

	if (order.policy == POLICY_COUNT)
		return value_error("'%.64s' is no policy; 'forestall policy show' lists them", name ?: "");
	fault = answer_policy_terms(question, &order.share, &order.block_ns, &order.max_ns);
	return fault ? fault : order_give(world, &order);
}

json_t *answer_policy_rollback(const struct answer_world *world, const json_t *question)
{
	(void)question;
	return order_give(world, &(struct canary_order){ .kind = CANARY_ORDER_BACK });
}
