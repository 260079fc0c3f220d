/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistical.h"

#include <math.h>
#include <string.h>

#define SEEN_DECAY 0.998f	/* remembers about eight minutes of a bin */
#define PRIOR_SECONDS 2.0f
#define FEARED 0.5f		/* prior risk of an overcommitted host, of which nothing is known, */
#define CALM 0.15f		/* and after it was guarded for long; of the corpus, .19 of first seconds at such a load were followed by harm, .07 of second and third ones */
#define GUARDED_SECONDS 16.0f	/* fear fades by e in so many */
#define OVERCOMMITTED 1.0f
#define HISTORY_SECONDS 30
#define SCARCE_SPAN 1	/* 2 s ahead: how far plans look */

static const float normal_quantile[FORECAST_QUANTILES] = { -1.2816f, 0.0f, 1.2816f, 2.3263f };

/* Nothing hurts before memory is nearly gone. */
static float stretched(const float total[RESOURCE_COUNT], enum resource resource)
{
	return resource == RESOURCE_MEMORY ? 1 + 4 * (total[RESOURCE_MEMORY] - 1) : total[resource];
}

enum resource statistical_scarcest(const float total[RESOURCE_COUNT])
{
	enum resource scarcest = RESOURCE_CPU;

	for (int r = 0; r < RESOURCE_COUNT; r++)
		if (stretched(total, (enum resource)r) > stretched(total, scarcest))
			scarcest = (enum resource)r;
	return scarcest;
}

float statistical_load(enum sli sli, const float total[RESOURCE_COUNT])
{
	bool is_any = sli_resource(sli) == RESOURCE_COUNT;

	return fmaxf(stretched(total, is_any ? statistical_scarcest(total) : sli_resource(sli)), is_any ? 0 : -INFINITY);
}

static uint32_t bin_of(float load)
{
	float bin = fmaxf(load, 0) * 8;

	return bin >= STATISTICAL_BINS - 1 ? STATISTICAL_BINS - 1 : (uint32_t)bin;
}

void statistical_push(struct statistical *stat, float load, bool is_violated)
{
	uint32_t bin = bin_of(load);

	stat->seen[bin] = SEEN_DECAY * stat->seen[bin] + 1;
	stat->violated[bin] = SEEN_DECAY * stat->violated[bin] + (is_violated ? 1 : 0);
}

void statistical_guard(struct statistical *stat, float load)
{
	if (load >= OVERCOMMITTED)
		stat->guarded++;
}

/* What is feared of an overcommitted host at a load that was never seen: what came of others at which it was overcommitted. */
static float prior_risk(const struct statistical *stat)
{
	float seen = PRIOR_SECONDS, violated = PRIOR_SECONDS * (CALM + (FEARED - CALM) * expf(-stat->guarded / GUARDED_SECONDS));

	for (uint32_t bin = bin_of(OVERCOMMITTED); bin < STATISTICAL_BINS; bin++) {
		seen += stat->seen[bin];
		violated += stat->violated[bin];
	}
	return violated / seen;
}

/*
 * Without experience an idle host is safe, and an overcommitted one is feared, but not for ever: whoever acts on a load before it has hurt
 * never learns that it does not, since what is well under an action teaches nothing, so fear fades while an action stands. More load is
 * never less risky: isotonic regression by its max-min formula (Barlow et al., Statistical Inference under Order Restrictions, 1972,
 * theorem 1.4), each mean with the prior of the bin that is asked about, which keeps it monotone. So what hurt at a lower load is feared
 * at a higher one that was seldom seen, and what was well at a higher load calms the lower ones.
 */
static float bin_risk(const struct statistical *stat, uint32_t bin)
{
	float prior = prior_risk(stat) / (1.0f + expf(-8.0f * (((float)bin + 0.5f) / 8 - 1.0f)));
	float risk = 0, seen_below = 0, violated_below = 0;

	for (uint32_t from = bin + 1; from-- > 0;) {
		float seen = seen_below += stat->seen[from], violated = violated_below += stat->violated[from];
		float least = (violated + PRIOR_SECONDS * prior) / (seen + PRIOR_SECONDS);

		for (uint32_t to = bin + 1; to < STATISTICAL_BINS; to++) {
			seen += stat->seen[to];
			violated += stat->violated[to];
			least = fminf(least, (violated + PRIOR_SECONDS * prior) / (seen + PRIOR_SECONDS));
		}
		risk = fmaxf(risk, least);
	}
	return risk;
}

struct spread {
	float mean, deviation;
};

/* Of the own demand, in the units of enum resource. */
static struct spread own_spread(const struct extract *in, enum resource resource)
{
	float sum = 0, squares = 0, mean;
	uint32_t n = 0;

	for (uint32_t age = 0; age < HISTORY_SECONDS; age++) {
		const struct window_second *second = window_at(in->window, age);
		float demand = second ? feature_demand(second, in->limits, resource) : -1;

		if (demand < 0)
			continue;
		sum += demand;
		squares += demand * demand;
		n++;
	}
	mean = n ? sum / (float)n : 0;
	return (struct spread){ mean, n ? sqrtf(fmaxf(squares / (float)n - mean * mean, 0)) : 0 };
}

/* Which span of feature_expect a horizon reaches to. */
static uint32_t span_of(uint32_t horizon)
{
	return horizon < EXPECT_SPANS - 1 ? horizon : EXPECT_SPANS - 1;
}

/* The host's demand when one expectation comes true, and how likely that is. */
struct outlook {
	float total[RESOURCE_COUNT];
	float confidence;
};

/*
 * The rest of the host stays as it is, and who is expected does what it did then. Of the resources that the SLI may depend
 * on, RESOURCE_COUNT for any, the one of which most is expected.
 */
static struct outlook outlook_of(const struct statistical_view *view, enum resource only, uint32_t span)
{
	struct outlook outlook = { .confidence = 0 };
	float best = 0;

	memcpy(outlook.total, view->total, sizeof(outlook.total));
	for (int r = 0; r < RESOURCE_COUNT; r++) {
		const struct expectation *likeliest = &view->in->others->likeliest[r];
		float own = fmaxf(view->in->demand[r], 0), coming;

		if (only != RESOURCE_COUNT && (int)only != r)
			continue;
		/* Memory does not come and go with its owner alone: what is used now is not given back. */
		coming = r == RESOURCE_MEMORY ?
				 view->total[r] + fmaxf(likeliest->demand[span] - view->in->others->likeliest_now[r], 0) :
				 own + likeliest->demand[span];
		if (coming * likeliest->confidence[span] <= best)
			continue;
		best = coming * likeliest->confidence[span];
		memcpy(outlook.total, view->total, sizeof(outlook.total));
		outlook.total[r] = coming;
		outlook.confidence = likeliest->confidence[span];
	}
	return outlook;
}

/* What would be scarcest, each resource weighed by how likely it is to come to that. */
static enum resource scarcest_soon(const struct statistical_view *view, uint32_t span)
{
	float total[RESOURCE_COUNT];

	for (int r = 0; r < RESOURCE_COUNT; r++) {
		struct outlook outlook = outlook_of(view, (enum resource)r, span);

		total[r] = view->total[r] + outlook.confidence * fmaxf(outlook.total[r] - view->total[r], 0);
	}
	return statistical_scarcest(total);
}

static void risk_forecast(const struct statistical_view *view, enum sli sli, struct forecast *ret)
{
	const struct statistical *stat = &view->learned[sli];
	float stay = fmaxf(bin_risk(stat, bin_of(statistical_load(sli, view->total))), view->violated >> sli & 1 ? 0.8f : 0);
	float risk = stay;

	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
		struct outlook outlook = outlook_of(view, sli_resource(sli), span_of(h));

		if (outlook.confidence > 0) {
			float coming = bin_risk(stat, bin_of(statistical_load(sli, outlook.total)));

			risk = fmaxf(risk, outlook.confidence * coming + (1 - outlook.confidence) * stay);
		}
		ret->risk[sli][h] = fminf(risk, 1);
	}
}

static void demand_forecast(const struct extract *in, enum resource resource, struct forecast *ret)
{
	const struct expectation *own = &in->own[resource];
	struct spread spread = own_spread(in, resource);

	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++) {
		float expected = own->demand[span_of(h)] * own->confidence[span_of(h)] * in->capacity[resource];

		for (int q = 0; q < FORECAST_QUANTILES; q++) {
			float value = fmaxf(spread.mean + normal_quantile[q] * spread.deviation, 0);

			if (forecast_quantile[q] >= 0.5f)
				value = fmaxf(value, expected);
			ret->demand[resource][h][q] = fminf(value, in->capacity[resource]);
		}
	}
}

void statistical_forecast(const struct statistical_view *view, struct forecast *ret)
{
	const struct window_second *now = window_at(view->in->window, 0);
	enum sli leading = slo_leading(view->in->slo);
	float value = now ? fmaxf(now->sli[leading], 0) * (sli_unit(leading) == SLI_UNIT_NS ? 1e-6f : 1) : 0;

	ret->source = FORECAST_STATISTICAL;
	ret->sli_id = leading;
	ret->scarcest = scarcest_soon(view, SCARCE_SPAN);
	for (int r = 0; r < RESOURCE_COUNT; r++)
		demand_forecast(view->in, (enum resource)r, ret);
	for (uint32_t h = 0; h < FORECAST_HORIZONS; h++)
		for (int q = 0; q < FORECAST_QUANTILES; q++)
			ret->sli[h][q] = value * exp2f(normal_quantile[q] * 0.5f * sqrtf((float)(h + 1)));
	memset(ret->risk, 0, sizeof(ret->risk));
	for (int sli = 0; sli < SLI_COUNT; sli++)
		if (view->in->slo->bound[sli])
			risk_forecast(view, (enum sli)sli, ret);
}
