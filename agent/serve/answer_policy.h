/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policy rules, and which is on canary: questions and orders about decide/canary.h. */
#ifndef FORESTALL_ANSWER_POLICY_H
#define FORESTALL_ANSWER_POLICY_H

#include "answer.h"

json_t *answer_policy_show(const struct answer_world *world, const json_t *question);
json_t *answer_policy_canary(const struct answer_world *world, const json_t *question);
json_t *answer_policy_rollback(const struct answer_world *world, const json_t *question);

/* How a canary is to be run, by the question or as usual. NULL, or an error to answer with: then nothing is filled. */
json_t *answer_policy_terms(const json_t *question, float *ret_share, uint64_t *ret_block_ns, uint64_t *ret_max_ns);

/* Evidence at which each claim is believed. */
json_t *answer_policy_needed(void);

/* What the canary's claims have come to. */
json_t *answer_policy_evidence(const struct wager wager[CANARY_CLAIM_COUNT]);

/* The small limits to learn from (decide/trial.h), for the status. */
json_t *answer_policy_probes(const struct answer_world *world);

/* The canary that runs or ran last, also for the status; null: there was none. */
json_t *answer_policy_state(const struct answer_world *world);

#endif
