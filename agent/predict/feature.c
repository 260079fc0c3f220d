/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "feature.h"
#include "extract.h"

#include <math.h>
#include <string.h>

#define PAGE_BYTES 4096.0f	/* memory.stat counts pages; where pages are larger, refaults weigh less */

/* What an instance without a bound is measured against: ns, or share of 1. */
static const float bound_default[SLI_COUNT] = {
	[SLI_RUNQ_P99] = 5e6f, [SLI_CPU_SOME] = 0.1f,	[SLI_MEM_SOME] = 0.05f, [SLI_MEM_FULL] = 0.01f,
	[SLI_IO_P99] = 10e6f,  [SLI_RESP_P99] = 20e6f, [SLI_RETRANS] = 0.01f,
};

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

float feature_bound(const struct slo *slo, enum sli sli)
{
	if (!slo->bound[sli])
		return bound_default[sli];
	return sli_unit(sli) == SLI_UNIT_NS ? (float)slo->bound[sli] : (float)slo->bound[sli] / 1e6f;
}

float feature_sli_scaled(float value, float bound)
{
	return fmaxf(log2f(fmaxf(value, bound * 1e-4f) / bound) / 4.0f, -3.0f);
}

float feature_demand(const struct window_second *second, const struct observe_limits *limits, enum resource resource)
{
	bool is_held = limits->io_bps != LIMIT_NONE || limits->io_iops != LIMIT_NONE;
	float rate, stalled;

	switch (resource) {
	case RESOURCE_CPU:
		return second->cpu + second->wait;
	case RESOURCE_MEMORY:
		return second->memory < 0 ? -1 : second->memory + fmaxf(second->refaults, 0) * PAGE_BYTES;
	case RESOURCE_IO:
		rate = second->io_bytes + second->io_done * RESOURCE_IO_REQUEST_BYTES;
		stalled = is_held ? fminf(fmaxf(second->psi[PSI_IO_SOME], 0), 0.9f) : 0;
		return rate / (1 - stalled);
	default:
		return second->tx_bytes;
	}
}

static void frame_set(struct frame *frame, enum feature id, float value)
{
	frame->value[id] = fminf(fmaxf(value, -4.0f), 4.0f);
}

static void frame_miss(struct frame *frame, enum feature id)
{
	frame->missing |= 1ull << id;
}

/* Sets a value that is negative when it could not be measured. */
static void frame_set_known(struct frame *frame, enum feature id, float raw, float value)
{
	if (raw < 0)
		frame_miss(frame, id);
	else
		frame_set(frame, id, value);
}

/* An SLI against its bound. */
static void frame_set_sli(struct frame *frame, enum feature id, const struct extract *in, enum sli sli, float value)
{
	frame_set_known(frame, id, value, feature_sli_scaled(value, feature_bound(in->slo, sli)));
}

static float worst_bad(const struct window_judged *judged)
{
	float worst = -1;

	for (int sli = 0; sli < SLI_LEARNED_COUNT; sli++)
		worst = fmaxf(worst, judged->bad[sli]);
	return worst;
}

static void own_now(const struct extract *in, const struct window_second *now, struct frame *frame)
{
	enum sli leading = slo_leading_learned(in->slo);
	float busy = now->cpu + now->wait;

	frame_set(frame, FEATURE_OWN_CPU, now->cpu / in->capacity[RESOURCE_CPU]);
	frame_set(frame, FEATURE_OWN_WAIT, log1pf(now->wait));
	frame_set_sli(frame, FEATURE_OWN_SLI, in, leading, now->sli[leading]);
	frame_set_known(frame, FEATURE_OWN_BAD, worst_bad(&in->window->judged), worst_bad(&in->window->judged));
	frame_set_known(frame, FEATURE_OWN_PSI_SOME, now->psi[PSI_CPU_SOME], now->psi[PSI_CPU_SOME]);
	frame_set(frame, FEATURE_OWN_SWITCHES, log10f(1 + now->switches) / 4);
	frame_set(frame, FEATURE_OWN_STARVED, busy > 0 ? now->wait / busy : 0);
	frame_set_sli(frame, FEATURE_OWN_RUNQ, in, SLI_RUNQ_P99, now->sli[SLI_RUNQ_P99]);
	frame_set_sli(frame, FEATURE_OWN_IO_P99, in, SLI_IO_P99, now->sli[SLI_IO_P99]);
	frame_set_sli(frame, FEATURE_OWN_RESP_P99, in, SLI_RESP_P99, now->sli[SLI_RESP_P99]);
	frame_set_known(frame, FEATURE_OWN_RETRANS, now->sli[SLI_RETRANS], now->sli[SLI_RETRANS] * 20);
	frame_set_known(frame, FEATURE_OWN_MEM_SOME, now->psi[PSI_MEMORY_SOME], now->psi[PSI_MEMORY_SOME]);
	frame_set_known(frame, FEATURE_OWN_MEM_FULL, now->psi[PSI_MEMORY_FULL], now->psi[PSI_MEMORY_FULL]);
	frame_set_known(frame, FEATURE_OWN_IO_SOME, now->psi[PSI_IO_SOME], now->psi[PSI_IO_SOME]);
	frame_set(frame, FEATURE_OWN_FAULTS, log10f(1 + now->major_faults) / 4);
	frame_set_known(frame, FEATURE_OWN_REFAULTS, now->refaults, log10f(1 + fmaxf(now->refaults, 0)) / 4);
	frame_set(frame, FEATURE_OWN_RECLAIM, log1pf(now->reclaim));
	frame_set(frame, FEATURE_OWN_IO, in->demand[RESOURCE_IO]);
	frame_set(frame, FEATURE_OWN_TX, in->demand[RESOURCE_NET]);
	frame_set(frame, FEATURE_OWN_RX, log10f(1 + now->rx_bytes) / 8);
	frame_set_known(frame, FEATURE_OWN_RTT, now->rtt_ns, log10f(fmaxf(now->rtt_ns, 1e3f) / 1e6f) / 4);
}

/* The least of what memory.high, memory.max and the host leave it, bytes. */
static float memory_limit(const struct extract *in)
{
	float limit = in->capacity[RESOURCE_MEMORY];

	limit = fminf(limit, (float)in->limits->memory_high);
	return fmaxf(fminf(limit, (float)in->limits->memory_max), PAGE_BYTES);
}

static void memory_side(const struct extract *in, const struct window_second *now, struct frame *frame)
{
	const struct window_second *before = window_at(in->window, 3);
	float slope = before && before->memory >= 0 ? (now->memory - before->memory) / in->capacity[RESOURCE_MEMORY] : 0;
	float left = in->memory.slope < 0 ? fminf(in->memory.free / -in->memory.slope * 3, 60) : 60;

	frame_set_known(frame, FEATURE_OWN_MEMORY, now->memory, in->demand[RESOURCE_MEMORY]);
	frame_set_known(frame, FEATURE_OWN_MEMORY_SLOPE, now->memory, slope * 10);
	frame_set_known(frame, FEATURE_OWN_MEMORY_LIMIT, now->memory, now->memory / memory_limit(in));
	frame_set_known(frame, FEATURE_HOST_MEMORY_FREE, in->memory.free, in->memory.free);
	frame_set_known(frame, FEATURE_HOST_MEMORY_SLOPE, in->memory.free, in->memory.slope * 10);
	frame_set_known(frame, FEATURE_HOST_MEMORY_LEFT, in->memory.free, left / 15);
}

static void own_bounds(const struct slo *slo, struct frame *frame)
{
	frame_set(frame, FEATURE_BOUND_CPU, slo->bound[SLI_RUNQ_P99] || slo->bound[SLI_CPU_SOME]);
	frame_set(frame, FEATURE_BOUND_MEMORY, slo->bound[SLI_MEM_SOME] || slo->bound[SLI_MEM_FULL]);
	frame_set(frame, FEATURE_BOUND_IO, slo->bound[SLI_IO_P99] != 0);
	frame_set(frame, FEATURE_BOUND_NET, slo->bound[SLI_RESP_P99] || slo->bound[SLI_RETRANS]);
}

static const uint32_t span_from[EXPECT_SPANS] = { 1, 2, 3, 6 };
static const uint32_t span_to[EXPECT_SPANS] = { 1, 2, 5, 15 };

void feature_expect(const struct recur *recur, const struct announce *announce, struct expectation *ret)
{
	for (int i = 0; i < EXPECT_SPANS; i++) {
		float told_confidence = 0, told = 0, seen = 0, confidence = recur ? recur->confidence : 0;

		if (announce)
			told = announce_expect(announce, span_from[i], span_to[i], &told_confidence);
		if (recur)
			seen = recur_expect(recur, span_from[i], span_to[i]) * confidence;
		ret->confidence[i] = told * told_confidence > seen ? told_confidence : confidence;
		ret->demand[i] = told * told_confidence > seen ? told : seen / fmaxf(confidence, 0.01f);
	}
}

static void host_side(const struct extract *in, struct frame *frame)
{
	const struct extract_others *others = in->others;

	frame_set_known(frame, FEATURE_OTHERS_CPU, others->cpu, others->cpu);
	if (others->cpu < 0)
		frame_miss(frame, FEATURE_OTHERS_CPU_SLOPE);
	else
		frame_set(frame, FEATURE_OTHERS_CPU_SLOPE, others->cpu_slope);
	frame_set(frame, FEATURE_OTHERS_WAIT, log1pf(fmaxf(others->wait, 0)));
	frame_set(frame, FEATURE_OTHERS_EXECS, log2f(1 + fmaxf(others->execs, 0)) / 4);
	frame_set(frame, FEATURE_OTHERS_RECLAIM, log1pf(fmaxf(others->reclaim, 0)));
	for (int i = 1; i < EXPECT_SPANS; i++)
		frame_set(frame, FEATURE_OTHERS_EXPECT_2 + i - 1, fminf(others->expect[RESOURCE_CPU][i], 2));
	frame_set(frame, FEATURE_OTHERS_CONFIDENCE, others->likeliest[RESOURCE_CPU].confidence[1]);
	frame_set(frame, FEATURE_OTHERS_MEMORY_EXPECT, fminf(others->expect[RESOURCE_MEMORY][2], 2));
	frame_set(frame, FEATURE_OTHERS_IO, others->demand[RESOURCE_IO]);
	frame_set(frame, FEATURE_OTHERS_IO_SLOPE, others->slope[RESOURCE_IO]);
	frame_set(frame, FEATURE_OTHERS_IO_EXPECT, fminf(others->expect[RESOURCE_IO][1], 2));
	frame_set(frame, FEATURE_OTHERS_TX, others->demand[RESOURCE_NET]);
	frame_set(frame, FEATURE_OTHERS_TX_SLOPE, others->slope[RESOURCE_NET]);
	frame_set(frame, FEATURE_OTHERS_TX_EXPECT, fminf(others->expect[RESOURCE_NET][1], 2));
	frame_set_known(frame, FEATURE_HOST_IDLE, in->host_idle, in->host_idle);
}

static void event_side(const struct extract *in, struct frame *frame)
{
	const struct wire_counters *last = &in->window->last;
	const struct extract_events *events = &in->events;

	frame_set(frame, FEATURE_OWN_EVENTS, log2f(1 + events->count) / 4);
	frame_set(frame, FEATURE_OWN_FOLLOWS, events->follows);
	frame_set(frame, FEATURE_OWN_FORKS_UP, in->surge->up[SURGE_FORKS] / 4);
	frame_set(frame, FEATURE_OWN_PACKETS_UP, in->surge->up[SURGE_PACKETS] / 4);
	frame_set(frame, FEATURE_OWN_FAILED_EXITS, log2f(1 + (float)last->failed_exits) / 4);
	frame_set(frame, FEATURE_OWN_FAILURES, log2f(1 + events->failures) / 4);
	frame_set(frame, FEATURE_OWN_FAILURE_DUE, fminf(events->failure_due, 2));
	frame_set(frame, FEATURE_OTHERS_EVENTS, log2f(1 + in->others->events) / 4);
	frame_set(frame, FEATURE_OTHERS_FORKS_UP, in->others->up[SURGE_FORKS] / 4);
	frame_set(frame, FEATURE_OTHERS_PACKETS_UP, in->others->up[SURGE_PACKETS] / 4);
}

/* What was made of counters that nothing counts. */
static void lacking_miss(uint64_t lacks, struct frame *frame)
{
	static const struct {
		enum observe_lack lack;
		enum feature feature;
	} rows[] = {
		{ OBSERVE_LACKS_RECLAIM, FEATURE_OWN_RECLAIM },	     { OBSERVE_LACKS_RECLAIM, FEATURE_OTHERS_RECLAIM },
		{ OBSERVE_LACKS_IO, FEATURE_OWN_IO },		     { OBSERVE_LACKS_IO, FEATURE_OWN_IO_P99 },
		{ OBSERVE_LACKS_IO, FEATURE_OTHERS_IO },	     { OBSERVE_LACKS_IO, FEATURE_OTHERS_IO_SLOPE },
		{ OBSERVE_LACKS_IO, FEATURE_OTHERS_IO_EXPECT },	     { OBSERVE_LACKS_PACKETS, FEATURE_OWN_TX },
		{ OBSERVE_LACKS_PACKETS, FEATURE_OWN_RX },	     { OBSERVE_LACKS_PACKETS, FEATURE_OTHERS_TX },
		{ OBSERVE_LACKS_PACKETS, FEATURE_OWN_PACKETS_UP },   { OBSERVE_LACKS_PACKETS, FEATURE_OTHERS_PACKETS_UP },
		{ OBSERVE_LACKS_PACKETS, FEATURE_OTHERS_TX_SLOPE },  { OBSERVE_LACKS_PACKETS, FEATURE_OTHERS_TX_EXPECT },
		{ OBSERVE_LACKS_PACKETS, FEATURE_OWN_RETRANS },	     { OBSERVE_LACKS_RETRANSMITS, FEATURE_OWN_RETRANS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(lacks >> rows[i].lack & 1))
			continue;
		frame->value[rows[i].feature] = 0;
		frame_miss(frame, rows[i].feature);
	}
}

bool feature_extract(const struct extract *in, struct frame *ret)
{
	const struct window_second *now = window_at(in->window, 0);
	struct frame frame = { 0 };

	if (!now)
		return false;
	own_now(in, now, &frame);
	own_bounds(in->slo, &frame);
	memory_side(in, now, &frame);
	for (int i = 1; i < 3; i++)
		frame_set(&frame, FEATURE_OWN_EXPECT_2 + i - 1, in->own->demand[i] * in->own->confidence[i]);
	event_side(in, &frame);
	frame_set(&frame, FEATURE_OWN_LIMIT, in->own_limit);
	frame_set(&frame, FEATURE_LEARNED_RISK_2, in->learned_risk[0]);
	frame_set(&frame, FEATURE_LEARNED_RISK_5, in->learned_risk[1]);
	host_side(in, &frame);
	lacking_miss(in->lacks, &frame);
	frame.quality = (1.0f - (float)__builtin_popcountll(frame.missing) / FEATURE_COUNT) * in->delivered;
	frame_set(&frame, FEATURE_DATA_QUALITY, frame.quality);
	*ret = frame;
	return true;
}
