/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which policy rules, and which setting a group has. How the last canary of each ended is kept in STATE_DIR/policy: what was promoted rules
 * also after a restart, and a policy that was rolled back is not begun again by the configuration. A canary that a restart interrupts is over:
 * its base rules. What is kept of a policy counts only as long as the configured policy is the same.
 */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "decide/policy.h"
#include "learn/store.h"
#include "sense/host.h"

static void path_fill(const struct daemon *daemon, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.3000s/policy", daemon->options.state_dir);
}

static uint32_t state_find(const char *name)
{
	uint32_t state = 0;

	while (state < CANARY_STATE_COUNT && strcmp(canary_state_name(state), name))
		state++;
	return state < CANARY_STATE_COUNT ? state : CANARY_NONE;
}

static bool is_rolled_back(uint32_t state) { return state > CANARY_PROMOTED && state < CANARY_STATE_COUNT; }

/* The kept state if it is about the configured policy, CANARY_NONE else. */
static uint32_t state_load(const struct daemon *daemon, struct store_policy *ret)
{
	char path[PATH_MAX], message[STORE_MESSAGE_MAX];

	*ret = (struct store_policy){ 0 };
	path_fill(daemon, path);
	if (store_policy_load(path, ret, message))
		fprintf(stderr, "forestalld: %s; the configured policy rules\n", message);
	if (!ret->base[0] || policy_find(ret->configured) != daemon->config.policy.policy || policy_find(ret->base) == POLICY_COUNT ||
	    policy_find(ret->candidate) == POLICY_COUNT)
		return CANARY_NONE;
	return state_find(ret->state);
}

static void setting_fill(const struct cohort *cohort, struct store_setting *ret)
{
	ret->unix_s = (uint64_t)time(NULL);
	ret->value = cohort->order.value;
	ret->period_us = cohort->order.period_us;
	snprintf(ret->state, sizeof(ret->state), "%s", canary_state_name(cohort->state));
	snprintf(ret->knob, sizeof(ret->knob), "%s", knob_name((enum knob)cohort->order.knob));
	snprintf(ret->glob, sizeof(ret->glob), "%s", cohort->order.glob);
}

static void state_save(struct daemon *daemon)
{
	const struct canary *canary = &daemon->mind->canary;
	struct store_policy kept = { .unix_s = (uint64_t)time(NULL) };
	char path[PATH_MAX], message[STORE_MESSAGE_MAX];

	daemon->canary_state = canary->state;
	daemon->ruling = daemon->mind->policy.policy;
	daemon->cohort_state = daemon->mind->cohort.state;
	if (canary->state != CANARY_NONE) {
		snprintf(kept.state, sizeof(kept.state), "%s", canary_state_name(canary->state));
		snprintf(kept.configured, sizeof(kept.configured), "%s", policy_name(daemon->config.policy.policy));
		snprintf(kept.base, sizeof(kept.base), "%s", policy_name(canary->base));
		snprintf(kept.candidate, sizeof(kept.candidate), "%s", policy_name(canary->candidate));
	}
	if (daemon->mind->cohort.state != CANARY_NONE)
		setting_fill(&daemon->mind->cohort, &kept.setting);
	path_fill(daemon, path);
	if (store_make(daemon->options.state_dir, message) || store_policy_save(path, &kept, message))
		fprintf(stderr, "forestalld: %s\n", message);
}

/* One that was promoted rules as if it had just been; one that ran is over. */
static void last_restore(struct daemon *daemon, const struct store_policy *kept, uint32_t state)
{
	struct mind *mind = daemon->mind;

	mind->canary = (struct canary){ .state = state == CANARY_RUNS ? CANARY_STOPPED : state, .base = policy_find(kept->base),
					.candidate = policy_find(kept->candidate), .round_blocks = 1, .began_ns = host_now_ns() };
	mind->policy.policy = state == CANARY_PROMOTED ? mind->canary.candidate : mind->canary.base;
	if (mind->policy.policy != daemon->config.policy.policy)
		fprintf(stderr, "forestalld: policy %s rules, promoted over %s; 'forestall policy rollback' goes back\n",
			policy_name(mind->policy.policy), kept->configured);
	if (state != CANARY_RUNS)
		return;
	fprintf(stderr, "forestalld: the canary of policy %s ended with the last run; %s rules\n", kept->candidate, kept->base);
	state_save(daemon);
}

/* What was promoted is had again, by whom the glob names then; of what ended otherwise it is only said that it did. */
static void setting_restore(struct daemon *daemon, const struct store_setting *kept)
{
	struct cohort *cohort = &daemon->mind->cohort;
	uint32_t state = kept->glob[0] ? state_find(kept->state) : CANARY_NONE, knob = knob_find(kept->knob);

	if (state == CANARY_NONE || cohort_resource(knob) == RESOURCE_COUNT)
		return;
	*cohort = (struct cohort){ .state = state == CANARY_RUNS ? CANARY_STOPPED : state, .is_on = state == CANARY_PROMOTED,
				   .stage = COHORT_WHOLE, .began_ns = host_now_ns(),
				   .order = { .knob = knob, .value = kept->value, .period_us = kept->period_us } };
	snprintf(cohort->order.glob, sizeof(cohort->order.glob), "%s", kept->glob);
	/* As it is kept: what changed is kept again at the end of the first tick. */
	daemon->cohort_state = state;
	if (state == CANARY_PROMOTED)
		fprintf(stderr, "forestalld: %s of %s is set as it was promoted; 'forestall action rollback' ends that\n", kept->knob, kept->glob);
}

void daemon_policy_open(struct daemon *daemon)
{
	struct mind *mind = daemon->mind;
	struct canary_order order = daemon->config.canary;
	struct store_policy kept;
	uint32_t state = state_load(daemon, &kept);

	setting_restore(daemon, &kept.setting);
	if (state != CANARY_NONE)
		last_restore(daemon, &kept, state);
	daemon->canary_state = mind->canary.state;
	daemon->ruling = mind->policy.policy;
	if (order.policy == POLICY_COUNT || order.policy == mind->policy.policy)
		return;
	if (is_rolled_back(state) && policy_find(kept.candidate) == order.policy)
		fprintf(stderr, "forestalld: policy %s was rolled back (%s) and is not tried again; 'forestall policy canary %s' does\n",
			kept.candidate, kept.state, kept.candidate);
	else
		canary_order(&mind->canary, &mind->policy, &order, host_now_ns());
}

void daemon_policy(struct daemon *daemon)
{
	const struct canary *canary = &daemon->mind->canary;
	const struct cohort *cohort = &daemon->mind->cohort;
	bool is_setting = cohort->state != daemon->cohort_state;

	if (canary->state == daemon->canary_state && daemon->mind->policy.policy == daemon->ruling && !is_setting)
		return;
	state_save(daemon);
	if (is_setting) {
		fprintf(stderr, "forestalld: canary of %s for %s: %s\n", knob_name((enum knob)cohort->order.knob), cohort->order.glob,
			canary_state_name(cohort->state));
		return;
	}
	fprintf(stderr, "forestalld: canary of policy %s beside %s: %s; policy %s rules\n", policy_name(canary->candidate),
		policy_name(canary->base), canary_state_name(canary->state), policy_name(daemon->ruling));
}

int daemon_policy_order(void *context, const struct canary_order *asked, char message[ANSWER_MESSAGE_MAX])
{
	struct daemon *daemon = context;
	struct mind *mind = daemon->mind;
	struct canary_order order = *asked;
	int r;

	if (order.kind == CANARY_ORDER_BACK)
		order.policy = daemon->config.policy.policy;
	/* Two at once would each be blamed for the other. */
	if (order.kind == CANARY_ORDER_START && mind->cohort.state == CANARY_RUNS) {
		snprintf(message, ANSWER_MESSAGE_MAX, "a setting is on canary already; 'forestall action rollback' ends that");
		return -EBUSY;
	}
	r = canary_order(&mind->canary, &mind->policy, &order, mind->tick_ns);
	if (r == -EBUSY)
		snprintf(message, ANSWER_MESSAGE_MAX, "policy %s is on canary already; 'forestall policy rollback' ends that",
			 policy_name(mind->canary.candidate));
	else if (r == -ENOENT)
		snprintf(message, ANSWER_MESSAGE_MAX, "policy %s rules as configured; there is nothing to go back from",
			 policy_name(mind->policy.policy));
	else if (r)
		snprintf(message, ANSWER_MESSAGE_MAX, "policy %s rules already; name another one", policy_name(mind->policy.policy));
	if (r)
		return r;
	recording_order(daemon->recording, &order);
	recording_order(learn_recording(daemon->learn), &order);
	daemon_policy(daemon);	/* What is answered is kept, should this be the last moment. */
	return 0;
}

int daemon_cohort_order(void *context, const struct cohort_order *order, char message[ANSWER_MESSAGE_MAX])
{
	struct daemon *daemon = context;
	struct mind *mind = daemon->mind;
	bool is_policy = order->kind == CANARY_ORDER_START && mind->canary.state == CANARY_RUNS;
	int r = is_policy ? -EBUSY : cohort_order(&mind->cohort, &mind->policy, order, mind->tick_ns);

	if (is_policy)
		snprintf(message, ANSWER_MESSAGE_MAX, "policy %s is on canary already; 'forestall policy rollback' ends that",
			 policy_name(mind->canary.candidate));
	else if (r == -EBUSY)
		snprintf(message, ANSWER_MESSAGE_MAX, "%s of %s is set or on canary already; 'forestall action rollback' ends that",
			 knob_name((enum knob)mind->cohort.order.knob), mind->cohort.order.glob);
	else if (r == -ENOENT)
		snprintf(message, ANSWER_MESSAGE_MAX, "no setting is on canary or promoted; there is nothing to go back from");
	else if (r)
		snprintf(message, ANSWER_MESSAGE_MAX, "such a setting cannot be on canary");
	if (r)
		return r;
	recording_cohort(daemon->recording, order);
	recording_cohort(learn_recording(daemon->learn), order);
	daemon_policy(daemon);
	return 0;
}
