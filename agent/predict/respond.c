/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "respond.h"

#include <math.h>

#include "others.h"

#define GOOD 0.05f	/* as plan_policy.bad_act: from here on somebody is to blame */
#define OFFERED_MIN 1e-3f	/* of capacity */

float respond_offered(const struct predictor *p, const struct predictor_instance *instance, enum resource resource)
{
	const struct window_second *now = window_at(&instance->window, 0);
	float capacity = p->host.capacity[resource], busy = p->host.busy[(p->host.count - 1) % WINDOW_SECONDS];
	float own = 0, left = 0;

	switch (resource) {
	case RESOURCE_CPU:
		own = now->cpu;
		left = busy < 0 ? capacity : (1 - busy) * capacity;
		capacity *= others_limit_share(p, &instance->limits);
		break;
	case RESOURCE_MEMORY:
		own = fmaxf(now->memory, 0);
		left = (float)p->host.memory_available;
		if (instance->limits.memory_max != LIMIT_NONE)
			capacity = fminf(capacity, (float)instance->limits.memory_max);
		break;
	case RESOURCE_IO:
		own = now->io_bytes + now->io_done * RESOURCE_IO_REQUEST_BYTES;
		left = capacity - p->host.served[RESOURCE_IO];
		break;
	default:
		own = now->tx_bytes;
		left = capacity - p->host.served[RESOURCE_NET];
	}
	return fmaxf(fminf(own + fmaxf(left, 0), capacity), OFFERED_MIN * p->host.capacity[resource]);
}

/*
 * What many things may be to blame for teaches all of them when it was good, and when it was bad that which was scarcest. What was
 * good under our own action is no answer to the pressure that was kept away.
 */
static bool teaches(const struct predictor *p, enum sli sli, enum resource resource, float bad, uint64_t now_ns)
{
	if (bad < GOOD)
		return resource == RESOURCE_MEMORY || !predictor_is_censored(p, now_ns);
	return sli_resource(sli) != RESOURCE_COUNT || statistical_scarcest(p->host.total) == resource;
}

void respond_second(struct predictor *p, struct predictor_instance *instance, uint64_t now_ns)
{
	if (!slo_is_bound(&instance->info.slo) || !window_at(&instance->window, 0))
		return;
	instance->parts |= 1u << MEMORY_RESPONSE;
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		float wanted = instance->demand[r] * p->host.capacity[r];

		for (int sli = 0; wanted >= 0 && sli < SLI_COUNT; sli++) {
			uint32_t at = response_index((enum sli)sli, (enum resource)r);
			float bad = instance->window.judged.bad[sli];

			if (instance->info.slo.bound[sli] && at < RESPONSE_COUNT && bad >= 0 &&
			    teaches(p, (enum sli)sli, (enum resource)r, bad, now_ns))
				response_push(&p->memory.response[instance->info.slot][at],
					      wanted / respond_offered(p, instance, (enum resource)r), bad);
		}
	}
}

const struct response *respond_model(const struct predictor *p, const struct predictor_instance *instance, enum sli sli,
				     enum resource resource)
{
	uint32_t at = response_index(sli, resource);

	return at < RESPONSE_COUNT && predictor_uses(instance, MEMORY_RESPONSE) ? &p->memory.response[instance->info.slot][at] : NULL;
}
