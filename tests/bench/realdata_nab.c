/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics of a cloud, one series a file: which samples would wake somebody up? The model learns to forecast any series 15
 * minutes ahead, from the probation samples of the training files and, where the folder has them, from training slots of the
 * virtual machines. A sample's score is how many spreads it lies off its forecast, less where this file has often been
 * as surprising in the last week. Scores below a level do not count: a budget is no duty to raise an alarm. It
 * is set without labels, on virtual machines kept from training.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "realdata_nab.h"

#define STEPS_A_DAY 288
#define HABIT_STEPS (7 * STEPS_A_DAY)
#define HABIT_LIKE 0.7f		/* what was at least so surprising counts as the same again */
#define HABIT_LEAST 2.0f	/* spreads; below it nobody would have looked */
#define HABITS_MAX 64
#define MORE_STEPS 2880		/* slots of a virtual machine: ten days */
#define MORE_VALIDATION 5	/* every so many of them is kept from training */
#define QUIET_SHARE 0.1
#define FLOOR_SHARE 0.02f	/* of the median: what moves less does not move */

/* In mean deviations from the median of the probation samples: series of any size look alike. */
static void normalise(const struct schema *schema, struct series *series)
{
	uint32_t count = nab_probation(series->steps);
	float *sorted = must_alloc(count, sizeof(*sorted)), median, deviation = 0;

	memcpy(sorted, series->value, count * sizeof(*sorted));
	median = quantile_of(sorted, count, 0.5);
	free(sorted);
	for (uint32_t t = 0; t < count; t++)
		deviation += fabsf(series->value[t] - median) / (float)count;
	deviation = fmaxf(fmaxf(deviation, FLOOR_SHARE * fabsf(median)), 1e-9f);
	for (uint32_t t = 0; t < series->steps; t++)
		series->value[t] = (series->value[t] - median) / deviation;
	series_rescale(schema, series);
}

static void lesson_take(struct lesson *lesson, const struct schema *schema, const struct series *series, uint32_t steps)
{
	lesson_add(lesson, frames_new(schema, series), truth_new(schema, series, steps), 0, steps, 1);
}

/* The virtual machines' columns as so many series of the same kind; each machine gives one of them. */
static void more_load(const struct bench *bench, const struct schema *schema, struct table *ret)
{
	static struct schema like;
	static const char *const sources[] = { "cpu_pct", "net_rx_kbs", "disk_wr_kbs" };
	struct table one;

	like = *schema;
	*ret = (struct table) { .schema = &like };
	snprintf(like.files, sizeof(like.files), "bitbrains/*.csv.xz");
	snprintf(like.key, sizeof(like.key), "vm");
	snprintf(like.time, sizeof(like.time), "ts");
	like.label[0] = '\0';
	for (uint32_t c = 0; c < sizeof(sources) / sizeof(sources[0]); c++) {
		snprintf(like.column[0].source[0], sizeof(like.column[0].source[0]), "%s", sources[c]);
		if (table_load(&like, bench->train, LABELLED_ANY, &one))
			continue;
		ret->series = realloc(ret->series, (ret->count + one.count) * sizeof(*ret->series));
		for (uint32_t i = c; i < one.count; i += sizeof(sources) / sizeof(sources[0])) {
			struct series *series = &ret->series[ret->count++];

			*series = one.series[i];
			one.series[i] = (struct series) { 0 };
			series->steps = series->steps < MORE_STEPS ? series->steps : MORE_STEPS;
			normalise(schema, series);
		}
		table_free(&one);
	}
}

static int learn(const struct bench *bench, const struct schema *schema, struct table *train, const struct table *more,
		 struct learner *learner)
{
	struct train_options options;
	struct lesson lesson = { 0 }, validation = { 0 };

	for (uint32_t i = 0; i < train->count; i++) {
		normalise(schema, &train->series[i]);
		lesson_take(&lesson, schema, &train->series[i], nab_probation(train->series[i].steps));
	}
	for (uint32_t i = 0; i < more->count; i++)
		lesson_take(i % MORE_VALIDATION ? &lesson : &validation, schema, &more->series[i], more->series[i].steps);
	train_options_init(&options);
	options.seed = bench->seed;
	options.epochs = bench->epochs ? bench->epochs : 8;
	options.demand_weight = SLOTS_MAX;
	return learner_train(learner, 1, &options, &lesson, &validation);
}

/* How many spreads the sample lies off what was forecast for it. */
static float surprise(const struct schema *schema, const struct series *series, float (*outputs)[OUTPUT_COUNT], uint32_t t)
{
	uint32_t from = t - schema->ahead[0];
	float q[FORECAST_QUANTILES], off, spread;

	if (t < schema->ahead[0])
		return 0;
	slot_quantiles(outputs[from], 0, q);
	off = series->value[t] - series->value[from] - series->scale[from] * sinhf(q[1]);
	spread = series->scale[from] * (off > 0 ? sinhf(q[2]) - sinhf(q[1]) : sinhf(q[1]) - sinhf(q[0]));
	return fabsf(off) / (schema->column[0].floor + spread);
}

/* What has surprised in the last week: when it began, and how much at most. */
struct habits {
	uint32_t count, start[HABITS_MAX];
	float most[HABITS_MAX];
};

static void habits_forget(struct habits *habits, uint32_t t)
{
	uint32_t old = 0;

	while (old < habits->count && t - habits->start[old] > HABIT_STEPS)
		old++;
	old += habits->count - old == HABITS_MAX;
	habits->count -= old;
	memmove(habits->start, habits->start + old, habits->count * sizeof(*habits->start));
	memmove(habits->most, habits->most + old, habits->count * sizeof(*habits->most));
}

static float habits_weigh(struct habits *habits, uint32_t t, float surprised)
{
	uint32_t last, alike = 0;

	habits_forget(habits, t);
	for (uint32_t i = 0; i < habits->count; i++)
		alike += t - habits->start[i] >= NAB_APART && habits->most[i] >= HABIT_LIKE * surprised;
	last = habits->count - 1;
	if (habits->count && t - habits->start[last] < NAB_APART) {
		habits->most[last] = fmaxf(habits->most[last], surprised);
	} else if (surprised > HABIT_LEAST) {
		habits->start[habits->count] = t;
		habits->most[habits->count++] = surprised;
	}
	return surprised / sqrtf(1 + (float)alike);
}

static struct scored *scores_new(const struct schema *schema, const struct series *series, const struct learner *learner,
				 enum arithmetic arithmetic)
{
	float (*frames)[FEATURE_COUNT] = frames_new(schema, series);
	float (*outputs)[OUTPUT_COUNT] = learner_run(learner, arithmetic, frames, series->steps);
	struct scored *scores = must_alloc(series->steps, sizeof(*scores));
	struct habits habits = { 0 };

	for (uint32_t t = 0; t < series->steps; t++)
		scores[t].score = habits_weigh(&habits, t, surprise(schema, series, outputs, t));
	free(frames);
	free(outputs);
	return scores;
}

/* The score below which lie QUIET_SHARE of the alarms that the budget allows on the series kept from training. */
static float level_of(const struct schema *schema, const struct table *more, const struct learner *learner)
{
	float *taken = must_alloc(1, sizeof(*taken)), level;
	uint32_t count = 0;

	for (uint32_t i = 0; i < more->count; i += MORE_VALIDATION) {
		const struct series *series = &more->series[i];
		struct scored *scores = scores_new(schema, series, learner, ARITHMETIC_INT8);
		uint32_t from = nab_probation(series->steps);
		uint32_t budget = nab_budget((double)(series->steps - from) / STEPS_A_DAY);

		taken = realloc(taken, (count + budget) * sizeof(*taken));
		nab_alarms(scores, series->steps, from, budget, 0);
		for (uint32_t t = from; t < series->steps; t++)
			if (scores[t].positive)
				taken[count++] = scores[t].score;
		free(scores);
	}
	level = quantile_of(taken, count, QUIET_SHARE);
	free(taken);
	return level;
}

static void score(const struct bench *bench, const struct schema *schema, struct table *test, const struct learner *learner,
		  float level)
{
	struct nab_outcome sum[ARITHMETIC_COUNT + 1] = { 0 };

	for (uint32_t i = 0; i < test->count; i++) {
		normalise(schema, &test->series[i]);
		for (int a = 0; a <= ARITHMETIC_COUNT; a++) {
			struct scored *scores = scores_new(schema, &test->series[i], learner,
							   a == ARITHMETIC_FLOAT ? ARITHMETIC_FLOAT : ARITHMETIC_INT8);
			struct nab_outcome one = nab_judge(&test->series[i], scores, a < ARITHMETIC_COUNT ? level : 0);

			sum[a].windows += one.windows;
			sum[a].hit += one.hit;
			sum[a].false_alarms += one.false_alarms;
			free(scores);
		}
	}
	printf("nab_cloud: %u files; int8 %u of %u windows hit, %u false alarms; float %u, %u; int8 with the whole budget %u, %u; level %.2f\n",
	       test->count, sum[0].hit, sum[0].windows, sum[0].false_alarms, sum[1].hit, sum[1].false_alarms, sum[2].hit,
	       sum[2].false_alarms, (double)level);
	fprintf(bench->json, "\"nab\":{\"windows\":%u,\"hit\":%u,\"false_alarms\":%u,\"hit_float\":%u,\"false_alarms_float\":%u,"
		"\"hit_whole_budget\":%u,\"false_alarms_whole_budget\":%u}", sum[0].windows, sum[0].hit, sum[0].false_alarms,
		sum[1].hit, sum[1].false_alarms, sum[2].hit, sum[2].false_alarms);
}

int nab_run(const struct bench *bench)
{
	struct schema schema;
	struct table train = { 0 }, test = { 0 }, more = { 0 };
	struct learner *learner = must_alloc(1, sizeof(*learner));
	int r = schema_load(bench->schema, "nab_cloud", &schema);

	if (!r)
		r = table_load(&schema, bench->train, LABELLED_ANY, &train);
	if (!r)
		r = table_load(&schema, bench->test, LABELLED_YES, &test);
	if (!r) {
		more_load(bench, &schema, &more);
		r = learn(bench, &schema, &train, &more, learner);
	}
	if (!r)
		score(bench, &schema, &test, learner, level_of(&schema, &more, learner));
	table_free(&train);
	table_free(&test);
	table_free(&more);
	free(learner);
	return r;
}
