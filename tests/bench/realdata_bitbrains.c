/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual machines of a hoster, 5 minutes a step: demand of four resources 5, 30 and 60 minutes ahead, and whether the CPU
 * saturates within half an hour. Slots below VALIDATION_START train, those below TEST_START choose the epoch, the rest tests.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "realdata_bitbrains.h"

#define VALIDATION_START 5760
#define WARM_UP 288		/* steps before the validation slots whose labels are not looked at */
#define MODELS 5		/* seeds whose mean speaks: machines never seen gain by it (AUPRC of onset .29 against .28 with three) */
#define EPOCHS 5
#define RISK_WEIGHT 24
#define UNSEEN_EVERY 5		/* of the machines, when the test folder has none of its own */

static bool saturates(const struct series *series, uint32_t columns, uint32_t t)
{
	return t + 1 < series->steps && series->value[t * columns] >= SATURATED && series->value[(t + 1) * columns] >= SATURATED;
}

int bitbrains_onset(const struct series *series, uint32_t columns, uint32_t t, uint32_t within, uint32_t end)
{
	if (series->value[t * columns] >= HEALTHY || !series->known[t] || t + within + 1 >= end || t + within + 1 >= series->steps)
		return -1;
	for (uint32_t i = 1; i <= within; i++)
		if (saturates(series, columns, t + i))
			return 1;
	return 0;
}

static const uint32_t onset_within[] = { ONSET_STEPS, 1, 3, 12 };	/* the first is scored, the others help to learn */

static struct train_truth *labels_new(const struct schema *schema, const struct series *series, uint32_t from, uint32_t end)
{
	struct train_truth *truth = truth_new(schema, series, end);

	memset(truth, 0, (size_t)(from < series->steps ? from : series->steps) * sizeof(*truth));
	for (uint32_t t = from; t < series->steps && t < end; t++) {
		for (uint32_t i = 0; i < sizeof(onset_within) / sizeof(onset_within[0]); i++) {
			int onset = bitbrains_onset(series, schema->columns, t, onset_within[i], end);

			if (onset >= 0)
				truth_set_risk(&truth[t], i, onset);
		}
	}
	return truth;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int learn(const struct bench *bench, const struct bitbrains *set, struct learner *learner)
{
	struct train_options options;
	struct lesson train = { 0 }, validation = { 0 };

	for (uint32_t i = 0; i < set->train.count; i++) {
		const struct series *series = &set->train.series[i];
		float (*frames)[FEATURE_COUNT];

		if (bitbrains_is_unseen(set, series->name))
			continue;
		frames = frames_new(&set->schema, series);
		lesson_add(&train, frames, labels_new(&set->schema, series, 0, VALIDATION_START), 0,
			   lower(series->steps, VALIDATION_START), 1);
		lesson_add(&validation, frames, labels_new(&set->schema, series, VALIDATION_START, TEST_START),
			   VALIDATION_START - WARM_UP, lower(series->steps, TEST_START), 1);
	}
	train_options_init(&options);
	options.seed = bench->seed;
	options.epochs = bench->epochs ? bench->epochs : EPOCHS;
	options.demand_weight = SLOTS_MAX;
	/* Onsets are rare: without this weight the quantiles would leave them little of the hidden units. */
	options.risk_weight = FORECAST_HORIZONS * RISK_WEIGHT;
	return learner_train(learner, MODELS, &options, &train, &validation);
}

/* Machines that TRAIN lacks are unseen; when there is none, every fifth of TRAIN is kept from training. */
bool bitbrains_is_unseen(const struct bitbrains *set, const char *name)
{
	if (set->has_strangers)
		return !table_find(&set->train, name);
	for (uint32_t i = UNSEEN_EVERY - 1; i < set->train.count; i += UNSEEN_EVERY)
		if (!strcmp(set->train.series[i].name, name))
			return true;
	return false;
}

int bitbrains_run(const struct bench *bench)
{
	struct bitbrains set = { 0 };
	struct learner *learner = must_alloc(1, sizeof(*learner));
	int r = schema_load(bench->schema, "bitbrains", &set.schema);

	if (!r)
		r = table_load(&set.schema, bench->train, LABELLED_ANY, &set.train);
	if (!r)
		r = table_load(&set.schema, bench->test, LABELLED_ANY, &set.test);
	for (uint32_t i = 0; !r && i < set.test.count; i++)
		set.has_strangers |= !table_find(&set.train, set.test.series[i].name);
	if (!r)
		r = learn(bench, &set, learner);
	if (!r)
		bitbrains_score(bench, &set, learner);
	table_free(&set.train);
	table_free(&set.test);
	free(learner);
	return r;
}
