/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Application servers with 19 metrics each: is this an incident? A metric alone tells little, so each is first replaced by
 * what the other metrics of the same server do not explain (a ridge per metric, on training values); the LSTM forecasts that
 * an hour ahead, and the score is the squared surprise, summed over metrics and smoothed. No label is looked at before scoring.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "realdata_relations.h"

#define TRAIN_SHARE 0.7		/* of the training file; the rest chooses the epoch and the threshold */
#define OWN_SHARE 0.2		/* of a server that training lacks: its relations are learned there, and nothing is scored */
#define SMOOTH_RATE 0.3f
#define STEPS_A_DAY 288
#define ALARMS_A_DAY 0.2	/* that the threshold may raise on the training values kept back */
#define APART 12		/* steps between two alarms that are one episode */

static int learn(const struct bench *bench, const struct schema *schema, const struct table *train, struct learner *learner)
{
	struct train_options options;
	struct lesson lesson = { 0 }, validation = { 0 };

	for (uint32_t i = 0; i < train->count; i++) {
		const struct series *series = &train->series[i];
		float (*frames)[FEATURE_COUNT] = frames_new(schema, series);
		uint32_t split = (uint32_t)(series->steps * TRAIN_SHARE);

		lesson_add(&lesson, frames, truth_new(schema, series, split), 0, split, 1);
		lesson_add(&validation, frames, truth_new(schema, series, series->steps), split, series->steps, 1);
	}
	train_options_init(&options);
	options.seed = bench->seed;
	options.epochs = bench->epochs ? bench->epochs : 10;
	options.demand_weight = SLOTS_MAX;
	return learner_train(learner, 1, &options, &lesson, &validation);
}

/* The forecast that was made for t, or 0 and 1 before there is one. */
static void forecast_for(const struct schema *schema, const struct series *series, float (*outputs)[OUTPUT_COUNT],
			 uint32_t t, uint32_t c, float *ret_median, float *ret_spread)
{
	uint32_t ahead = schema->ahead[0];
	size_t at = ((size_t)t - ahead) * schema->columns + c;
	float q[FORECAST_QUANTILES];

	*ret_median = 0;
	*ret_spread = 1;
	if (t < ahead)
		return;
	slot_quantiles(outputs[t - ahead], c, q);
	*ret_median = series->value[at] + series->scale[at] * sinhf(q[1]);
	*ret_spread = fmaxf(1, series->scale[at] * (sinhf(q[2]) - sinhf(q[0])) / 2.56f);
}

/* [steps]; outputs NULL: of the rests alone, without any forecast. */
static float *scores_new(const struct schema *schema, const struct series *series, float (*outputs)[OUTPUT_COUNT])
{
	float *scores = must_alloc(series->steps, sizeof(*scores)), smooth = 0;

	for (uint32_t t = 0; t < series->steps; t++) {
		float sum = 0, median = 0, spread = 1;

		for (uint32_t c = 0; c < schema->columns; c++) {
			if (outputs)
				forecast_for(schema, series, outputs, t, c, &median, &spread);
			sum += powf((series->value[t * schema->columns + c] - median) / spread, 2);
		}
		smooth += (t ? SMOOTH_RATE : 1) * (sum - smooth);
		scores[t] = smooth;
	}
	return scores;
}

struct asd {
	struct schema schema;
	struct table train, test;
	struct relations *relations;	/* of each training series */
	struct learner *learner;
	float threshold[2];		/* of the forecast's surprise, and of the rests alone */
};

struct verdict {
	double auprc, prevalence, servers, days;
	uint32_t events, found, false_alarms, delays;
	float delay[4096];	/* steps from an event's start to its first alarm */
};

/* A server that training lacks stands on its own first days. */
static uint32_t prepare(const struct asd *asd, struct series *series)
{
	const struct series *known = table_find(&asd->train, series->name);
	struct relations *own;
	uint32_t first = (uint32_t)(series->steps * OWN_SHARE);

	if (known) {
		relations_apply(&asd->relations[known - asd->train.series], &asd->schema, series);
		return 0;
	}
	own = must_alloc(1, sizeof(*own));
	relations_learn(own, series, asd->schema.columns, first);
	relations_apply(own, &asd->schema, series);
	free(own);
	return first;
}

/* Alarms that are less than an hour apart are one. Counts those from step `from` on that no label speaks of, and events. */
static void count_alarms(const struct series *series, const float *scores, uint32_t from, float threshold,
			 struct verdict *verdict)
{
	uint32_t quiet = APART, event_start = 0;
	bool found = false;

	for (uint32_t t = from; t < series->steps; t++) {
		bool alarm = scores[t] > threshold, inside = series->label[t];

		if (inside && (t == from || !series->label[t - 1])) {
			verdict->events++;
			event_start = t;
			found = false;
		}
		if (alarm && inside && !found && verdict->found < sizeof(verdict->delay) / sizeof(verdict->delay[0])) {
			verdict->delay[verdict->found++] = (float)(t - event_start);
			found = true;
		}
		verdict->false_alarms += alarm && !inside && quiet >= APART;
		quiet = alarm ? 0 : quiet + 1;
	}
	verdict->days += (double)(series->steps - from) / STEPS_A_DAY;
}

/* The score that raises ALARMS_A_DAY on the training values kept back. */
static float threshold_learn(const struct asd *asd, bool with_forecast)
{
	float low = 0, high = 1e6f;

	for (int i = 0; i < 40; i++) {
		float middle = sqrtf((low + 1) * (high + 1)) - 1;
		struct verdict *verdict = must_alloc(1, sizeof(*verdict));

		for (uint32_t s = 0; s < asd->train.count; s++)
			count_alarms(&asd->train.series[s], asd->train.series[s].score[with_forecast],
				     (uint32_t)(asd->train.series[s].steps * TRAIN_SHARE), middle, verdict);
		if (verdict->false_alarms > ALARMS_A_DAY * verdict->days)
			low = middle;
		else
			high = middle;
		free(verdict);
	}
	return high;
}

/* Fills the series' scores: with the forecast, and of the rests alone. */
static void score_series(const struct asd *asd, struct series *series, enum arithmetic arithmetic)
{
	float (*frames)[FEATURE_COUNT] = frames_new(&asd->schema, series);
	float (*outputs)[OUTPUT_COUNT] = learner_run(asd->learner, arithmetic, frames, series->steps);

	free(series->score[0]);
	free(series->score[1]);
	series->score[0] = scores_new(&asd->schema, series, NULL);
	series->score[1] = scores_new(&asd->schema, series, outputs);
	free(frames);
	free(outputs);
}

static void judge(const struct series *series, const float *scores, uint32_t from, float threshold, struct verdict *verdict)
{
	struct scored *list = must_alloc(series->steps, sizeof(*list));
	uint32_t count = series->steps - from;

	for (uint32_t t = from; t < series->steps; t++)
		list[t - from] = (struct scored) { scores[t], series->label[t] };
	if (share_positive(list, count) > 0) {
		verdict->prevalence += share_positive(list, count);
		verdict->auprc += average_precision(list, count);
		verdict->servers++;
	}
	free(list);
	count_alarms(series, scores, from, threshold, verdict);
}

static void print_verdict(const char *name, struct verdict *verdict)
{
	printf("asd12, %-22s  AUPRC %.3f (a guess %.3f), %u of %u events found at %.2f false alarms per server and day, "
	       "median delay %.0f min\n", name, verdict->auprc / verdict->servers, verdict->prevalence / verdict->servers,
	       verdict->found, verdict->events, verdict->false_alarms / verdict->days,
	       5.0 * quantile_of(verdict->delay, verdict->found, 0.5));
}

static void score(const struct bench *bench, struct asd *asd)
{
	struct verdict *verdict = must_alloc(3, sizeof(*verdict));

	for (uint32_t i = 0; i < asd->train.count; i++)
		score_series(asd, &asd->train.series[i], ARITHMETIC_INT8);
	for (int i = 0; i < 2; i++)
		asd->threshold[i] = threshold_learn(asd, i);
	for (uint32_t i = 0; i < asd->test.count; i++) {
		struct series *series = &asd->test.series[i];
		uint32_t from = prepare(asd, series);

		score_series(asd, series, ARITHMETIC_FLOAT);
		judge(series, series->score[1], from, asd->threshold[1], &verdict[2]);
		score_series(asd, series, ARITHMETIC_INT8);
		judge(series, series->score[1], from, asd->threshold[1], &verdict[1]);
		judge(series, series->score[0], from, asd->threshold[0], &verdict[0]);
	}
	print_verdict("int8", &verdict[1]);
	print_verdict("float", &verdict[2]);
	print_verdict("rests, no forecast", &verdict[0]);
	fprintf(bench->json, "\"asd\":{\"auprc\":%.4f,\"auprc_float\":%.4f,\"auprc_no_forecast\":%.4f,\"prevalence\":%.4f,\"events\":%u,"
		"\"events_found\":%u,\"false_alarms_per_day\":%.3f,\"delay_min\":%.0f}", verdict[1].auprc / verdict[1].servers,
		verdict[2].auprc / verdict[2].servers, verdict[0].auprc / verdict[0].servers,
		verdict[1].prevalence / verdict[1].servers, verdict[1].events, verdict[1].found,
		verdict[1].false_alarms / verdict[1].days, 5.0 * quantile_of(verdict[1].delay, verdict[1].found, 0.5));
	free(verdict);
}

int asd_run(const struct bench *bench)
{
	struct asd *asd = must_alloc(1, sizeof(*asd));
	int r = schema_load(bench->schema, "asd12", &asd->schema);

	if (!r)
		r = table_load(&asd->schema, bench->train, LABELLED_NO, &asd->train);
	if (!r)
		r = table_load(&asd->schema, bench->test, LABELLED_YES, &asd->test);
	asd->learner = must_alloc(1, sizeof(*asd->learner));
	asd->relations = must_alloc(asd->train.count, sizeof(*asd->relations));
	for (uint32_t i = 0; !r && i < asd->train.count; i++) {
		struct series *series = &asd->train.series[i];

		relations_learn(&asd->relations[i], series, asd->schema.columns, (uint32_t)(series->steps * TRAIN_SHARE));
		relations_apply(&asd->relations[i], &asd->schema, series);
	}
	if (!r)
		r = learn(bench, &asd->schema, &asd->train, asd->learner);
	if (!r)
		score(bench, asd);
	table_free(&asd->train);
	table_free(&asd->test);
	free(asd->relations);
	free(asd->learner);
	free(asd);
	return r;
}
