/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trainer learns, repeats itself, and its scores are right. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "predict/train.h"
#include "predict/train_internal.h"

#define STEPS 200
#define SEQUENCES 24

/* Rows of one set of sequences, kept together. */
struct world {
	struct train_sequence sequences[SEQUENCES];
	float input[SEQUENCES][STEPS][FEATURE_COUNT];
	struct train_truth truth[SEQUENCES][STEPS];
};

static struct world world, other_world;
static struct train_meter meter;
static struct train_random random_source;

static float draw_between(float low, float high)
{
	return low + (high - low) * (train_random_signed(&random_source) + 1) / 2;
}

static void init_world(struct world *w, uint32_t steps)
{
	memset(w, 0, sizeof(*w));
	for (int s = 0; s < SEQUENCES; s++)
		w->sequences[s] = (struct train_sequence) {
			.steps = steps, .weight = 1, .input = w->input[s], .truth = w->truth[s],
		};
}

/* Two SLIs and two resources that follow a spike of OTHERS_EXECS, each with a delay of its own. */
static void fill_impulses(struct world *w)
{
	for (int s = 0; s < SEQUENCES; s++) {
		for (int t = 0; t < STEPS; t++) {
			bool spike = draw_between(0, 1) < 0.12f, before[6];
			struct train_truth *truth = &w->truth[s][t];
			struct train_label *next = &truth->then[0];

			w->input[s][t][FEATURE_OTHERS_EXECS] = spike;
			w->input[s][t][FEATURE_OTHERS_CPU] = draw_between(0, 1);
			for (int ago = 0; ago < 6; ago++)
				before[ago] = t >= ago && w->input[s][t - ago][FEATURE_OTHERS_EXECS] > 0.5f;
			if (t > 0)
				truth->now = w->truth[s][t - 1].then[0];
			next->violated = (uint16_t)(before[3] << SLI_RUNQ_P99 | before[2] << SLI_IO_P99);
			next->demand[RESOURCE_CPU] = before[5] ? 0.8f : 0.2f;
			next->demand[RESOURCE_MEMORY] = before[4] ? 0.6f : 0.1f;
			next->sli = before[3] ? 0.5f : -0.5f;
			next->known = TRAIN_KNOWS_VIOLATED(SLI_RUNQ_P99) | TRAIN_KNOWS_VIOLATED(SLI_IO_P99) |
				      TRAIN_KNOWS_DEMAND(RESOURCE_CPU) | TRAIN_KNOWS_DEMAND(RESOURCE_MEMORY) |
				      TRAIN_KNOWS_SLI;
		}
	}
}

static void make_impulses(uint64_t seed)
{
	train_random_seed(&random_source, seed);
	init_world(&world, STEPS);
	fill_impulses(&world);
	init_world(&other_world, STEPS);
	fill_impulses(&other_world);
}

static struct train *open_trainer(const struct train_options *options)
{
	const struct train_set train = { world.sequences, SEQUENCES };
	const struct train_set validation = { other_world.sequences, SEQUENCES };
	struct train *ret;

	assert_int_equal(train_new(options, &train, &validation, NULL, &ret), 0);
	return ret;
}

static void assert_risk_learned(const struct train_risk_score *score)
{
	print_message("risk: AUPRC %.3f, persistence %.3f, base %.3f\n", score->auprc, score->auprc_persistence,
		      score->base_rate);
	assert_true(score->auprc > 0.95);
	assert_true(score->auprc > score->auprc_persistence + 0.3);
	assert_true(score->bce < 0.3 * score->bce_persistence);
	assert_true(score->onset_auprc > 0.95);
}

static void assert_quantiles_learned(const struct train_quantile_score *score)
{
	print_message("pinball %.4f, persistence %.4f\n", score->pinball, score->persistence);
	/* What it was a second ago the model is not told: it has to remember. */
	assert_true(score->pinball < 0.7 * score->persistence);
}

/* What no label spoke of says the same whatever it sees. */
static void assert_unlabelled_heads_are_silent(const struct lstm_weights *weights)
{
	static const int silent[] = { OUTPUT_RISK(0, SLI_RETRANS), OUTPUT_DEMAND(0, RESOURCE_NET, 2),
				      OUTPUT_RISK(1, SLI_RUNQ_P99), OUTPUT_SLI(1, 3) };

	for (uint32_t i = 0; i < 4; i++)
		assert_true(lstm_output_is_constant(weights, (uint32_t)silent[i]));
	assert_false(lstm_output_is_constant(weights, OUTPUT_RISK(0, SLI_RUNQ_P99)));
	assert_true(fabsf(lstm_float_sigmoid(weights->head_bias[OUTPUT_RISK(0, SLI_RETRANS)]) - 0.01f) < 1e-4f);
}

static void training_learns_a_delayed_impulse(void **state)
{
	const struct train_set validation = { other_world.sequences, SEQUENCES };
	struct train_options options;
	struct train_report report;
	struct train_score before, real, quantized;
	static struct lstm_weights weights;
	struct train *train;

	(void)state;
	make_impulses(11);
	train_options_init(&options);
	options.hidden = 16;
	options.epochs = 30;
	options.learning_rate = 1e-2f;
	train = open_trainer(&options);
	train_evaluate(&options, &(struct train_subject) { .real = train_best(train) }, &validation, &meter, &before);
	while (train_epoch(train, &report) == 0)
		;
	train_evaluate(&options, &(struct train_subject) { .real = train_best(train) }, &validation, &meter, &real);
	assert_int_equal(train_quantize(train_best(train), &weights), 0);
	train_evaluate(&options, &(struct train_subject) { .quantized = &weights, .isa = lstm_isa_best() },
		       &validation, &meter, &quantized);
	print_message("loss %.4f -> %.4f float, %.4f int8\n", before.loss, real.loss, quantized.loss);
	assert_true(report.quantized);
	assert_true(real.loss < 0.3 * before.loss);
	assert_true(quantized.loss < 0.3 * before.loss);
	assert_risk_learned(&quantized.horizon[0].risk[SLI_RUNQ_P99]);
	assert_risk_learned(&quantized.horizon[0].risk[SLI_IO_P99]);
	assert_quantiles_learned(&quantized.horizon[0].demand[RESOURCE_CPU]);
	assert_quantiles_learned(&quantized.horizon[0].demand[RESOURCE_MEMORY]);
	assert_quantiles_learned(&quantized.horizon[0].sli);
	assert_true(isnan(quantized.horizon[0].risk[SLI_RETRANS].auprc));
	assert_true(isnan(quantized.horizon[0].demand[RESOURCE_NET].pinball));
	assert_unlabelled_heads_are_silent(&weights);
	train_free(train);
}

/* With a rate of nothing, an epoch's loss is that of an evaluation, which starts every sequence afresh. */
static void epoch_sees_every_step_once_from_a_fresh_state(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	struct train_options options;
	struct train_report report;
	struct train *train;

	(void)state;
	make_impulses(19);
	for (int s = 0; s < SEQUENCES; s++) {
		world.sequences[s].steps = 1 + (uint32_t)s * 199 / (SEQUENCES - 1);
		world.sequences[s].weight = s % 2 ? 1 : 3;
	}
	train_options_init(&options);
	options.learning_rate = 1e-30f;
	options.quantize_share = 0;
	options.lanes = 5;
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(train_epoch(train, &report), 0);
		assert_true(fabs(report.train_loss / report.validation_loss_float - 1) < 1e-5);
		assert_true(fabs(report.train_loss / report.validation_loss_int8 - 1) < 2e-2);
		assert_int_equal(report.best, i == 0);
	}
	train_free(train);
}

static void same_seed_gives_the_same_bytes(void **state)
{
	struct train_options options;
	struct train_report first_report, second_report;
	struct train *first, *second, *third;

	(void)state;
	make_impulses(12);
	train_options_init(&options);
	options.hidden = 16;
	options.epochs = 3;
	first = open_trainer(&options);
	second = open_trainer(&options);
	options.seed = 2;
	third = open_trainer(&options);
	while (train_epoch(first, &first_report) == 0)
		assert_int_equal(train_epoch(second, &second_report), 0);
	assert_int_equal(train_epoch(second, &second_report), -ENODATA);
	assert_memory_equal(train_best(first), train_best(second), sizeof(*train_best(first)));
	assert_int_equal(train_epoch(third, &second_report), 0);
	assert_memory_not_equal(train_best(first), train_best(third), sizeof(*train_best(first)));
	train_free(first);
	train_free(second);
	train_free(third);
}

static void retraining_starts_from_given_weights(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	static struct lstm_float start;
	struct train_options options;
	struct train *train;

	(void)state;
	make_impulses(14);
	train_options_init(&options);
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), 0);
	start = *train_best(train);
	train_free(train);
	start.gate[77] = 0.125f;
	start.input_high[0] = 3;
	assert_int_equal(train_new(&options, &train_set, &none, &start, &train), 0);
	assert_memory_equal(train_best(train)->gate, start.gate, sizeof(start.gate));
	assert_true(train_best(train)->input_high[0] == 3);
	train_free(train);
	start.config.hidden = 16;
	assert_int_equal(train_new(&options, &train_set, &none, &start, &train), -EINVAL);
}

static void senseless_options_are_refused(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	struct train_options options;
	struct train *train = NULL;

	(void)state;
	make_impulses(15);
#define REFUSES(change) do { train_options_init(&options); change; \
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), -EINVAL); } while (0)
	REFUSES(options.hidden = 20);
	REFUSES(options.epochs = 0);
	REFUSES(options.lanes = TRAIN_LANES_MAX + 1);
	REFUSES(options.chunk_steps = TRAIN_CHUNK_MAX + 1);
	REFUSES(options.learning_rate = NAN);
	REFUSES(options.clip_norm = 0);
	REFUSES(options.quantize_share = 1.5f);
	REFUSES(options.dropout = 1);
	REFUSES(options.averaging = 1);
	REFUSES(options.direct_rate = NAN);
	REFUSES(world.sequences[3].weight = NAN);
	REFUSES(world.sequences[3].steps = 0);
#undef REFUSES
	train_options_init(&options);
	assert_int_equal(train_new(&options, &none, &none, NULL, &train), -EINVAL);
	assert_null(train);
	train_free(NULL);
}

#define FOLLOWING SLI_RESP_P99

/* A model that says what an input says: the first unit follows OWN_CPU, one SLI's risk follows the unit. */
static void make_follower(struct lstm_float *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->config = (struct lstm_config) { FEATURE_COUNT, 16, OUTPUT_COUNT, OUTPUT_DIRECT };
	for (int i = 0; i < FEATURE_COUNT; i++)
		ret->input_high[i] = 1;
	ret->gate_bias[0] = 20;
	ret->gate_bias[16] = -20;
	ret->gate_bias[48] = 20;
	ret->gate[(size_t)32 * (FEATURE_COUNT + 16) + FEATURE_OWN_CPU] = 1;
	ret->head[OUTPUT_RISK(0, FOLLOWING) * 16] = 4;
}

/* Average precision the slow way: scores of a few levels, so that ties matter and no bin splits or joins them. */
static double slow_average_precision(const int *levels, const bool *labels, int count)
{
	double positives = 0, sum = 0;

	for (int i = 0; i < count; i++)
		positives += labels[i];
	for (int level = 10; level >= 0; level--) {
		double hits = 0, alarms = 0, here = 0;

		for (int i = 0; i < count; i++) {
			hits += levels[i] >= level && labels[i];
			alarms += levels[i] >= level;
			here += levels[i] == level && labels[i];
		}
		if (here > 0)
			sum += here / positives * hits / alarms;
	}
	return sum;
}

static void scores_match_the_slow_way(void **state)
{
	const struct train_set set = { world.sequences, 1 };
	static struct lstm_float follower;
	struct train_options options;
	struct train_score score;
	const struct train_risk_score *risk;
	int levels[STEPS], violated_now[STEPS], onsets = 0;
	bool labels[STEPS];
	double positives = 0;

	(void)state;
	train_random_seed(&random_source, 17);
	train_options_init(&options);
	init_world(&world, STEPS);
	make_follower(&follower);
	for (int t = 0; t < STEPS; t++) {
		levels[t] = (int)(train_random_next(&random_source) % 11);
		labels[t] = draw_between(0, 10) < (float)levels[t];
		violated_now[t] = draw_between(0, 1) < 0.3f;
		world.input[0][t][FEATURE_OWN_CPU] = (float)levels[t] / 10;
		world.truth[0][t].now.violated = violated_now[t] << FOLLOWING;
		world.truth[0][t].then[0].violated = (uint16_t)(labels[t] << FOLLOWING);
		world.truth[0][t].then[0].known = TRAIN_KNOWS_VIOLATED(FOLLOWING);
		positives += labels[t];
	}
	train_evaluate(&options, &(struct train_subject) { .real = &follower }, &set, &meter, &score);
	risk = &score.horizon[0].risk[FOLLOWING];
	assert_true(fabs(risk->auprc - slow_average_precision(levels, labels, STEPS)) < 1e-9);
	assert_true(fabs(risk->base_rate - positives / STEPS) < 1e-9);
	assert_true(fabs(risk->auprc_persistence - slow_average_precision(violated_now, labels, STEPS)) < 1e-9);
	for (int t = 0; t < STEPS; t++) {
		if (violated_now[t])
			continue;
		levels[onsets] = levels[t];
		labels[onsets++] = labels[t];
	}
	assert_true(fabs(risk->onset_auprc - slow_average_precision(levels, labels, onsets)) < 1e-9);
	assert_true(fabs(risk->total - STEPS) < 1e-9);
	assert_true(isnan(score.horizon[1].risk[FOLLOWING].auprc));
	assert_true(isnan(score.horizon[0].risk[SLI_RUNQ_P99].auprc));
	assert_true(isnan(score.horizon[0].demand[RESOURCE_CPU].pinball));
	assert_int_equal(score.steps, STEPS);
}

/*
 * Ten seconds: io_p99 not measured in second 2, nor in 4, in which we act, and violated in 6; runq_p99 never violated, retrans never
 * measured; it fails in the last.
 */
static void labels_are_what_came_true(void **state)
{
	const uint16_t io = TRAIN_KNOWS_VIOLATED(SLI_IO_P99), runq = TRAIN_KNOWS_VIOLATED(SLI_RUNQ_P99);
	const uint16_t retrans = TRAIN_KNOWS_VIOLATED(SLI_RETRANS), failure = TRAIN_KNOWS_VIOLATED(OUTPUT_RISK_FAILURE);
	static struct train_truth truth[10];

	(void)state;
	for (int t = 0; t < 10; t++) {
		truth[t].now = (struct train_label) { .demand = { [RESOURCE_NET] = (float)t }, .sli = -(float)t };
		truth[t].now.known = TRAIN_KNOWS_DEMAND(RESOURCE_NET) | (t == 5 ? 0 : TRAIN_KNOWS_SLI) | runq | failure |
				     (t == 2 ? 0 : t == 4 ? TRAIN_ACTED : io);
		truth[t].now.violated = t == 6 ? 1u << SLI_IO_P99 : t == 9 ? 1u << OUTPUT_RISK_FAILURE : 0;
	}
	train_truth_fill(truth, 10);
	for (int t = 0; t < 10; t++) {
		const struct train_label *one = &truth[t].then[0], *two = &truth[t].then[1], *five = &truth[t].then[2];

		/* What nobody asked for was not violated: 2 is known. */
		assert_int_equal((bool)(one->known & io), t != 9 && t != 3);
		assert_int_equal((bool)(two->known & io), t < 8 && t != 2 && t != 3);
		/* 6 is within 1..5 of seconds 1 to 4; it makes known what 4 leaves open, 0 sees only 4; of 5 the end is not known. */
		assert_int_equal((bool)(five->known & io), t >= 1 && t <= 4);
		assert_int_equal(five->violated & (1u << SLI_IO_P99), t >= 1 && t <= 4 ? 1u << SLI_IO_P99 : 0);
		assert_int_equal(two->violated & (1u << SLI_IO_P99), t == 4 || t == 5 ? 1u << SLI_IO_P99 : 0);
		assert_int_equal((bool)(five->known & runq), t <= 4);
		assert_int_equal((bool)(two->known & TRAIN_KNOWS_SLI), t < 8 && t != 3);
		assert_int_equal((bool)(two->known & TRAIN_KNOWS_DEMAND(RESOURCE_NET)), t < 8);
		assert_int_equal(two->known & (TRAIN_KNOWS_DEMAND(RESOURCE_CPU) | TRAIN_ACTED | retrans), 0);
		assert_true(t >= 8 || (two->demand[RESOURCE_NET] == (float)t + 2 && two->sli == -(float)t - 2));
		/* What fails may end with it. */
		assert_int_equal(truth[t].then[5].known, t < 9 ? failure : 0);
		assert_int_equal(truth[t].then[5].violated, t < 9 ? 1u << OUTPUT_RISK_FAILURE : 0);
	}
}

/* Zeros say: quantiles now, and of the change - log 2, 0, log 2, 2 log 2. */
static void quantile_scores_match_by_hand(void **state)
{
	const struct train_set set = { world.sequences, 1 };
	static struct lstm_float zeros;
	struct train_options options;
	struct train_score score;
	struct train_quantile_score *net = &score.horizon[3].demand[RESOURCE_NET];

	(void)state;
	train_options_init(&options);
	init_world(&world, 2);
	make_follower(&zeros);
	for (int t = 0; t < 2; t++) {
		world.truth[0][t].then[3].known = TRAIN_KNOWS_DEMAND(RESOURCE_NET);
		world.truth[0][t].then[3].demand[RESOURCE_NET] = t ? 1 : 0.5f;
		world.truth[0][t].now.demand[RESOURCE_NET] = t ? 0.5f : 0.25f;
	}
	train_evaluate(&options, &(struct train_subject) { .real = &zeros }, &set, &meter, &score);
	/* A change of .25 against -.69 0 .69 1.39, then .5 against the same. */
	assert_true(fabs(net->pinball - ((.0943147 + .125 + .0443147 + .0113629) / 4 +
					 (.1193147 + .25 + .0193147 + .0088629) / 4) / 2) < 1e-6);
	assert_true(fabs(net->persistence - (.25 + .5) * (.1 + .5 + .9 + .99) / 4 / 2) < 1e-6);
	assert_true(net->cover[0] == 0 && net->cover[1] == 0 && net->cover[2] == 1);
	assert_true(fabs(score.loss - net->pinball * options.demand_weight / FORECAST_HORIZONS / 4) < 1e-6);
	assert_true(isnan(score.horizon[3].demand[RESOURCE_CPU].pinball));
	assert_true(isnan(score.horizon[3].sli.pinball));
}

/* Zeros say -.69 to .69 of the change; the network moves within 2 either way, memory by as much while it stands still, of io little is known. */
static void quantiles_are_widened_where_it_moves(void **state)
{
	const struct train_set set = { world.sequences, SEQUENCES };
	static struct lstm_float zeros;
	struct train_options options;
	struct train_score score;
	const struct train_quantile_score *net = &score.horizon[0].demand[RESOURCE_NET];

	(void)state;
	train_options_init(&options);
	train_random_seed(&random_source, 5);
	init_world(&world, STEPS);
	make_follower(&zeros);
	for (int s = 0; s < SEQUENCES; s++)
		for (int t = 0; t < STEPS; t++) {
			struct train_truth *truth = &world.truth[s][t];

			truth->now.demand[RESOURCE_NET] = truth->now.demand[RESOURCE_IO] = 1 + (float)(t % 2);
			truth->then[0].demand[RESOURCE_NET] = truth->now.demand[RESOURCE_NET] + draw_between(-2, 2);
			truth->then[0].demand[RESOURCE_MEMORY] = draw_between(-2, 2);
			truth->then[0].demand[RESOURCE_IO] = draw_between(-20, 20);
			truth->then[0].known = TRAIN_KNOWS_DEMAND(RESOURCE_NET) | TRAIN_KNOWS_DEMAND(RESOURCE_MEMORY) |
					       (s || t >= 30 ? 0 : TRAIN_KNOWS_DEMAND(RESOURCE_IO));
		}
	assert_int_equal(train_widen(&set, &zeros), 0);
	train_evaluate(&options, &(struct train_subject) { .real = &zeros }, &set, &meter, &score);
	assert_float_equal(net->cover[0], 0.1, 0.01);
	assert_float_equal(net->cover[2], 0.9, 0.01);
	assert_true(zeros.head_bias[OUTPUT_DEMAND(0, RESOURCE_NET, OUTPUT_MEDIAN)] == 0);
	for (int q = 0; q < FORECAST_QUANTILES; q++) {
		assert_true(zeros.head_bias[OUTPUT_DEMAND(0, RESOURCE_MEMORY, q)] == 0);
		assert_true(zeros.head_bias[OUTPUT_DEMAND(0, RESOURCE_IO, q)] == 0);
	}
}

static void training_is_quick_enough(void **state)
{
	const struct train_set train_set = { world.sequences, SEQUENCES }, none = { NULL, 0 };
	struct train_options options;
	struct train_report report;
	struct train *train;
	clock_t start;
	double seconds;

	(void)state;
	make_impulses(18);
	/* No input is zero and every label known: the trainer is quicker without. */
	for (int i = 0; i < SEQUENCES * STEPS * FEATURE_COUNT; i++)
		((float *)world.input)[i] = draw_between(0.1f, 1);
	for (int i = 0; i < SEQUENCES * STEPS * FORECAST_HORIZONS; i++)
		world.truth[i / FORECAST_HORIZONS / STEPS][i / FORECAST_HORIZONS % STEPS].then[i % FORECAST_HORIZONS]
			.known = TRAIN_KNOWS_VIOLATED(SLI_LEARNED_COUNT) - 1;
	train_options_init(&options);
	assert_int_equal(train_new(&options, &train_set, &none, NULL, &train), 0);
	start = clock();
	for (int i = 0; i < 4; i++)
		assert_int_equal(train_epoch(train, &report), 0);
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%.0f steps/s at H = 32, two validations included\n", 4.0 * (double)report.steps / seconds);
	/* Six times eighty epochs over 12 k steps in eight minutes would be 12 k; a sanitizer's build is slower. */
	assert_true(4.0 * (double)report.steps / seconds > 1000);
	train_free(train);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(training_learns_a_delayed_impulse),
		cmocka_unit_test(epoch_sees_every_step_once_from_a_fresh_state),
		cmocka_unit_test(same_seed_gives_the_same_bytes),
		cmocka_unit_test(retraining_starts_from_given_weights),
		cmocka_unit_test(senseless_options_are_refused),
		cmocka_unit_test(scores_match_the_slow_way),
		cmocka_unit_test(quantile_scores_match_by_hand),
		cmocka_unit_test(labels_are_what_came_true),
		cmocka_unit_test(quantiles_are_widened_where_it_moves),
		cmocka_unit_test(training_is_quick_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
