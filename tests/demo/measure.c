/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long before an occurrence an action may still be meant for it. */
#define LEAD_MAX_S 5.0

bool second_is_violated(const struct arm *arm, unsigned int second)
{
	uint64_t count = 0, bad = 0;

	for (unsigned int i = second * BINS_PER_S; i < (second + 1) * BINS_PER_S && i < arm->bin_count; i++) {
		count += arm->bins[i].hist.count;
		bad += arm->bins[i].bad_count;
	}
	return (double)bad > VIOLATION_SHARE * (double)count;
}

double bins_p99_ms(const struct arm *arm, unsigned int first, unsigned int count)
{
	struct hist hist = {0};

	for (unsigned int i = first; i < first + count && i < arm->bin_count; i++)
		hist_merge(&hist, &arm->bins[i].hist);
	return hist.count ? (double)hist_quantile_us(&hist, 0.99) / 1000 : NAN;
}

static unsigned int bin_at(const struct arm *arm, double time_s)
{
	double bin = time_s > 0 ? time_s * BINS_PER_S : 0;

	return bin < arm->bin_count ? (unsigned int)bin : arm->bin_count;
}

static void measure_latency(const struct arm *arm, double from_s, double to_s, struct phase_result *ret)
{
	struct hist hist = {0};

	for (unsigned int i = bin_at(arm, from_s); i < bin_at(arm, to_s); i++) {
		hist_merge(&hist, &arm->bins[i].hist);
		ret->bad_count += arm->bins[i].bad_count;
	}
	ret->request_count = hist.count;
	ret->p50_ms = (double)hist_quantile_us(&hist, 0.5) / 1000;
	ret->p99_ms = (double)hist_quantile_us(&hist, 0.99) / 1000;
	/* A second belongs to where its middle lies. */
	for (unsigned int second = 0; second < arm->seconds; second++) {
		if (second + 0.5 < from_s || second + 0.5 >= to_s)
			continue;
		ret->seconds++;
		ret->violated_s += second_is_violated(arm, second);
	}
}

static void measure_occurrences(const struct arm *arm, const struct phase *phase, struct phase_result *ret)
{
	for (unsigned int i = 0; i < phase->count; i++) {
		bool last = i + 1 == phase->count;
		/* The second in which an occurrence starts is its own, hence the floor. */
		unsigned int from = (unsigned int)phase->occurrences[i].start_s;
		unsigned int to = (unsigned int)(last ? phase->to_s : phase->occurrences[i + 1].start_s);

		for (unsigned int second = from; second < to; second++)
			ret->violated_per_occurrence[i] += second_is_violated(arm, second);
	}
}

static bool limit_differs(const struct limit *a, const struct limit *b)
{
	if (isnan(a->quota_cpus) != isnan(b->quota_cpus))
		return true;
	return a->weight != b->weight || (!isnan(a->quota_cpus) && a->quota_cpus != b->quota_cpus) ||
	       isnan(a->cap) != isnan(b->cap) || (!isnan(a->cap) && a->cap != b->cap);
}

/* Tighter than what the cgroup had when the run began. */
static bool limit_is_tight(const struct group *group, const struct limit *limit)
{
	const struct limit *first = &group->limits[0];

	if (limit->weight < first->weight)
		return true;
	if (!isnan(limit->cap) && !(limit->cap >= first->cap))
		return true;
	return !isnan(limit->quota_cpus) && !(limit->quota_cpus >= first->quota_cpus);
}

static bool is_logged(const struct arm *arm)
{
	return !strcmp(arm->family->name, "net");
}

/* A limit on what is sent stands in no file of the cgroup, so there forestall's own word has to do. */
static unsigned int count_changes(const struct arm *arm, unsigned int idx, double from_s, double to_s)
{
	const struct group *group = &arm->groups[idx];
	unsigned int count = 0;

	for (unsigned int i = 1; i < group->limit_count; i++)
		if (group->limits[i].time_s >= from_s && group->limits[i].time_s < to_s)
			count += limit_differs(&group->limits[i], &group->limits[i - 1]);
	for (unsigned int i = 0; is_logged(arm) && i < arm->action_count; i++)
		count += arm->actions[i].group_idx == idx && arm->actions[i].time_s >= from_s && arm->actions[i].time_s < to_s;
	return count;
}

/* A limit that is not there is the widest. */
static int limit_direction(double from, double to)
{
	double a = isnan(from) ? INFINITY : from, b = isnan(to) ? INFINITY : to;

	return (b > a) - (b < a);
}

/* Each of the three limits by itself: down, up and down again are two reversals. */
static unsigned int count_reversals(const struct group *group, double from_s, double to_s)
{
	int last[3] = {0};
	unsigned int count = 0;

	for (unsigned int i = 1; i < group->limit_count; i++) {
		const struct limit *a = &group->limits[i - 1], *b = &group->limits[i];
		int now[3] = {limit_direction(a->weight, b->weight), limit_direction(a->quota_cpus, b->quota_cpus),
			      limit_direction(a->cap, b->cap)};

		for (int k = 0; b->time_s >= from_s && b->time_s < to_s && k < 3; k++) {
			count += now[k] && last[k] == -now[k];
			last[k] = now[k] ? now[k] : last[k];
		}
	}
	return count;
}

/* The quota in force at the middle of each bin against what the plan wanted then; one CPU is all there is. */
static double sum_reserved(const struct group *group, double from_s, double to_s)
{
	double sum = 0;
	unsigned int at = 0;

	for (unsigned int i = 0; i < group->burn_count; i++) {
		double time_s = (i + 0.5) / BINS_PER_S;

		while (at + 1 < group->limit_count && group->limits[at + 1].time_s <= time_s)
			at++;
		if (group->limit_count && time_s >= from_s && time_s < to_s && !isnan(group->limits[at].quota_cpus))
			sum += fmax(fmin(group->burn[i].demand, 1) - group->limits[at].quota_cpus, 0) / BINS_PER_S;
	}
	return sum;
}

/*
 * When the tightening began that is in force at time_s, looking back no farther
 * than from_s; if none is, the first one until to_s; NAN if there is none. What
 * was held from before but given back in between does not count.
 */
static double tight_since_s(const struct group *group, double from_s, double time_s, double to_s)
{
	double since_s = NAN;

	for (unsigned int i = 0; i < group->limit_count && group->limits[i].time_s < to_s; i++) {
		const struct limit *limit = &group->limits[i];

		if (limit->time_s < from_s)
			continue;
		if (!limit_is_tight(group, limit))
			since_s = NAN;
		else if (isnan(since_s))
			since_s = limit->time_s;
		if (limit->time_s >= time_s && !isnan(since_s))
			return since_s;
	}
	return NAN;
}

static double logged_since_s(const struct arm *arm, unsigned int group_idx, double from_s, double to_s)
{
	for (unsigned int i = 0; i < arm->action_count; i++) {
		const struct action *action = &arm->actions[i];

		if (action->group_idx == group_idx && action->time_s >= from_s && action->time_s < to_s)
			return action->time_s;
	}
	return NAN;
}

static double first_violation_s(const struct arm *arm, double from_s, double to_s)
{
	for (unsigned int i = bin_at(arm, from_s); i < bin_at(arm, to_s); i++)
		if ((double)arm->bins[i].bad_count > VIOLATION_SHARE * (double)arm->bins[i].hist.count)
			return (double)i / BINS_PER_S;
	return NAN;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * From the action that was in force to the violation that the client saw at the
 * same occurrence of the run in which nobody acted.
 */
static void measure_lead(const struct arm *observe, const struct arm *arm, unsigned int idx, struct phase_result *ret)
{
	const struct phase *phase = &arm->phases[idx];
	double leads[OCCURRENCES_MAX], earliest_s = phase->from_s;

	for (unsigned int i = 0; i < phase->count; i++) {
		double start_s = phase->occurrences[i].start_s, end_s = phase->occurrences[i].end_s;
		double from_s = fmax(earliest_s, start_s - LEAD_MAX_S);
		double violated_s = first_violation_s(observe, start_s, end_s + 1);
		double acted_s = is_logged(arm) ? logged_since_s(arm, idx, from_s, end_s + 1)
						: tight_since_s(&arm->groups[idx], from_s, violated_s, end_s + 1);

		earliest_s = end_s;
		if (isnan(acted_s) || isnan(violated_s))
			continue;
		leads[ret->acted_count++] = violated_s - acted_s;
		ret->early_count += acted_s < violated_s;
	}
	qsort(leads, ret->acted_count, sizeof(*leads), compare_doubles);
	if (!ret->acted_count)
		ret->lead_s = NAN;
	else
		ret->lead_s = (leads[(ret->acted_count - 1) / 2] + leads[ret->acted_count / 2]) / 2;
}

static double sum_units(const struct group *group)
{
	double units = 0;

	for (unsigned int i = 0; i < group->burn_count; i++)
		units += group->burn[i].units;
	return units;
}

void measure_arm(const struct arm *observe, const struct arm *arm, struct result *ret)
{
	double units_observe = 0, kept = 0;
	bool is_mixed = !strcmp(arm->family->name, "mixed");

	memset(ret, 0, sizeof(*ret));
	measure_latency(arm, 0, arm->seconds, &ret->total);
	for (unsigned int i = 0; i < arm->phase_count; i++) {
		const struct phase *phase = &arm->phases[i];
		struct phase_result *result = &ret->phases[i];

		measure_latency(arm, phase->from_s, phase->to_s, result);
		measure_occurrences(arm, phase, result);
		result->lead_s = NAN;
		/* What the one that only observes would have done is no change. */
		if (arm != observe) {
			if (observe)
				measure_lead(observe, arm, i, result);
			result->change_count = count_changes(arm, i, phase->from_s, phase->to_s);
			result->reversal_count = count_reversals(&arm->groups[i], phase->from_s, phase->to_s);
			result->reserved_s = sum_reserved(&arm->groups[i], phase->from_s, phase->to_s);
			ret->total.change_count += count_changes(arm, i, 0, arm->seconds);
			ret->total.reversal_count += count_reversals(&arm->groups[i], 0, arm->seconds);
			ret->total.reserved_s += sum_reserved(&arm->groups[i], 0, arm->seconds);
		}
		result->units = sum_units(&arm->groups[i]);
		result->units_kept = observe ? result->units / sum_units(&observe->groups[i]) : NAN;
		kept += result->units_kept / arm->phase_count;
		ret->total.units += result->units;
		units_observe += observe ? sum_units(&observe->groups[i]) : NAN;
	}
	/* Chunks of work and requests cannot be added up. */
	ret->total.units_kept = is_mixed ? kept : ret->total.units / units_observe;
	ret->total.lead_s = NAN;
}

void measure(const struct arm *const arms[ARM_COUNT], struct result results[ARM_COUNT])
{
	for (unsigned int i = 0; i < ARM_COUNT; i++)
		measure_arm(arms[ARM_OBSERVE], arms[i], &results[i]);
}

bool phase_is_foreseeable(const struct phase *phase)
{
	return strcmp(phase->name, "step") != 0;
}

enum verdict phase_verdict(const struct phase *phase, const struct phase_result *reactive,
			   const struct phase_result *forestall)
{
	int gain_s = (int)reactive->violated_s - (int)forestall->violated_s;

	/* One second is what the cut into whole seconds can do by itself. */
	if (!phase_is_foreseeable(phase) && abs(gain_s) <= 1)
		return VERDICT_TIE_EXPECTED;
	if (gain_s > 0)
		return forestall->early_count > reactive->early_count ? VERDICT_WON : VERDICT_LUCK;
	return gain_s < 0 ? VERDICT_LOST : VERDICT_TIE;
}

const char *verdict_text(enum verdict verdict)
{
	static const char *const texts[VERDICT_COUNT] = {
		"forestall won",
		"did not win: fewer seconds, but not by acting earlier",
		"did not win: tie",
		"did not win: lost",
		"tie, as expected",
	};

	return texts[verdict];
}
