/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer_decision.h"

#include "answer_advice.h"
#include "decide/policy.h"
#include "value.h"

#define NS 1e9

static json_t *share_json(float share) { return share < 0 ? json_null() : value_number(share); }

static json_t *brief_json(const struct answer_world *world, const struct decision *decision)
{
	uint64_t until_ns = decision->ended_ns ? decision->last_ns : world->now_ns;

	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}", "id", (json_int_t)decision->id,
			 "path", value_text(decision->path), "resource", resource_name((enum resource)decision->resource),
			 "reason", plan_reason_name((enum plan_reason)decision->reason), "verdict",
			 verdict_name((enum verdict)decision->verdict), "began_s_ago",
			 value_number((double)(world->now_ns - decision->began_ns) / NS), "lasted_s",
			 value_number((double)(until_ns - decision->began_ns) / NS), "risk", value_number(decision->risk),
			 "bad", share_json(decision->bad), "actual_bad", share_json(decision->actual_bad),
			 "taken", value_number(decision->taken), "saved_s", value_number(decision->saved_s), "givers", (int)decision->giver_count);
}

static json_t *givers_json(const struct decision *decision)
{
	json_t *givers = json_array();

	for (uint32_t i = 0; i < decision->giver_count && i < DECISION_GIVERS_MAX; i++) {
		const struct decision_giver *giver = &decision->giver[i];
		json_t *knobs = json_array();

		for (uint32_t knob = 0; knob < KNOB_COUNT; knob++)
			if (giver->knobs >> knob & 1)
				json_array_append_new(knobs, json_string(knob_name(knob)));
		json_array_append_new(givers, json_pack("{s:o, s:o, s:o, s:o}", "path", value_text(giver->path), "knobs", knobs,
							"wanted", value_number(giver->wanted), "left",
							giver->left > 0 ? value_number(giver->left) : json_null()));
	}
	return givers;
}

static json_t *full_json(const struct answer_world *world, const struct decision *decision)
{
	json_t *full = brief_json(world, decision);

	json_object_set_new(full, "inputs", json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "demand", value_number(decision->demand),
						      "demand_high", value_number(decision->demand_high), "capacity",
						      value_number(decision->capacity), "quality", value_number(decision->quality),
						      "response_error", value_number(decision->error), "response_trust",
						      value_number(decision->trust)));
	json_object_set_new(full, "scope", decision->scope[0] ? value_text(decision->scope) : json_string("/"));
	json_object_set_new(full, "price", value_number(decision->price));
	json_object_set_new(full, "policy", json_string(policy_name(decision->policy)));
	json_object_set_new(full, "givers", givers_json(decision));
	json_object_set_new(full, "spared", json_pack("{s:i, s:i, s:i}", "tier", (int)decision->spared[SPARED_TIER], "idle",
						      (int)decision->spared[SPARED_IDLE], "ancestor",
						      (int)decision->spared[SPARED_ABOVE]));
	json_object_set_new(full, "advice", answer_advice_of(world, decision));
	json_object_set_new(full, "rung", json_integer(decision->level));
	json_object_set_new(full, "expected_bad", share_json(decision->expected_bad));
	json_object_set_new(full, "bad_ticks", json_integer(decision->bad_ticks));
	return full;
}

json_t *answer_decision_list(const struct answer_world *world, const json_t *question)
{
	const struct ledger *ledger = &world->mind->ledger;
	json_t *decisions = json_array();

	(void)question;
	for (uint64_t id = ledger->last_id; id && ledger->last_id - id < DECISIONS_MAX; id--) {
		const struct decision *decision = ledger_find(ledger, id);

		if (decision)
			json_array_append_new(decisions, brief_json(world, decision));
	}
	return json_pack("{s:b, s:I, s:o}", "ok", 1, "total", (json_int_t)ledger->last_id, "decisions", decisions);
}

json_t *answer_decision_show(const struct answer_world *world, const json_t *question)
{
	json_int_t id = json_integer_value(json_object_get(question, "id"));
	const struct decision *decision = id > 0 ? ledger_find(&world->mind->ledger, (uint64_t)id) : NULL;

	if (!decision)
		return value_error("no decision %lld is remembered; 'forestall decision list' shows the last %d", (long long)id,
				   DECISIONS_MAX);
	return json_pack("{s:b, s:o}", "ok", 1, "decision", full_json(world, decision));
}

json_t *answer_ledger_counts(const struct ledger *ledger)
{
	const struct ledger_sums *sums = &ledger->sums;
	json_t *begun = json_object(), *verdicts = json_object(), *protected = json_object(), *taken = json_object();
	const uint64_t *back = sums->taken_back;
	json_t *saved = json_object();

	for (int reason = REASON_REFLEX; reason < REASON_COUNT; reason++) {
		const char *name = plan_reason_name((enum plan_reason)reason);

		if (!ledger_is_decided((enum plan_reason)reason))
			continue;
		json_object_set_new(begun, name, json_integer((json_int_t)sums->begun[reason]));
		json_object_set_new(protected, name, value_number(sums->protected_s[reason]));
	}
	for (int verdict = VERDICT_OPEN + 1; verdict < VERDICT_COUNT; verdict++)
		json_object_set_new(verdicts, verdict_name((enum verdict)verdict), json_integer((json_int_t)sums->ended[verdict]));
	for (int r = 0; r < RESOURCE_COUNT; r++)
		json_object_set_new(taken, resource_name((enum resource)r), value_number(sums->taken[r]));
	for (int earner = 0; earner < EARNER_COUNT; earner++)
		json_object_set_new(saved, earner_name((enum earner)earner), value_number(sums->saved_s[earner]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:o}, s:{s:I, s:I, s:I}, s:{s:o, s:o}}", "begun", begun, "verdicts", verdicts, "protected_s", protected,
			 "taken", taken, "prevented", value_number(sums->prevented), "saved_s", saved, "left_alone",
			 "count", (json_int_t)sums->alone, "came", (json_int_t)sums->alone_came, "expected",
			 value_number(sums->alone_risk), "taken_back", "limits",
			 (json_int_t)back[TAKEN_BACK_LIMIT], "standing", (json_int_t)back[TAKEN_BACK_STANDING], "own",
			 (json_int_t)back[TAKEN_BACK_OWN], "bad_s", "unprotected",
			 value_number(sums->bad_s[0]), "protected", value_number(sums->bad_s[1]));
}

json_t *answer_ledger(const struct answer_world *world, const json_t *question)
{
	(void)question;
	return json_pack("{s:b, s:o}", "ok", 1, "ledger", answer_ledger_counts(&world->mind->ledger));
}
