/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nanoseconds per step and sequence of the int8 LSTM in the shipped shape, by path and batch; the last line is JSON. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "predict/feature.h"
#include "predict/forecast.h"
#include "predict/lstm.h"

#define BATCH_MAX 1000
#define STEPS 200000	/* of sequences, per round */
#define ROUNDS 7	/* the median is quoted: the machine is shared */

static struct lstm_weights weights = { .config = { FEATURE_COUNT, LSTM_HIDDEN_DEFAULT, OUTPUT_COUNT } };
static struct lstm_state states[BATCH_MAX], *pointers[BATCH_MAX];
static float inputs[BATCH_MAX * FEATURE_COUNT], outputs[BATCH_MAX * OUTPUT_COUNT];

static void fill(void)
{
	for (uint32_t i = 0; i < FEATURE_COUNT; i++) {
		weights.input_scale[i] = 5.0f / 255;
		weights.input_zero[i] = 51;
	}
	for (uint32_t row = 0; row < 4 * LSTM_HIDDEN_DEFAULT; row++) {
		weights.gate_scale[row] = 0.0002f;
		for (uint32_t i = 0; i < FEATURE_COUNT + LSTM_HIDDEN_DEFAULT; i++)
			weights.gate[lstm_gate_index(&weights.config, row, i)] = (int8_t)(rand() % 127 - 63);
	}
	for (uint32_t row = 0; row < OUTPUT_COUNT; row++)
		weights.head_scale[row] = 0.0002f;
	for (uint32_t i = 0; i < BATCH_MAX * FEATURE_COUNT; i++)
		inputs[i] = (float)rand() / (float)RAND_MAX;
	for (uint32_t i = 0; i < BATCH_MAX; i++)
		pointers[i] = &states[i];
}

static double run_round(enum lstm_isa isa, size_t batch)
{
	struct timespec start, end;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (size_t done = 0; done < STEPS; done += batch)
		lstm_step(&weights, isa, pointers, inputs, outputs, batch);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / STEPS;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(void)
{
	static const size_t batches[] = { 1, 100, 1000 };
	const char *comma = "";

	fill();
	if (lstm_weights_derive(&weights) < 0)
		return 1;
	printf("{\"bench\": \"lstm\", \"unit\": \"ns/step\", \"shape\": [%d, %d, %d]", FEATURE_COUNT,
	       LSTM_HIDDEN_DEFAULT, OUTPUT_COUNT);
	for (enum lstm_isa isa = LSTM_PORTABLE; isa < LSTM_ISA_COUNT; isa++) {
		for (size_t b = 0; b < 3 && lstm_isa_usable(isa); b++) {
			double rounds[ROUNDS];

			for (int i = 0; i < ROUNDS; i++)
				rounds[i] = run_round(isa, batches[b]);
			qsort(rounds, ROUNDS, sizeof(*rounds), compare);
			printf("%s, \"%s_%zu\": %.1f", comma, lstm_isa_name(isa), batches[b], rounds[ROUNDS / 2]);
		}
	}
	puts("}");
	return 0;
}
