/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response.h"

#include <math.h>

#define KEPT 60.0f		/* seconds that a bin remembers */
#define ERROR_SECONDS 30.0f	/* over which the error is a mean */
#define SECONDS_MIN 30		/* fewer teach nothing */
#define ERROR_MAX 0.2f		/* a share predicted no better than this is no reason for anything */
#define SURPRISE 0.1f		/* an error from which on the past counts less each second */
#define FORGET 0.95f
#define SEEN_MIN 4.0f		/* seconds of a pressure, to count as seen */
#define APART 1.15f		/* two pressures that say more than one */

/* Below 1, where most of a curve lies, twelve equal ones; above it the upper ends of three, and the rest. */
#define BINS_BELOW 12
static const float above[RESPONSE_BINS - BINS_BELOW - 1] = { 1.25f, 1.75f, 3 };

static uint32_t bin_of(float pressure)
{
	uint32_t bin = BINS_BELOW;

	if (pressure < 1)
		return (uint32_t)(pressure * BINS_BELOW);
	while (bin < RESPONSE_BINS - 1 && pressure >= above[bin - BINS_BELOW])
		bin++;
	return bin;
}

uint32_t response_index(enum sli sli, enum resource resource)
{
	enum resource only = sli_resource(sli);
	uint32_t which = sli < SLI_LEARNED_COUNT ? 0 : 1 + (uint32_t)(sli - SLI_LEARNED_COUNT);

	if (only == RESOURCE_COUNT)
		return RESPONSE_FIXED + which * RESOURCE_COUNT + resource;
	/* resp_p99 is the one among the learned that has several. */
	return only == resource ? sli - (sli > SLI_RESP_P99) : RESPONSE_COUNT;
}

/* Neighbours that fall are pooled, until none does. */
struct response_curve response_fit(const struct response *response)
{
	struct response_curve curve = { 0 };
	float weight[RESPONSE_BINS];

	for (uint32_t bin = 0; bin < RESPONSE_BINS; bin++) {
		float w = response->weight[bin];

		if (w <= 0)
			continue;
		curve.at[curve.count].pressure = response->pressure[bin];
		curve.at[curve.count].bad = response->bad[bin];
		weight[curve.count++] = w;
		while (curve.count > 1 && curve.at[curve.count - 1].bad < curve.at[curve.count - 2].bad) {
			uint32_t last = --curve.count;
			float sum = weight[last - 1] + weight[last];

			curve.at[last - 1].bad += (curve.at[last].bad - curve.at[last - 1].bad) * weight[last] / sum;
			curve.at[last - 1].pressure += (curve.at[last].pressure - curve.at[last - 1].pressure) * weight[last] / sum;
			weight[last - 1] = sum;
		}
	}
	return curve;
}

float response_bad(const struct response_curve *curve, float pressure)
{
	uint32_t next = 0;
	float from, to;

	if (!curve->count)
		return -1;
	while (next < curve->count && curve->at[next].pressure < pressure)
		next++;
	if (!next || next == curve->count)
		return curve->at[next ? next - 1 : 0].bad;
	from = curve->at[next - 1].pressure;
	to = curve->at[next].pressure;
	return curve->at[next - 1].bad + (curve->at[next].bad - curve->at[next - 1].bad) * (pressure - from) / (to - from);
}

float response_pressure(const struct response_curve *curve, float bad)
{
	uint32_t next = 0;
	float low, high;

	while (next < curve->count && curve->at[next].bad <= bad)
		next++;
	if (!next)
		return -1;
	if (next == curve->count)
		return curve->at[next - 1].pressure;
	low = curve->at[next - 1].bad;
	high = curve->at[next].bad;
	return curve->at[next - 1].pressure + (curve->at[next].pressure - curve->at[next - 1].pressure) * (bad - low) / (high - low);
}

void response_push(struct response *response, float pressure, float bad)
{
	struct response_curve curve = response_fit(response);
	float expected = response_bad(&curve, pressure), share;
	uint32_t bin = bin_of(fmaxf(pressure, 0));

	if (expected >= 0)
		response->error += (fabsf(bad - expected) - response->error) /
				   fminf(ERROR_SECONDS, (float)++response->seconds);
	for (uint32_t i = 0; response->error > SURPRISE && i < RESPONSE_BINS; i++)
		response->weight[i] *= FORGET;
	response->weight[bin] = fminf(response->weight[bin] + 1, KEPT);
	share = 1 / response->weight[bin];
	response->pressure[bin] += (pressure - response->pressure[bin]) * fminf(share, 1);
	response->bad[bin] += (bad - response->bad[bin]) * fminf(share, 1);
}

bool response_has_learned(const struct response *response) { return response->seconds >= SECONDS_MIN; }

bool response_is_identified(const struct response *response)
{
	float least = INFINITY, most = 0;

	for (uint32_t bin = 0; bin < RESPONSE_BINS; bin++) {
		if (response->weight[bin] < SEEN_MIN)
			continue;
		least = fminf(least, response->pressure[bin]);
		most = fmaxf(most, response->pressure[bin]);
	}
	return most >= least * APART;
}

float response_trust(const struct response *response)
{
	if (!response_has_learned(response))
		return 0;
	return fmaxf(1 - response->error / ERROR_MAX, 0);
}
