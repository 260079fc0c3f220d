/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trainer and both kinds of model of agent/predict, for sequences of any meaning. */
#include <stdlib.h>
#include <string.h>

#include "realdata.h"
#include "tools/work.h"

void lesson_add(struct lesson *lesson, float (*input)[FEATURE_COUNT], struct train_truth *truth, uint32_t from,
		uint32_t to, float weight)
{
	if (to <= from)
		return;
	if (lesson->count == lesson->capacity) {
		lesson->capacity = lesson->capacity ? 2 * lesson->capacity : 64;
		lesson->sequence = realloc(lesson->sequence, lesson->capacity * sizeof(*lesson->sequence));
	}
	lesson->sequence[lesson->count++] = (struct train_sequence) {
		.steps = to - from,
		.weight = weight,
		.input = (const float (*)[FEATURE_COUNT])input + from,
		.truth = truth + from,
	};
}

struct training {
	struct learner *learner;
	const struct train_options *options;
	struct train_set train, validation;
	int result[MODELS_MAX];
};

static void model_train(void *context, uint32_t i)
{
	struct training *training = context;
	struct train_options options = *training->options;
	struct train_report report;
	struct train *trainer;
	int r;

	options.seed += i;
	r = train_new(&options, &training->train, &training->validation, NULL, &trainer);
	training->result[i] = r;
	if (r < 0)
		return;
	while (!train_epoch(trainer, &report))
		fprintf(stderr, "  model %u epoch %2u  loss %.4f  validation float %.4f int8 %.4f%s\n", i + 1, report.epoch,
			report.train_loss, report.validation_loss_float, report.validation_loss_int8,
			report.best ? " best" : "");
	training->learner->real[i] = *train_best(trainer);
	train_free(trainer);
	training->result[i] = train_quantize(&training->learner->real[i], &training->learner->quantized[i]);
}

int learner_train(struct learner *learner, uint32_t count, const struct train_options *options, const struct lesson *train,
		  const struct lesson *validation)
{
	struct training training = { .learner = learner, .options = options, .train = { train->sequence, train->count },
				     .validation = { validation->sequence, validation->count } };

	work_all(count, model_train, &training);
	learner->count = count;
	for (uint32_t i = 0; i < count; i++)
		if (training.result[i] < 0) {
			fprintf(stderr, "training: sequences or options make no sense, or the best model does not fit into int8 (%d)\n",
				training.result[i]);
			return -1;
		}
	return 0;
}

static void run_float(const struct lstm_float *model, float (*input)[FEATURE_COUNT], uint32_t steps,
		      float (*to)[OUTPUT_COUNT])
{
	struct lstm_float_state state = { 0 };

	for (uint32_t t = 0; t < steps; t++)
		lstm_float_step(model, &state, input[t], to[t]);
}

static void run_quantized(const struct lstm_weights *model, float (*input)[FEATURE_COUNT], uint32_t steps,
			  float (*to)[OUTPUT_COUNT])
{
	struct lstm_state state = { 0 }, *states[] = { &state };
	enum lstm_isa isa = lstm_isa_best();

	for (uint32_t t = 0; t < steps; t++)
		lstm_step(model, isa, states, input[t], to[t], 1);
}

struct running {
	const struct learner *learner;
	enum arithmetic arithmetic;
	float (*input)[FEATURE_COUNT];
	uint32_t steps;
	float (*output[MODELS_MAX])[OUTPUT_COUNT];
};

static void model_run(void *context, uint32_t i)
{
	struct running *running = context;

	running->output[i] = must_alloc(running->steps, sizeof(*running->output[i]));
	if (running->arithmetic == ARITHMETIC_FLOAT)
		run_float(&running->learner->real[i], running->input, running->steps, running->output[i]);
	else
		run_quantized(&running->learner->quantized[i], running->input, running->steps, running->output[i]);
}

float (*learner_run(const struct learner *learner, enum arithmetic arithmetic, float (*input)[FEATURE_COUNT],
		    uint32_t steps))[OUTPUT_COUNT]
{
	struct running running = { .learner = learner, .arithmetic = arithmetic, .input = input, .steps = steps };
	float (*outputs)[OUTPUT_COUNT] = must_alloc(steps, sizeof(*outputs));
	float share = 1 / (float)learner->count;

	work_all(learner->count, model_run, &running);
	/* Always in the same order: sums of floats depend on it. */
	for (uint32_t i = 0; i < learner->count; i++) {
		for (uint32_t t = 0; t < steps; t++)
			for (uint32_t at = 0; at < OUTPUT_COUNT; at++)
				outputs[t][at] += share * running.output[i][t][at];
		free(running.output[i]);
	}
	return outputs;
}
