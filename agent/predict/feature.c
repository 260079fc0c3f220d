/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "feature.h"
#include "extract.h"

#include <math.h>
#include <string.h>

#define BOUND_DEFAULT_NS 5e6f	/* what an instance without a bound is measured against */

static const struct {
	const char *name, *unit, *source;
} table[] = {
#define FEATURE_ROW(id, name, unit, source) { name, unit, source },
	FEATURE_TABLE(FEATURE_ROW)
#undef FEATURE_ROW
};
_Static_assert(sizeof(table) / sizeof(table[0]) == FEATURE_COUNT, "a row per feature");

const char *feature_name(enum feature id) { return table[id].name; }
const char *feature_unit(enum feature id) { return table[id].unit; }
const char *feature_source(enum feature id) { return table[id].source; }

float feature_bound_ns(const struct slo *slo)
{
	return slo->bound[SLI_RUNQ_P99] ? (float)slo->bound[SLI_RUNQ_P99] : BOUND_DEFAULT_NS;
}

float feature_sli_scaled(float sli_ns, float bound_ns)
{
	return fmaxf(log2f(fmaxf(sli_ns, 1e3f) / bound_ns) / 4.0f, -3.0f);
}

float feature_demand(const struct window_second *second, float host_cpus)
{
	return fminf((second->cpu + second->wait) / host_cpus, 1.0f);
}

static void frame_set(struct frame *frame, enum feature id, float value)
{
	frame->value[id] = fminf(fmaxf(value, -4.0f), 4.0f);
}

static void frame_miss(struct frame *frame, enum feature id)
{
	frame->missing |= 1u << id;
}

/* Sets a value that is negative when it could not be measured. */
static void frame_set_known(struct frame *frame, enum feature id, float raw, float value)
{
	if (raw < 0)
		frame_miss(frame, id);
	else
		frame_set(frame, id, value);
}

static void own_now(const struct extract *in, const struct window_second *now, struct frame *frame)
{
	float bound_ns = feature_bound_ns(in->slo);
	float busy = now->cpu + now->wait;

	frame_set(frame, FEATURE_OWN_CPU, now->cpu / in->host_cpus);
	frame_set(frame, FEATURE_OWN_WAIT, log1pf(now->wait));
	frame_set_known(frame, FEATURE_OWN_SLI, now->sli_ns, feature_sli_scaled(now->sli_ns, bound_ns));
	frame_set_known(frame, FEATURE_OWN_P50, now->p50_ns, feature_sli_scaled(now->p50_ns, bound_ns));
	frame_set_known(frame, FEATURE_OWN_BAD, now->bad_share, now->bad_share);
	frame_set_known(frame, FEATURE_OWN_PSI_SOME, now->psi_some, now->psi_some);
	frame_set(frame, FEATURE_OWN_SWITCHES, log10f(1 + now->switches) / 4);
	frame_set(frame, FEATURE_OWN_STARVED, busy > 0 ? now->wait / busy : 0);
}

static void own_past(const struct extract *in, struct frame *frame)
{
	float cpu = 0, sli = 0, bound_ns = feature_bound_ns(in->slo);
	uint32_t cpu_count = 0, sli_count = 0;

	for (uint32_t age = 0; age < 10; age++) {
		const struct window_second *second = window_at(in->window, age);

		if (!second)
			break;
		cpu += second->cpu;
		cpu_count++;
		if (second->sli_ns < 0)
			continue;
		sli += feature_sli_scaled(second->sli_ns, bound_ns);
		sli_count++;
	}
	frame_set(frame, FEATURE_OWN_CPU_MEAN, cpu / (float)cpu_count / in->host_cpus);
	frame_set_known(frame, FEATURE_OWN_SLI_MEAN, sli_count ? 0 : -1, sli / (float)sli_count);
}

static const uint32_t span_from[EXPECT_SPANS] = { 1, 2, 3, 6 };
static const uint32_t span_to[EXPECT_SPANS] = { 1, 2, 5, 15 };

void feature_expect(const struct recur *recur, const struct announce *announce, struct expectation *ret)
{
	for (int i = 0; i < EXPECT_SPANS; i++) {
		float told_confidence, told, seen;

		told = announce_expect(announce, span_from[i], span_to[i], &told_confidence);
		seen = recur_expect(recur, span_from[i], span_to[i]) * recur->confidence;
		ret->confidence[i] = told * told_confidence > seen ? told_confidence : recur->confidence;
		ret->demand[i] = told * told_confidence > seen ? told : seen / fmaxf(recur->confidence, 0.01f);
	}
}

static void host_side(const struct extract *in, struct frame *frame)
{
	const struct extract_others *others = in->others;

	frame_set_known(frame, FEATURE_OTHERS_CPU, others->cpu, others->cpu);
	frame_set_known(frame, FEATURE_OTHERS_CPU_MEAN, others->cpu_mean, others->cpu_mean);
	if (others->cpu < 0)
		frame_miss(frame, FEATURE_OTHERS_CPU_SLOPE);
	else
		frame_set(frame, FEATURE_OTHERS_CPU_SLOPE, others->cpu_slope);
	frame_set(frame, FEATURE_OTHERS_WAIT, log1pf(fmaxf(others->wait, 0)));
	frame_set(frame, FEATURE_OTHERS_EXECS, log2f(1 + fmaxf(others->execs, 0)) / 4);
	for (int i = 0; i < EXPECT_SPANS; i++)
		frame_set(frame, FEATURE_OTHERS_EXPECT_1 + i, fminf(others->expect[i], 2));
	frame_set(frame, FEATURE_OTHERS_CONFIDENCE, others->likeliest.confidence[1]);
	frame_set(frame, FEATURE_OTHERS_LIMIT, others->limit);
	frame_set_known(frame, FEATURE_HOST_IDLE, in->host_idle, in->host_idle);
	frame_set(frame, FEATURE_HOST_CPUS, log2f(in->host_cpus) / 4);
}

bool feature_extract(const struct extract *in, struct frame *ret)
{
	const struct window_second *now = window_at(in->window, 0);
	struct frame frame = { 0 };

	if (!now)
		return false;
	own_now(in, now, &frame);
	own_past(in, &frame);
	for (int i = 0; i < 3; i++)
		frame_set(&frame, FEATURE_OWN_EXPECT_1 + i, in->own->demand[i] * in->own->confidence[i]);
	frame_set(&frame, FEATURE_OWN_CONFIDENCE, in->own->confidence[1]);
	frame_set(&frame, FEATURE_OWN_LIMIT, in->own_limit);
	frame_set(&frame, FEATURE_LEARNED_RISK_2, in->learned_risk[0]);
	frame_set(&frame, FEATURE_LEARNED_RISK_5, in->learned_risk[1]);
	frame_set(&frame, FEATURE_OWN_TIER, (float)in->slo->tier / 2);
	host_side(in, &frame);
	frame.quality = (1.0f - (float)__builtin_popcount(frame.missing) / FEATURE_COUNT) * in->delivered;
	frame_set(&frame, FEATURE_DATA_QUALITY, frame.quality);
	*ret = frame;
	return true;
}
