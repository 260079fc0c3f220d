/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trainer and both kinds of model of agent/predict, for sequences of any meaning. */
#include <stdlib.h>
#include <string.h>

#include "realdata.h"

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

int learner_train(struct learner *learner, const struct train_options *options, const struct lesson *train,
		  const struct lesson *validation)
{
	struct train_set train_set = { train->sequence, train->count };
	struct train_set validation_set = { validation->sequence, validation->count };
	struct train_report report;
	struct train *trainer;
	uint32_t i = learner->count;
	int r = train_new(options, &train_set, &validation_set, NULL, &trainer);

	if (r < 0) {
		fprintf(stderr, "training: the sequences or options make no sense (%d)\n", r);
		return -1;
	}
	while (!train_epoch(trainer, &report))
		fprintf(stderr, "  model %u epoch %2u  loss %.4f  validation float %.4f int8 %.4f%s\n", i + 1, report.epoch,
			report.train_loss, report.validation_loss_float, report.validation_loss_int8,
			report.best ? " best" : "");
	learner->real[i] = *train_best(trainer);
	train_free(trainer);
	if (train_quantize(&learner->real[i], &learner->quantized[i]) < 0) {
		fprintf(stderr, "training: the best model does not fit into int8\n");
		return -1;
	}
	learner->count++;
	return 0;
}

static void run_float(const struct lstm_float *model, float (*input)[FEATURE_COUNT], uint32_t steps, float share,
		      float (*to)[OUTPUT_COUNT])
{
	struct lstm_float_state state = { 0 };
	float output[OUTPUT_COUNT];

	for (uint32_t t = 0; t < steps; t++) {
		lstm_float_step(model, &state, input[t], output);
		for (uint32_t i = 0; i < OUTPUT_COUNT; i++)
			to[t][i] += share * output[i];
	}
}

static void run_quantized(const struct lstm_weights *model, float (*input)[FEATURE_COUNT], uint32_t steps, float share,
			  float (*to)[OUTPUT_COUNT])
{
	struct lstm_state state = { 0 }, *states[] = { &state };
	enum lstm_isa isa = lstm_isa_best();
	float output[OUTPUT_COUNT];

	for (uint32_t t = 0; t < steps; t++) {
		lstm_step(model, isa, states, input[t], output, 1);
		for (uint32_t i = 0; i < OUTPUT_COUNT; i++)
			to[t][i] += share * output[i];
	}
}

float (*learner_run(const struct learner *learner, enum arithmetic arithmetic, float (*input)[FEATURE_COUNT],
		    uint32_t steps))[OUTPUT_COUNT]
{
	float (*outputs)[OUTPUT_COUNT] = must_alloc(steps, sizeof(*outputs));
	float share = 1 / (float)learner->count;

	for (uint32_t i = 0; i < learner->count; i++) {
		if (arithmetic == ARITHMETIC_FLOAT)
			run_float(&learner->real[i], input, steps, share, outputs);
		else
			run_quantized(&learner->quantized[i], input, steps, share, outputs);
	}
	return outputs;
}
