/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocols of bench-realdata, on series small enough to count by hand. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "../bench/realdata_bitbrains.h"
#include "../bench/realdata_nab.h"
#include "../bench/realdata_relations.h"

static void average_precision_counts_ties_together(void **state)
{
	struct scored scored[] = { { 1, false }, { 3, true }, { 2, true }, { 2, false }, { 0, true } };

	(void)state;
	/* Recall grows by a third at precisions 1/1, 2/3 and 3/5. */
	assert_float_equal(average_precision(scored, 5), (1 + 2.0 / 3 + 3.0 / 5) / 3, 1e-6);
	assert_float_equal(share_positive(scored, 5), 0.6, 1e-6);
}

static void ridge_finds_the_line(void **state)
{
	static struct ridge ridge = { .size = 2 };

	(void)state;
	for (int i = 0; i < 100; i++)
		ridge_add(&ridge, (float[]) { (float)i, 1 }, 3 * (float)i - 2);
	ridge_solve(&ridge, 1e-6);
	assert_float_equal(ridge_say(&ridge, (float[]) { 200, 1 }), 598, 0.01);
}

#define DAYS 10
#define STEPS (DAYS * 288)

struct file {
	struct series series;
	double time[STEPS];
	uint16_t label[STEPS];
	struct scored scores[STEPS];
};

static struct file *file_reset(struct file *file)
{
	memset(file, 0, sizeof(*file));
	file->series = (struct series) { .steps = STEPS, .time = file->time, .label = file->label };
	for (int t = 0; t < STEPS; t++)
		file->time[t] = 300.0 * t;
	for (int t = 1000; t < 1100; t++)
		file->label[t] = 1;
	for (int t = 2000; t < 2100; t++)
		file->label[t] = 2;
	return file;
}

static struct file file;

static void windows_count_once_and_strays_are_false(void **state)
{
	struct nab_outcome outcome;

	(void)state;
	file_reset(&file);
	file.scores[1010].score = 9;
	file.scores[1060].score = 8;	/* the same window again */
	file.scores[1500].score = 7;
	file.scores[100].score = 10;	/* probation */
	outcome = nab_judge(&file.series, file.scores, 0);
	assert_int_equal(outcome.windows, 2);
	assert_int_equal(outcome.hit, 1);
	assert_int_equal(outcome.false_alarms, 1);
}

static void alarms_keep_their_distance_and_budget(void **state)
{
	struct nab_outcome outcome;

	(void)state;
	file_reset(&file);
	for (int t = 1500; t < 1535; t++)
		file.scores[t].score = 9;
	outcome = nab_judge(&file.series, file.scores, 0);
	assert_int_equal(outcome.false_alarms, 1);
	file_reset(&file);
	for (int t = 1200; t < 1900; t += 40)
		file.scores[t].score = (float)t;
	outcome = nab_judge(&file.series, file.scores, 0);
	assert_int_equal(outcome.false_alarms, DAYS / 2);
	file_reset(&file);
	file.scores[1500].score = 2;
	outcome = nab_judge(&file.series, file.scores, 2.5f);
	assert_int_equal(outcome.false_alarms, 0);
}

static void onset_is_two_in_a_row_while_still_healthy(void **state)
{
	float value[] = { 50, 60, 96, 70, 97, 98, 50, 50, 50, 50 };
	uint8_t known[] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct series series = { .steps = 10, .value = value, .known = known };

	(void)state;
	assert_int_equal(bitbrains_onset(&series, 1, 0, 3, 10), 0);	/* one sample is no saturation */
	assert_int_equal(bitbrains_onset(&series, 1, 0, 4, 10), 1);
	assert_int_equal(bitbrains_onset(&series, 1, 2, 4, 10), -1);	/* not healthy */
	assert_int_equal(bitbrains_onset(&series, 1, 3, 6, 10), -1);	/* the end is not known */
	assert_int_equal(bitbrains_onset(&series, 1, 0, 4, 5), -1);	/* nor what lies in the next part */
}

static void rest_shows_what_no_metric_shows_alone(void **state)
{
	static struct relations relations;
	struct schema schema = { .columns = 2, .column = { { .floor = 0.1f }, { .floor = 0.1f } } };
	static float value[400];
	struct series series = { .steps = 200, .value = value };

	(void)state;
	for (int t = 0; t < 200; t++) {
		value[2 * t] = sinf((float)t);
		value[2 * t + 1] = 2 * value[2 * t] + 0.02f * cosf((float)(7 * t));
	}
	relations_learn(&relations, &series, 2, 150);
	value[2 * 180] = 0.5f;
	value[2 * 180 + 1] = -1;
	relations_apply(&relations, &schema, &series);
	assert_true(fabsf(value[2 * 180]) > 5);
	assert_true(fabsf(value[2 * 170]) < 3);
}

/* Threads must not show: each model is the one that its seed gives alone, and means come in the same order. */
static void models_trained_side_by_side_are_those_trained_alone(void **state)
{
	static struct learner together, alone;
	static float input[40][FEATURE_COUNT];
	static struct train_truth truth[40];
	struct lesson lesson = { 0 };
	struct train_options options;

	(void)state;
	for (int t = 0; t < 40; t++) {
		input[t][0] = sinf((float)t);
		truth[t].then[0].known = TRAIN_KNOWS_DEMAND(0);
		truth[t].then[0].demand[0] = cosf((float)t);
	}
	lesson_add(&lesson, input, truth, 0, 40, 1);
	train_options_init(&options);
	options.epochs = 2;
	assert_int_equal(learner_train(&together, 3, &options, &lesson, &lesson), 0);
	options.seed += 2;
	assert_int_equal(learner_train(&alone, 1, &options, &lesson, &lesson), 0);
	assert_memory_equal(&together.real[2], &alone.real[0], sizeof(alone.real[0]));
	assert_memory_not_equal(&together.real[1], &alone.real[0], sizeof(alone.real[0]));
	for (int a = 0; a < ARITHMETIC_COUNT; a++) {
		float (*first)[OUTPUT_COUNT] = learner_run(&together, (enum arithmetic)a, input, 40);
		float (*second)[OUTPUT_COUNT] = learner_run(&together, (enum arithmetic)a, input, 40);

		assert_memory_equal(first, second, 40 * sizeof(*first));
		free(first);
		free(second);
	}
	free(lesson.sequence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_trained_side_by_side_are_those_trained_alone),
		cmocka_unit_test(average_precision_counts_ties_together),
		cmocka_unit_test(ridge_finds_the_line),
		cmocka_unit_test(windows_count_once_and_strays_are_false),
		cmocka_unit_test(alarms_keep_their_distance_and_budget),
		cmocka_unit_test(onset_is_two_in_a_row_while_still_healthy),
		cmocka_unit_test(rest_shows_what_no_metric_shows_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
