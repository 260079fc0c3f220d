/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nanoseconds per step and sequence of the int8 LSTM by path, shape and batch, beside torch in the same run; error against
 * the formulas of lstm.h in double; and whether all paths give the same bytes. The last line is JSON, of H = 64.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "predict/feature.h"
#include "predict/forecast.h"
#include "predict/lstm.h"

#define BATCH_MAX 10000
#define STEPS 20000	/* of sequences, per round */
#define ROUNDS 5	/* the median is quoted: the machine is shared */
#define COMPARED 64	/* sequences, and steps of each, whose bytes and errors are compared */
#define QUOTED 1	/* shape, */
#define QUOTED_BATCH 2	/* and batch of the JSON */
#define TORCH "tests/bench/lstm_torch.py"

static const struct lstm_config shapes[] = {
	{ 32, 32, 1, 0 },
	{ 32, 64, 1, 0 },
	{ FEATURE_COUNT, LSTM_HIDDEN_DEFAULT, OUTPUT_COUNT, OUTPUT_DIRECT },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))
static const size_t batches[] = { 1, 100, 1000, BATCH_MAX };
#define BATCHES (sizeof(batches) / sizeof(batches[0]))

static struct lstm_weights weights;
static struct lstm_state states[BATCH_MAX], *pointers[BATCH_MAX];
static float inputs[BATCH_MAX * LSTM_INPUT_MAX], outputs[BATCH_MAX * LSTM_OUTPUT_MAX];

static int8_t random_weight(void)
{
	return (int8_t)(rand() % 127 - 63);
}

static int fill(const struct lstm_config *config)
{
	memset(&weights, 0, sizeof(weights));
	weights.config = *config;
	for (uint32_t i = 0; i < config->input; i++) {
		weights.input_scale[i] = 5.0f / 255;
		weights.input_zero[i] = 51;
	}
	/* Stronger random weights make a chaotic net, in which no two arithmetics agree for long; trained ones forget. */
	for (uint32_t row = 0; row < LSTM_GATES * config->hidden; row++) {
		weights.gate_scale[row] = 0.00003f;
		for (uint32_t i = 0; i < config->input + config->hidden; i++)
			weights.gate[lstm_gate_index(config, row, i)] = random_weight();
	}
	for (uint32_t row = 0; row < config->output; row++) {
		weights.head_scale[row] = 0.0001f;
		for (uint32_t j = 0; j < config->hidden; j++)
			weights.head[lstm_head_index(config, row, j)] = random_weight();
		if (row < config->direct)
			weights.direct_scale[row] = 0.0001f;
		for (uint32_t i = 0; row < config->direct && i < config->input; i++)
			weights.direct[lstm_direct_index(config, row, i)] = random_weight();
	}
	for (uint32_t i = 0; i < BATCH_MAX * LSTM_INPUT_MAX; i++)
		inputs[i] = (float)rand() / (float)RAND_MAX;
	return lstm_weights_derive(&weights);
}

static void reset(void)
{
	for (uint32_t i = 0; i < BATCH_MAX; i++) {
		lstm_state_reset(&states[i]);
		pointers[i] = &states[i];
	}
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

static double median_ns(enum lstm_isa isa, size_t batch)
{
	double rounds[ROUNDS];

	reset();
	for (int i = 0; i < ROUNDS; i++)
		rounds[i] = run_round(isa, batch);
	qsort(rounds, ROUNDS, sizeof(*rounds), compare);
	return rounds[ROUNDS / 2];
}

/* --- the reference: what the weights stand for, in double, nothing rounded -------------------------------------------------*/

struct reference {
	double c[LSTM_HIDDEN_MAX], h[LSTM_HIDDEN_MAX];
};

static double gate_sum(const struct reference *state, uint32_t row, const float *input)
{
	const struct lstm_config *config = &weights.config;
	double sum = 0;

	for (uint32_t i = 0; i < config->input; i++)
		sum += weights.gate[lstm_gate_index(config, row, i)] * (double)input[i] / weights.input_scale[i];
	for (uint32_t j = 0; j < config->hidden; j++)
		sum += weights.gate[lstm_gate_index(config, row, config->input + j)] * state->h[j] * 128;
	return sum * weights.gate_scale[row] + weights.gate_bias[row];
}

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static void reference_step(struct reference *state, const float *input, double *output)
{
	const struct lstm_config *config = &weights.config;
	double z[LSTM_ROWS_MAX];

	for (uint32_t row = 0; row < LSTM_GATES * config->hidden; row++)
		z[row] = gate_sum(state, row, input);
	for (uint32_t j = 0; j < config->hidden; j++) {
		const double *gate = z + j;
		uint32_t h = config->hidden;

		state->c[j] = sigmoid(gate[h]) * state->c[j] + sigmoid(gate[0]) * tanh(gate[2 * h]);
		state->h[j] = sigmoid(gate[3 * h]) * tanh(state->c[j]);
	}
	for (uint32_t row = 0; row < config->output; row++) {
		output[row] = weights.head_bias[row];
		for (uint32_t j = 0; j < config->hidden; j++)
			output[row] += weights.head[lstm_head_index(config, row, j)] * state->h[j] * 128 * weights.head_scale[row];
	}
}

struct error {
	double most, mean;
};

/* Of h, which all that is said is made of: sequences side by side, each step with other inputs. */
static struct error error_measure(enum lstm_isa isa)
{
	static struct reference references[COMPARED];
	uint32_t hidden = weights.config.hidden, input = weights.config.input;
	double output[LSTM_OUTPUT_MAX];
	struct error error = { 0 };

	reset();
	memset(references, 0, sizeof(references));
	for (uint32_t t = 0; t < COMPARED; t++) {
		const float *step_inputs = inputs + (size_t)t * COMPARED * input;

		lstm_step(&weights, isa, pointers, step_inputs, outputs, COMPARED);
		for (uint32_t s = 0; s < COMPARED; s++) {
			reference_step(&references[s], step_inputs + s * input, output);
			for (uint32_t j = 0; j < hidden; j++) {
				double off = fabs(states[s].h[j] * (double)LSTM_HIDDEN_SCALE - references[s].h[j]);

				error.most = fmax(error.most, off);
				error.mean += off / (COMPARED * COMPARED) / hidden;
			}
		}
	}
	return error;
}

/* FNV-1a of all outputs and the last states. */
static uint64_t bytes_hash(enum lstm_isa isa)
{
	uint64_t hash = 0xcbf29ce484222325;

	reset();
	for (uint32_t t = 0; t < COMPARED; t++) {
		lstm_step(&weights, isa, pointers, inputs + (size_t)t * COMPARED * weights.config.input, outputs, COMPARED);
		for (size_t i = 0; i < COMPARED * weights.config.output * sizeof(float); i++)
			hash = (hash ^ ((const uint8_t *)outputs)[i]) * 0x100000001b3;
	}
	for (size_t i = 0; i < COMPARED * sizeof(*states); i++)
		hash = (hash ^ ((const uint8_t *)states)[i]) * 0x100000001b3;
	return hash;
}

/* ns of torch by H (32, 64), batch and float or int8; stays NaN without torch. */
static void torch_run(double ret[2][BATCHES][2])
{
	FILE *torch = popen(TORCH " 1 100 1000 10000 2>/dev/null", "r");
	int hidden;
	size_t batch;
	double real, quantized;

	for (size_t i = 0; i < 2 * BATCHES * 2; i++)
		((double *)ret)[i] = NAN;
	while (torch && fscanf(torch, "%d %zu %lf %lf", &hidden, &batch, &real, &quantized) == 4)
		for (size_t b = 0; b < BATCHES; b++)
			if (batches[b] == batch) {
				ret[hidden == 64][b][0] = real;
				ret[hidden == 64][b][1] = quantized;
			}
	if (!torch || pclose(torch) != 0)
		printf("torch: did not run; install python3-torch for the comparison\n");
}

static void print_row(const char *name, const double ns[BATCHES])
{
	printf("  %-12s", name);
	for (size_t b = 0; b < BATCHES; b++)
		printf(" %9.1f", ns[b]);
}

static void print_torch(double torch[2][BATCHES][2], uint32_t shape)
{
	for (int q = 0; shape < 2 && q < 2; q++) {
		double ns[BATCHES];

		for (size_t b = 0; b < BATCHES; b++)
			ns[b] = torch[shape][b][q];
		print_row(q ? "torch int8" : "torch float", ns);
		putchar('\n');
	}
}

/* 0; 1: two paths differ. */
static int shape_run(size_t shape, double torch[2][BATCHES][2], double best[BATCHES], struct error *error)
{
	uint64_t hash = 0;
	int r = fill(&shapes[shape]) < 0;

	printf("%u inputs, H = %u, %u outputs; ns per step and sequence, by batch 1, 100, 1000, 10000\n", shapes[shape].input,
	       shapes[shape].hidden, shapes[shape].output);
	for (enum lstm_isa isa = LSTM_PORTABLE; !r && isa < LSTM_ISA_COUNT; isa++) {
		if (!lstm_isa_usable(isa))
			continue;
		for (size_t b = 0; b < BATCHES; b++)
			best[b] = median_ns(isa, batches[b]);
		*error = error_measure(isa);
		print_row(lstm_isa_name(isa), best);
		printf("   error of h: at most %.4f, mean %.5f\n", error->most, error->mean);
		r = hash && hash != bytes_hash(isa);
		hash = bytes_hash(isa);
		if (r)
			printf("  %s gives other bytes than the path before it\n", lstm_isa_name(isa));
	}
	print_torch(torch, (uint32_t)shape);
	return r;
}

static const char *json_number(double value, char text[32])
{
	snprintf(text, 32, isnan(value) ? "null" : "%.1f", value);
	return text;
}

int main(void)
{
	double torch[2][BATCHES][2], best[SHAPES][BATCHES];
	struct error error[SHAPES];
	char text[2][32];
	int differ = 0;

	torch_run(torch);
	for (size_t shape = 0; shape < SHAPES; shape++)
		differ |= shape_run(shape, torch, best[shape], &error[shape]);
	printf("{\"bench\":\"lstm\",\"isa\":\"%s\",\"h\":%u,\"ns_batched\":%.1f,\"ns_single\":%.1f,\"torch_int8_ns\":%s,"
	       "\"torch_float_ns\":%s,\"max_err\":%.5f,\"mean_err\":%.6f,\"identical\":%s,\"shipped_ns_batched\":%.1f}\n",
	       lstm_isa_name(lstm_isa_best()), shapes[QUOTED].hidden, best[QUOTED][QUOTED_BATCH], best[QUOTED][0],
	       json_number(torch[QUOTED][QUOTED_BATCH][1], text[0]), json_number(torch[QUOTED][QUOTED_BATCH][0], text[1]),
	       error[QUOTED].most, error[QUOTED].mean, differ ? "false" : "true", best[SHAPES - 1][QUOTED_BATCH]);
	return differ;
}
