/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scores are worth: only lives that are scored count. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "forecast.h"

#define RIGHT_S 15		/* an alarm is right when a violation begins so soon after it */
#define EPISODE_S 5		/* false alarms this close are one */
#define FALSE_PER_HOUR 1.0
#define THRESHOLDS 200
#define ECE_BINS 10
#define MOVED 0.01f		/* share of capacity */
#define MOVED_S 10

static bool is_wanted(const struct life *life, int group)
{
	return life->is_scored && (group < 0 || (int)life->run.group == group);
}

/* Whether a violation begins in this second, after one that was healthy. */
static bool begins(const struct life *life, uint32_t t)
{
	return t && !life_is_healthy(life, t) && life_is_healthy(life, t - 1);
}

/* Seconds from t to the next beginning; RIGHT_S + 1: later, or never. */
static uint32_t until_next(const struct life *life, uint32_t t)
{
	uint32_t ahead = 1;

	while (ahead <= RIGHT_S && (t + ahead >= life->steps || !begins(life, t + ahead)))
		ahead++;
	return ahead;
}

struct alarms {
	uint32_t false_episodes, found, events;
	float lead[4096];	/* of what was found */
};

static void life_alarms(const struct life *life, enum speaks who, uint32_t shown, float threshold, struct alarms *to)
{
	uint32_t false_last = 0, first = 0;	/* 1 + second */

	for (uint32_t t = 0; t < life->steps; t++) {
		if (begins(life, t)) {
			to->events++;
			if (first && to->found < sizeof(to->lead) / sizeof(to->lead[0]))
				to->lead[to->found++] = (float)(t + 1 - first);
		}
		if (!life_is_healthy(life, t))
			first = 0;
		if (first && t + 1 - first > RIGHT_S)
			first = 0;
		if (!life_is_healthy(life, t) || life->score[t][who][shown] < threshold)
			continue;
		if (until_next(life, t) > RIGHT_S) {
			/* What lies beyond the end of the recording is not known, so not false. */
			if (t + RIGHT_S < life->steps && (!false_last || t + 1 - false_last > EPISODE_S))
				to->false_episodes++;
			if (t + RIGHT_S < life->steps)
				false_last = t + 1;
		} else if (!first) {
			first = t + 1;
		}
	}
}

static int ascending(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static double healthy_hours(const struct corpus *corpus, int group)
{
	double seconds = 0;

	for (size_t i = 0; i < corpus->count; i++)
		for (uint32_t t = 0; is_wanted(&corpus->life[i], group) && t < corpus->life[i].steps; t++)
			seconds += life_is_healthy(&corpus->life[i], t);
	return seconds / 3600;
}

static void corpus_alarms(const struct corpus *corpus, int group, enum speaks who, uint32_t shown, float threshold,
			  struct alarms *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < corpus->count; i++)
		if (is_wanted(&corpus->life[i], group))
			life_alarms(&corpus->life[i], who, shown, threshold, ret);
}

/* The lowest threshold, among quantiles of the scores of healthy seconds, that raises few enough false alarms. */
static void alarms_measure(const struct corpus *corpus, int group, enum speaks who, uint32_t shown, struct scored *scored,
			   size_t count, struct onset_figures *ret)
{
	double hours = healthy_hours(corpus, group);
	struct alarms *alarms = must_alloc(1, sizeof(*alarms)), *best = must_alloc(1, sizeof(*best));

	for (uint32_t i = 0; i < THRESHOLDS && count; i++) {
		double share = (double)i / (THRESHOLDS - 1);
		float threshold = scored[(size_t)((double)(count - 1) * share * share)].score;

		corpus_alarms(corpus, group, who, shown, threshold, alarms);
		if (alarms->false_episodes <= FALSE_PER_HOUR * hours && alarms->found >= best->found)
			*best = *alarms;
	}
	corpus_alarms(corpus, group, who, shown, INFINITY, alarms);
	ret->events = alarms->events;
	ret->recall = alarms->events ? (double)best->found / alarms->events : NAN;
	qsort(best->lead, best->found, sizeof(best->lead[0]), ascending);
	ret->lead_median_s = best->found ? best->lead[best->found / 2] : NAN;
	ret->lead_p10_s = best->found ? best->lead[best->found / 10] : NAN;
	free(alarms);
	free(best);
}

static double calibration_error(const struct scored *scored, size_t count)
{
	double said[ECE_BINS] = { 0 }, happened[ECE_BINS] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i++) {
		int bin = (int)fminf(fmaxf(scored[i].score * ECE_BINS, 0), ECE_BINS - 1);

		said[bin] += scored[i].score;
		happened[bin] += scored[i].positive;
	}
	for (int bin = 0; bin < ECE_BINS; bin++)
		sum += fabs(said[bin] - happened[bin]);
	return count ? sum / (double)count : NAN;
}

/* Each bound that holds in a second of an instance that is healthy, with what came of it. */
static size_t life_bounds(const struct life *life, enum speaks who, struct scored *to)
{
	size_t count = 0;

	for (uint32_t t = 0; t < life->steps; t++) {
		const struct train_label *then = &life->truth[t].then[shown_horizon[MAIN_HORIZON]];

		for (int s = 0; s < SLI_LEARNED_COUNT && life_is_healthy(life, t); s++)
			if ((life->bound >> s & 1) && (then->known & TRAIN_KNOWS_VIOLATED(s)))
				to[count++] = (struct scored){ life->said[t][who][s], then->violated >> s & 1 };
	}
	return count;
}

static double bounds_error(const struct corpus *corpus, int group, enum speaks who, size_t steps)
{
	struct scored *scored = must_alloc(steps * SLI_LEARNED_COUNT, sizeof(*scored));
	size_t count = 0;
	double error;

	for (size_t i = 0; i < corpus->count; i++)
		if (is_wanted(&corpus->life[i], group))
			count += life_bounds(&corpus->life[i], who, scored + count);
	error = calibration_error(scored, count);
	free(scored);
	return error;
}

struct onset_figures onset_measure(const struct corpus *corpus, int group, enum speaks who, uint32_t shown)
{
	struct onset_figures ret = { 0 };
	struct scored *scored;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < corpus->count; i++)
		room += corpus->life[i].steps;
	scored = must_alloc(room, sizeof(*scored));
	for (size_t i = 0; i < corpus->count; i++) {
		const struct life *life = &corpus->life[i];

		for (uint32_t t = 0; is_wanted(life, group) && t < life->steps; t++) {
			int onset = life_onset(life, t, shown_horizon[shown]);

			if (onset >= 0)
				scored[count++] = (struct scored){ life->score[t][who][shown], onset };
		}
	}
	ret.ece = who <= SPEAKS_FLOAT ? bounds_error(corpus, group, who, room) : NAN;
	ret.ece_any = calibration_error(scored, count);
	ret.prevalence = count ? share_positive(scored, count) : NAN;
	ret.auprc = count ? average_precision(scored, count) : NAN;
	alarms_measure(corpus, group, who, shown, scored, count, &ret);
	free(scored);
	return ret;
}

static bool has_moved(const struct life *life, uint32_t t, enum resource resource)
{
	float low = INFINITY, high = -INFINITY;

	for (uint32_t i = 0; i <= MOVED_S && i <= t; i++) {
		low = fminf(low, life->truth[t - i].now.demand[resource]);
		high = fmaxf(high, life->truth[t - i].now.demand[resource]);
	}
	return high - low > MOVED;
}

struct demand_figures demand_measure(const struct corpus *corpus, int group, enum resource resource, uint32_t horizon)
{
	struct demand_figures ret = { 0 };

	for (size_t i = 0; i < corpus->count; i++) {
		const struct life *life = &corpus->life[i];

		for (uint32_t t = 0; is_wanted(life, group) && t < life->steps; t++) {
			const struct train_label *then = &life->truth[t].then[horizon];
			const float *said = life->spoken[t].demand[resource][horizon];

			if (!(then->known & TRAIN_KNOWS_DEMAND(resource)) || !has_moved(life, t, resource))
				continue;
			for (int q = 0; q < FORECAST_QUANTILES; q++) {
				ret.pinball += pinball(said[q], forecast_quantile[q], then->demand[resource]) / FORECAST_QUANTILES;
				ret.pinball_now += pinball(life->truth[t].now.demand[resource], forecast_quantile[q],
							   then->demand[resource]) / FORECAST_QUANTILES;
			}
			ret.cover80 += then->demand[resource] >= said[0] && then->demand[resource] <= said[2];
			ret.count++;
		}
	}
	return ret;
}
