/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scores of the forecasts for virtual machines. The median answers for the absolute error; for the squared one an expectation
 * is read off the quantiles and the last two hours by least squares, on slots before the test ones; the ridge it is
 * compared with has the same, but for the quantiles.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/conform.h"
#include "predict/trust.h"
#include "realdata_bitbrains.h"

#define TRUST_START (TEST_START - 1152)	/* the training slots would flatter */
#define TRUST_MEMORY 576	/* two days */
#define AHEAD_STEPS_MAX 12
#define ACTIVE_STEPS 12		/* a machine is active in what moved within the last hour */
#define FIT_EVERY 5	/* steps: enough for thirty weights, and quick */
#define AR_LAGS 24
#define AR_SIZE (AR_LAGS + 3)
#define BEYOND_HIGHEST 4	/* a quantile is at most so many times what was ever seen of the series; a share, 100 % */
#define MEAN_QUANTILES 3	/* .1 .5 .9: the .99 one is too wild for a squared error */
#define MEAN_SIZE (AR_SIZE + MEAN_QUANTILES)

struct scorer {
	const struct bitbrains *set;
	struct ridge ridge[SLOTS_MAX], mean[SLOTS_MAX];
	struct slot_score slot[SLOTS_MAX];
	struct onset onset[2];	/* of machines seen in training, and of others */
};

static float raw_value(const struct schema_column *column, float x)
{
	return column->curve == CURVE_LOG ? expm1f(x) : x;
}

static float raw_at(const struct schema *schema, const struct series *series, int64_t t, uint32_t column)
{
	return raw_value(&schema->column[column], series->value[(t < 0 ? 0 : t) * schema->columns + column]);
}

/* Differences to now: of the last two hours, of this time yesterday, and a constant. */
static void ridge_inputs(const struct schema *schema, const struct series *series, uint32_t t, uint32_t column,
			 uint32_t ahead, float ret[AR_SIZE])
{
	float now = raw_at(schema, series, t, column);

	for (int64_t i = 0; i < AR_LAGS; i++)
		ret[i] = raw_at(schema, series, (int64_t)t - i - 1, column) - now;
	ret[AR_LAGS] = raw_at(schema, series, (int64_t)t + ahead - 288, column) - now;
	ret[AR_LAGS + 1] = now;
	ret[AR_LAGS + 2] = 1;
}

/* The four quantiles of a column at a distance, in its own units. */
static void quantiles_of(const struct schema *schema, const struct series *series, uint32_t t, uint32_t slot,
			 const float *output, float ret[FORECAST_QUANTILES])
{
	uint32_t column = slot % schema->columns;
	size_t at = (size_t)t * schema->columns + column;
	float ceiling = series->highest[at] + (schema->column[column].curve == CURVE_LOG ? logf(BEYOND_HIGHEST) : 0);

	if (schema->column[column].curve == CURVE_LINEAR)
		ceiling = fmaxf(ceiling, 100);
	slot_quantiles(output, slot, ret);
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		float x = series->value[at] + series->scale[at] * sinhf(ret[q]);

		ret[q] = raw_value(&schema->column[column], fminf(fmaxf(x, 0), ceiling));
	}
}

/* Behind the inputs of the ridge, which are there already. */
static void mean_inputs(const float quantiles[FORECAST_QUANTILES], float now, float x[MEAN_SIZE])
{
	for (int q = 0; q < MEAN_QUANTILES; q++)
		x[AR_SIZE + q] = quantiles[q] - now;
}

static void fit_series(struct scorer *scorer, const struct series *series, const float (*output)[OUTPUT_COUNT], uint32_t end)
{
	const struct schema *schema = &scorer->set->schema;

	for (uint32_t slot = 0; slot < schema->columns * schema->aheads; slot++) {
		uint32_t column = slot % schema->columns, ahead = schema->ahead[slot / schema->columns];

		for (uint32_t t = 0; t + ahead < end && t + ahead < series->steps; t += FIT_EVERY) {
			float x[MEAN_SIZE], quantiles[FORECAST_QUANTILES], now = raw_at(schema, series, t, column);
			float change = raw_at(schema, series, t + ahead, column) - now;

			ridge_inputs(schema, series, t, column, ahead, x);
			ridge_add(&scorer->ridge[slot], x, change);
			quantiles_of(schema, series, t, slot, output[t], quantiles);
			mean_inputs(quantiles, now, x);
			ridge_add(&scorer->mean[slot], x, change);
		}
	}
}

static void fit(struct scorer *scorer, const struct learner *learner)
{
	const struct bitbrains *set = scorer->set;

	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		scorer->ridge[slot].size = AR_SIZE;
		scorer->mean[slot].size = MEAN_SIZE;
	}
	for (uint32_t i = 0; i < set->train.count; i++) {
		const struct series *series = &set->train.series[i];
		float (*frames)[FEATURE_COUNT], (*output)[OUTPUT_COUNT];

		if (bitbrains_is_unseen(set, series->name))
			continue;
		frames = frames_new(&set->schema, series);
		output = learner_run(learner, ARITHMETIC_INT8, frames, series->steps);
		fit_series(scorer, series, (const float (*)[OUTPUT_COUNT])output, TEST_START);
		free(frames);
		free(output);
	}
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++) {
		ridge_solve(&scorer->ridge[slot], 1);
		ridge_solve(&scorer->mean[slot], 1);
	}
}

static void add_error(struct slot_score *score, enum speaker speaker, float median, float mean, float label)
{
	score->absolute[speaker] += fabsf(median - label);
	score->squared[speaker] += (double)(mean - label) * (mean - label);
}

/* What is remembered of one series and slot while it is followed, as the daemon does. */
struct follower {
	struct trust trust;
	struct conform conform;
	float said[AHEAD_STEPS_MAX][FORECAST_QUANTILES];	/* the last ones, by step */
};

/* What is spoken: the model's quantiles around so much of its change as is trusted, and as far apart as was seen to be needed. */
static void follower_speak(struct follower *follower, uint32_t t, float now, float quantiles[FORECAST_QUANTILES])
{
	enum trust_level level = (enum trust_level)trust_best(&follower->trust, TRUST_LEVELS);
	float moved = trust_between(level, now, quantiles[1]) - quantiles[1];

	for (int q = 0; q < FORECAST_QUANTILES; q++)
		quantiles[q] += moved;
	conform_apply(&follower->conform, quantiles);
	memcpy(follower->said[t % AHEAD_STEPS_MAX], quantiles, sizeof(follower->said[0]));
}

/* What came true of the forecast that was made `ahead` steps ago. */
static void follower_learn(struct follower *follower, const struct schema *schema, const struct series *series, uint32_t t,
			   uint32_t slot, const float *output)
{
	uint32_t column = slot % schema->columns, then = t - schema->ahead[slot / schema->columns];
	float quantiles[FORECAST_QUANTILES], errors[TRUST_LEVELS];
	float now = raw_at(schema, series, then, column), outcome = raw_at(schema, series, t, column);

	if (!series->known[t] || !series->known[then])
		return;
	quantiles_of(schema, series, then, slot, output, quantiles);
	trust_errors(now, quantiles[1], outcome, errors);
	trust_learn(&follower->trust, TRUST_MEMORY, errors, TRUST_LEVELS);
	if (then >= TRUST_START)
		conform_learn(&follower->conform, follower->said[then % AHEAD_STEPS_MAX], outcome);
}

static bool is_active(const struct schema *schema, const struct series *series, uint32_t t, uint32_t column)
{
	for (uint32_t i = 1; i <= ACTIVE_STEPS && i <= t; i++)
		if (series->value[(t - i) * schema->columns + column] != series->value[t * schema->columns + column])
			return true;
	return false;
}

static void score_quantiles(struct slot_score *score, enum arithmetic a, const float quantiles[FORECAST_QUANTILES], float label,
			    bool is_moving)
{
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		score->pinball[a][q] += pinball(quantiles[q], forecast_quantile[q], label);
		score->cover[a][q] += label <= quantiles[q];
		score->cover_active[q] += a == ARITHMETIC_INT8 && is_moving && label <= quantiles[q];
	}
}

static void score_slot(struct scorer *scorer, const struct series *series, uint32_t t, uint32_t slot,
		       const float *output[ARITHMETIC_COUNT], const float spoken[ARITHMETIC_COUNT][FORECAST_QUANTILES])
{
	const struct schema *schema = &scorer->set->schema;
	uint32_t column = slot % schema->columns, ahead = schema->ahead[slot / schema->columns];
	float x[MEAN_SIZE], quantiles[FORECAST_QUANTILES], now = raw_at(schema, series, t, column), label, said;
	struct slot_score *score = &scorer->slot[slot];
	bool is_moving = is_active(schema, series, t, column);

	if (t + ahead >= series->steps || !series->known[t] || !series->known[t + ahead])
		return;
	label = raw_at(schema, series, t + ahead, column);
	ridge_inputs(schema, series, t, column, ahead, x);
	said = fmaxf(now + ridge_say(&scorer->ridge[slot], x), 0);
	add_error(score, SPEAKER_RIDGE, said, said, label);
	add_error(score, SPEAKER_PERSISTENCE, now, now, label);
	score->value += fabsf(label);
	score->count++;
	score->active += is_moving;
	for (int a = 0; a < ARITHMETIC_COUNT; a++) {
		quantiles_of(schema, series, t, slot, output[a], quantiles);
		mean_inputs(quantiles, now, x);
		add_error(score, a == ARITHMETIC_INT8 ? SPEAKER_INT8 : SPEAKER_FLOAT, spoken[a][1],
			  fmaxf(now + ridge_say(&scorer->mean[slot], x), 0), label);
		score_quantiles(score, (enum arithmetic)a, spoken[a], label, is_moving);
	}
	quantiles_of(schema, series, t, slot, output[ARITHMETIC_INT8], quantiles);
	score->untrusted += fabsf(quantiles[1] - label);
	for (int q = 0; q < FORECAST_QUANTILES; q++)
		score->pinball_alone[q] += pinball(quantiles[q], forecast_quantile[q], label);
}

static void score_onset(const struct schema *schema, const struct series *series, uint32_t t,
			const float *output[ARITHMETIC_COUNT], struct onset *to)
{
	int onset = bitbrains_onset(series, schema->columns, t, ONSET_STEPS, series->steps);
	float hour = 0;

	if (onset < 0)
		return;
	for (uint32_t i = 0; i < 12; i++)
		hour = fmaxf(hour, raw_at(schema, series, (int64_t)t - i, 0));
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		to->model[a][to->count] = (struct scored) { output[a][risk_output(0)], onset };
	to->now[to->count] = (struct scored) { raw_at(schema, series, t, 0), onset };
	to->hour[to->count] = (struct scored) { hour, onset };
	to->count++;
}

/* One step of one slot: what came true is learned before anything is said. */
static void step_slot(struct scorer *scorer, const struct series *series, uint32_t t, uint32_t slot,
		      float (*outputs[ARITHMETIC_COUNT])[OUTPUT_COUNT], struct follower followers[ARITHMETIC_COUNT])
{
	const struct schema *schema = &scorer->set->schema;
	uint32_t then = t - schema->ahead[slot / schema->columns];
	const float *output[] = { outputs[0][t], outputs[1][t] };
	float spoken[ARITHMETIC_COUNT][FORECAST_QUANTILES];

	for (int a = 0; a < ARITHMETIC_COUNT; a++) {
		follower_learn(&followers[a], schema, series, t, slot, outputs[a][then]);
		quantiles_of(schema, series, t, slot, output[a], spoken[a]);
		follower_speak(&followers[a], t, raw_at(schema, series, t, slot % schema->columns), spoken[a]);
	}
	if (t >= TEST_START)
		score_slot(scorer, series, t, slot, output, (const float (*)[FORECAST_QUANTILES])spoken);
}

static void score_series(struct scorer *scorer, const struct learner *learner, const struct series *series)
{
	const struct schema *schema = &scorer->set->schema;
	struct onset *onset = &scorer->onset[bitbrains_is_unseen(scorer->set, series->name)];
	float (*frames)[FEATURE_COUNT] = frames_new(schema, series), (*outputs[ARITHMETIC_COUNT])[OUTPUT_COUNT];
	struct follower (*followers)[ARITHMETIC_COUNT] = must_alloc(SLOTS_MAX, sizeof(*followers));

	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		outputs[a] = learner_run(learner, (enum arithmetic)a, frames, series->steps);
	for (uint32_t t = TRUST_START; t < series->steps; t++) {
		const float *output[] = { outputs[0][t], outputs[1][t] };

		for (uint32_t slot = 0; slot < schema->columns * schema->aheads; slot++)
			step_slot(scorer, series, t, slot, outputs, followers[slot]);
		if (t >= TEST_START)
			score_onset(schema, series, t, output, onset);
	}
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		free(outputs[a]);
	free(followers);
	free(frames);
}

/* Both machines seen in training and others: onset[0] takes onset[1]'s. */
static void onset_join(struct onset *to, const struct onset *from)
{
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		memcpy(to->model[a] + to->count, from->model[a], from->count * sizeof(struct scored));
	memcpy(to->now + to->count, from->now, from->count * sizeof(struct scored));
	memcpy(to->hour + to->count, from->hour, from->count * sizeof(struct scored));
	to->count += from->count;
}

static void onset_alloc(struct onset *onset, size_t count)
{
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		onset->model[a] = must_alloc(count, sizeof(struct scored));
	onset->now = must_alloc(count, sizeof(struct scored));
	onset->hour = must_alloc(count, sizeof(struct scored));
}

static void onset_free(struct onset *onset)
{
	for (int a = 0; a < ARITHMETIC_COUNT; a++)
		free(onset->model[a]);
	free(onset->now);
	free(onset->hour);
}

void bitbrains_score(const struct bench *bench, const struct bitbrains *set, const struct learner *learner)
{
	struct scorer *scorer = must_alloc(1, sizeof(*scorer));
	size_t steps = 0;

	scorer->set = set;
	for (uint32_t i = 0; i < set->test.count; i++)
		steps += set->test.series[i].steps;
	for (int i = 0; i < 2; i++)
		onset_alloc(&scorer->onset[i], steps);
	fit(scorer, learner);
	for (uint32_t i = 0; i < set->test.count; i++)
		score_series(scorer, learner, &set->test.series[i]);
	bitbrains_print(&set->schema, scorer->slot);
	fputs("\"bitbrains\":{", bench->json);
	bitbrains_print_json(&set->schema, scorer->slot, bench->json);
	bitbrains_print_onset("seen", &scorer->onset[0], bench->json);
	bitbrains_print_onset("unseen", &scorer->onset[1], bench->json);
	onset_join(&scorer->onset[0], &scorer->onset[1]);
	bitbrains_print_onset("", &scorer->onset[0], bench->json);
	fputc('}', bench->json);
	for (int i = 0; i < 2; i++)
		onset_free(&scorer->onset[i]);
	free(scorer);
}
