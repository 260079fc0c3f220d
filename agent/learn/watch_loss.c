/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch_loss.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD 2		/* seconds, of horizon 1 */
#define HORIZON 1

/* What was said of an instance in the last seconds; place 0 is the oldest. */
struct said {
	uint64_t cgroup_id;
	float champion[AHEAD], statistical[AHEAD];	/* < 0: nothing that counts */
	bool was_violated, was_censored;		/* in the second before this one */
};

struct watch_loss {
	uint32_t slots_max;
	struct said *said;	/* by slot */
};

struct watch_loss *watch_loss_new(uint32_t slots_max)
{
	struct watch_loss *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->slots_max = slots_max;
	watch->said = calloc(slots_max, sizeof(*watch->said));
	if (watch->said)
		return watch;
	free(watch);
	return NULL;
}

void watch_loss_free(struct watch_loss *watch)
{
	if (!watch)
		return;
	free(watch->said);
	free(watch);
}

void watch_loss_reset(struct watch_loss *watch)
{
	memset(watch->said, 0, watch->slots_max * sizeof(*watch->said));
}

static void said_move(struct said *said, const struct predictor_instance *instance)
{
	const struct forecast *forecast = &instance->foresight->forecast;
	enum sli sli;

	said->champion[0] = said->champion[1];
	said->statistical[0] = said->statistical[1];
	said->champion[1] = forecast->source == FORECAST_LSTM ? forecast_risk(forecast, HORIZON, &sli) : -1;
	said->statistical[1] = instance->foresight->learned_risk[0];
}

static void instance_second(struct said *said, const struct predictor_instance *instance, bool is_censored, struct drift *drift)
{
	bool is_violated = instance->violated != 0 || said->was_violated;

	if (said->cgroup_id != instance->info.cgroup_id) {
		memset(said, 0, sizeof(*said));
		said->cgroup_id = instance->info.cgroup_id;
		said->champion[0] = said->champion[1] = -1;
	}
	/* As in training: a danger that our own action may have kept away is no label, one that came is. */
	if (said->champion[0] >= 0 && (is_violated || !(is_censored || said->was_censored)))
		drift_take(drift, said->champion[0], said->statistical[0], is_violated);
	said->was_violated = instance->violated != 0;
	said->was_censored = is_censored;
	said_move(said, instance);
}

void watch_loss_second(struct watch_loss *watch, const struct mind *mind, uint64_t now_ns, struct drift *drift)
{
	struct predictor *p = mind->predictor;
	bool is_censored = predictor_is_censored(p, now_ns);
	uint32_t count;
	const uint32_t *annotated = predictor_annotated(p, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct predictor_instance *instance = &p->instance[annotated[i]];

		if (slo_is_bound(&instance->info.slo) && annotated[i] < watch->slots_max)
			instance_second(&watch->said[annotated[i]], instance, is_censored, drift);
	}
}
